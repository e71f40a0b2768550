/* A directory image is not served by us, so what it lacks must be found out before
 * anything is mounted: links are followed inside the image, dangling ones too (a
 * /scratch -> /gpfs/scratch gets /gpfs/scratch). */
#include "src/enter/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"

#define LINKS_MAX 40

/* Whether a directory's name has no link in it. */
static bool is_plain(int image, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS };
	auto_close int fd = (int)syscall(SYS_openat2, image, path, &how, sizeof(how));

	return fd >= 0;
}

/* The path below the image's root, without links, of the directory that is open as
 * fd and was found as path; heap string.  Asking /proc costs a start ten times what
 * the usual case does, a path without links. */
static char *path_in_image(int image, int fd, const char *found)
{
	char root[4096], path[4096], link[64];
	ssize_t r, n;

	if (is_plain(image, found))
		return xstrdup(found);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", image);
	r = readlink(link, root, sizeof(root) - 1);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (r < 0 || n < 0)
		return NULL;
	if (r == 1) /* the host's own root as image */
		r = 0;
	path[n] = '\0';
	return xstrdup(n > r ? path + r : "/");
}

/* The longest prefix of path that is a directory: open, *real its path without links,
 * *rest what follows. */
static int prefix_open(int image, const char *path, char **real, const char **rest)
{
	auto_free char *prefix = xstrdup(path);

	for (;;) {
		char *slash = strrchr(prefix, '/');
		const char *dir = slash == prefix ? "/" : prefix;
		int fd;

		*slash = '\0';
		fd = open_in_root(image, dir, O_PATH | O_DIRECTORY, 0);
		if (fd < 0 && errno == ENOENT && slash != prefix)
			continue;
		*rest = path + (slash - prefix) + 1;
		*real = fd < 0 ? NULL : path_in_image(image, fd, dir);
		return fd;
	}
}

/* The path with its link replaced: now is dir/<link><tail>, the link says target. */
static char *follow(char *now, const char *dir, const char *target, const char *tail)
{
	auto_free char *old __attribute__((unused)) = now; /* tail may point into it */
	auto_free char *to = path_clean(dir, target);

	return path_clean(to, *tail ? tail + 1 : "");
}

