#include "src/flow/upper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/host/upperfs.h"

#define LEASE_NAME ".berth-lease"

/* The kernel unmounts a container's file systems some time after its last process ended. */
enum { DEPTH_MAX = 64, PATIENCE_MS = 2000 };

static int dir_need(const char *path, mode_t mode, struct err *e)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "--overlay: make %s", path);
	if (stat(path, &st) < 0)
		return err_sys(e, "--overlay: %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, "--overlay: %s is no directory", path);
	return 0;
}

int upper_check(const struct plan *p, struct err *e)
{
	auto_free char *upper = NULL, *work = NULL;

	if (p->upper != PLAN_UPPER_DIR)
		return 0;
	if (upper_fs_known(p->upper_dir, e) < 0)
		return err_wrap(e, "--overlay");
	if (faccessat(AT_FDCWD, p->upper_dir, W_OK, AT_EACCESS) < 0) {
		err_sys(e, "--overlay %s", p->upper_dir);
		return err_set(e, e->kind,
			       "--overlay %s cannot be written to (%s); to use it without writing, "
			       "give %s:ro",
			       p->upper_dir, strerror(e->sys), p->upper_dir);
	}
	upper = path_join(p->upper_dir, "upper");
	work = path_join(p->upper_dir, "work");
	if (dir_need(upper, 0755, e) < 0 || dir_need(work, 0700, e) < 0)
		return -1;
	return upper_fs_check(p->upper_dir, e) < 0 ? err_wrap(e, "--overlay") : 0;
}

int host_dirs_make(const struct plan *p, struct err *e)
{
	for (size_t i = 0; i < p->ndirs; i++) {
		const char *path = p->dirs[i].path;
		struct stat st;

		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			continue;
		if (dir_make_all(AT_FDCWD, path, 0700, e) < 0)
			return err_wrap(e, "--workdir");
		/* The umask must not have a say in a directory for all. */
		if (chmod(path, p->dirs[i].mode) < 0)
			return err_sys(e, "--workdir: %s", path);
	}
	return 0;
}

/* Removes what is in the directory.  The kernel leaves directories of mode 0 in a work
 * directory; they are ours. */
static int dir_clear(int parent, const char *name, int depth)
{
	int fd;
	DIR *dir;
	struct dirent *de;
	int r = 0;

	if (fchmodat(parent, name, 0700, 0) < 0)
		return -1;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		close_p_(&fd);
		return -1;
	}
	while (r == 0 && (de = readdir(dir))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		if (unlinkat(fd, de->d_name, 0) == 0)
			continue;
		if (errno != EISDIR || depth == DEPTH_MAX ||
		    dir_clear(fd, de->d_name, depth + 1) < 0)
			r = -1;
		else
			r = unlinkat(fd, de->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
	return r;
}

int upper_take(struct lease *l, const struct plan *p, struct err *e)
{
	auto_free char *lease = NULL;

	if (p->upper != PLAN_UPPER_DIR && p->upper != PLAN_UPPER_EXT)
		return 0;
	lease = p->upper == PLAN_UPPER_EXT ? xasprintf("%s" LEASE_NAME, p->upper_dir)
					   : path_join(p->upper_dir, LEASE_NAME);
	if (lease_take(l, lease, PATIENCE_MS, e) < 0)
		return err_wrap(e, "--overlay %s", p->upper_dir);
	if (p->upper == PLAN_UPPER_EXT)
		return 0;
	/* A mount with "volatile", or a crash, leaves what the next mount refuses. */
	auto_free char *work = path_join(p->upper_dir, "work");

	if (dir_clear(AT_FDCWD, work, 0) < 0) {
		err_sys(e, "--overlay: clear %s", work);
		lease_drop(l);
		return -1;
	}
	return 0;
}
