#include "src/base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#define CHUNK ((size_t)64 << 10)
/* Most arenas hold a few strings; each page of zeroes costs a start a page fault. */
#define FIRST ((size_t)2 << 10)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	alignas(max_align_t) unsigned char data[];
};

void arena_fini(struct arena *a)
{
	struct arena_chunk *c = a->chunks;

	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
	*a = (struct arena){ 0 };
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct arena_chunk *c = a->chunks;
	void *p;

	n = (n + align - 1) & ~(align - 1);
	if (!c || c->size - a->used < n) {
		size_t size = MAX(n, a->chunks ? CHUNK : FIRST);

		c = xcalloc(1, sizeof(*c) + size);
		c->size = size;
		/* A large object gets a chunk of its own behind the current one,
		 * so that it does not waste what is left there. */
		if (size > CHUNK && a->chunks) {
			c->next = a->chunks->next;
			a->chunks->next = c;
			a->total += size;
			return c->data;
		}
		c->next = a->chunks;
		a->chunks = c;
		a->used = 0;
		a->total += size;
	}
	p = c->data + a->used;
	a->used += n;
	return p;
}

void *arena_memdup(struct arena *a, const void *p, size_t n)
{
	void *r = arena_alloc(a, n);

	if (n)
		memcpy(r, p, n);
	return r;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *r = arena_alloc(a, len + 1);

	memcpy(r, s, len);
	return r;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *r;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	r = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(r, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return r;
}
