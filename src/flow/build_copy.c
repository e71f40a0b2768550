#include "src/flow/build_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/base/fd.h"

#define DEPTH_MAX 256
#define COPY_MODE 0755 /* most that a file of the host keeps of its mode: cp under umask 022 */

/* The first name of a file with several, when links are kept. */
struct copy_link {
	dev_t dev;
	ino_t ino;
	char *path; /* below top_: a descriptor for each would soon be too many */
};

int copy_dir_check(const struct copy_dir *here, const char *name, struct err *e)
{
	for (const struct copy_dir *d = here->up; d; d = d->up)
		if (d->ino == here->ino && d->dev == here->dev)
			return err_set(e, ERR_INPUT,
				       "%s: links in a circle lead to a directory above", name);
	return 0;
}

void copier_fini(struct copier *c)
{
	for (size_t i = 0; i < c->nlinks_; i++)
		free(c->links_[i].path);
	free(c->links_);
	c->links_ = NULL;
	c->nlinks_ = c->links_cap_ = 0;
}

static char *path_below_top(const struct copier *c)
{
	const char *rel = buf_str(c->rel_);

	if (!c->top_name_)
		return xstrdup(rel);
	return *rel ? xasprintf("%s/%s", c->top_name_, rel) : xstrdup(c->top_name_);
}

/* Is it a name of what was copied already?  Then a link is made. */
static bool link_again(struct copier *c, const struct stat *st, int to, const char *name)
{
	for (size_t i = 0; i < c->nlinks_; i++)
		if (c->links_[i].ino == st->st_ino && c->links_[i].dev == st->st_dev)
			return linkat(c->top_, c->links_[i].path, to, name, 0) == 0;
	if (c->nlinks_ < 4096) {
		xgrow(&c->links_, &c->links_cap_, c->nlinks_ + 1, sizeof(*c->links_));
		c->links_[c->nlinks_++] =
			(struct copy_link){ st->st_dev, st->st_ino, path_below_top(c) };
	}
	return false;
}

/* Who owns the copy. */
static int give_owner(struct copier *c, int dir, const char *name, int to, const char *to_name,
		      struct err *e)
{
	const struct emul_rec *r = NULL;
	struct emul_key k;
	struct emul_rec *put;

