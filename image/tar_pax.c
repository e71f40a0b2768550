/* PAX extended headers: "<length> <key>=<value>\n", the length counting itself.  Values are
 * bytes, so hdrcharset=BINARY needs nothing.  An empty value takes back what stood before. */
#include <string.h>

#include "image/tar_priv.h"

void tar_pax_clear(struct tar_records *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->v[i].key);
	r->n = 0;
	r->bytes = 0;
}

/* These come many times for one entry in format 0.0, each time meant. */
static bool key_repeats(const char *key)
{
	return !strcmp(key, "GNU.sparse.offset") || !strcmp(key, "GNU.sparse.numbytes");
}

/* The record with this key; NULL when it is new. */
static struct tar_record *find_key(const struct tar_records *r, const char *key)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].key, key))
			return &r->v[i];
	return NULL;
}

/* Takes rec, whose texts are bytes long. */
static int record_add(struct tar_records *r, struct tar_record rec, size_t bytes, size_t max,
		      struct tar_record *old, struct err *e)
{
	if (r->bytes + bytes > TAR_HEADER_MAX || (!old && r->n == max)) {
		free(rec.key);
		return err_set(e, ERR_LIMIT, "PAX headers hold more than %zu records or %llu bytes",
			       max, (unsigned long long)TAR_HEADER_MAX);
	}
	r->bytes += bytes;
	if (old) {
		r->bytes -= strlen(old->key) + old->len;
		free(old->key);
		*old = rec;
		return 0;
	}
	xgrow(&r->v, &r->cap, r->n + 1, sizeof(*r->v));
	r->v[r->n++] = rec;
	return 0;
}

static int record_read(struct tar *t, bool global, const char *key, size_t nkey, const char *value,
		       size_t len, struct err *e)
{
	struct tar_records *to = global ? &t->global : &t->local;
	char *copy = xmalloc(nkey + len + 2);
	struct tar_record rec = { copy, copy + nkey + 1, len };

	memcpy(copy, key, nkey);
	copy[nkey] = '\0';
	memcpy(rec.value, value, len);
	rec.value[len] = '\0';
	if (!global && key_repeats(copy))
		return record_add(&t->map, rec, nkey + len, TAR_SEGMENTS_MAX, NULL, e);
	return record_add(to, rec, nkey + len, TAR_RECORDS_MAX, find_key(to, copy), e);
}

int tar_pax_parse(struct tar *t, const char *p, size_t n, bool global, struct err *e)
{
	while (n > 0) {
		size_t len = 0, i = 0;
		const char *eq;

		while (i < n && p[i] >= '0' && p[i] <= '9' && len <= n)
			len = len * 10 + (size_t)(p[i++] - '0');
		if (i == 0 || i >= n || p[i] != ' ' || len > n || len < i + 3 || p[len - 1] != '\n')
			return err_set(e, ERR_INPUT, "a PAX header is malformed");
		eq = memchr(p + i + 1, '=', len - i - 2);
		if (!eq || eq == p + i + 1 || memchr(p + i + 1, 0, (size_t)(eq - p) - i - 1))
			return err_set(e, ERR_INPUT, "a PAX header has a record without a key");
		if (record_read(t, global, p + i + 1, (size_t)(eq - p) - i - 1, eq + 1,
				len - (size_t)(eq - p) - 2, e) < 0)
			return -1;
		p += len;
		n -= len;
	}
	return 0;
}

const struct tar_record *tar_pax_get(const struct tar *t, const char *key)
{
	const struct tar_records *lists[] = { &t->local, &t->global };

	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (size_t i = 0; i < lists[l]->n; i++)
			if (!strcmp(lists[l]->v[i].key, key))
				return lists[l]->v[i].len ? &lists[l]->v[i] : NULL;
	return NULL;
}

int tar_decimal(const char *s, int64_t *out)
{
	bool negative = *s == '-';
	uint64_t v = 0;

	s += negative;
	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (v > (uint64_t)INT64_MAX / 10 - 1)
			return -1;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	if (*s == '.' && negative && strspn(s + 1, "0") != strlen(s + 1))
		v++; /* down, as POSIX has it */
	else if (*s && *s != '.')
		return -1;
	*out = negative ? -(int64_t)v : (int64_t)v;
	return 0;
}

/* 1 the key was there and *out is set, 0 absent. */
static int number(const struct tar *t, const char *key, int64_t min, int64_t max, int64_t *out,
		  struct err *e)
{
	const struct tar_record *r = tar_pax_get(t, key);
	int64_t v;

