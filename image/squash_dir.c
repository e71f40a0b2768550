/* Listings: runs of up to 256 entries behind a header that they share.
 *
 * A cookie is the position of the run's header, how far behind it the entry
 * starts, and its number in the run: a listing goes on at any entry without state
 * between calls and without a scan.
 *
 * Names are found by a scan in a small directory, through a hash of all names,
 * built on first use, in a larger one, and in a huge one through the index on
 * disk, so that one look-up does not decode megabytes. */
#include "image/squash_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "src/base/arena.h"

enum {
	RUN_HEADER = 12,
	ENTRY_HEADER = 8,
	INDEX_HEADER = 12,
	RUN_MAX = 256,
	SMALL = 1024,	    /* bytes of a listing: scanned */
	HUGE_DIR = 1 << 19, /* looked up by the index when there is one */
	REL_BITS = 17,	    /* 256 entries of at most 264 bytes */
	INDEX_BITS = 9,
};

static const mode_t entry_type[] = { 0,	      S_IFDIR, S_IFREG, S_IFLNK,
				     S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK };

/* --- listing --- */

static uint64_t cookie_of(const struct squash_dir *d)
{
	uint64_t run = d->left ? d->run : d->at;
	uint64_t rel = d->left ? d->at - d->run - RUN_HEADER : 0;
	uint64_t index = d->left ? d->index : 0;

	return (run << REL_BITS | rel) << INDEX_BITS | index;
}

static int read_run(struct squash *s, struct squash_dir *d)
{
	uint8_t raw[RUN_HEADER];
	const uint8_t *p;

	if (d->size - d->at < RUN_HEADER)
		return squash_fail(EIO);
	p = squash_meta_view(s, &d->cur, raw, RUN_HEADER);
	if (!p)
		return -1;
	d->run = d->at;
	d->at += RUN_HEADER;
	d->index = 0;
	if (le32(p) >= RUN_MAX)
		return squash_fail(EIO);
	d->left = le32(p) + 1;
	d->block = le32(p + 4);
	d->base = le32(p + 8);
	return 0;
}

int squash_dir_open(struct squash *s, const struct squash_inode *dir, uint64_t cookie,
		    struct squash_dir *d)
{
	uint64_t index = cookie & ((1u << INDEX_BITS) - 1);
	uint64_t rel = cookie >> INDEX_BITS & ((1u << REL_BITS) - 1);
	uint64_t run = cookie >> (INDEX_BITS + REL_BITS);

	if (!S_ISDIR(dir->mode))
		return squash_fail(ENOTDIR);
	d->cur = (struct squash_cur){ dir->start, dir->dir_off };
	d->size = dir->size;
	d->at = run;
	d->left = d->index = 0;
	if (run > d->size || (run == d->size && (rel || index)))
		return squash_fail(EINVAL);
	if (squash_meta_skip(s, &d->cur, run) < 0)
		return -1;
	if (!rel)
		return 0;
	if (read_run(s, d) < 0)
		return -1;
	if (index >= d->left || rel > d->size - d->at)
		return squash_fail(EINVAL);
	d->at += rel;
	d->index = (uint32_t)index;
	d->left -= (uint32_t)index;
	return squash_meta_skip(s, &d->cur, rel);
}

/* What a path walk would misread is damage. */
static bool name_ok(const char *name, size_t n)
{
	if (n > 255 || memchr(name, '/', n) || memchr(name, 0, n))
		return false;
	return !(name[0] == '.' && (n == 1 || (n == 2 && name[1] == '.')));
}

