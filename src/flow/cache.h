/* cache: what `berth cache` says and does about the store (docs/store.md). */
#ifndef FLOW_CACHE_H
#define FLOW_CACHE_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/err.h"

struct cache_req {
	const char *cachedir; /* NULL: store_default_dir() */
	const char *type;     /* "blob", "sif", "all" (NULL), or Apptainer's words */
	bool json, verbose, dry_run;
	bool by_age;
	unsigned days; /* only what was not used for so long */
};

int flow_cache_list(const struct cache_req *r, struct buf *text, struct err *e);
/* Removes what is not in use; text says what. */
int flow_cache_clean(const struct cache_req *r, struct buf *text, struct err *e);
/* Reads everything again.  1: something was damaged, and is removed. */
int flow_cache_verify(const struct cache_req *r, struct buf *text, struct err *e);

struct store;
/* After something came in: what was not used for longest goes, as BERTH_CACHE_MAX_SIZE and
 * BERTH_CACHE_MAX_DAYS say.  Says what it did; a failure is a warning. */
void cache_evict(struct store *s);

#endif
