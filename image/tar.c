/* libarchive is used elsewhere, but not here: it turns path names that are not UTF-8 into wide
 * characters and back through the locale, so that a layer's "caf\xe9" would get lost, and it hides
 * the difference between an absent and an empty PAX value.
 *
 * POSIX.1-2017 pax(1) "ustar Interchange Format" and "pax Header Block", GNU tar 1.34 manual,
 * "Basic Tar Format" and "Storing Sparse Files". */
#include "image/tar.h"

#include <string.h>

#include "image/tar_priv.h"

/* Offsets in the header block. */
enum {
	H_NAME = 0,
	H_MODE = 100,
	H_UID = 108,
	H_GID = 116,
	H_SIZE = 124,
	H_MTIME = 136,
	H_SUM = 148,
	H_TYPE = 156,
	H_LINK = 157,
	H_MAGIC = 257,
	H_MAJOR = 329,
	H_MINOR = 337,
	H_PREFIX = 345,
	H_STAR = 508
};

struct tar *tar_new(struct stream *src)
{
	struct tar *t = xcalloc(1, sizeof(*t));

	t->src = src;
	t->buf = xmalloc(TAR_BUFFER);
	return t;
}

void tar_free(struct tar *t)
{
	if (!t)
		return;
	stream_close(t->src);
	tar_pax_clear(&t->global);
	tar_pax_clear(&t->local);
	tar_pax_clear(&t->map);
	arena_fini(&t->arena);
	free(t->global.v);
	free(t->local.v);
	free(t->map.v);
	free(t->long_path);
	free(t->long_link);
	free(t->xattrs);
	free(t->seg);
	free(t->buf);
	free(t);
}

int tar_want(struct tar *t, size_t n, unsigned char **p, struct err *e)
{
	if (t->have - t->pos < n && t->pos > 0) {
		memmove(t->buf, t->buf + t->pos, t->have - t->pos);
		t->have -= t->pos;
		t->pos = 0;
	}
	while (t->have - t->pos < n && !t->eof) {
		ssize_t r = stream_read(t->src, t->buf + t->have, TAR_BUFFER - t->have, e);

		if (r < 0)
			return -1;
		t->eof = r == 0;
		t->have += (size_t)r;
		t->taken += (uint64_t)r;
	}
	*p = t->buf + t->pos;
	return t->have - t->pos >= n;
}

int tar_number(const unsigned char *p, size_t n, int64_t *out)
{
	uint64_t v = 0;
	size_t i = 0;

	if (p[0] & 0x80) {
		bool negative = p[0] & 0x40;

		v = negative ? UINT64_MAX : 0;
		for (i = 0; i < n; i++) {
			unsigned char c = i || negative ? p[i] : p[i] & 0x7f;

			/* Nine bits must agree: eight go, one is the sign. */
			if (v >> 55 != 0 && v >> 55 != 511)
				return -1;
			v = v << 8 | c;
		}
		if ((v >> 63 != 0) != negative)
			return -1;
		*out = (int64_t)v;
		return 0;
	}
	while (i < n && p[i] == ' ')
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++) {
		if (v >> 60)
			return -1;
		v = v << 3 | (p[i] - '0');
	}
	if (i < n && p[i] != ' ' && p[i] != '\0')
		return -1;
	*out = (int64_t)v;
	return 0;
}

static bool sum_is_right(const unsigned char *h)
{
	int64_t want;
	int64_t sum = 0, sum_signed = 0;

	if (tar_number(h + H_SUM, 8, &want) < 0)
		return false;
	for (int i = 0; i < TAR_BLOCK_SIZE; i++) {
		unsigned char c = i >= H_SUM && i < H_SUM + 8 ? ' ' : h[i];

		sum += c;
		sum_signed += (signed char)c; /* what some old tars on signed-char machines wrote */
	}
	return want == sum || want == sum_signed;
}

static bool is_zero(const unsigned char *h)
{
	return h[0] == 0 && !memcmp(h, h + 1, TAR_BLOCK_SIZE - 1);
}

