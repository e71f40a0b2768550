#include "src/flow/image_owners.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "image/image.h"
#include "image/squash.h"
#include "image/tree.h"

#define SAMPLES_MAX 16

struct reading {
	struct image_owners *o;
	struct squash *s;
	unsigned char *seen; /* a bit for each inode number: links, and directories that are in
			      * themselves */
	uint32_t inodes;
	struct buf path;
	unsigned depth;
};

void image_owners_fini(struct image_owners *o)
{
	free(o->v);
	strv_fini(&o->samples);
	free(o->numbers);
}

static int damaged(struct err *e)
{
	if (errno == EIO)
		return err_set(e, ERR_INPUT, "the image is damaged");
	return err_sys(e, "read image");
}

/* 1: it was met before. */
static int meet(struct reading *r, const struct squash_inode *i, struct err *e)
{
	struct image_owner x = { .number = i->number, .is_dir = S_ISDIR(i->mode) };
	struct image_owners *o = r->o;

	if (i->number > r->inodes)
		return err_set(e, ERR_INPUT, "the image is damaged: inode number %u", i->number);
	if (r->seen[i->number / 8] & 1u << i->number % 8)
		return 1;
	r->seen[i->number / 8] |= (unsigned char)(1u << i->number % 8);
	if (squash_id(r->s, i->uid, &x.uid) < 0 || squash_id(r->s, i->gid, &x.gid) < 0)
		return damaged(e);
	if (!x.uid && !x.gid)
		return 0;
	xgrow(&o->v, &o->cap, o->n + 1, sizeof(*o->v));
	o->v[o->n++] = x;
	if (!x.is_dir && o->samples.n < SAMPLES_MAX) {
		xgrow(&o->numbers, &o->numbers_cap, o->samples.n + 1, sizeof(*o->numbers));
		o->numbers[o->samples.n] = x.number;
		strv_add(&o->samples, buf_str(&r->path));
	}
	return 0;
}

static int read_dir(struct reading *r, const struct squash_inode *dir, struct err *e)
{
	struct squash_dir d;
	struct squash_dirent ent;
	size_t len = r->path.len;
	int n;

	if (r->depth == TREE_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "directories are nested deeper than the limit of %d",
			       TREE_DEPTH_MAX);
	if (squash_dir_open(r->s, dir, 0, &d) < 0)
		return damaged(e);
	r->depth++;
	while ((n = squash_dir_next(r->s, &d, &ent)) > 0) {
		struct squash_inode i;

		buf_addch(&r->path, '/');
		buf_add(&r->path, ent.name, ent.len);
		if (squash_inode(r->s, ent.ref, &i) < 0)
			return damaged(e);
		n = meet(r, &i, e);
		if (n == 0 && S_ISDIR(i.mode))
			n = read_dir(r, &i, e);
		if (n < 0)
			return -1;
		r->path.len = len;
	}
	r->depth--;
	return n < 0 ? damaged(e) : 0;
}

/* Most images of one user's making have one id. */
static bool all_roots(struct squash *s)
{
	uint32_t first, second;

	return squash_id(s, 0, &first) == 0 && !first && squash_id(s, 1, &second) < 0;
}

int image_owners_read(struct image_owners *o, const char *path, struct err *e)
{
	struct reading r = { .o = o };
	auto_image struct image *im = NULL;
	auto_squash struct squash *s = NULL;
	struct squash_inode root;
	int ret;

	if (image_open(&im, path, e) < 0)
		return -1;
	if (squash_open(&s, im->fd, im->off, im->size, NULL, e) < 0)
		return err_wrap(e, "%s", path);
	if (all_roots(s))
		return 0;
	r.s = s;
	r.inodes = squash_info(s).inodes;
	r.seen = xcalloc(r.inodes / 8 + 1, 1);
	ret = squash_inode(s, squash_root(s), &root) < 0 ? damaged(e) : meet(&r, &root, e);
	if (ret == 0)
		ret = read_dir(&r, &root, e);
	free(r.seen);
	buf_fini(&r.path);
	return ret < 0 ? err_wrap(e, "%s", path) : 0;
}

static uint64_t dev_of(const struct statx *st)
{
	struct emul_key k;

	emul_key_of(&k, st);
	return k.dev;
}

/* Where the files are, as a stat in the container shows them.  0: nowhere. */
static uint64_t files_dev(const struct image_owners *o)
{
	struct statx st;

	for (size_t i = 0; i < o->samples.n; i++)
		if (statx(AT_FDCWD, o->samples.v[i], AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
			  EMUL_KEY_MASK, &st) == 0 &&
		    st.stx_ino == o->numbers[i])
			return dev_of(&st);
	return 0;
}

void image_owners_fill(const struct image_owners *o, struct emul_table *t)
{
	struct statfs fs;
	struct statx st;
	bool served;
	uint64_t dev;

	if (!o->n || statfs("/", &fs) < 0 || statx(AT_FDCWD, "/", 0, EMUL_KEY_MASK, &st) < 0)
		return;
	served = fs.f_type == FUSE_SUPER_MAGIC;
	dev = served ? dev_of(&st) : files_dev(o);
	for (size_t i = 0; dev && i < o->n; i++) {
		const struct emul_key k = { .dev = dev, .ino = o->v[i].number };
		struct emul_rec *r;

		if (o->v[i].is_dir && !served)
			continue;
		r = emul_table_put(t, &k);
		r->uid = o->v[i].uid;
		r->gid = o->v[i].gid;
	}
	emul_table_clean(t);
}
