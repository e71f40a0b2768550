#include "image/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/base/fd.h"

#define CHUNK	   ((size_t)1 << 20)
#define DEPTH_MAX  TREE_DEPTH_MAX
#define XATTR_MAX  64 /* of one inode that are handed on */
#define INODES_MAX 20000000u

struct unpacker {
	struct squash *s;
	const struct unpack_opts *o;
	struct unpack_stat *st;
	int root;
	uint32_t inodes; /* that the image says it has: numbers are 1 to inodes */
	char **seen;	 /* by inode number: the first name of a file with several, or of a
			  * directory, relative to the root */
	struct buf path; /* of what is being made, "" for the root */
	unsigned depth;
	unsigned char *chunk;
	struct buf names, values; /* attributes that could not be set */
	struct xattr left[XATTR_MAX];
	size_t nleft;
};

static void unpacker_fini(struct unpacker *u)
{
	for (size_t i = 0; u->seen && i <= u->inodes; i++)
		free(u->seen[i]);
	free(u->seen);
	buf_fini(&u->path);
	buf_fini(&u->names);
	buf_fini(&u->values);
	free(u->chunk);
}
#define auto_unpacker auto_(unpacker_fini)

static int image_error(struct err *e)
{
	if (errno == EIO)
		return err_set(e, ERR_INPUT, "the image is damaged");
	return err_sys(e, "read image");
}

static bool is_zero(const unsigned char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && !memcmp(p, p + 1, n - 1));
}

static int copy_body(struct unpacker *u, const struct squash_inode *i, int fd, struct err *e)
{
	uint64_t at = 0;

	if (u->o->max_bytes && i->size > u->o->max_bytes - MIN(u->st->body, u->o->max_bytes))
		return err_set(e, ERR_LIMIT, "the image holds more than %llu bytes",
			       (unsigned long long)u->o->max_bytes);
	while (at < i->size) {
		ssize_t n = squash_read(u->s, i, at, u->chunk, MIN(CHUNK, i->size - at), NULL);

		if (n <= 0) {
			errno = n ? errno : EIO;
			return image_error(e);
		}
		/* A hole, or as good as one: ftruncate() below makes it. */
		if (!is_zero(u->chunk, (size_t)n) &&
		    fd_pwrite(fd, u->chunk, (size_t)n, (off_t)at) < 0)
			return err_sys(e, "write");
		bar_add(u->o->bar, (uint64_t)n);
		at += (uint64_t)n;
	}
	u->st->body += i->size;
	return ftruncate(fd, (off_t)i->size) < 0 ? err_sys(e, "write") : 0;
}

static void set_time(int dirfd, const char *name, const struct squash_inode *i)
{
	const struct timespec t[2] = { { .tv_sec = i->mtime }, { .tv_sec = i->mtime } };

	/* A file system that keeps no times is no reason to fail. */
	(void)utimensat(dirfd, name, t, AT_SYMLINK_NOFOLLOW);
}

static int make_file(struct unpacker *u, const struct squash_inode *i, int dirfd, const char *name,
		     struct err *e)
{
	auto_close int fd =
		openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, "make file");
	if (S_ISREG(i->mode) && copy_body(u, i, fd, e) < 0)
		return -1;
	/* After the writes: they would take setuid away. */
	return fchmod(fd, i->mode & 07777) < 0 ? err_sys(e, "chmod") : 0;
}

static int make_link(struct unpacker *u, const struct squash_inode *i, int dirfd, const char *name,
		     struct err *e)
{
	char text[TREE_PATH_MAX + 1];
	ssize_t n = squash_readlink(u->s, i, text, sizeof(text));

	if (n < 0)
		return image_error(e);
	if (n == 0 || n > TREE_PATH_MAX || memchr(text, 0, (size_t)n))
		return err_set(e, ERR_INPUT, "the image is damaged");
	text[n] = '\0';
	return symlinkat(text, dirfd, name) < 0 ? err_sys(e, "make link") : 0;
}

