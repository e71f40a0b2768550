/* POSIX.1-2001, pax Interchange Format.  A tree is walked depth first with one frame a level; what
 * a tree is (an image, a directory) stands behind struct tree_ops, in tar_tree.c. */
#include "image/tar_out.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "image/tar_tree.h"

#define BLOCK	     512
#define NUMBER_MAX   077777777ull /* seven octal digits are used of eight */
#define SIZE_MAX_TAR 077777777777ull

struct tar_out {
	struct stream s;
	struct tar_tree *tree;
	struct tar_item item;
	struct buf head; /* headers, padding: bytes to be handed out first */
	size_t head_at;
	uint64_t body_at, body_size; /* of the current file */
	bool ended;
};

static void octal(char *to, size_t size, uint64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%0*llo", (int)size - 1, (unsigned long long)v);
	memcpy(to, text, size - 1);
}

/* One block of ustar.  What does not fit is cut: a PAX record says it in full. */
static void add_block(struct buf *out, const struct tar_item *i, const char *name, char type,
		      uint64_t size)
{
	char h[BLOCK] = { 0 };
	unsigned sum = 0;

	memcpy(h, name, MIN(strlen(name), 100u));
	octal(h + 100, 8, i->mode & 07777);
	octal(h + 108, 8, MIN((uint64_t)i->uid, NUMBER_MAX / 8));
	octal(h + 116, 8, MIN((uint64_t)i->gid, NUMBER_MAX / 8));
	octal(h + 124, 12, size > SIZE_MAX_TAR ? 0 : size);
	octal(h + 136, 12, i->mtime > 0 ? (uint64_t)i->mtime & SIZE_MAX_TAR : 0);
	h[156] = type;
	if (type != 'x')
		memcpy(h + 157, i->link, MIN(strlen(i->link), 100u));
	memcpy(h + 257, "ustar\00000", 8);
	if (type == '3' || type == '4') {
		octal(h + 329, 8, major(i->rdev));
		octal(h + 337, 8, minor(i->rdev));
	}
	memset(h + 148, ' ', 8);
	for (size_t k = 0; k < BLOCK; k++)
		sum += (unsigned char)h[k];
	octal(h + 148, 7, sum);
	buf_add(out, h, BLOCK);
}

/* "LENGTH key=value\n", where LENGTH counts its own digits. */
static void add_record(struct buf *out, const char *key, const void *value, size_t n)
{
	size_t rest = strlen(key) + n + 3, len = rest + 1;
	char digits[24];

	while (len != rest + (size_t)snprintf(digits, sizeof(digits), "%zu", len))
		len = rest + strlen(digits);
	buf_printf(out, "%s %s=", digits, key);
	buf_add(out, value, n);
	buf_addch(out, '\n');
}

static void add_number(struct buf *out, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	add_record(out, key, text, strlen(text));
}

static void pad(struct buf *out, uint64_t size)
{
	static const char zero[BLOCK];

	buf_add(out, zero, (size_t)(-size & (BLOCK - 1)));
}

static void add_pax(struct buf *out, const struct tar_item *i, const char *name, uint64_t size)
{
	auto_buf struct buf records = { 0 };

	if (strlen(name) > 100)
		add_record(&records, "path", name, strlen(name));
	if (strlen(i->link) > 100)
		add_record(&records, "linkpath", i->link, strlen(i->link));
	if (size > SIZE_MAX_TAR)
		add_number(&records, "size", size);
	if (i->uid > NUMBER_MAX / 8)
		add_number(&records, "uid", i->uid);
	if (i->gid > NUMBER_MAX / 8)
		add_number(&records, "gid", i->gid);
	for (size_t k = 0; k < i->nxattrs; k++) {
		auto_free char *key = xasprintf("SCHILY.xattr.%s", i->xattrs[k].name);

		add_record(&records, key, i->xattrs[k].value, i->xattrs[k].len);
	}
	if (!records.len)
		return;
	add_block(out, &(struct tar_item){ .mode = 0644, .link = "" }, "PaxHeaders/x", 'x',
		  records.len);
	buf_add(out, records.data, records.len);
	pad(out, records.len);
}

static char type_of(const struct tar_item *i)
{
	if (i->hard)
		return '1';
	switch (i->mode & S_IFMT) {
	case S_IFDIR:
		return '5';
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFIFO:
		return '6';
	}
	return '0';
}

/* The next entry's headers.  1 there is one, 0 the end is written. */
static int next_entry(struct tar_out *t, struct err *e)
{
	static const char end[2 * BLOCK];
	struct tar_item *i = &t->item;
	auto_free char *name = NULL;
	char type;
	int r;

	buf_clear(&t->head);
	t->head_at = 0;
	if (t->body_size)
		pad(&t->head, t->body_size);
	t->body_at = t->body_size = 0;
	do
		r = tar_tree_next(t->tree, i, e);
	while (r == 1 && S_ISSOCK(i->mode));
	if (r < 0)
		return -1;
	if (r == 0) {
		buf_add(&t->head, end, sizeof(end));
		t->ended = true;
		return 0;
	}
	type = type_of(i);
	name = xasprintf("%s%s", i->path, type == '5' ? "/" : "");
	if (type == '0')
		t->body_size = i->size;
	add_pax(&t->head, i, name, t->body_size);
	add_block(&t->head, i, name, type, t->body_size);
	return 1;
}

static ssize_t tar_out_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct tar_out *t = (struct tar_out *)s;

	for (;;) {
		if (t->head_at < t->head.len) {
			n = MIN(n, t->head.len - t->head_at);
			memcpy(buf, t->head.data + t->head_at, n);
			t->head_at += n;
			return (ssize_t)n;
		}
		if (t->body_at < t->body_size) {
			ssize_t r =
				tar_tree_read(t->tree, t->body_at, buf,
					      (size_t)MIN((uint64_t)n, t->body_size - t->body_at),
					      e);

			/* The header has promised a size. */
			if (r == 0)
				return err_set(e, ERR_SYS, "%s became shorter while it was read",
					       t->item.path);
			if (r > 0)
				t->body_at += (uint64_t)r;
			return r;
		}
		if (t->ended)
			return 0;
		if (next_entry(t, e) < 0)
			return -1;
	}
}

static void tar_out_close(struct stream *s)
{
	struct tar_out *t = (struct tar_out *)s;

	tar_tree_free(t->tree);
	buf_fini(&t->head);
	free(t);
}

static struct stream *tar_out_new(struct tar_tree *tree)
{
	static const struct stream_ops ops = { tar_out_read, tar_out_close };
	struct tar_out *t = xcalloc(1, sizeof(*t));

	t->s.ops = &ops;
	t->tree = tree;
	return &t->s;
}

struct stream *tar_out_squash(struct squash *s)
{
	return tar_out_new(tar_tree_squash(s));
}

struct stream *tar_out_dir(int fd)
{
	return tar_out_new(tar_tree_dir(fd));
}
