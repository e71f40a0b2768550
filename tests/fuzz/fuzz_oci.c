/* An image config of any bytes; what parses must make an image's metadata, and the runscript
 * made from it must read back as the same words. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/meta.h"
#include "image/meta_script.h"
#include "image/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct strv *a, const struct strv *b)
{
	if (a->n != b->n)
		abort();
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_oci struct oci_config *c = NULL;
	auto_meta struct meta *m = NULL;
	auto_buf struct buf run = { 0 };
	auto_strv struct strv ep = { 0 }, cmd = { 0 };
	struct digest d = { 0 };
	struct err e;

	if (oci_parse_image(&c, (const char *)data, size, &e) < 0)
		return 0;
	meta_for_oci(&m, c, &d);
	meta_runscript(&run, &c->entrypoint, &c->cmd);
	if (meta_runscript_parse(buf_str(&run), &ep, &cmd) != 0)
		abort();
	same(&ep, &c->entrypoint);
	same(&cmd, &c->cmd);
	return 0;
}
