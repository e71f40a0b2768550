/* mem: ownership by scope, and allocations that do not fail.
 *
 *	auto_free char *s = xasprintf("%s/%s", dir, name);
 *	auto_close int fd = open(...);
 *	...
 *	out->name = take_ptr(s);   // ownership moves, s is NULL now
 *	out->fd = take_fd(&fd);
 *
 * Program-sized allocations abort on ENOMEM.  A size that comes out of a file
 * is bounded by its reader first. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#define auto_(f) __attribute__((cleanup(f)))

static inline void free_p_(void *p)
{
	free(*(void **)p);
}
#define auto_free auto_(free_p_)

/* Closes a descriptor >= 0 and keeps errno, so a failing path reports its own. */
void close_p_(int *fd);
#define auto_close auto_(close_p_)

static inline int take_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

#define take_ptr(p)                     \
	({                              \
		__typeof__(p) t_ = (p); \
		(p) = NULL;             \
		t_;                     \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
/* Grow array *p of elements of size bytes so that at least need fit; *cap is
 * the capacity in elements. */
void xgrow(void *p, size_t *cap, size_t need, size_t size);
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
void *xmemdup(const void *p, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), malloc, returns_nonnull));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

#endif
