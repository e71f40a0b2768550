#include "image/tar_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/base/arena.h"

#define DEPTH_MAX 1024
#define XATTR_MAX 65536

struct level {
	struct strv names; /* sorted */
	uint64_t *refs;	   /* of an image's inodes, by name */
	size_t at;
	int fd;		 /* of a directory on disk; -1 */
	size_t path_len; /* of the path in front of the names */
};

/* The first name of a file with several. */
struct first_name {
	uint64_t dev, ino;
	char *path;
};

struct tar_tree {
	struct squash *squash; /* NULL: a directory on disk */
	int root;
	uid_t me;
	gid_t mine;
	struct level *levels;
	size_t n, cap;
	bool began;
	struct buf path, link, names, value;
	struct squash_inode inode; /* the current one */
	int fd;			   /* the current file on disk */
	void *firsts;
	struct arena arena; /* the current item's attributes */
	struct xattr *xattrs;
	size_t nxattrs, xcap;
};

static void level_free(struct level *l)
{
	strv_fini(&l->names);
	free(l->refs);
	close_p_(&l->fd);
}

static void first_free(void *p)
{
	struct first_name *f = p;

	free(f->path);
	free(f);
}

void tar_tree_free(struct tar_tree *t)
{
	if (!t)
		return;
	while (t->n)
		level_free(&t->levels[--t->n]);
	free(t->levels);
	buf_fini(&t->path);
	buf_fini(&t->link);
	buf_fini(&t->names);
	buf_fini(&t->value);
	close_p_(&t->fd);
	tdestroy(t->firsts, first_free);
	arena_fini(&t->arena);
	free(t->xattrs);
	free(t);
}

static struct tar_tree *tree_new(struct squash *s, int root)
{
	struct tar_tree *t = xcalloc(1, sizeof(*t));

	t->squash = s;
	t->root = root;
	t->fd = -1;
	t->me = geteuid();
	t->mine = getegid();
	return t;
}

struct tar_tree *tar_tree_squash(struct squash *s)
{
	return tree_new(s, -1);
}

struct tar_tree *tar_tree_dir(int fd)
{
	return tree_new(NULL, fd);
}

