/* Whatever parses prints as a reference that parses to itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/platform.h"
#include "registry/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	auto_free char *text = xstrndup((const char *)p, n);
	auto_ref struct ref a = { 0 }, b = { 0 };
	struct platform pl;
	struct err e;

	platform_parse(&pl, text, &e);
	if (ref_parse(&a, text, &e) < 0)
		return 0;
	if (ref_parse(&b, a.text, &e) < 0 || strcmp(a.text, b.text) != 0)
		abort();
	return 0;
}