/* 1 a header, 0 the end. */
static int next_header(struct tar *t, unsigned char **h, struct err *e)
{
	int r = tar_want(t, TAR_BLOCK_SIZE, h, e);

	if (r < 0)
		return -1;
	if (r == 0) {
		t->end = true;
		if (t->have == t->pos)
			return 0;
		return err_set(e, ERR_INPUT, "the archive ends inside a header");
	}
	if (is_zero(*h)) {
		t->end = true;
		t->pos += TAR_BLOCK_SIZE;
		r = tar_want(t, TAR_BLOCK_SIZE, h, e);
		if (r < 0)
			return -1;
		if (r == 1 && !is_zero(*h))
			return err_set(e, ERR_INPUT, "something follows a lone zero block");
		return 0;
	}
	if (!sum_is_right(*h))
		return err_set(e, ERR_INPUT,
			       "a header's checksum is wrong: this is no tar archive");
	t->pos += TAR_BLOCK_SIZE;
	return 1;
}

static void set_body(struct tar *t, uint64_t size)
{
	t->stored = size;
	t->pad = (unsigned)(-size & (TAR_BLOCK_SIZE - 1));
	t->logical = 0;
	t->nseg = t->iseg = 0;
}

/* Up to n bytes of the stored body; 0 at its end. */
static int body_piece(struct tar *t, uint64_t n, unsigned char **p, size_t *got, struct err *e)
{
	uint64_t max = MIN(n, t->stored);
	int r;

	*got = 0;
	if (max == 0)
		return 0;
	r = tar_want(t, 1, p, e);
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, ERR_INPUT, "the archive ends inside this file");
	*got = (size_t)MIN(max, t->have - t->pos);
	t->pos += *got;
	t->stored -= *got;
	return 1;
}

int tar_body_block(struct tar *t, unsigned char **p, struct err *e)
{
	if (t->stored < TAR_BLOCK_SIZE || tar_want(t, TAR_BLOCK_SIZE, p, e) != 1)
		return err_set(e, ERR_INPUT, "the archive ends inside a sparse map");
	t->pos += TAR_BLOCK_SIZE;
	t->stored -= TAR_BLOCK_SIZE;
	return 0;
}

/* To the end of the body and its padding; a missing last padding is forgiven. */
static int skip_body(struct tar *t, struct err *e)
{
	unsigned char *p;
	size_t n;
	int r;

	while ((r = body_piece(t, UINT64_MAX, &p, &n, e)) > 0)
		;
	if (r < 0 || (t->pad && tar_want(t, t->pad, &p, e) < 0))
		return -1;
	t->pos += MIN(t->pad, t->have - t->pos);
	t->pad = 0;
	return 0;
}

/* The whole body of a header that describes the next entry. */
static int read_extension(struct tar *t, struct buf *out, uint64_t size, struct err *e)
{
	unsigned char *p;
	size_t n;
	int r;

	if (size > TAR_HEADER_MAX)
		return err_set(e, ERR_LIMIT,
			       "an extended header of %llu bytes is over the limit "
			       "of %llu",
			       (unsigned long long)size, (unsigned long long)TAR_HEADER_MAX);
	set_body(t, size);
	buf_reserve(out, (size_t)size + 1);
	while ((r = body_piece(t, UINT64_MAX, &p, &n, e)) > 0)
		buf_add(out, p, n);
	return r < 0 ? -1 : skip_body(t, e);
}

static int read_long_name(struct tar *t, char **out, uint64_t size, struct err *e)
{
	auto_buf struct buf b = { 0 };

	if (read_extension(t, &b, size, e) < 0)
		return -1;
	free(*out);
	*out = xstrdup(buf_str(&b)); /* ends at its NUL */
	return 0;
}

static int read_pax(struct tar *t, bool global, uint64_t size, struct err *e)
{
	auto_buf struct buf b = { 0 };

	if (read_extension(t, &b, size, e) < 0)
		return -1;
	return tar_pax_parse(t, buf_str(&b), b.len, global, e);
}

