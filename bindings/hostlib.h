/* hostlib: the host's shared libraries by name, found as its loader would, without running
 * ldconfig.
 *
 *	auto_hostlib struct hostlib *h = NULL;
 *	hostlib_open(&h, AT_FDCWD, e);                      // reads /etc/ld.so.cache
 *	if (hostlib_find(&lib, h, "libcuda.so.1", 64, e) == 0)
 *		lib.real                                    // "/usr/lib64/libcuda.so.550.54.14"
 *
 * Order: /.singularity.d/libs (a nested run passes on what it was given), the cache, the
 * directories of ld.so.conf, the loader's own.  A host without a cache (musl) has the last two.
 * The class and machine of a library are read out of the library. */
#ifndef BINDINGS_HOSTLIB_H
#define BINDINGS_HOSTLIB_H

#include "src/base/elf.h"
#include "src/base/err.h"
#include "src/base/mem.h"

struct hostlib;

struct hostlib_lib {
	char *path;	/* as the loader finds it: "/lib64/libcuda.so.1" */
	char *real;	/* the file, links followed: what is bound */
	struct elf elf; /* what it says */
};

/* rootfd AT_FDCWD: this machine, else a directory that is one.  A host without a cache is no
 * error; a damaged one is as good as none. */
int hostlib_open(struct hostlib **out, int rootfd, struct err *e);
void hostlib_close(struct hostlib *h);
static inline void hostlib_close_p_(struct hostlib **h)
{
	hostlib_close(*h);
}
#define auto_hostlib auto_(hostlib_close_p_)

/* name: a soname or an absolute path.  1: this host has none of this class. */
int hostlib_find(struct hostlib_lib *out, struct hostlib *h, const char *name, int bits,
		 struct err *e);
void hostlib_lib_fini(struct hostlib_lib *lib);
#define auto_hostlib_lib auto_(hostlib_lib_fini)

/* Calls f for each library that the cache (else a directory) lists for this class; path may be a
 * link.  Stops at f != 0 and returns that. */
int hostlib_each(struct hostlib *h, int bits,
		 int (*f)(void *arg, const char *name, const char *path), void *arg);

/* The file that an absolute path of the host leads to, without links; NULL: not there. */
char *host_real(int rootfd, const char *path);
/* open() of an absolute path of the host; -1 with errno. */
int host_open(int rootfd, const char *path, int flags);

#endif
