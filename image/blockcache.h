/* blockcache: decoded blocks, shared by threads, within a budget of bytes.
 *
 *	r = blockcache_get(c, pos, decode, &arg, &b);   // b is pinned
 *	memcpy(out, b->data + off, n);
 *	blockcache_put(c, b);
 *
 * Single-flight: threads that ask for one block while it is being decoded wait
 * for that decode.  The least recently used unpinned block makes room.  Memory
 * is taken as blocks come and never exceeds the budget (at least 4 blocks). */
#ifndef IMAGE_BLOCKCACHE_H
#define IMAGE_BLOCKCACHE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct blockcache;

struct block {
	uint8_t *data;
	size_t len;
};

/* Makes block key in dst.  Returns its length (<= cap), -1 with errno.  Called
 * without a lock held; must not use the cache it fills. */
typedef ssize_t blockcache_fill(void *arg, uint64_t key, void *dst, size_t cap);

/* bytes: the budget; block: the largest length of a block. */
struct blockcache *blockcache_new(size_t bytes, size_t block);
/* No block may be pinned.  NULL is fine. */
void blockcache_free(struct blockcache *c);

/* The block of key, pinned.  0 it was there (or came while we waited), 1 this
 * call made it, -1 with the errno of fill.  A thread that holds a block may not
 * ask for another: with all blocks pinned, get waits for a put. */
int blockcache_get(struct blockcache *c, uint64_t key, blockcache_fill *fill, void *arg,
		   const struct block **out);
/* The block of key, pinned, if it is there or being made; NULL at once if not. */
const struct block *blockcache_peek(struct blockcache *c, uint64_t key);
void blockcache_put(struct blockcache *c, const struct block *b);

#endif
