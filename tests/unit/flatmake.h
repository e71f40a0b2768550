/* flatmake: runs flatten() over archives in memory and shows the image as sorted lines. */
#ifndef TESTS_UNIT_FLATMAKE_H
#define TESTS_UNIT_FLATMAKE_H

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/flatten.h"
#include "image/squash.h"
#include "src/base/buf.h"
#include "tests/unit/unit.h"

__attribute__((unused)) static int flat_open(struct stream **out, void *arg, struct err *e)
{
	const struct buf *b = arg;

	(void)e;
	*out = stream_mem(b->data, b->len);
	return 0;
}

/* layers[0] is the lowest.  The image in a memfd at offset off; -1 with e. */
__attribute__((unused)) static int flat_make(struct buf *layers, size_t n, off_t off,
					     const struct flatten_node *extra, size_t nextra,
					     const struct flatten_opts *o, struct flatten_stat *st,
					     struct err *e)
{
	static const struct flatten_opts none;
	struct layer_input in[8] = { 0 };
	struct flatten_stat unused;
	char names[8][32];
	auto_close int fd = memfd_create("image", MFD_CLOEXEC);

	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "layer %zu", i + 1);
		in[i] = (struct layer_input){ .name = names[i],
					      .open = flat_open,
					      .arg = &layers[i] };
		digest_of(&in[i].diff_id, DIGEST_SHA256, layers[i].data, layers[i].len);
	}
	if (flatten(fd, off, in, n, extra, nextra, o ? o : &none, st ? st : &unused, e) < 0)
		return -1;
	return take_fd(&fd);
}

struct flat_line {
	char path[256], rest[512];
	uint32_t number;
};

struct flat_list {
	struct flat_line *v;
	size_t n, cap;
};

static struct flat_line *flat_add(struct flat_list *l, const char *path, uint32_t number)
{
	struct flat_line *f;

	xgrow(&l->v, &l->cap, l->n + 1, sizeof(*l->v));
	f = &l->v[l->n++];
	snprintf(f->path, sizeof(f->path), "%s", path);
	f->number = number;
	return f;
}

static int flat_by_path(const void *a, const void *b)
{
	return strcmp(((const struct flat_line *)a)->path, ((const struct flat_line *)b)->path);
}

/* Sorted; a line ends with the first path that has the same inode. */
__attribute__((unused)) static void flat_text(struct flat_list *l, struct buf *out)
{
	qsort(l->v, l->n, sizeof(*l->v), flat_by_path);
	for (size_t i = 0; i < l->n; i++) {
		size_t same = 0;

		while (l->v[same].number != l->v[i].number)
			same++;
		buf_printf(out, "%s %s =%s\n", l->v[i].path, l->v[i].rest, l->v[same].path);
	}
	free(l->v);
}

static void flat_walk(struct squash *s, uint64_t ref, const char *path, struct flat_list *l)
{
	struct squash_inode i;
	struct squash_dir d;
	struct squash_dirent ent;
	uint32_t uid, gid;
	char text[256] = "";
	struct flat_line *f;

	ck_assert_int_eq(squash_inode(s, ref, &i), 0);
	ck_assert_int_eq(squash_id(s, i.uid, &uid), 0);
	ck_assert_int_eq(squash_id(s, i.gid, &gid), 0);
	if (S_ISREG(i.mode))
		ck_assert_int_ge(squash_read(s, &i, 0, text, sizeof(text) - 1, NULL), 0);
	if (S_ISLNK(i.mode))
		ck_assert_int_ge(squash_readlink(s, &i, text, sizeof(text) - 1), 0);
	f = flat_add(l, path, i.number);
	snprintf(f->rest, sizeof(f->rest), "%06o %u:%u @%u n%u [%.255s]", i.mode, uid, gid, i.mtime,
		 i.nlink, text);
	if (!S_ISDIR(i.mode))
		return;
	ck_assert_int_eq(squash_dir_open(s, &i, 0, &d), 0);
	while (squash_dir_next(s, &d, &ent) == 1) {
		char child[512];

		snprintf(child, sizeof(child), "%s%s%.*s", path, path[1] ? "/" : "", (int)ent.len,
			 ent.name);
		flat_walk(s, ent.ref, child, l);
	}
}

/* The whole image as text. */
__attribute__((unused)) static void flat_show(int fd, off_t off, struct buf *out)
{
	auto_squash struct squash *s = NULL;
	struct flat_list l = { 0 };
	struct err e = { 0 };

	ck_ok(squash_open(&s, fd, off, -1, NULL, &e), &e);
	flat_walk(s, squash_root(s), "/", &l);
	flat_text(&l, out);
}

#endif
