/* ldcache: the dynamic loader's cache of library names, /etc/ld.so.cache.
 *
 *	auto_ldcache struct ldcache c = { 0 };
 *	if (ldcache_parse(&c, bytes, n, e) < 0) ...
 *	for (i = ldcache_first(&c, name); i < c.n; i = ldcache_next(&c, i))
 *		if (c.v[i].bits == 64) open(c.v[i].path)
 *
 * The entries point into the caller's bytes, which must outlive the struct.  What lies in a
 * subdirectory for newer processors (glibc-hwcaps) is left out: the plain twin is there too.
 *
 * Source: glibc, sysdeps/generic/dl-cache.h: "glibc-ld.so.cache1.1" (2.1 and newer, the only one
 * that ldconfig has written since 2.32), alone or behind "ld.so-1.7.0". */
#ifndef HOST_LDCACHE_H
#define HOST_LDCACHE_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/base/mem.h"

struct ldcache_entry {
	const char *name; /* "libcuda.so.1" */
	const char *path; /* "/lib64/libcuda.so.1" */
	int bits;	  /* 32, 64; 0: another ABI of this machine (x32) */
	uint32_t next_;	  /* private */
};

struct ldcache {
	struct ldcache_entry *v; /* in the loader's order */
	size_t n;
	uint32_t *bucket_; /* private */
	size_t nbuckets_;
};

/* ERR_INPUT when these are not the bytes of such a cache, or they are cut. */
int ldcache_parse(struct ldcache *out, const char *p, size_t n, struct err *e);
void ldcache_fini(struct ldcache *c);
#define auto_ldcache auto_(ldcache_fini)

/* Index of the first entry called name, c->n when there is none. */
size_t ldcache_first(const struct ldcache *c, const char *name);
/* The next one of the same name behind entry i, in the loader's order; c->n: none. */
size_t ldcache_next(const struct ldcache *c, size_t i);

#endif