/* What a user may make himself; the rest is an empty file. */
static int make_special(const struct squash_inode *i, int dirfd, const char *name, struct err *e)
{
	if (mknodat(dirfd, name, (i->mode & S_IFMT) | 0600, 0) < 0)
		return err_sys(e, "make special file");
	if (fchmodat(dirfd, name, i->mode & 07777, 0) < 0)
		return err_sys(e, "chmod");
	return 0;
}

static void keep_xattr(struct unpacker *u, const char *name, const struct buf *value, size_t at)
{
	if (u->nleft == XATTR_MAX)
		return;
	u->left[u->nleft++] = (struct xattr){ .name = name,
					      .value = (const void *)(uintptr_t)at,
					      .len = (uint32_t)(value->len - at) };
}

/* Sets what may be set; the others are in u->left. */
static int set_xattrs(struct unpacker *u, const struct squash_inode *i, int dirfd, const char *name,
		      struct err *e)
{
	char path[64 + SQUASH_NAME_MAX];

	u->nleft = 0;
	buf_clear(&u->names);
	buf_clear(&u->values);
	if (squash_xattr_list(u->s, i, &u->names) < 0)
		return image_error(e);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	for (size_t k = 0; k < u->names.len; k += strlen(u->names.data + k) + 1) {
		size_t at = u->values.len;

		if (squash_xattr_get(u->s, i, u->names.data + k, &u->values) < 0)
			return image_error(e);
		if (lsetxattr(path, u->names.data + k, u->values.data + at, u->values.len - at, 0) <
		    0)
			keep_xattr(u, u->names.data + k, &u->values, at);
		else
			u->values.len = at;
	}
	for (size_t k = 0; k < u->nleft; k++)
		u->left[k].value = u->values.data + (uintptr_t)u->left[k].value;
	return 0;
}

static int tell(struct unpacker *u, const struct squash_inode *i, int dirfd, const char *name,
		struct err *e)
{
	struct unpack_entry entry = { .dirfd = dirfd,
				      .name = name,
				      .path = u->path.len ? buf_str(&u->path) : "/",
				      .mode = i->mode,
				      .rdev = S_ISCHR(i->mode) || S_ISBLK(i->mode) ? i->rdev : 0 };

	/* Else a small image could name one inode without end. */
	if (++u->st->inodes > u->inodes)
		return err_set(e, ERR_INPUT, "the image is damaged: more inodes than it says");
	u->nleft = 0;
	if (i->xattr != UINT32_MAX && set_xattrs(u, i, dirfd, name, e) < 0)
		return -1;
	if (squash_id(u->s, i->uid, &entry.uid) < 0 || squash_id(u->s, i->gid, &entry.gid) < 0)
		return image_error(e);
	entry.xattrs = u->left;
	entry.nxattrs = u->nleft;
	return u->o->made ? u->o->made(u->o->arg, &entry, e) : 0;
}

/* 1: i was there before under another name, and is linked. */
static int first_name(struct unpacker *u, const struct squash_inode *i, int dirfd, const char *name,
		      struct err *e)
{
	bool is_dir = S_ISDIR(i->mode);
	const char *old;

	if (!i->number || i->number > u->inodes)
		return err_set(e, ERR_INPUT, "the image is damaged: inode number %u", i->number);
	old = u->seen[i->number];
	if (!old) {
		u->seen[i->number] = xstrdup(u->path.len ? u->path.data + 1 : "");
		return 0;
	}
	if (is_dir || i->nlink < 2)
		return err_set(e, ERR_INPUT, "the image is damaged: two names for one inode");
	return linkat(u->root, old, dirfd, name, 0) < 0 ? err_sys(e, "link to /%s", old) : 1;
}

static int fill_dir(struct unpacker *u, const struct squash_inode *dir, int dirfd, struct err *e);

static int make_dir(struct unpacker *u, const struct squash_inode *i, int dirfd, const char *name,
		    struct err *e)
{
	auto_close int sub = -1;

