/* arena: many small objects, one free.
 *
 *	auto_arena struct arena a = { 0 };
 *	struct node *n = arena_new(&a, struct node);
 *	n->name = arena_strdup(&a, name);
 *
 * What an arena hands out is zeroed and lives until arena_fini().  Not for use
 * from two threads at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "src/base/mem.h"

struct arena_chunk;
struct arena {
	struct arena_chunk *chunks;
	size_t used;  /* bytes handed out of the newest chunk */
	size_t total; /* bytes of all chunks: what the arena costs */
};

void arena_fini(struct arena *a);
#define auto_arena auto_(arena_fini)

/* n zeroed bytes, aligned for any type.  Aborts on ENOMEM. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
#define arena_new(a, type)	((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
void *arena_memdup(struct arena *a, const void *p, size_t n) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), returns_nonnull));

#endif
