/* store_list: what a store holds, and making room in it.
 *
 *	auto_store_items struct store_items all = { 0 };
 *	store_items(&all, store, e);
 *	... all.v[i].size, .used ...; store_item_remove(store, &all.v[i], e);
 *	store_evict(store, &limits, &freed, e);       // least recently used first
 *
 * An image that a process was started from has a mark, "tmp/KEY.OWNER.use" (store_use()); it and
 * what was used within the last minute is never removed.  Removing is safe for readers on this host
 * in any case, since an open file stays; the marks are for readers on other hosts of an NFS
 * directory, for whom it would not. */
#ifndef IMAGE_STORE_LIST_H
#define IMAGE_STORE_LIST_H

#include <stdbool.h>
#include <time.h>

#include "image/store.h"

enum store_kind { STORE_BLOB, STORE_IMAGE, STORE_PART, STORE_NOTE, STORE_KINDS };

struct store_item {
	enum store_kind kind;
	char *path; /* below the store's directory */
	char *name; /* the digest's hex, or the image's key */
	enum digest_algo algo;
	uint64_t size; /* bytes that removing it gives back: 0 when a file of the user's shares them
			*/
	uint64_t length;
	time_t made, used;
	bool in_use;
};
struct store_items {
	struct store_item *v;
	size_t n, cap;
};
void store_items_fini(struct store_items *a);
#define auto_store_items auto_(store_items_fini)

/* Least recently used first. */
int store_items(struct store_items *out, struct store *s, struct err *e);
int store_item_remove(struct store *s, const struct store_item *i, struct err *e);

/* Marks the image of key as used by this process, which may become another program. */
void store_use(struct store *s, const char *key);

struct store_limits {
	uint64_t max_bytes; /* 0: no limit */
	int64_t max_age;    /* seconds since the last use; 0: no limit */
};
/* $BERTH_CACHE_MAX_SIZE ("20G", "0" for none) and $BERTH_CACHE_MAX_DAYS; else a quarter of the
 * file system, at most 100 GiB, and 90 days. */
int store_limits_default(struct store_limits *out, struct store *s, char *const *env,
			 struct err *e);
int store_evict(struct store *s, const struct store_limits *l, uint64_t *freed, struct err *e);

#endif
