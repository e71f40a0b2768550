#include <stdint.h>

#include "src/base/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	auto_json struct json *doc = NULL;
	struct err e;

	toml_parse(&doc, (const char *)p, n, 64 << 10, &e);
	return 0;
}
