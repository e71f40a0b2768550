#include "src/flow/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/owner.h"
#include "src/base/fd.h"
#include "src/base/path.h"

#define PREFIX	  ".berth-"
#define STRAY_AGE 86400 /* seconds without a change, then another host's file counts as left */

void output_remove_tree(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir;
	struct dirent *de;

	/* A tree of an image may have directories that their owner cannot read or write. */
	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		close_p_(&fd);
		unlinkat(dirfd, name, 0);
		return;
	}
	(void)fchmod(fd, 0700);
	while ((de = readdir(dir)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 &&
		    (de->d_type == DT_DIR || unlinkat(fd, de->d_name, 0) < 0))
			output_remove_tree(fd, de->d_name);
	closedir(dir);
	unlinkat(dirfd, name, AT_REMOVEDIR);
}

/* Is it a private name whose process is gone? */
static bool is_stray(int dirfd, const char *name)
{
	auto_free char *part = owner_of_file(name, PREFIX, ".part");
	auto_free char *store = owner_of_file(name, PREFIX, ".store");
	const char *owner = part ? part : store;
	struct stat st;

	if (!owner)
		return false;
	switch (owner_state(owner)) {
	case OWNER_GONE:
		return true;
	case OWNER_ELSEWHERE:
		return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		       time(NULL) - st.st_mtime > STRAY_AGE;
	case OWNER_SELF:
	case OWNER_ALIVE:
		break;
	}
	return false;
}

void output_sweep(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!dir) {
		close_p_(&fd);
		return;
	}
	while ((de = readdir(dir)))
		if (is_stray(fd, de->d_name))
			output_remove_tree(fd, de->d_name);
	closedir(dir);
}

/* A symbolic link is replaced itself, but not one to a device: nobody means /dev/stdout to become
 * a file. */
static int check_old(const struct output *o, struct err *e)
{
	struct stat st;

	if (fstatat(o->dirfd, o->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, "output %s is a directory: name a file in it",
			       o->path);
	if (S_ISLNK(st.st_mode) && fstatat(o->dirfd, o->base, &st, 0) < 0)
		st.st_mode = S_IFREG; /* it dangles */
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE,
			       "output %s is a device, a pipe or a socket: an image must be "
			       "written to a file",
			       o->path);
	if (!o->force)
		return err_set(e, ERR_EXISTS, "output %s exists already; -F replaces it", o->path);
	return 0;
}

int output_check(struct output *o, const char *path, bool force, struct err *e)
{
	o->dirfd = o->fd = -1;
	o->path = xstrdup(path);
	o->dir = path_dir(path);
	o->base = xstrdup(path_base(path));
	o->force = force;
	if (!*o->base || !strcmp(o->base, ".") || !strcmp(o->base, ".."))
		return err_set(e, ERR_USAGE, "output %s names no file", path);
	o->dirfd = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->dirfd < 0 && errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, "output directory %s is not there: make it first",
			       o->dir);
	/* Looked at now, and not when everything has been fetched. */
	if (o->dirfd < 0 || faccessat(o->dirfd, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return err_sys(e, "output directory %s", o->dir);
	if (check_old(o, e) < 0)
		return -1;
	output_sweep(o->dirfd);
	return 0;
}

const char *output_private_name(struct output *o)
{
	if (!o->tmp) {
		auto_free char *me = owner_name();

		o->tmp = xasprintf(PREFIX "%s.part", me);
		unlinkat(o->dirfd, o->tmp, 0);
	}
	return o->tmp;
}

int output_create(struct output *o, struct err *e)
{
	const char *tmp = output_private_name(o);

	/* 0777: an image is executable by name; the umask has its say. */
	o->fd = openat(o->dirfd, tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0777);
	if (o->fd < 0)
		return err_sys(e, "create a file in %s", o->dir);
	return 0;
}

static int exists(void)
{
	errno = EEXIST;
	return -1;
}

static bool same_file(const struct output *o)
{
	struct stat a, b;

	return fstatat(o->dirfd, o->tmp, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(o->dirfd, o->base, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Gives tmp the final name only if that is free.  0 done, -1 with errno. */
static int rename_noreplace(struct output *o)
{
	if (renameat2(o->dirfd, o->tmp, o->dirfd, o->base, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* NFS and others: a link never replaces anything; the private name goes afterwards. */
	if (linkat(o->dirfd, o->tmp, o->dirfd, o->base, 0) == 0)
		return 0;
	/* An NFS server whose first answer got lost finds its own link there. */
	if (errno == EEXIST)
		return same_file(o) ? 0 : exists();
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK)
		return -1;
	/* No links either (FAT, some FUSE): look, then rename. */
	if (faccessat(o->dirfd, o->base, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return exists();
	return renameat(o->dirfd, o->tmp, o->dirfd, o->base);
}

int output_publish(struct output *o, struct err *e)
{
	int r;

	if (o->fd >= 0 && fsync(o->fd) < 0)
		return err_sys(e, "write %s", o->path);
	r = o->force ? renameat(o->dirfd, o->tmp, o->dirfd, o->base) : rename_noreplace(o);
	if (r < 0 && errno == EEXIST)
		return err_set(e, ERR_EXISTS, "output %s has appeared meanwhile; -F replaces it",
			       o->path);
	if (r < 0)
		return err_sys(e, "rename to %s", o->path);
	/* Still there after a link, and after a rename onto a hard link of the same file. */
	unlinkat(o->dirfd, o->tmp, 0);
	free(take_ptr(o->tmp));
	if (fsync(o->dirfd) < 0 && errno != EINVAL)
		return err_sys(e, "sync %s", o->dir);
	return 0;
}

void output_fini(struct output *o)
{
	if (!o->path)
		return;
	if (o->tmp)
		unlinkat(o->dirfd, o->tmp, 0);
	close_p_(&o->fd);
	close_p_(&o->dirfd);
	free(o->path);
	free(o->dir);
	free(o->base);
	free(o->tmp);
	*o = (struct output){ 0 };
}

char *output_private_dir(const struct output *o)
{
	auto_free char *me = owner_name();
	auto_free char *name = xasprintf(PREFIX "%s.store", me);

	return path_join(o->dir, name);
}
