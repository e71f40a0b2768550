/* Whole paths, for a launcher that wants a few small files before a mount exists. */
#include <errno.h>
#include <sys/stat.h>

#include "image/squash_priv.h"
#include "image/walk.h"

static int lookup(void *arg, uint64_t dir, const char *name, size_t len, uint64_t *child,
		  mode_t *type)
{
	struct squash *s = arg;
	struct squash_inode i;
	int r;

	if (squash_inode(s, dir, &i) < 0)
		return -1;
	r = squash_lookup(s, &i, name, len, child);
	if (r <= 0)
		return r;
	if (squash_inode(s, *child, &i) < 0)
		return -1;
	*type = i.mode & S_IFMT;
	return 1;
}

static ssize_t readlink_of(void *arg, uint64_t node, char *buf, size_t cap)
{
	struct squash_inode i;

	return squash_inode(arg, node, &i) < 0 ? -1 : squash_readlink(arg, &i, buf, cap);
}

static int fail(struct err *e, const char *path)
{
	if (errno == EIO)
		return err_set(e, ERR_INPUT, "%s in the image: damaged", path);
	return err_sys(e, "%s in the image", path);
}

/* 0 found, 1 not there. */
static int find(struct squash *s, const char *path, unsigned flags, struct squash_inode *i,
		struct err *e)
{
	static const struct walk_ops ops = { .lookup = lookup, .readlink = readlink_of };
	struct walk_end end;
	int r = walk_path(&ops, s, s->root, path, flags, &end);

	if (r > 0)
		return 1;
	if (r < 0 || squash_inode(s, end.node, i) < 0)
		return fail(e, path);
	return 0;
}

int squash_read_file(struct squash *s, const char *path, struct buf *out, size_t max, struct err *e)
{
	struct squash_inode i;
	ssize_t n;
	int r = find(s, path, WALK_FOLLOW, &i, e);

	if (r)
		return r;
	if (!S_ISREG(i.mode))
		return 1;
	if (i.size > max)
		return err_set(e, ERR_LIMIT,
			       "%s in the image is larger than the limit of %zu bytes", path, max);
	buf_reserve(out, i.size);
	n = squash_read(s, &i, 0, out->data + out->len, i.size, NULL);
	if (n < 0)
		return fail(e, path);
	out->len += (size_t)n;
	if (out->data)
		out->data[out->len] = '\0';
	return 0;
}

int squash_list_dir(struct squash *s, const char *path, struct strv *names, struct err *e)
{
	struct squash_dirent ent;
	struct squash_inode i;
	struct squash_dir d;
	int r = find(s, path, WALK_FOLLOW, &i, e);

	if (r)
		return r;
	if (!S_ISDIR(i.mode))
		return 1;
	if (squash_dir_open(s, &i, 0, &d) < 0)
		return fail(e, path);
	while ((r = squash_dir_next(s, &d, &ent)) > 0)
		strv_take(names, xstrndup(ent.name, ent.len));
	if (r < 0)
		return fail(e, path);
	strv_sort(names);
	return 0;
}

int squash_stat_path(struct squash *s, const char *path, bool follow, struct squash_stat *st,
		     struct err *e)
{
	struct squash_inode i;
	int r = find(s, path, follow ? WALK_FOLLOW : 0, &i, e);

	if (r)
		return r;
	*st = (struct squash_stat){
		.mode = i.mode,
		.nlink = i.nlink,
		.number = i.number,
		.size = i.size,
		.mtime = i.mtime,
		.ref = i.ref,
	};
	if (squash_id(s, i.uid, &st->uid) < 0 || squash_id(s, i.gid, &st->gid) < 0)
		return fail(e, path);
	return 0;
}