	if (++u->depth > DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "directories are nested deeper than the limit of %d",
			       DEPTH_MAX);
	if (mkdirat(dirfd, name, 0700) < 0)
		return err_sys(e, "make directory");
	sub = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0)
		return err_sys(e, "open");
	if (tell(u, i, dirfd, name, e) < 0 || fill_dir(u, i, sub, e) < 0)
		return -1;
	u->depth--;
	/* Last: a directory without write permission takes no entries. */
	if (fchmod(sub, i->mode & 07777) < 0)
		return err_sys(e, "chmod");
	set_time(dirfd, name, i);
	return 0;
}

static int make_one(struct unpacker *u, const struct squash_inode *i, int dirfd, const char *name,
		    struct err *e)
{
	int r = S_ISDIR(i->mode) || i->nlink > 1 ? first_name(u, i, dirfd, name, e) : 0;

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (S_ISDIR(i->mode))
		return make_dir(u, i, dirfd, name, e);
	if (S_ISREG(i->mode) || S_ISCHR(i->mode) || S_ISBLK(i->mode))
		r = make_file(u, i, dirfd, name, e);
	else if (S_ISLNK(i->mode))
		r = make_link(u, i, dirfd, name, e);
	else
		r = make_special(i, dirfd, name, e);
	if (r < 0 || tell(u, i, dirfd, name, e) < 0)
		return -1;
	set_time(dirfd, name, i);
	return 0;
}

/* The innermost failure names its path; the ones around it pass it on. */
static int fill_dir(struct unpacker *u, const struct squash_inode *dir, int dirfd, struct err *e)
{
	struct squash_dir d;
	struct squash_dirent ent;
	size_t len = u->path.len;
	int r;

	if (squash_dir_open(u->s, dir, 0, &d) < 0)
		return image_error(e);
	while ((r = squash_dir_next(u->s, &d, &ent)) > 0) {
		char name[SQUASH_NAME_MAX + 1];
		struct squash_inode i;
		unsigned depth = u->depth;

		memcpy(name, ent.name, ent.len);
		name[ent.len] = '\0';
		buf_addch(&u->path, '/');
		buf_adds(&u->path, name);
		r = squash_inode(u->s, ent.ref, &i);
		if (r < 0)
			image_error(e);
		else
			r = make_one(u, &i, dirfd, name, e);
		if (r < 0)
			return -1;
		u->depth = depth;
		u->path.len = len;
		u->path.data[len] = '\0';
	}
	return r < 0 ? image_error(e) : 0;
}

int unpack_squash(struct squash *s, int dirfd, const struct unpack_opts *o, struct unpack_stat *st,
		  struct err *e)
{
	auto_unpacker struct unpacker u = { .s = s, .o = o, .st = st, .root = dirfd };
	struct squash_inode root;
	int r;

	*st = (struct unpack_stat){ 0 };
	u.inodes = squash_info(s).inodes;
	if (u.inodes > INODES_MAX)
		return err_set(e, ERR_LIMIT, "the image has %u inodes, %u is the limit", u.inodes,
			       INODES_MAX);
	u.seen = xcalloc((size_t)u.inodes + 1, sizeof(*u.seen));
	u.chunk = xmalloc(CHUNK);
	if (squash_inode(s, squash_root(s), &root) < 0)
		return image_error(e);
	if (!S_ISDIR(root.mode))
		return err_set(e, ERR_INPUT, "the image's root is no directory");
	r = first_name(&u, &root, dirfd, ".", e);
	if (r == 0)
		r = tell(&u, &root, dirfd, ".", e);
	if (r == 0)
		r = fill_dir(&u, &root, dirfd, e);
	if (r == 0 && fchmod(dirfd, root.mode & 07777) < 0)
		r = err_sys(e, "chmod");
	if (r < 0) {
		auto_buf struct buf b = { 0 };

		buf_add_escaped(&b, buf_str(&u.path), u.path.len);
		return err_wrap(e, "%s", u.path.len ? buf_str(&b) : "/");
	}
	set_time(dirfd, ".", &root);
	return 0;
}
