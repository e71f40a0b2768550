/* The table of owners that lies in a sandbox, which may come from anybody. */
#include <string.h>

#include "src/enter/emul_save.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static int one(void *arg, const struct emul_line *line, struct err *e)
{
	(void)e;
	*(size_t *)arg += strlen(line->path);
	for (const struct emul_xattr *x = line->rec.xattrs; x; x = x->next)
		*(size_t *)arg += strlen(x->name) + x->len;
	return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct emul_key root = { 0 };
	struct err e = { 0 };
	size_t sum = 0;

	(void)emul_save_parse((const char *)data, size, &root, one, &sum, &e);
	return 0;
}