static const char *field(char *out, const unsigned char *p, size_t n)
{
	size_t len = strnlen((const char *)p, n);

	memcpy(out, p, len);
	out[len] = '\0';
	return out;
}

/* No arena here: it would cost a fresh chunk for every entry. */
static const char *header_name(struct tar *t, const unsigned char *h)
{
	bool posix = !memcmp(h + H_MAGIC, "ustar\0", 6);
	bool star = posix && !memcmp(h + H_STAR, "tar\0", 4);
	size_t n = 0;

	if (posix && h[H_PREFIX]) {
		n = strlen(field(t->name, h + H_PREFIX, star ? 131 : 155));
		t->name[n++] = '/';
	}
	field(t->name + n, h + H_NAME, 100);
	return t->name;
}

/* The numeric fields, but for the size. */
static int header_numbers(struct tar_entry *en, const unsigned char *h, struct err *e)
{
	int64_t mode, uid, gid, major = 0, minor = 0;

	if (tar_number(h + H_MODE, 8, &mode) < 0 || tar_number(h + H_UID, 8, &uid) < 0 ||
	    tar_number(h + H_GID, 8, &gid) < 0 || tar_number(h + H_MTIME, 12, &en->mtime) < 0 ||
	    uid < 0 || gid < 0 || uid > UINT32_MAX || gid > UINT32_MAX)
		return err_set(e, ERR_INPUT, "a number in its header is malformed");
	if ((en->type == TAR_CHAR || en->type == TAR_BLOCK) &&
	    (tar_number(h + H_MAJOR, 8, &major) < 0 || tar_number(h + H_MINOR, 8, &minor) < 0))
		return err_set(e, ERR_INPUT, "its device number is malformed");
	if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff)
		return err_set(e, ERR_INPUT, "its device number is out of range");
	en->mode = (uint16_t)(mode & 07777);
	en->uid = (uint32_t)uid;
	en->gid = (uint32_t)gid;
	en->major = (uint32_t)major;
	en->minor = (uint32_t)minor;
	return 0;
}

static int type_of(unsigned char flag)
{
	static const struct {
		char flag;
		enum tar_type type;
	} types[] = { { '0', TAR_FILE }, { '\0', TAR_FILE }, { '7', TAR_FILE },
		      { 'S', TAR_FILE }, { '1', TAR_LINK },  { '2', TAR_SYMLINK },
		      { '3', TAR_CHAR }, { '4', TAR_BLOCK }, { '5', TAR_DIR },
		      { '6', TAR_FIFO } };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].flag == (char)flag)
			return (int)types[i].type;
	return -1;
}

/* Names first, so that an error about the rest can be told by them. */
static void entry_names(struct tar *t, const unsigned char *h)
{
	const struct tar_record *r;

	t->entry.path = t->long_path ? t->long_path : header_name(t, h);
	t->entry.link = t->long_link ? t->long_link : field(t->target, h + H_LINK, 100);
	if ((r = tar_pax_get(t, "path")))
		t->entry.path = r->value;
	if ((r = tar_pax_get(t, "linkpath")))
		t->entry.link = r->value;
	if ((r = tar_pax_get(t, "GNU.sparse.name")))
		t->entry.path = r->value;
}

static int check_names(const struct tar *t, struct err *e)
{
	const struct tar_record *p = tar_pax_get(t, "path"), *l = tar_pax_get(t, "linkpath");

	if ((p && memchr(p->value, 0, p->len)) || (l && memchr(l->value, 0, l->len)))
		return err_set(e, ERR_INPUT, "a name holds a NUL byte");
	if (!*t->entry.path)
		return err_set(e, ERR_INPUT, "an entry has no name");
	if ((t->entry.type == TAR_LINK || t->entry.type == TAR_SYMLINK) && !*t->entry.link)
		return err_set(e, ERR_INPUT, "a link without a target");
	return 0;
}