int squash_dir_next(struct squash *s, struct squash_dir *d, struct squash_dirent *ent)
{
	uint8_t raw[ENTRY_HEADER];
	const uint8_t *p;
	unsigned type;

	if (!d->left) {
		if (d->at >= d->size)
			return 0;
		if (read_run(s, d) < 0)
			return -1;
	}
	p = squash_meta_view(s, &d->cur, raw, ENTRY_HEADER);
	if (!p)
		return -1;
	type = le16(p + 4);
	ent->len = le16(p + 6) + 1u;
	ent->ref = d->block << 16 | le16(p);
	ent->number = d->base + (uint32_t)(int16_t)le16(p + 2);
	if (type < 1 || type >= ARRAY_LEN(entry_type) || ent->len > SQUASH_NAME_MAX ||
	    d->size - d->at < ENTRY_HEADER + ent->len)
		return squash_fail(EIO);
	ent->type = entry_type[type];
	ent->name = (const char *)squash_meta_view(s, &d->cur, d->name, ent->len);
	if (!ent->name)
		return -1;
	if (!name_ok(ent->name, ent->len))
		return squash_fail(EIO);
	d->at += ENTRY_HEADER + ent->len;
	d->index++;
	d->left--;
	ent->next = cookie_of(d);
	return 1;
}

/* --- look-up --- */

struct name {
	uint32_t hash;
	uint32_t len; /* 0: an empty place */
	const char *text;
	uint64_t ref;
};

struct dirhash {
	uint64_t ref; /* of the directory */
	struct dirhash *chain;
	struct arena copies; /* of names that cross metadata blocks */
	uint32_t mask;
	struct name slot[];
};

static uint32_t hash_name(const struct squash *s, const char *name, size_t len)
{
	uint64_t h = s->seed ^ len;

	while (len >= 8) {
		uint64_t w;

		memcpy(&w, name, 8);
		h = (h ^ w) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
		name += 8;
		len -= 8;
	}
	while (len--) {
		h = (h ^ (uint8_t)*name++) * 0x100000001b3u;
	}
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9u;
	return (uint32_t)(h >> 32);
}

static bool same(const char *a, size_t na, const char *b, size_t nb)
{
	return na == nb && memcmp(a, b, na) == 0;
}

static int scan(struct squash *s, struct squash_dir *d, const char *name, size_t len, uint64_t *ref)
{
	struct squash_dirent ent;
	int r;

	while ((r = squash_dir_next(s, d, &ent)) > 0)
		if (same(ent.name, ent.len, name, len)) {
			*ref = ent.ref;
			return 1;
		}
	return r;
}

/* The index names the first entry of some metadata blocks; names are sorted, so
 * the name, if there, lies in the last block whose first name is not larger. */
static int scan_indexed(struct squash *s, const struct squash_inode *dir, const char *name,
			size_t len, uint64_t *ref)
{
	struct squash_cur c = dir->tail;
	struct squash_dir d = { .cur = { dir->start, dir->dir_off }, .size = dir->size };

	for (uint32_t k = 0; k < dir->nindex; k++) {
		uint8_t raw[INDEX_HEADER], first[SQUASH_NAME_MAX];
		uint32_t at, block, n;
		const uint8_t *p = squash_meta_view(s, &c, raw, INDEX_HEADER);
		int order;

		if (!p)
			return -1;
		at = le32(p);
		block = le32(p + 4);
		n = le32(p + 8) + 1;
		if (n > SQUASH_NAME_MAX || at > dir->size)
			return squash_fail(EIO);
		p = squash_meta_view(s, &c, first, n);
		if (!p)
			return -1;
		order = memcmp(p, name, MIN(n, len));
		if (order > 0 || (order == 0 && n > len)) {
			d.size = at;
			break;
		}
		/* at counts from the listing's start, which lies dir_off into its block. */
		d.at = at;
		d.cur = (struct squash_cur){ s->dir_table + block,
					     (dir->dir_off + at) % META_SIZE };
	}
	if (d.at > d.size)
		return squash_fail(EIO);
	return scan(s, &d, name, len, ref);
}

static void dirhash_free(struct dirhash *h)
{
	arena_fini(&h->copies);
	free(h);
}