/* A directory that cannot be listed counts as one with entries. */
static bool is_empty(int dir)
{
	auto_close int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char entries[512] __attribute__((aligned(8)));
	long n;

	if (fd < 0)
		return false;
	while ((n = syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
		for (long at = 0; at < n;) {
			const struct dirent64 *d = (const void *)(entries + at);

			if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
				return false;
			at += d->d_reclen;
		}
	return n == 0;
}

/* 0: path exists.  1: it does not, *out says what has to be made; is_dir is left. */
static int locate(int image, const char *path, struct missing *out, struct err *e)
{
	auto_free char *now = xstrdup(path);

	for (int links = 0; links < LINKS_MAX; links++) {
		auto_close int there = open_in_root(image, now, O_PATH, 0);
		auto_close int dir = -1;
		auto_free char *dir_path = NULL, *first = NULL;
		const char *rest;
		char target[4096];
		ssize_t n;

		if (there >= 0)
			return 0;
		if (errno != ENOENT)
			return err_sys(e, "mount point %s in the image", path);
		dir = prefix_open(image, now, &dir_path, &rest);
		if (!dir_path)
			return err_sys(e, "mount point %s in the image", path);
		first = xstrndup(rest, strcspn(rest, "/"));
		n = readlinkat(dir, first, target, sizeof(target) - 1);
		if (n < 0) {
			*out = (struct missing){ .path = path_join(dir_path, rest),
						 .base = strlen(dir_path),
						 .base_empty = dir_path[1] && is_empty(dir) };
			return 1;
		}
		target[n] = '\0';
		now = follow(take_ptr(now), dir_path, target, rest + strlen(first));
	}
	errno = ELOOP;
	return err_sys(e, "mount point %s in the image", path);
}

static void missing_add(struct enter *x, struct missing m, bool is_dir)
{
	m.is_dir = is_dir;
	xgrow(&x->missing, &x->missing_cap, x->nmissing + 1, sizeof(*x->missing));
	x->missing[x->nmissing++] = m;
}

/* A link that says the source's own name (/etc/localtime, when the image has the host's
 * time zone) may be followed: the mount then hides a file by its equal. */
static bool leads_to(int image, int dir, const char *name, const char *src)
{
	char target[4096];
	ssize_t n = src ? readlinkat(dir, name, target, sizeof(target)) : -1;
	auto_close int fd = -1;

	if (n < 0 || (size_t)n != strlen(src) || memcmp(target, src, (size_t)n))
		return false;
	fd = open_in_root(image, src, O_PATH, 0);
	return fd >= 0;
}

/* PLAN_HIDE: the mount point is the name itself, not what it leads to. */
static int locate_hidden(struct enter *x, int image, const struct plan_mount *m, struct err *e)
{
	auto_free char *dir = path_dir(m->dst), *real = NULL;
	struct missing lacks;
	auto_close int parent = open_in_root(image, dir, O_PATH | O_DIRECTORY, 0);
	struct stat st;

	if (parent < 0) {
		int r = locate(image, m->dst, &lacks, e);

		if (r == 1)
			missing_add(x, lacks, m->flags & PLAN_IS_DIR);
		return r < 0 ? -1 : 0;
	}
	if (!fstatat(parent, path_base(m->dst), &st, AT_SYMLINK_NOFOLLOW) &&
	    (m->flags & PLAN_IS_DIR ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode)))
		return 0;
	if (leads_to(image, parent, path_base(m->dst), m->src))
		return 0;
	real = path_in_image(image, parent, dir);
	if (!real)
		return err_sys(e, "mount point %s in the image", m->dst);
	lacks = (struct missing){ .path = path_join(real, path_base(m->dst)),
				  .base = strlen(real) };
	missing_add(x, lacks, m->flags & PLAN_IS_DIR);
	return 0;
}

static int find_mounts(struct enter *x, int image, struct err *e)
{
	const struct plan *p = x->plan;

	for (size_t i = 0; i < p->nmounts; i++) {
		const struct plan_mount *m = &p->mounts[i];
		struct missing lacks;
		int r;

		if (plan_mount_is_covered(p, i))
			continue;
		if (m->flags & PLAN_HIDE) {
			if (locate_hidden(x, image, m, e) < 0)
				return -1;
			continue;
		}
		r = locate(image, m->dst, &lacks, e);
		/* An optional one that cannot be placed is reported when it is attached. */
		if (r < 0 && !(m->flags & PLAN_OPTIONAL))
			return -1;
		if (r > 0)
			missing_add(x, lacks, m->flags & PLAN_IS_DIR);
	}
	return 0;
}

static int find_all(struct enter *x, int image, struct err *e)
{
	for (size_t i = 0; i < x->plan->nfiles; i++) {
		const struct plan_file *file = &x->plan->files[i];
		struct missing lacks;
		int r = locate(image, file->path, &lacks, e);

		if (r < 0)
			return -1;
		if (r > 0)
			missing_add(x, lacks, S_ISDIR(file->mode));
		x->want_file[i] = !S_ISDIR(file->mode) && (r > 0 || file->replace);
	}
	return find_mounts(x, image, e);
}

int missing_find(struct enter *x, struct err *e)
{
	auto_close int image = open(x->plan->image, O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* What is built gets no mount points of ours. */
	if (x->plan->writable && x->plan->fakeroot)
		return 0;
	if (image < 0)
		return err_sys(e, "open %s", x->plan->image);
	return find_all(x, image, e) < 0 ? err_wrap(e, "%s", x->plan->image) : 0;
}
