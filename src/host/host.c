/* The files are read before the name service is asked: loading its modules costs
 * a start more than everything else here, and most callers stand in the files. */
#include "src/host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/host/names.h"

#define NAMES_MAX (16 << 20) /* bytes of etc/passwd and etc/group */

extern char **environ;

void host_fini(struct host *h)
{
	arena_fini(&h->arena);
	*h = (struct host){ 0 };
}

/* Text of an absolute path below the root; "" when it cannot be read. */
static void text_read(const struct host *h, const char *path, struct buf *out)
{
	struct err ignored;
	auto_close int fd = h->rootfd == AT_FDCWD ? open(path, O_RDONLY | O_CLOEXEC)
						  : open_in_root(h->rootfd, path, O_RDONLY, 0);

	if (fd < 0 || fd_read_all(fd, out, NAMES_MAX, path, &ignored) < 0)
		buf_clear(out);
}

static void user_from_service(struct host *h)
{
	struct passwd pw, *found = NULL;
	char text[16 << 10];

	if (getpwuid_r(h->uid, &pw, text, sizeof(text), &found) != 0 || !found)
		return;
	h->user = arena_strdup(&h->arena, pw.pw_name);
	h->gecos = arena_strdup(&h->arena, pw.pw_gecos ? pw.pw_gecos : "");
	h->home = arena_strdup(&h->arena, pw.pw_dir ? pw.pw_dir : "/");
	h->shell = arena_strdup(&h->arena, pw.pw_shell ? pw.pw_shell : "");
}

static void user_find(struct host *h)
{
	auto_buf struct buf text = { 0 };
	struct passwd_entry pw;

	text_read(h, "/etc/passwd", &text);
	if (passwd_find(&pw, &h->arena, buf_str(&text), h->uid)) {
		h->user = pw.name;
		h->gecos = pw.gecos;
		h->home = pw.home;
		h->shell = pw.shell;
	} else if (h->rootfd == AT_FDCWD) {
		user_from_service(h);
	}
}

/* A group of ten thousand members needs a large buffer. */
static const char *group_from_service(struct host *h, gid_t gid)
{
	for (size_t size = 16 << 10; size <= 4 << 20; size *= 4) {
		auto_free char *text = xmalloc(size);
		struct group gr, *found = NULL;
		int r = getgrgid_r(gid, &gr, text, size, &found);

		if (r == 0)
			return found ? arena_strdup(&h->arena, gr.gr_name) : NULL;
		if (r != ERANGE)
			return NULL;
	}
	return NULL;
}

static void groups_find(struct host *h, const struct host_self *self)
{
	auto_buf struct buf text = { 0 };

	text_read(h, "/etc/group", &text);
	h->groups = arena_array(&h->arena, struct host_group, self->ngroups + 1);
	for (size_t i = 0; i <= self->ngroups; i++) {
		gid_t gid = i ? self->groups[i - 1] : h->gid;
		size_t j = 0;

		while (j < h->ngroups && h->groups[j].gid != gid)
			j++;
		if (j < h->ngroups)
			continue;
		h->groups[h->ngroups].gid = gid;
		h->groups[h->ngroups].name = group_find(&h->arena, buf_str(&text), gid);
		if (!h->groups[h->ngroups].name && h->rootfd == AT_FDCWD)
			h->groups[h->ngroups].name = group_from_service(h, gid);
		h->ngroups++;
	}
}

/* The directory as the user names it: $PWD when it leads to where we are, so that a
 * home behind a link keeps its name; else what the kernel says. */
static const char *cwd_read(struct host *h)
{
	const char *pwd = getenv("PWD");
	auto_free char *cwd = NULL;
	struct stat a, b;

	if (pwd && path_is_clean(pwd) && !stat(pwd, &a) && !stat(".", &b) && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino)
		return arena_strdup(&h->arena, pwd);
	cwd = getcwd(NULL, 0);
	/* "(unreachable)/x": the directory is outside of this root. */
	return cwd && cwd[0] == '/' ? arena_strdup(&h->arena, cwd) : NULL;
}

/* What the kernel knows of this process. */
static int self_read(struct host *h, struct host_self *self, struct err *e)
{
	int n = getgroups(0, NULL);
	gid_t *groups;

	if (n < 0)
		return err_sys(e, "getgroups");
	groups = arena_array(&h->arena, gid_t, (size_t)n + 1);
	n = getgroups(n, groups);
	if (n < 0)
		return err_sys(e, "getgroups");
	*self = (struct host_self){ .uid = getuid(),
				    .gid = getgid(),
				    .groups = groups,
				    .ngroups = (size_t)n,
				    .cwd = cwd_read(h),
				    .umask = umask(0),
				    .environ = environ };
	umask(self->umask);
	return 0;
}

int host_probe(struct host *out, int rootfd, const struct host_self *self, struct err *e)
{
	struct host_self own;

	*out = (struct host){ .rootfd = rootfd };
	if (!self) {
		if (self_read(out, &own, e) < 0)
			return -1;
		self = &own;
	}
	out->uid = self->uid;
	out->gid = self->gid;
	out->umask = self->umask;
	out->environ = self->environ;
	if (self->cwd)
		out->cwd = arena_strdup(&out->arena, self->cwd);
	user_find(out);
	groups_find(out, self);
	return 0;
}

/* Where fd, which was opened below the root, really lies. */
static const char *fd_real(struct host *h, int fd)
{
	char link[64], path[4096], root[4096];
	ssize_t n, m;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return NULL;
	path[n] = '\0';
	snprintf(link, sizeof(link), "/proc/self/fd/%d", h->rootfd);
	m = h->rootfd == AT_FDCWD ? 0 : readlink(link, root, sizeof(root) - 1);
	if (m < 0 || strncmp(path, root, (size_t)m) != 0)
		return NULL;
	return arena_strdup(&h->arena, path[m] ? path + m : "/");
}

/* st_blksize of every directory of autofs (fs/autofs/inode.c); others say 1024 rarely. */
#define AUTOFS_BLOCK 1024

/* A directory that an automounter has yet to mount: stat(2) does not make it do so (Linux 4.11),
 * nor does open_tree(2) in the namespaces of a container, where the mount would not appear.
 * LOOKUP_DIRECTORY does.  Fails or not, the bind will say. */
static void automount(const char *path, const struct stat *st)
{
	if (S_ISDIR(st->st_mode) && st->st_blksize == AUTOFS_BLOCK) {
		int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

		close_p_(&fd);
	}
}

void host_path_look(struct host_path *out, struct host *h, const char *path)
{
	bool own = h->rootfd == AT_FDCWD;
	struct stat st;
	auto_close int fd = -1;

	*out = (struct host_path){ .path = path };
	if (own && !lstat(path, &st) && !S_ISLNK(st.st_mode)) {
		automount(path, &st);
		out->mode = st.st_mode; /* the usual case costs one call */
		return;
	}
	fd = own ? open(path, O_PATH | O_CLOEXEC) : open_in_root(h->rootfd, path, O_PATH, 0);
	if (fd < 0 || fstat(fd, &st) < 0) {
		out->error = errno;
		return;
	}
	if (own)
		automount(path, &st);
	out->mode = st.st_mode;
	out->real = fd_real(h, fd);
	if (out->real && !strcmp(out->real, path))
		out->real = NULL;
}
