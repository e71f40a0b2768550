/* inside: what an image offers to a library that comes from the host.
 *
 *	struct inside in = { .ops = ops, .arg = arg };   // flow knows how an image is read
 *	inside_probe(&in);                               // which C library, which version
 *	inside_lib(&in, "libdrm.so.2", 64, &lib)      // 0: the image has its own
 *	inside_fini(&in);
 *
 * Only the names that somebody asks for are looked up, and of the C library one file is read. */
#ifndef BINDINGS_INSIDE_H
#define BINDINGS_INSIDE_H

#include "src/base/buf.h"
#include "src/base/elf.h"
#include "src/base/err.h"

/* A file of the image that is open. */
struct inside_file {
	struct elf_source src;
	void *state; /* the opener's */
};

struct inside_ops {
	/* path is absolute, links are followed inside the image.  1: not there, or no file. */
	int (*open)(void *arg, const char *path, struct inside_file *out, struct err *e);
	void (*close)(void *arg, struct inside_file *f);
};

enum inside_libc {
	INSIDE_NONE, /* nothing was found: a static program's image, or an unusual place */
	INSIDE_GLIBC,
	INSIDE_MUSL
};

struct inside_entry;

struct inside {
	const struct inside_ops *ops; /* NULL: no image; every check passes */
	void *arg;
	const struct strv *dirs; /* looked through before the usual ones; NULL */
	enum inside_libc libc;
	char version[16];	   /* of glibc: "2.31" */
	unsigned major, minor;	   /* of it */
	struct inside_entry *seen; /* private */
	size_t nseen, cap;
};

/* Finds the C library.  A damaged one counts as none. */
void inside_probe(struct inside *in);
void inside_fini(struct inside *in);

/* The image's library of this name and class, as *lib (borrowed, valid until inside_fini()).
 * 1: the image has none. */
int inside_lib(struct inside *in, const char *name, int bits, const struct elf **lib);
/* The same library, open, and its path in the image added to path; close it with ops->close().
 * 1: the image has none. */
int inside_open(struct inside *in, const char *name, int bits, struct buf *path,
		struct inside_file *f);
/* "GLIBC_2.34" -> 2, 34; false for any other name. */
bool inside_glibc_number(const char *version, unsigned *major, unsigned *minor);
/* The image has a file at path. */
bool inside_has(struct inside *in, const char *path);

#endif
