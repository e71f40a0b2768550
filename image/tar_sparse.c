/* Sparse files, four ways: GNU's type S with its map in and behind the header, and the PAX
 * formats 0.0 (a record per number), 0.1 (one record) and 1.0 (decimal lines in front of the
 * body).  Whichever it was, the result is a list of segments in rising order. */
#include <string.h>

#include "image/tar_priv.h"

enum { S_MAP = 386, S_MORE = 482, S_REAL = 483, S_NEXT_MORE = 504 };

static int segment_add(struct tar *t, int64_t off, int64_t len, struct err *e)
{
	if (off < 0 || len < 0)
		return err_set(e, ERR_INPUT, "its sparse map is malformed");
	if (t->nseg == TAR_SEGMENTS_MAX)
		return err_set(e, ERR_LIMIT, "its sparse map has more than %zu pieces",
			       TAR_SEGMENTS_MAX);
	xgrow(&t->seg, &t->segcap, t->nseg + 1, sizeof(*t->seg));
	t->seg[t->nseg++] = (struct tar_segment){ (uint64_t)off, (uint64_t)len };
	return 0;
}

/* n pairs of 12-byte numbers; an empty one ends the list. */
static int gnu_pairs(struct tar *t, const unsigned char *p, int n, struct err *e)
{
	for (int i = 0; i < n && p[24 * i + 12]; i++) {
		int64_t off, len;

		if (tar_number(p + 24 * i, 12, &off) < 0 ||
		    tar_number(p + 24 * i + 12, 12, &len) < 0)
			return err_set(e, ERR_INPUT, "its sparse map is malformed");
		if (segment_add(t, off, len, e) < 0)
			return -1;
	}
	return 0;
}

static int map_gnu(struct tar *t, const unsigned char *h, struct err *e)
{
	bool more = h[S_MORE];
	int64_t real;

	if (tar_number(h + S_REAL, 12, &real) < 0 || real < 0)
		return err_set(e, ERR_INPUT, "its size is malformed");
	if (gnu_pairs(t, h + S_MAP, 4, e) < 0)
		return -1;
	t->entry.size = (uint64_t)real;
	while (more) {
		unsigned char *p;
		int r = tar_want(t, TAR_BLOCK_SIZE, &p, e);

		if (r <= 0)
			return r < 0 ? -1
				     : err_set(e, ERR_INPUT,
					       "the archive ends inside a sparse map");
		t->pos += TAR_BLOCK_SIZE; /* not counted in the header's size */
		if (gnu_pairs(t, p, 21, e) < 0)
			return -1;
		more = p[S_NEXT_MORE];
	}
	return 0;
}

/* "0,512,1024,512" */
static int map_01(struct tar *t, const char *s, struct err *e)
{
	int64_t v[2];

	while (*s) {
		for (int i = 0; i < 2; i++) {
			size_t n = strspn(s, "0123456789");
			char num[24];

			if (n == 0 || n >= sizeof(num) || (s[n] && s[n] != ','))
				return err_set(e, ERR_INPUT, "its sparse map is malformed");
			memcpy(num, s, n);
			num[n] = '\0';
			if (tar_decimal(num, &v[i]) < 0)
				return err_set(e, ERR_INPUT, "its sparse map is malformed");
			s += n + (s[n] == ',');
		}
		if (segment_add(t, v[0], v[1], e) < 0)
			return -1;
	}
	return 0;
}

static int map_00(struct tar *t, struct err *e)
{
	int64_t off = -1, len = 0;

	for (size_t i = 0; i < t->map.n; i++) {
		const struct tar_record *r = &t->map.v[i];
		bool is_off = !strcmp(r->key, "GNU.sparse.offset");

		if (tar_decimal(r->value, is_off ? &off : &len) < 0)
			return err_set(e, ERR_INPUT, "its sparse map is malformed");
		if (!is_off && segment_add(t, off, len, e) < 0)
			return -1;
	}
	return 0;
}

/* One decimal line out of the blocks in front of the body. */
static int line_10(struct tar *t, unsigned char **block, size_t *at, int64_t *out, struct err *e)
{
	char num[24];
	size_t n = 0;

	for (;;) {
		if (*at == TAR_BLOCK_SIZE) {
			if (tar_body_block(t, block, e) < 0)
				return -1;
			*at = 0;
		}
		if ((*block)[*at] == '\n')
			break;
		if (n == sizeof(num) - 1)
			return err_set(e, ERR_INPUT, "its sparse map is malformed");
		num[n++] = (char)(*block)[(*at)++];
	}
	(*at)++;
	num[n] = '\0';
	if (tar_decimal(num, out) < 0)
		return err_set(e, ERR_INPUT, "its sparse map is malformed");
	return 0;
}

static int map_10(struct tar *t, struct err *e)
{
	unsigned char *block = NULL;
	size_t at = TAR_BLOCK_SIZE;
	int64_t n, off, len;

	if (line_10(t, &block, &at, &n, e) < 0)
		return -1;
	for (int64_t i = 0; i < n; i++)
		if (line_10(t, &block, &at, &off, e) < 0 || line_10(t, &block, &at, &len, e) < 0 ||
		    segment_add(t, off, len, e) < 0)
			return -1;
	return 0;
}

/* 1 the entry is sparse in one of the PAX ways. */
static int map_pax(struct tar *t, struct err *e)
{
	const struct tar_record *major = tar_pax_get(t, "GNU.sparse.major");
	const struct tar_record *map = tar_pax_get(t, "GNU.sparse.map");
	const struct tar_record *real = tar_pax_get(t, "GNU.sparse.realsize");
	int64_t size;
	int r;

	if (!real)
		real = tar_pax_get(t, "GNU.sparse.size");
	if (!real)
		return 0;
	if (tar_decimal(real->value, &size) < 0 || size < 0)
		return err_set(e, ERR_INPUT, "its size is malformed");
	t->entry.size = (uint64_t)size;
	if (major && !strcmp(major->value, "1"))
		r = map_10(t, e);
	else
		r = map ? map_01(t, map->value, e) : map_00(t, e);
	return r < 0 ? -1 : 1;
}

static int check(const struct tar *t, struct err *e)
{
	uint64_t at = 0, sum = 0;

	for (size_t i = 0; i < t->nseg; i++) {
		const struct tar_segment *s = &t->seg[i];

		if (s->off < at || s->off > t->entry.size || s->len > t->entry.size - s->off)
			return err_set(e, ERR_INPUT,
				       "the pieces of its sparse map overlap or "
				       "lie outside the file");
		at = s->off + s->len;
		sum += s->len; /* cannot overflow: the pieces do not overlap */
	}
	if (sum != t->stored)
		return err_set(e, ERR_INPUT, "its sparse map and its size disagree");
	return 0;
}

int tar_sparse_setup(struct tar *t, const unsigned char *header, bool old_gnu, struct err *e)
{
	unsigned char copy[TAR_BLOCK_SIZE];
	int r;

	memcpy(copy, header, sizeof(copy)); /* reading on moves the buffer */
	r = old_gnu ? map_gnu(t, copy, e) : map_pax(t, e);
	if (r < 0)
		return -1;
	if (!old_gnu && r == 0 && t->stored > 0)
		return segment_add(t, 0, (int64_t)t->stored, e);
	return check(t, e);
}