	if (!r)
		return 0;
	if (strlen(r->value) != r->len || tar_decimal(r->value, &v) < 0 || v < min || v > max)
		return err_set(e, ERR_INPUT, "the PAX value of %s is malformed", key);
	*out = v;
	return 1;
}

static int base64_value(char c)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(set, c) : NULL;

	return p ? (int)(p - set) : -1;
}

/* In place is fine: the text is longer than what it says. */
static size_t base64_decode(unsigned char *out, const char *s, size_t n)
{
	size_t len = 0;
	unsigned bits = 0, have = 0;

	for (size_t i = 0; i < n; i++) {
		int v = base64_value(s[i]);

		if (v < 0)
			continue; /* padding, line ends */
		bits = bits << 6 | (unsigned)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[len++] = (unsigned char)(bits >> have);
		}
	}
	return len;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'		    ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
						    : -1;
}

static char *url_decode(struct tar *t, const char *s)
{
	char *out = arena_strdup(&t->arena, s), *w = out;

	for (; *s; s++) {
		if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
			*w++ = (char)(hex(s[1]) << 4 | hex(s[2]));
			s += 2;
		} else {
			*w++ = *s;
		}
	}
	*w = '\0';
	return out;
}

static void xattr_add(struct tar *t, struct tar_xattr x)
{
	for (size_t i = 0; i < t->nxattrs; i++)
		if (!strcmp(t->xattrs[i].name, x.name))
			return; /* the first is the entry's own, or SCHILY's */
	xgrow(&t->xattrs, &t->xattrcap, t->nxattrs + 1, sizeof(*t->xattrs));
	t->xattrs[t->nxattrs++] = x;
}

/* SCHILY's records hold the bytes themselves, libarchive's an encoded name and base64. */
static void xattrs_of(struct tar *t, const struct tar_records *list, const char *prefix,
		      bool encoded)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct tar_record *r = &list->v[i];
		struct tar_xattr x = { NULL, r->value, r->len };

		if (!str_has_prefix(r->key, prefix))
			continue;
		x.name = r->key + strlen(prefix);
		if (encoded) {
			unsigned char *out = arena_alloc(&t->arena, r->len + 1);

			x.len = base64_decode(out, r->value, r->len);
			x.value = out;
			x.name = url_decode(t, x.name);
		}
		xattr_add(t, x);
	}
}

static void xattrs_collect(struct tar *t)
{
	size_t kept = 0;

	xattrs_of(t, &t->local, "SCHILY.xattr.", false);
	xattrs_of(t, &t->global, "SCHILY.xattr.", false);
	xattrs_of(t, &t->local, "LIBARCHIVE.xattr.", true);
	xattrs_of(t, &t->global, "LIBARCHIVE.xattr.", true);
	/* An empty one has done its work when it has kept a global one out. */
	for (size_t i = 0; i < t->nxattrs; i++)
		if (t->xattrs[i].len > 0)
			t->xattrs[kept++] = t->xattrs[i];
	t->nxattrs = kept;
	t->entry.xattrs = t->xattrs;
	t->entry.nxattrs = t->nxattrs;
}

int tar_pax_apply(struct tar *t, struct err *e)
{
	struct tar_entry *en = &t->entry;
	int64_t size = 0, uid = en->uid, gid = en->gid, major = en->major, minor = en->minor;
	int r = number(t, "size", 0, INT64_MAX, &size, e);

	if (r < 0 || number(t, "uid", 0, UINT32_MAX, &uid, e) < 0 ||
	    number(t, "gid", 0, UINT32_MAX, &gid, e) < 0 ||
	    number(t, "mtime", INT64_MIN + 1, INT64_MAX, &en->mtime, e) < 0 ||
	    number(t, "SCHILY.devmajor", 0, 0xfff, &major, e) < 0 ||
	    number(t, "SCHILY.devminor", 0, 0xfffff, &minor, e) < 0)
		return -1;
	if (r > 0) {
		t->stored = (uint64_t)size;
		t->pad = (unsigned)(-(uint64_t)size & (TAR_BLOCK_SIZE - 1));
	}
	en->uid = (uint32_t)uid;
	en->gid = (uint32_t)gid;
	en->major = (uint32_t)major;
	en->minor = (uint32_t)minor;
	xattrs_collect(t);
	return 0;
}
