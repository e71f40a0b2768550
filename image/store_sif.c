/* Finished images in the store.  The way in and out is a clone where the file system has
 * them (Btrfs, XFS), else a hard link, else a copy.  A hard link shares the inode with a file
 * that belongs to the user, who may sign it or overwrite it; therefore the entry's name tells
 * size and mtime as they were, and an entry that no longer fits its name is none. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/owner.h"
#include "image/store_impl.h"
#include "src/base/fd.h"

static char *entry_name(const struct stat *st)
{
	return xasprintf("%lld-%lld.%09ld.sif", (long long)st->st_size,
			 (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

static int fits_name(int dirfd, const char *name)
{
	auto_free char *want = NULL;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	want = entry_name(&st);
	return !strcmp(want, name);
}

/* Adds the path of key's image below root (its name: top).  1 found, 0 not. */
static int find_below(int root, const char *top, const char *sub, struct buf *path)
{
	int fd = openat(root, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC), found = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	while (dir && !found && (de = readdir(dir))) {
		found = str_has_suffix(de->d_name, ".sif") && fits_name(fd, de->d_name) &&
			faccessat(fd, de->d_name, R_OK, 0) == 0;
		if (found)
			buf_printf(path, "%s/%s/%s", top, sub, de->d_name);
	}
	if (dir)
		closedir(dir);
	else
		close_p_(&fd);
	return found;
}

int store_sif_find(struct store *s, const char *key, struct buf *path, struct err *e)
{
	auto_free char *sub = xasprintf("sif/%s", key);
	int fd = openat(s->root, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int found = 0;

	/* The site's first: all who start it share its pages, and what a node caches of it. */
	for (size_t i = 0; i < s->nsites; i++)
		if (find_below(s->site[i].fd, s->site[i].dir, sub, path)) {
			if (dir)
				closedir(dir);
			return 1;
		}
	if (!dir) {
		close_p_(&fd);
		return errno == ENOENT ? 0 : err_sys(e, "read %s/%s", s->dir, sub);
	}
	while (!found && (de = readdir(dir))) {
		if (!str_has_suffix(de->d_name, ".sif"))
			continue;
		found = fits_name(fd, de->d_name);
		if (found) {
			auto_close int f = openat(fd, de->d_name, O_RDONLY | O_CLOEXEC);

			store_touch(f);
		}
		if (found)
			buf_printf(path, "%s/%s/%s", s->dir, sub, de->d_name);
		else
			unlinkat(fd, de->d_name, 0);
	}
	closedir(dir);
	return found;
}

/* fd's bytes under a new name, by clone or, when that is allowed, by copy.  0 done, 1 no clone
 * here, -1 error. */
static int make_copy(int fd, int dirfd, const char *name, int may_copy, struct err *e)
{
	auto_close int out = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0777);
	struct stat st;

	if (out < 0)
		return err_sys(e, "create %s", name);
	if (ioctl(out, FICLONE, fd) < 0) {
		if (!may_copy) {
			unlinkat(dirfd, name, 0);
			return 1;
		}
		if (fstat(fd, &st) < 0 || store_copy_fd(fd, out, st.st_size) < 0)
			goto fail;
	}
	if (fsync(out) == 0)
		return 0;
fail:
	err_sys(e, "write %s", name);
	unlinkat(dirfd, name, 0);
	return -1;
}

char *store_sif_draft(const struct store *s, const char *key)
{
	return xasprintf("%s/tmp/%s.sif", s->dir, key);
}

int store_sif_publish(struct store *s, const char *key, int fd, int dirfd, const char *name,
		      struct buf *path, struct err *e)
{
	auto_free char *sub = xasprintf("sif/%s", key), *entry = NULL, *to = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat %s", name);
	entry = entry_name(&st);
	to = xasprintf("%s/%s", sub, entry);
	if (dir_make_all(s->root, sub, 0700, e) < 0)
		return -1;
	if (renameat(dirfd, name, s->root, to) < 0)
		return err_sys(e, "rename to %s/%s", s->dir, to);
	buf_printf(path, "%s/%s", s->dir, to);
	return dir_sync_of(s->root, to, e);
}

/* Moves the private copy to the name that tells its size and mtime. */
static int publish_copy(struct store *s, const char *key, const char *tmp, struct err *e)
{
	auto_close int fd = openat(s->tmp, tmp, O_RDONLY | O_CLOEXEC);
	auto_buf struct buf path = { 0 };

	if (fd < 0)
		return err_sys(e, "open %s/tmp/%s", s->dir, tmp);
	if (store_sif_publish(s, key, fd, s->tmp, tmp, &path, e) == 0)
		return 0;
	unlinkat(s->tmp, tmp, 0);
	return -1;
}

int store_sif_put(struct store *s, const char *key, int fd, int dirfd, const char *name,
		  struct err *e)
{
	auto_free char *sub = xasprintf("sif/%s", key), *me = owner_name();
	auto_free char *tmp = xasprintf("%s.%s.copy", key, me), *entry = NULL, *path = NULL;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat");
	if (dir_make_all(s->root, sub, 0700, e) < 0)
		return -1;
	unlinkat(s->tmp, tmp, 0);
	r = make_copy(fd, s->tmp, tmp, 0, e);
	if (r == 0)
		return publish_copy(s, key, tmp, e);
	if (r < 0)
		return -1;
	entry = entry_name(&st);
	path = xasprintf("%s/%s", sub, entry);
	if (linkat(dirfd, name, s->root, path, 0) == 0 || errno == EEXIST)
		return dir_sync_of(s->root, path, e);
	if (make_copy(fd, s->tmp, tmp, 1, e) < 0)
		return -1;
	return publish_copy(s, key, tmp, e);
}

/* The store's entry under a second name.  0 done, 1 not possible here. */
static int link_out(int fd, const char *path, int dirfd, const char *name)
{
	mode_t mask = umask(0);
	struct stat st, now;

	umask(mask);
	if (fstat(fd, &st) < 0 || st.st_nlink != 1 || st.st_uid != geteuid() ||
	    linkat(AT_FDCWD, path, dirfd, name, 0) < 0)
		return 1;
	if (fstatat(dirfd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino == st.st_ino &&
	    now.st_dev == st.st_dev && fchmod(fd, 0777 & ~mask) == 0)
		return 0;
	unlinkat(dirfd, name, 0);
	return 1;
}

int store_copy_out(int fd, const char *path, int dirfd, const char *name, struct err *e)
{
	int r = make_copy(fd, dirfd, name, 0, e);

	if (r <= 0 || link_out(fd, path, dirfd, name) == 0)
		return r < 0 ? -1 : 0;
	return make_copy(fd, dirfd, name, 1, e);
}