static int read_entry(struct tar *t, unsigned char *h, int64_t size, struct err *e)
{
	struct tar_entry *en = &t->entry;
	unsigned char flag = h[H_TYPE];
	size_t n;

	*en = (struct tar_entry){ .type = (enum tar_type)type_of(flag) };
	entry_names(t, h);
	if (type_of(flag) < 0)
		return err_set(e, ERR_UNSUPPORTED, "unknown tar entry type 0x%02x", flag);
	if (header_numbers(en, h, e) < 0)
		return -1;
	set_body(t, (uint64_t)size);
	if (tar_pax_apply(t, e) < 0 || check_names(t, e) < 0)
		return -1;
	n = strlen(en->path);
	if (en->type == TAR_FILE && en->path[n - 1] == '/')
		en->type = TAR_DIR;
	else if (en->type != TAR_FILE)
		/* As Go's reader: the size of a header-only type says nothing. */
		set_body(t, 0);
	if (en->type != TAR_FILE)
		return 0;
	en->size = t->stored;
	return tar_sparse_setup(t, h, flag == 'S', e);
}

/* Wraps an error with the entry's name, as far as it is known. */
static int wrap(struct tar *t, struct err *e)
{
	auto_buf struct buf b = { 0 };

	if (!t->entry.path || !*t->entry.path)
		return -1;
	buf_add_escaped(&b, t->entry.path, strnlen(t->entry.path, 512));
	return err_wrap(e, "%s", buf_str(&b));
}

static void next_begin(struct tar *t)
{
	arena_fini(&t->arena);
	tar_pax_clear(&t->local);
	tar_pax_clear(&t->map);
	free(take_ptr(t->long_path));
	free(take_ptr(t->long_link));
	t->nxattrs = 0;
	t->entry = (struct tar_entry){ 0 };
}

int tar_next(struct tar *t, const struct tar_entry **out, struct err *e)
{
	unsigned char *h;
	int64_t size;
	int r;

	*out = NULL;
	if (t->end)
		return 0;
	if (skip_body(t, e) < 0)
		return wrap(t, e);
	next_begin(t);
	for (;;) {
		r = next_header(t, &h, e);
		if (r <= 0)
			return r;
		if (tar_number(h + H_SIZE, 12, &size) < 0 || size < 0)
			return err_set(e, ERR_INPUT, "the size in a header is malformed");
		switch (h[H_TYPE]) {
		case 'x':
		case 'g':
			r = read_pax(t, h[H_TYPE] == 'g', (uint64_t)size, e);
			break;
		case 'L':
			r = read_long_name(t, &t->long_path, (uint64_t)size, e);
			break;
		case 'K':
			r = read_long_name(t, &t->long_link, (uint64_t)size, e);
			break;
		case 'V': /* a volume's label */
			set_body(t, (uint64_t)size);
			r = skip_body(t, e);
			break;
		default:
			if (read_entry(t, h, size, e) < 0)
				return wrap(t, e);
			*out = &t->entry;
			return 1;
		}
		if (r < 0)
			return -1;
	}
}

int tar_data(struct tar *t, const void **p, size_t *n, struct err *e)
{
	struct tar_segment *s;
	unsigned char *q;

	*p = NULL;
	*n = 0;
	if (t->entry.type != TAR_FILE || t->logical == t->entry.size)
		return 0;
	while (t->iseg < t->nseg && t->logical == t->seg[t->iseg].off + t->seg[t->iseg].len)
		t->iseg++;
	s = t->iseg < t->nseg ? &t->seg[t->iseg] : NULL;
	if (!s || t->logical < s->off) {
		*n = (size_t)((s ? s->off : t->entry.size) - t->logical);
		t->logical += *n;
		return 1;
	}
	if (body_piece(t, s->off + s->len - t->logical, &q, n, e) < 0)
		return wrap(t, e);
	*p = q;
	t->logical += *n;
	return 1;
}

int tar_drain(struct tar *t, struct err *e)
{
	unsigned char *p;
	int r;

	t->end = true;
	do {
		t->pos = t->have = 0;
		r = tar_want(t, 1, &p, e);
	} while (r > 0);
	return r;
}

uint64_t tar_body_offset(const struct tar *t)
{
	return t->taken - (t->have - t->pos);
}
