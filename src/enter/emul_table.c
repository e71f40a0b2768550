#include "src/enter/emul_table.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define SLOTS_MIN   1024
#define HANDLE_ROOM 128 /* MAX_HANDLE_SZ of the kernel */

/* Open addressing by (dev, ino); of one inode number there is one record, for its latest life. */
struct emul_table {
	struct emul_rec *slots;
	size_t nslots, n; /* nslots is a power of two */
	uint64_t alias;	  /* 0: none */
	bool dirty;
	bool xattrs;
};

struct emul_table *emul_table_new(void)
{
	struct emul_table *t = xcalloc(1, sizeof(*t));

	t->nslots = SLOTS_MIN;
	t->slots = xcalloc(t->nslots, sizeof(*t->slots));
	return t;
}

static void xattr_free(struct emul_xattr *x)
{
	free(x->name);
	free(x->value);
	free(x);
}

static void rec_fini(struct emul_rec *r)
{
	for (struct emul_xattr *next, *x = r->xattrs; x; x = next) {
		next = x->next;
		xattr_free(x);
	}
	r->xattrs = NULL;
}

void emul_table_free(struct emul_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nslots; i++)
		rec_fini(&t->slots[i]);
	free(t->slots);
	free(t);
}

void emul_key_of(struct emul_key *k, const struct statx *st)
{
	*k = (struct emul_key){ .dev = (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor,
				.ino = st->stx_ino };
	if (st->stx_mask & STATX_BTIME)
		k->btime = st->stx_btime.tv_sec * INT64_C(1000000000) + st->stx_btime.tv_nsec;
}

void emul_key_life(struct emul_key *k, int dirfd, const char *path, int flags)
{
	union {
		struct file_handle h;
		unsigned char room[sizeof(struct file_handle) + HANDLE_ROOM];
	} u = { 0 };
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	int mount_id, f = flags & AT_EMPTY_PATH;

	/* Its follow flag has the opposite sense of statx()'s. */
	if (!(flags & AT_SYMLINK_NOFOLLOW))
		f |= AT_SYMLINK_FOLLOW;
	u.h.handle_bytes = HANDLE_ROOM;
	if (name_to_handle_at(dirfd, path, &u.h, &mount_id, f) < 0)
		return;
	for (unsigned i = 0; i < u.h.handle_bytes; i++)
		hash = (hash ^ u.h.f_handle[i]) * UINT64_C(0x100000001b3);
	k->life = hash ? hash : 1;
}

int emul_key_at(struct emul_key *k, struct statx *st, int dirfd, const char *path, int flags)
{
	struct statx own;

	st = st ? st : &own;
	if (statx(dirfd, path, flags | AT_NO_AUTOMOUNT, EMUL_KEY_MASK, st) < 0)
		return -1;
	emul_key_of(k, st);
	emul_key_life(k, dirfd, path, flags);
	return 0;
}

static size_t home_of(const struct emul_table *t, uint64_t dev, uint64_t ino)
{
	uint64_t h = (ino ^ dev * UINT64_C(0xff51afd7ed558ccd)) * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h >> 20) & (t->nslots - 1);
}

static struct emul_rec *slot_of(const struct emul_table *t, const struct emul_key *k)
{
	size_t i = home_of(t, k->dev, k->ino);

	while (t->slots[i].used && (t->slots[i].key.ino != k->ino || t->slots[i].key.dev != k->dev))
		i = (i + 1) & (t->nslots - 1);
	return &t->slots[i];
}

void emul_table_alias(struct emul_table *t, uint64_t dev)
{
	t->alias = dev;
}

static const struct emul_rec *find(const struct emul_table *t, const struct emul_key *k)
{
	const struct emul_rec *r = slot_of(t, k), *other;
	struct emul_key there = *k;

	if (r->used || !t->alias || k->dev == t->alias || !k->btime)
		return r;
	there.dev = t->alias;
	other = slot_of(t, &there);
	return other->used && other->key.btime == k->btime ? other : r;
}