static int count_entries(struct squash *s, const struct squash_inode *dir, uint32_t *n)
{
	struct squash_dirent ent;
	struct squash_dir d;
	int r = squash_dir_open(s, dir, 0, &d);

	*n = 0;
	while (r >= 0 && (r = squash_dir_next(s, &d, &ent)) > 0)
		++*n;
	return r;
}

static struct name *place_of(struct dirhash *h, uint32_t hash, const char *name, size_t len)
{
	uint32_t k = hash & h->mask;

	while (h->slot[k].len &&
	       (h->slot[k].hash != hash || !same(h->slot[k].text, h->slot[k].len, name, len)))
		k = (k + 1) & h->mask;
	return &h->slot[k];
}

static struct dirhash *dirhash_build(struct squash *s, const struct squash_inode *dir)
{
	struct squash_dirent ent;
	struct squash_dir d;
	struct dirhash *h;
	uint32_t n, size = 64;
	int r;

	if (count_entries(s, dir, &n) < 0)
		return NULL;
	while (size < n + n / 2)
		size *= 2;
	if (squash_charge(s, sizeof(*h) + size * sizeof(struct name)) < 0)
		return NULL;
	h = xcalloc(1, sizeof(*h) + size * sizeof(struct name));
	h->ref = dir->ref;
	h->mask = size - 1;
	r = squash_dir_open(s, dir, 0, &d);
	while (r >= 0 && (r = squash_dir_next(s, &d, &ent)) > 0) {
		uint32_t hash = hash_name(s, ent.name, ent.len);
		struct name *place = place_of(h, hash, ent.name, ent.len);

		if (place->len)
			continue; /* the same name twice: the first counts, as in a scan */
		if (ent.name == d.name)
			ent.name = arena_memdup(&h->copies, ent.name, ent.len);
		*place = (struct name){ hash, ent.len, ent.name, ent.ref };
	}
	if (r < 0) {
		dirhash_free(h);
		return NULL;
	}
	return h;
}

static struct dirhash *find(struct dirhash *h, uint64_t ref)
{
	while (h && h->ref != ref)
		h = h->chain;
	return h;
}

static struct dirhash *dirhash_get(struct squash *s, const struct squash_inode *dir)
{
	_Atomic(struct dirhash *) *bucket =
		&s->hashes[dir->ref * 0x9e3779b97f4a7c15u >> 32 & (HASH_BUCKETS - 1)];
	struct dirhash *head = atomic_load_explicit(bucket, memory_order_acquire);
	struct dirhash *h = find(head, dir->ref), *mine;

	if (h)
		return h;
	mine = dirhash_build(s, dir);
	if (!mine)
		return NULL;
	mine->chain = head;
	while (!atomic_compare_exchange_strong(bucket, &mine->chain, mine)) {
		h = find(mine->chain, dir->ref);
		if (h) {
			dirhash_free(mine);
			return h;
		}
	}
	return mine;
}

int squash_lookup(struct squash *s, const struct squash_inode *dir, const char *name, size_t len,
		  uint64_t *ref)
{
	const struct name *place;
	struct dirhash *h;
	struct squash_dir d;

	if (!S_ISDIR(dir->mode))
		return squash_fail(ENOTDIR);
	if (dir->size <= SMALL)
		return squash_dir_open(s, dir, 0, &d) < 0 ? -1 : scan(s, &d, name, len, ref);
	if (dir->size > HUGE_DIR && dir->nindex)
		return scan_indexed(s, dir, name, len, ref);
	h = dirhash_get(s, dir);
	if (!h)
		return -1;
	place = place_of(h, hash_name(s, name, len), name, len);
	*ref = place->ref;
	return place->len != 0;
}

void squash_hashes_free(struct squash *s)
{
	for (size_t i = 0; i < HASH_BUCKETS; i++) {
		struct dirhash *h = s->hashes[i];

		while (h) {
			struct dirhash *chain = h->chain;

			dirhash_free(h);
			h = chain;
		}
	}
}