	if (c->from && emul_key_at(&k, NULL, dir, name, AT_SYMLINK_NOFOLLOW) == 0)
		r = emul_table_get(c->from, &k);
	if (!c->to || emul_key_at(&k, NULL, to, to_name, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!r && !(c->chown && (c->uid || c->gid))) {
		emul_table_drop(c->to, &k);
		return 0;
	}
	(void)e;
	put = emul_table_put(c->to, &k);
	put->uid = c->chown ? c->uid : r->uid;
	put->gid = c->chown ? c->gid : r->gid;
	if (!r)
		return 0;
	put->type = r->type;
	put->dev_major = r->dev_major;
	put->dev_minor = r->dev_minor;
	for (const struct emul_xattr *x = r->xattrs; x; x = x->next)
		emul_rec_xattr_set(c->to, put, x->name, x->value, x->len);
	return 0;
}

static int copy_bytes(int from, int to)
{
	static char block[1 << 17];
	ssize_t n;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	while ((n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
		;
	if (n == 0)
		return 0;
	if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
		return -1;
	while ((n = read(from, block, sizeof(block))) > 0)
		if (fd_write(to, block, (size_t)n) < 0)
			return -1;
	return (int)n;
}

static void copy_xattrs(int from, int to)
{
	char names[65536], value[65536];
	ssize_t n = flistxattr(from, names, sizeof(names));

	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1) {
		ssize_t len = fgetxattr(from, names + i, value, sizeof(value));

		if (len >= 0)
			fsetxattr(to, names + i, value, (size_t)len, 0);
	}
}

static mode_t mode_of(const struct copier *c, mode_t mode)
{
	if (c->chmod_set)
		return (mode_t)c->chmod;
	return c->preserve ? mode & 07777 : mode & COPY_MODE;
}

static int finish(struct copier *c, int from, int to, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (c->preserve) {
		copy_xattrs(from, to);
		futimens(to, times);
	}
	return fchmod(to, mode_of(c, st->st_mode));
}

static int make_room(int to, const char *name)
{
	if (unlinkat(to, name, 0) == 0 || errno == ENOENT)
		return 0;
	return -1;
}

static int copy_file(struct copier *c, int dir, const char *name, int to, const char *to_name,
		     const struct stat *st, struct err *e)
{
	auto_close int in =
		openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | (c->follow ? 0 : O_NOFOLLOW));
	auto_close int out = -1;

	if (in < 0)
		return err_sys(e, "read %s", name);
	if (make_room(to, to_name) < 0)
		return err_sys(e, "replace %s", to_name);
	if (c->preserve && st->st_nlink > 1 && link_again(c, st, to, to_name))
		return 0;
	out = openat(to, to_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0 || copy_bytes(in, out) < 0 || finish(c, in, out, st) < 0)
		return err_sys(e, "write %s", to_name);
	return 0;
}

static int copy_link(struct copier *c, int dir, const char *name, int to, const char *to_name,
		     const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[4097];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(e, "read the link %s", name);
	target[n] = '\0';
	if (make_room(to, to_name) < 0 || symlinkat(target, to, to_name) < 0)
		return err_sys(e, "make the link %s", to_name);
	if (c->preserve)
		utimensat(to, to_name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int copy_entries(struct copier *c, int in, int out, struct err *e)
{
	struct dirent **list = NULL;
	int n = scandirat(in, ".", &list, NULL, by_name), r = 0;

	if (n < 0)
		return err_sys(e, "list a directory");
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		if (r == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			r = copy_one(c, in, name, out, name, e);
		free(list[i]);
	}
	free(list);
	return r;
}

static int copy_directory(struct copier *c, int dir, const char *name, int to, const char *to_name,
			  const struct stat *st, struct err *e)
{
	auto_close int in = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int out = -1;
	const struct copy_dir here = { st->st_dev, st->st_ino, c->above_ };
	struct stat old;
	int r;
	bool there = fstatat(to, to_name, &old, AT_SYMLINK_NOFOLLOW) == 0;

	if (in < 0)
		return err_sys(e, "read %s", name);
	if (copy_dir_check(&here, name, e) < 0)
		return -1;
	if (there && !S_ISDIR(old.st_mode)) {
		if (unlinkat(to, to_name, 0) < 0)
			return err_sys(e, "replace %s", to_name);
		there = false;
	}
	if (!there && mkdirat(to, to_name, 0700) < 0)
		return err_sys(e, "make %s", to_name);
	out = openat(to, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_sys(e, "open %s", to_name);
	c->above_ = &here;
	r = copy_entries(c, in, out, e);
	c->above_ = here.up;
	if (r < 0)
		return -1;
	if ((!there || c->preserve) && finish(c, in, out, st) < 0)
		return err_sys(e, "write %s", to_name);
	return 0;
}

static int copy_by_type(struct copier *c, int dir, const char *name, int to, const char *to_name,
			const struct stat *st, struct err *e)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFDIR:
		return copy_directory(c, dir, name, to, to_name, st, e);
	case S_IFREG:
		return copy_file(c, dir, name, to, to_name, st, e);
	case S_IFLNK:
		return copy_link(c, dir, name, to, to_name, st, e);
	case S_IFIFO:
	case S_IFSOCK:
		if (make_room(to, to_name) < 0 ||
		    mknodat(to, to_name, (st->st_mode & S_IFMT) | mode_of(c, st->st_mode), 0) < 0)
			return err_sys(e, "make %s", to_name);
		return 0;
	default:
		return err_set(e, ERR_UNSUPPORTED, "%s is a device, which cannot be copied", name);
	}
}

int copy_one(struct copier *c, int dir, const char *name, int to, const char *to_name,
	     struct err *e)
{
	auto_buf struct buf own = { 0 };
	struct buf *rel = c->rel_ ? c->rel_ : &own;
	size_t was = rel->len;
	struct stat st;
	bool top = !c->rel_;
	int r;

	if (fstatat(dir, name, &st, c->follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "read %s", name);
	if (c->skip_ino && st.st_ino == c->skip_ino && st.st_dev == c->skip_dev)
		return 0;
	if (c->depth_ == DEPTH_MAX)
		return err_set(e, ERR_LIMIT,
			       "%s: more than %d directories deep, or links in a circle", name,
			       DEPTH_MAX);
	if (!top) {
		buf_printf(rel, "%s%s", rel->len ? "/" : "", name);
		if (c->skip && c->skip(c->arg, buf_str(rel), S_ISDIR(st.st_mode))) {
			rel->data[rel->len = was] = '\0';
			return 0;
		}
	}
	if (top) {
		c->top_ = to;
		c->top_name_ = to_name;
	}
	c->rel_ = rel;
	c->depth_++;
	r = copy_by_type(c, dir, name, to, to_name, &st, e);
	c->depth_--;
	if (r == 0)
		r = give_owner(c, dir, name, to, to_name, e);
	else if (c->depth_)
		err_wrap(e, "%s", name);
	if (top) {
		c->rel_ = NULL;
		copier_fini(c);
	} else {
		rel->data[rel->len = was] = '\0';
	}
	return r;
}

int copy_contents(struct copier *c, int dir, int to, struct err *e)
{
	auto_buf struct buf rel = { 0 };
	struct stat st;
	int r;

	c->rel_ = &rel;
	c->top_ = to;
	c->top_name_ = NULL;
	r = copy_entries(c, dir, to, e);
	c->rel_ = NULL;
	if (r == 0 && c->preserve && fstat(dir, &st) == 0)
		finish(c, dir, to, &st);
	copier_fini(c);
	return r;
}

int copy_root(struct copier *c, int dir, int to, struct err *e)
{
	return copy_contents(c, dir, to, e) < 0 ? -1 : give_owner(c, dir, ".", to, ".", e);
}