static int compare_first(const void *a, const void *b)
{
	const struct first_name *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* Has the file been named before?  Then *out is its link. */
static void find_first(struct tar_tree *t, uint64_t dev, uint64_t ino, struct tar_item *out)
{
	struct first_name *f = xcalloc(1, sizeof(*f));
	void **found;

	f->dev = dev;
	f->ino = ino;
	found = tsearch(f, &t->firsts, compare_first);
	if (!found)
		abort();
	if (*(struct first_name **)found == f) {
		f->path = xstrdup(out->path);
		return;
	}
	free(f);
	out->link = (*(struct first_name **)found)->path;
	out->hard = true;
	out->nxattrs = 0;
}

static struct level *push_level(struct tar_tree *t, struct err *e)
{
	if (t->n == DEPTH_MAX) {
		err_set(e, ERR_LIMIT, "%s: more than %d levels of directories", buf_str(&t->path),
			DEPTH_MAX);
		return NULL;
	}
	xgrow(&t->levels, &t->cap, t->n + 1, sizeof(*t->levels));
	t->levels[t->n] = (struct level){ .fd = -1, .path_len = t->path.len };
	return &t->levels[t->n++];
}

static void add_xattr(struct tar_tree *t, const char *name, const void *value, size_t n)
{
	xgrow(&t->xattrs, &t->xcap, t->nxattrs + 1, sizeof(*t->xattrs));
	t->xattrs[t->nxattrs++] = (struct xattr){ .name = arena_strdup(&t->arena, name),
						  .value = arena_memdup(&t->arena, value, n),
						  .len = (uint32_t)n };
}

/* Labels belong to a host and not to an image. */
static bool is_kept(const char *name)
{
	return strcmp(name, "security.selinux") != 0 && !str_has_prefix(name, "system.") &&
	       !str_has_prefix(name, "trusted.overlay.");
}

/* ---- an image ---- */

static int damaged(const struct tar_tree *t, struct err *e)
{
	return err_sys(e, "read /%s of the image", buf_str(&t->path));
}

static int list_squash(struct tar_tree *t, const struct squash_inode *dir, struct err *e)
{
	struct level *l = push_level(t, e);
	struct squash_dir d;
	struct squash_dirent de;
	size_t cap = 0;
	int r;

	if (!l)
		return -1;
	if (squash_dir_open(t->squash, dir, 0, &d) < 0)
		return damaged(t, e);
	/* On disk they are sorted already. */
	while ((r = squash_dir_next(t->squash, &d, &de)) > 0) {
		xgrow(&l->refs, &cap, l->names.n + 1, sizeof(*l->refs));
		l->refs[l->names.n] = de.ref;
		strv_take(&l->names, xstrndup(de.name, de.len));
	}
	return r < 0 ? damaged(t, e) : 0;
}

static int squash_xattrs(struct tar_tree *t, struct err *e)
{
	buf_clear(&t->names);
	if (t->inode.xattr == UINT32_MAX)
		return 0;
	if (squash_xattr_list(t->squash, &t->inode, &t->names) < 0)
		return damaged(t, e);
	for (const char *n = t->names.data; n && n < t->names.data + t->names.len;
	     n += strlen(n) + 1) {
		buf_clear(&t->value);
		if (!is_kept(n))
			continue;
		if (squash_xattr_get(t->squash, &t->inode, n, &t->value) != 1)
			return damaged(t, e);
		add_xattr(t, n, buf_str(&t->value), t->value.len);
	}
	return 0;
}

/* SquashFS has device numbers as the kernel's new_encode_dev() writes them. */
static dev_t decode_rdev(uint32_t v)
{
	return makedev(v >> 8 & 0xfff, (v & 0xff) | (v >> 12 & 0xfff00));
}

static int item_squash(struct tar_tree *t, uint64_t ref, struct tar_item *out, struct err *e)
{
	struct squash_inode *i = &t->inode;

	if (squash_inode(t->squash, ref, i) < 0 || squash_id(t->squash, i->uid, &out->uid) < 0 ||
	    squash_id(t->squash, i->gid, &out->gid) < 0)
		return damaged(t, e);
	out->mode = i->mode;
	out->mtime = i->mtime;
	out->rdev = decode_rdev(i->rdev);
	if (squash_xattrs(t, e) < 0)
		return -1;
	if (S_ISLNK(i->mode)) {
		char target[4096];
		ssize_t n = squash_readlink(t->squash, i, target, sizeof(target));

		if (n < 0)
			return damaged(t, e);
		buf_clear(&t->link);
		buf_add(&t->link, target, (size_t)n);
		out->link = buf_str(&t->link);
	}
	if (S_ISREG(i->mode))
		out->size = i->size;
	out->xattrs = t->xattrs;
	out->nxattrs = t->nxattrs;
	if (S_ISDIR(i->mode)) {
		struct squash_inode dir = *i;

		return list_squash(t, &dir, e);
	}
	if (i->nlink > 1 && S_ISREG(i->mode))
		find_first(t, 0, i->number, out);
	return 0;
}

/* ---- a directory on disk ---- */

static int list_dir(struct tar_tree *t, int fd, struct err *e)
{
	struct level *l = push_level(t, e);
	struct dirent *de;
	DIR *dir;

	if (!l) {
		close(fd);
		return -1;
	}
	l->fd = fd;
	fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		close_p_(&fd);
		return err_sys(e, "read %s", buf_str(&t->path));
	}
	while ((de = readdir(dir)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			strv_add(&l->names, de->d_name);
	closedir(dir);
	strv_sort(&l->names);
	return 0;
}

static void dir_xattrs(struct tar_tree *t, int dirfd, const char *name)
{
	char path[300];
	ssize_t n;

	/* There is no fgetxattr() for links and O_PATH. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	buf_clear(&t->names);
	buf_reserve(&t->names, XATTR_MAX);
	buf_clear(&t->value);
	buf_reserve(&t->value, XATTR_MAX);
	n = llistxattr(path, t->names.data, XATTR_MAX);
	for (const char *k = t->names.data; n > 0 && k < t->names.data + n; k += strlen(k) + 1) {
		ssize_t len = is_kept(k) ? lgetxattr(path, k, t->value.data, XATTR_MAX) : -1;

		if (len >= 0)
			add_xattr(t, k, t->value.data, (size_t)len);
	}
}

static int item_dir(struct tar_tree *t, int dirfd, const char *name, struct tar_item *out,
		    struct err *e)
{
	char target[4096];
	struct stat st;
	ssize_t n;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat %s", buf_str(&t->path));
	out->mode = st.st_mode;
	out->mtime = st.st_mtime;
	out->uid = st.st_uid == t->me ? 0 : st.st_uid;
	out->gid = st.st_gid == t->mine ? 0 : st.st_gid;
	out->rdev = st.st_rdev;
	dir_xattrs(t, dirfd, name);
	out->xattrs = t->xattrs;
	out->nxattrs = t->nxattrs;
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(dirfd, name, target, sizeof(target));
		if (n < 0)
			return err_sys(e, "read the link %s", buf_str(&t->path));
		buf_clear(&t->link);
		buf_add(&t->link, target, (size_t)n);
		out->link = buf_str(&t->link);
		return 0;
	}
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0;
	if (S_ISREG(st.st_mode) && st.st_nlink > 1)
		find_first(t, st.st_dev, st.st_ino, out);
	if (out->hard)
		return 0;
	close_p_(&t->fd);
	t->fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (t->fd < 0)
		return err_sys(e, "open %s", buf_str(&t->path));
	if (S_ISDIR(st.st_mode))
		return list_dir(t, take_fd(&t->fd), e);
	out->size = (uint64_t)st.st_size;
	return 0;
}

/* ---- both ---- */

static int begin(struct tar_tree *t, struct err *e)
{
	struct squash_inode root;
	int fd;

	t->began = true;
	if (!t->squash) {
		fd = fcntl(t->root, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? err_sys(e, "read the directory") : list_dir(t, fd, e);
	}
	if (squash_inode(t->squash, squash_root(t->squash), &root) < 0)
		return damaged(t, e);
	return list_squash(t, &root, e);
}

int tar_tree_next(struct tar_tree *t, struct tar_item *out, struct err *e)
{
	struct level *l;
	const char *name;
	size_t i;

	arena_fini(&t->arena);
	t->arena = (struct arena){ 0 };
	t->nxattrs = 0;
	*out = (struct tar_item){ .link = "" };
	if (!t->began && begin(t, e) < 0)
		return -1;
	while (t->n && t->levels[t->n - 1].at == t->levels[t->n - 1].names.n)
		level_free(&t->levels[--t->n]);
	if (!t->n)
		return 0;
	l = &t->levels[t->n - 1];
	i = l->at++;
	name = l->names.v[i];
	t->path.len = l->path_len;
	buf_adds(&t->path, t->path.len ? "/" : "");
	buf_adds(&t->path, name);
	out->path = buf_str(&t->path);
	if (str_has_prefix(name, ".wh."))
		return err_set(
			e, ERR_UNSUPPORTED,
			"%s: in a layer a name that begins with .wh. stands for a removed file",
			out->path);
	if ((t->squash ? item_squash(t, l->refs[i], out, e) : item_dir(t, l->fd, name, out, e)) < 0)
		return -1;
	return 1;
}

ssize_t tar_tree_read(struct tar_tree *t, uint64_t off, void *buf, size_t n, struct err *e)
{
	ssize_t r = t->squash ? squash_read(t->squash, &t->inode, off, buf, n, NULL)
			      : pread(t->fd, buf, n, (off_t)off);

	return r < 0 ? err_sys(e, "read %s", buf_str(&t->path)) : r;
}
