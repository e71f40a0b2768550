/* liblist: a site's list of what an option brings, nvliblist.conf and rocmliblist.conf.
 *
 *	struct liblist l = { 0 };
 *	liblist_parse(&l, text);
 *	liblist_has(&l, "libcuda.so.1")     // "libcuda.so" stands in the list
 *
 * A line is one name: with ".so" in it a library (every name that begins with it), an absolute path
 * a file, anything else a program that is looked for on the host.  '#' begins a comment. */
#ifndef BINDINGS_LIBLIST_H
#define BINDINGS_LIBLIST_H

#include <stdbool.h>

#include "src/base/buf.h"

struct liblist {
	struct strv libs, files, programs; /* as they stand there */
	struct strv sorted_;		   /* private */
};

/* l must be zeroed. */
void liblist_parse(struct liblist *l, const char *text);
void liblist_fini(struct liblist *l);
#define auto_liblist auto_(liblist_fini)
/* name begins with a library of the list. */
bool liblist_has(const struct liblist *l, const char *name);

#endif
