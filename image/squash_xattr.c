/* Extended attributes: a table of {where, how many, size on disk}, pointing at
 * pairs of name and value; a value shared by inodes is stored once, out of line. */
#include "image/squash_priv.h"

#include <errno.h>
#include <linux/limits.h>

#include "src/base/mem.h"

enum {
	IDS_HEADER = 16,
	ID_SIZE = 16,
	IDS_A_BLOCK = META_SIZE / ID_SIZE,
	PAIRS_MAX = 4096, /* more is damage: a list of names ends at 64 KiB */
	OUT_OF_LINE = 0x100,
};

static const char *const prefixes[] = { "user.", "trusted.", "security." };

struct pair {
	const char *prefix;
	char name[XATTR_NAME_MAX + 1];
	size_t len; /* of name */
	bool remote;
};

/* The list of block positions, and with it start and count. */
static const struct table_index *ids_index(struct squash *s)
{
	uint8_t raw[IDS_HEADER];
	const struct table_index *t = atomic_load_explicit(&s->xattr_index, memory_order_acquire);
	uint64_t n;

	if (t)
		return t;
	if (squash_pread(s, raw, sizeof(raw), s->xattr_table) < 0)
		return NULL;
	n = le32(raw + 8);
	return squash_index(s, &s->xattr_index, s->xattr_table + IDS_HEADER,
			    (n + IDS_A_BLOCK - 1) / IDS_A_BLOCK);
}

/* Points c at the first pair of i; *n pairs follow.  0 when it has none. */
static int open_pairs(struct squash *s, const struct squash_inode *i, struct squash_cur *c,
		      uint32_t *n, uint64_t *start)
{
	const struct table_index *t;
	uint8_t raw[IDS_HEADER];
	struct squash_cur id;

	if (i->xattr == NO_XATTR || s->xattr_table == SQUASH_NONE)
		return 0;
	t = ids_index(s);
	if (!t || squash_pread(s, raw, sizeof(raw), s->xattr_table) < 0)
		return -1;
	*start = le64(raw);
	/* The count may have changed since the index was read: nobody keeps a file from that. */
	if (i->xattr >= le32(raw + 8) || i->xattr / IDS_A_BLOCK >= t->n || *start > s->used)
		return squash_fail(EIO);
	id = (struct squash_cur){ t->pos[i->xattr / IDS_A_BLOCK],
				  i->xattr % IDS_A_BLOCK * ID_SIZE };
	if (squash_meta_read(s, &id, raw, ID_SIZE) < 0)
		return -1;
	*n = le32(raw + 8);
	*c = (struct squash_cur){ *start + (le64(raw) >> 16), (uint32_t)(le64(raw) & 0xffff) };
	return *n <= PAIRS_MAX ? 1 : squash_fail(EIO);
}

static int read_pair(struct squash *s, struct squash_cur *c, struct pair *p)
{
	uint8_t raw[4];
	unsigned type;

	if (squash_meta_read(s, c, raw, 4) < 0)
		return -1;
	type = le16(raw) & (OUT_OF_LINE - 1);
	p->remote = le16(raw) & OUT_OF_LINE;
	p->len = le16(raw + 2);
	if (type >= ARRAY_LEN(prefixes) || p->len > XATTR_NAME_MAX || !p->len)
		return squash_fail(EIO);
	p->prefix = prefixes[type];
	if (squash_meta_read(s, c, p->name, p->len) < 0)
		return -1;
	p->name[p->len] = '\0';
	return memchr(p->name, 0, p->len) ? squash_fail(EIO) : 0;
}

static int value_size(struct squash *s, struct squash_cur *c, uint32_t *n)
{
	uint8_t raw[4];

	if (squash_meta_read(s, c, raw, 4) < 0)
		return -1;
	*n = le32(raw);
	return *n <= XATTR_SIZE_MAX ? 0 : squash_fail(EIO);
}

static int skip_value(struct squash *s, struct squash_cur *c)
{
	uint32_t n;

	return value_size(s, c, &n) < 0 ? -1 : squash_meta_skip(s, c, n);
}

static int read_value(struct squash *s, struct squash_cur *c, const struct pair *p, uint64_t start,
		      struct buf *out)
{
	uint8_t raw[8];
	uint32_t n;

	if (value_size(s, c, &n) < 0)
		return -1;
	if (p->remote) {
		if (n != sizeof(raw) || squash_meta_read(s, c, raw, sizeof(raw)) < 0)
			return squash_fail(EIO);
		*c = (struct squash_cur){ start + (le64(raw) >> 16),
					  (uint32_t)(le64(raw) & 0xffff) };
		if (value_size(s, c, &n) < 0)
			return -1;
	}
	buf_reserve(out, n);
	if (squash_meta_read(s, c, out->data + out->len, n) < 0)
		return -1;
	out->len += n;
	return 0;
}

int squash_xattr_list(struct squash *s, const struct squash_inode *i, struct buf *out)
{
	struct squash_cur c;
	uint64_t start;
	uint32_t n = 0;
	int r = open_pairs(s, i, &c, &n, &start);

	for (uint32_t k = 0; r > 0 && k < n; k++) {
		struct pair p;

		if (read_pair(s, &c, &p) < 0 || skip_value(s, &c) < 0)
			return -1;
		buf_adds(out, p.prefix);
		buf_add(out, p.name, p.len + 1);
	}
	return r < 0 ? -1 : 0;
}

int squash_xattr_get(struct squash *s, const struct squash_inode *i, const char *name,
		     struct buf *out)
{
	struct squash_cur c;
	uint64_t start;
	uint32_t n = 0;
	int r = open_pairs(s, i, &c, &n, &start);

	for (uint32_t k = 0; r > 0 && k < n; k++) {
		struct pair p;
		size_t len;

		if (read_pair(s, &c, &p) < 0)
			return -1;
		len = strlen(p.prefix);
		if (strncmp(name, p.prefix, len) == 0 && strcmp(name + len, p.name) == 0)
			return read_value(s, &c, &p, start, out) < 0 ? -1 : 1;
		if (skip_value(s, &c) < 0)
			return -1;
	}
	return r < 0 ? -1 : 0;
}
