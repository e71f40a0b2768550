/* The reader of emul_save.h's format: foreign bytes, for the tree may come from anybody. */
#include <errno.h>
#include <string.h>
#include <linux/limits.h>

#include "src/enter/emul_save.h"

struct words {
	const char *p, *end; /* of one line */
};

/* A decimal number up to max. */
static int number(struct words *w, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	const char *start = w->p;

	for (; w->p < w->end && *w->p >= '0' && *w->p <= '9'; w->p++) {
		unsigned d = (unsigned)(*w->p - '0');

		if (v > (max - d) / 10)
			return -1;
		v = v * 10 + d;
	}
	*out = v;
	return w->p == start ? -1 : 0;
}

static int expect(struct words *w, char c)
{
	return w->p < w->end && *w->p == c ? (w->p++, 0) : -1;
}

static int number_and(struct words *w, uint64_t max, uint64_t *out, char after)
{
	return number(w, max, out) < 0 || expect(w, after) < 0 ? -1 : 0;
}

/* One word, unescaped; a heap string, NULL when it is broken, empty or has a NUL. */
static char *word(struct words *w)
{
	auto_buf struct buf b = { 0 };

	while (w->p < w->end && *w->p != ' ') {
		int c = (unsigned char)*w->p++;

		if (c == '\\') {
			if (w->end - w->p < 3)
				return NULL;
			c = 0;
			for (int i = 0; i < 3; i++, w->p++) {
				if (*w->p < '0' || *w->p > '7')
					return NULL;
				c = c * 8 + (*w->p - '0');
			}
		}
		if (c == 0 || c > 255)
			return NULL;
		buf_addch(&b, (char)c);
	}
	return b.len ? buf_take(&b) : NULL;
}

