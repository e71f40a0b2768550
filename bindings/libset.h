/* libset: the host's libraries that a container is to get, with all that they need, and a verdict
 * on each: given, the image's own is kept, refused and why.
 *
 *	auto_libset struct libset s = { .host = hostlib, .image = &inside };
 *	libset_add(&s, "libcuda.so.1", "nv", LIBSET_TIED | LIBSET_MUST, 64);
 *	libset_resolve(&s, lent, e);            // ERR_HOST: a LIBSET_MUST cannot work, with the
 *reason
 *
 * What a library needs of the C library is compared with the image's before anything starts: every
 * symbol version, so that no program finds out by "version `GLIBC_2.34' not found".  The C library,
 * its loader and their kin always are the image's; everything else that the image has is kept,
 * unless the library belongs to the host's kernel driver (LIBSET_TIED). */
#ifndef BINDINGS_LIBSET_H
#define BINDINGS_LIBSET_H

#include "bindings/hostlib.h"
#include "bindings/inside.h"
#include "src/base/buf.h"
#include "src/plan/lent.h"

enum libset_flag {
	LIBSET_TIED = 1,  /* the host's, whatever the image has: it speaks to the kernel's driver */
	LIBSET_MUST = 2,  /* without it nothing works: refused is an error, absent a warning */
	LIBSET_ALONE = 4, /* what it needs beyond this set comes from the image or not at all */
	LIBSET_DEVLINK = 16, /* under the name that compilers link with too: libcuda.so */
	LIBSET_CLOSURE = 32, /* what it needs is the host's, too, unless the image's offers every
			      * version that the host's does */
	LIBSET_QUIET = 8     /* a library that is not there is not worth a verdict */
};

struct libset_lib;

struct libset {
	struct hostlib *host;
	struct inside *image;
	bool lenient;	       /* a LIBSET_MUST that cannot work is a warning */
	struct libset_lib **v; /* private from here on */
	size_t n, cap;
	struct lent *out;
};

/* name: a soname or an absolute path of the host.  by: who asks, for verdicts. */
void libset_add(struct libset *s, const char *name, const char *by, unsigned flags, int bits);
/* As libset_add(), for one that is found and read already; takes lib. */
void libset_add_found(struct libset *s, const char *name, const char *by, unsigned flags, int bits,
		      struct hostlib_lib *lib);

/* Judges all, and adds what is given to out.  ERR_HOST names the library, the symbol and the
 * way out. */
int libset_resolve(struct libset *s, struct lent *out, struct err *e);
/* Programs ask for it by this name, too. */
void libset_alias(struct libset *s, const char *name, const char *as, int bits);
/* Calls f with each library that was given and has this flag: the host's file, and the names that
 * programs ask for it by. */
void libset_each_given(const struct libset *s, enum libset_flag flag,
		       void (*f)(void *arg, const char *real, const struct strv *names), void *arg);
/* It was added, or is needed by what was. */
bool libset_wants(const struct libset *s, const char *name);
/* 1 when name was given by libset_resolve(). */
bool libset_gives(const struct libset *s, const char *name);

void libset_fini(struct libset *s);
#define auto_libset auto_(libset_fini)

/* Whether a program or library with these needs runs with the image's C library: NULL, or the
 * sentence.  buf holds it. */
const char *libset_unfit(struct inside *image, const struct elf *elf, struct buf *buf);

#endif