bool emul_table_may(const struct emul_table *t, const struct emul_key *k)
{
	const struct emul_rec *r = find(t, k);

	return r->used && (!r->key.btime || !k->btime || r->key.btime == k->btime);
}

static bool same_life(const struct emul_key *a, const struct emul_key *b)
{
	if (a->btime && b->btime && a->btime != b->btime)
		return false;
	return !a->life || !b->life || a->life == b->life;
}

const struct emul_rec *emul_table_get(const struct emul_table *t, const struct emul_key *k)
{
	const struct emul_rec *r = find(t, k);

	return r->used && same_life(&r->key, k) ? r : NULL;
}

static void grow(struct emul_table *t)
{
	struct emul_rec *old = t->slots;
	size_t n = t->nslots;

	t->nslots *= 2;
	t->slots = xcalloc(t->nslots, sizeof(*t->slots));
	for (size_t i = 0; i < n; i++)
		if (old[i].used)
			*slot_of(t, &old[i].key) = old[i];
	free(old);
}

struct emul_rec *emul_table_put(struct emul_table *t, const struct emul_key *k)
{
	struct emul_rec *r;

	if (t->n * 2 >= t->nslots)
		grow(t);
	r = slot_of(t, k);
	t->dirty = true;
	if (r->used && same_life(&r->key, k))
		return r;
	rec_fini(r);
	t->n += !r->used;
	*r = (struct emul_rec){ .key = *k, .used = true };
	return r;
}

void emul_table_drop(struct emul_table *t, const struct emul_key *k)
{
	struct emul_rec *r = slot_of(t, k);
	size_t hole = (size_t)(r - t->slots), i = hole;

	if (!r->used)
		return;
	t->dirty = true;
	t->n--;
	rec_fini(r);
	/* Those behind it that can no longer be reached past the hole move up. */
	for (;;) {
		size_t home;

		i = (i + 1) & (t->nslots - 1);
		if (!t->slots[i].used)
			break;
		home = home_of(t, t->slots[i].key.dev, t->slots[i].key.ino);
		if (((i - home) & (t->nslots - 1)) >= ((i - hole) & (t->nslots - 1))) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole] = (struct emul_rec){ 0 };
}

const struct emul_rec *emul_table_next(const struct emul_table *t, size_t *at)
{
	while (*at < t->nslots)
		if (t->slots[(*at)++].used)
			return &t->slots[*at - 1];
	return NULL;
}

bool emul_table_has(const struct emul_table *t, uint64_t dev, uint64_t ino)
{
	return slot_of(t, &(struct emul_key){ .dev = dev, .ino = ino })->used;
}

bool emul_table_mark(struct emul_table *t, const struct emul_key *k)
{
	struct emul_rec *r = slot_of(t, k);
	bool first = r->used && !r->marked;

	r->marked = true;
	return first;
}

void emul_table_unmark(struct emul_table *t)
{
	for (size_t i = 0; i < t->nslots; i++)
		t->slots[i].marked = false;
}

size_t emul_table_count(const struct emul_table *t)
{
	return t->n;
}

bool emul_table_is_dirty(const struct emul_table *t)
{
	return t->dirty;
}

void emul_table_clean(struct emul_table *t)
{
	t->dirty = false;
}

bool emul_table_has_xattrs(const struct emul_table *t)
{
	return t->xattrs;
}

void emul_rec_xattr_set(struct emul_table *t, struct emul_rec *r, const char *name,
			const void *value, size_t len)
{
	struct emul_xattr **at = &r->xattrs, *x;

	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	if (*at) {
		x = *at;
		*at = x->next;
		xattr_free(x);
	}
	if (!value)
		return;
	x = xcalloc(1, sizeof(*x));
	x->name = xstrdup(name);
	x->value = xmemdup(value, len);
	x->len = len;
	x->next = r->xattrs;
	r->xattrs = x;
	t->xattrs = true;
}

const struct emul_xattr *emul_rec_xattr(const struct emul_rec *r, const char *name)
{
	const struct emul_xattr *x = r->xattrs;

	while (x && strcmp(x->name, name))
		x = x->next;
	return x;
}
