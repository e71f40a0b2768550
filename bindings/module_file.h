/* module_file: a site's bundles of what a container gets, /etc/berth/bindings.d/ *.conf.
 *
 *	auto_modules struct modules m = { 0 };
 *	if (modules_parse(&m, "cray.conf", text, e) < 0) ...   // "cray.conf: line 3: ..."
 *	const struct module *one = modules_find(&m, "cray-mpich");
 *	one->v[0].key, one->v[0].value
 *
 * A file holds modules, each a [name] with "key = value" lines below it; a key may stand there more
 * than once.  '#' at the start of a line begins a comment.  docs/modules.md has the keys. */
#ifndef BINDINGS_MODULE_FILE_H
#define BINDINGS_MODULE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/err.h"
#include "src/base/mem.h"

enum module_key {
	MODULE_SUMMARY,
	MODULE_DEFAULT, /* yes: for everybody, where its conditions hold */
	MODULE_CONFLICTS,
	MODULE_REQUIRES,
	MODULE_MPI,		 /* the family that it replaces with --mpi=host */
	MODULE_WHEN_EXISTS,	 /* a path of the host */
	MODULE_WHEN_ENV,	 /* NAME or NAME=VALUE of the host's environment */
	MODULE_WHEN_IMAGE_HAS,	 /* a library of the image */
	MODULE_WHEN_IMAGE_LACKS, /* the opposite */
	MODULE_BIND,		 /* SRC[:DST[:ro]] */
	MODULE_OPTIONAL_BIND,
	MODULE_LIB, /* NAME or PATH [as NAME] */
	MODULE_OPTIONAL_LIB,
	MODULE_DEVICE, /* a path, its last component a pattern */
	MODULE_ENV,    /* NAME=VALUE */
	MODULE_PREPEND,
	MODULE_APPEND,
	MODULE_UNSET
};

struct module_line {
	enum module_key key;
	char *value;
	unsigned line;
};

struct module {
	char *name, *file;
	struct module_line *v;
	size_t n, cap;
};

struct modules {
	struct module *v;
	size_t n, cap;
};

/* Adds the modules of one file.  ERR_INPUT with file and line: an unknown key (with the nearest
 * one), a value of the wrong form, a name that is taken. */
int modules_parse(struct modules *out, const char *file, const char *text, struct err *e);
const struct module *modules_find(const struct modules *m, const char *name);
/* "yes" for MODULE_DEFAULT. */
bool module_is_default(const struct module *m);
void modules_fini(struct modules *m);
#define auto_modules auto_(modules_fini)

#endif