/* Clean and relative: nothing that could leave the tree even without RESOLVE_BENEATH. */
static bool path_is_fine(const char *path)
{
	if (!strcmp(path, "."))
		return true;
	if (strlen(path) >= PATH_MAX || *path == '/')
		return false;
	for (const char *p = path; p; p = strchr(p, '/')) {
		size_t n;

		p += *p == '/';
		n = strcspn(p, "/");
		if (n == 0 || (n == 1 && *p == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
	}
	return true;
}

static void line_fini(struct emul_line *l)
{
	for (struct emul_xattr *next, *x = l->rec.xattrs; x; x = next) {
		next = x->next;
		free(x->name);
		free(x->value);
		free(x);
	}
	free(l->path);
	*l = (struct emul_line){ 0 };
}
#define auto_line auto_(line_fini)

static int rec_line(struct words *w, char kind, struct emul_line *l)
{
	uint64_t ino, btime, life, uid, gid, dev_major = 0, dev_minor = 0;

	if (number_and(w, UINT64_MAX, &ino, ' ') < 0 || number_and(w, INT64_MAX, &btime, ' ') < 0 ||
	    number_and(w, UINT64_MAX, &life, ' ') < 0 ||
	    number_and(w, UINT32_MAX - 1, &uid, ' ') < 0 ||
	    number_and(w, UINT32_MAX - 1, &gid, ' ') < 0)
		return -1;
	if (kind != 'f' && (number_and(w, 4095, &dev_major, ':') < 0 ||
			    number_and(w, 1048575, &dev_minor, ' ') < 0))
		return -1;
	l->rec = (struct emul_rec){ .key = { .ino = ino, .btime = (int64_t)btime, .life = life },
				    .uid = (uint32_t)uid,
				    .gid = (uint32_t)gid,
				    .dev_major = (uint32_t)dev_major,
				    .dev_minor = (uint32_t)dev_minor,
				    .type = kind == 'c'	  ? S_IFCHR
					    : kind == 'b' ? S_IFBLK
							  : 0 };
	l->path = word(w);
	return l->path && w->p == w->end && path_is_fine(l->path) ? 0 : -1;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int xattr_line(struct words *w, struct emul_line *l)
{
	auto_free char *name = l->path ? word(w) : NULL;
	auto_free unsigned char *value = NULL;
	struct emul_xattr *x;
	size_t n;

	if (!name || strlen(name) > XATTR_NAME_MAX || expect(w, ' ') < 0)
		return -1;
	n = (size_t)(w->end - w->p);
	if (n % 2 || n / 2 > XATTR_SIZE_MAX)
		return -1;
	value = xmalloc(n / 2 + 1);
	for (size_t i = 0; i < n / 2; i++) {
		int hi = nibble(w->p[2 * i]), lo = nibble(w->p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -1;
		value[i] = (unsigned char)(hi << 4 | lo);
	}
	x = xcalloc(1, sizeof(*x));
	x->name = take_ptr(name);
	x->value = take_ptr(value);
	x->len = n / 2;
	x->next = l->rec.xattrs;
	l->rec.xattrs = x;
	return 0;
}

static int root_line(struct words *w, struct emul_key *root)
{
	uint64_t ino, btime;

	if (number_and(w, UINT64_MAX, &ino, ' ') < 0 || number(w, INT64_MAX, &btime) < 0 ||
	    w->p != w->end)
		return -1;
	root->ino = ino;
	root->btime = (int64_t)btime;
	return 0;
}

struct parse {
	struct emul_key *root;
	int (*one)(void *arg, const struct emul_line *line, struct err *e);
	void *arg;
	struct emul_line line; /* waits for its attributes */
	uint64_t n;
	bool ended;
};

static int flush(struct parse *s, struct err *e)
{
	int r = s->line.path ? s->one(s->arg, &s->line, e) : 0;

	s->n += s->line.path != NULL;
	line_fini(&s->line);
	return r;
}

static bool starts(struct words *w, const char *with)
{
	size_t n = strlen(with);

	if ((size_t)(w->end - w->p) < n || memcmp(w->p, with, n))
		return false;
	w->p += n;
	return true;
}

/* 1: the line is none of the format. */
static int one_line(struct parse *s, struct words w, unsigned number_of_line, struct err *e)
{
	uint64_t n;
	char kind;

	if (s->ended)
		return 1;
	if (number_of_line == 1)
		return !(starts(&w, "berth-owners 1") && w.p == w.end);
	if (number_of_line == 2)
		return !(starts(&w, "root ") && root_line(&w, s->root) == 0);
	if (starts(&w, "x "))
		return xattr_line(&w, &s->line) < 0;
	if (flush(s, e) < 0)
		return -1;
	if (starts(&w, "end ")) {
		s->ended = true;
		return number(&w, UINT64_MAX, &n) < 0 || w.p != w.end || n != s->n;
	}
	kind = w.p < w.end ? *w.p : 0;
	if (!starts(&w, "f ") && !starts(&w, "c ") && !starts(&w, "b "))
		return 1;
	return rec_line(&w, kind, &s->line) < 0;
}

int emul_save_parse(const char *text, size_t len, struct emul_key *root,
		    int (*one)(void *arg, const struct emul_line *line, struct err *e), void *arg,
		    struct err *e)
{
	struct parse s = { .root = root, .one = one, .arg = arg };
	const char *p = text, *end = text + len;
	int r = 0;

	for (unsigned n = 1; p < end && r == 0; n++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		r = nl ? one_line(&s, (struct words){ p, nl }, n, e) : 1;
		if (r > 0)
			r = err_set(e, ERR_INPUT,
				    "line %u is not one of a table of owners; remove the file, and "
				    "all belongs to root",
				    n);
		p = nl ? nl + 1 : end;
	}
	line_fini(&s.line);
	if (r == 0 && !s.ended)
		return err_set(e, ERR_INPUT,
			       "the table of owners is cut short; remove the file, and all belongs "
			       "to root");
	return r;
}
