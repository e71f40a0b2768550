#include "src/flow/overlay_create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/sif.h"
#include "src/base/fd.h"
#include "src/base/mem.h"
#include "src/base/path.h"
#include "src/flow/output.h"
#include "src/flow/program.h"
#include "src/flow/siftool.h"

void overlay_req_fini(struct overlay_req *r)
{
	strv_fini(&r->create_dirs);
}

/* upper/, work/ and what is wanted in upper/, below dirfd. */
static int tree_make(const struct overlay_req *r, int dirfd, struct err *e)
{
	for (size_t i = 0; i < r->create_dirs.n; i++)
		if (r->create_dirs.v[i][0] != '/')
			return err_set(e, ERR_USAGE, "--create-dir %s: give an absolute path",
				       r->create_dirs.v[i]);
	if (mkdirat(dirfd, "upper", 0755) < 0 || mkdirat(dirfd, "work", 0755) < 0)
		return err_sys(e, "make upper and work for %s", r->path);
	/* Whatever the umask: mke2fs has to read them, and the container to use them. */
	if (fchmodat(dirfd, "upper", 0755, 0) < 0 || fchmodat(dirfd, "work", 0755, 0) < 0)
		return err_sys(e, "make upper and work for %s", r->path);
	for (size_t i = 0; i < r->create_dirs.n; i++) {
		auto_free char *clean = path_clean("/", r->create_dirs.v[i]);
		auto_free char *below = path_join("upper", clean + 1);

		if (clean[1] && dir_make_all(dirfd, below, 0755, e) < 0)
			return err_wrap(e, "--create-dir %s", r->create_dirs.v[i]);
	}
	return 0;
}

/* What mke2fs says goes to the pipe, and from there into the error. */
static pid_t mke2fs_start(char *const argv[], int image, int said)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(said, STDOUT_FILENO);
	dup2(said, STDERR_FILENO);
	fcntl(image, F_SETFD, 0);
	execv(argv[0], argv);
	_exit(127);
}

/* -d takes the owners from the tree.  What a discard frees of a file are its reserved blocks. */
static int mke2fs(const char *tree, int image, const struct overlay_req *r, struct err *e)
{
	auto_free char *program = program_find("mke2fs");
	auto_strv struct strv argv = { 0 };
	auto_close int in = -1, out = -1;
	auto_buf struct buf said = { 0 };
	int status = -1, pipes[2];
	pid_t pid;

	if (!program)
		return err_set(e, ERR_UNSUPPORTED,
			       "an ext3 overlay is made by mke2fs, which is not installed (package "
			       "e2fsprogs); --dir makes a directory overlay without it");
	strv_add(&argv, program);
	strv_split(&argv, "-q -F -t ext3", ' ');
	if (!r->sparse)
		strv_split(&argv, "-E nodiscard", ' ');
	strv_add(&argv, "-d");
	strv_add(&argv, tree);
	strv_addf(&argv, "/proc/self/fd/%d", image);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(e, "pipe for mke2fs");
	in = pipes[0];
	out = pipes[1];
	pid = mke2fs_start(strv_list(&argv), image, out);
	close_p_(&out);
	out = -1;
	if (pid < 0)
		return err_sys(e, "start %s", program);
	if (fd_read_all(in, &said, 65536, "mke2fs", e) < 0)
		buf_clear(&said);
	close_p_(&in);
	in = -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0)
		return 0;
	return err_set(e, ERR_HOST, "%s has failed: %.*s", program,
		       (int)MIN(strcspn(buf_str(&said), "\n"), 300), buf_str(&said));
}

static int image_size(int fd, const struct overlay_req *r, struct err *e)
{
	off_t size = (off_t)(r->size ? r->size : OVERLAY_SIZE_LEAST) << 20;
	int sys = r->sparse ? (ftruncate(fd, size) < 0 ? errno : 0) : posix_fallocate(fd, 0, size);

	errno = sys;
	return sys ? err_sys(e, "reserve %lld MiB for %s", (long long)(size >> 20), r->path) : 0;
}

/* The file system in out->fd, not under its name yet. */
static int image_make(struct output *out, const struct overlay_req *r, struct err *e)
{
	auto_free char *tree = output_private_dir(out);
	auto_close int dirfd = -1;
	struct stat st;
	int done = -1;

	if (output_create(out, e) < 0)
		return -1;
	/* A layer is no program, and mke2fs opens it again, whatever the umask. */
	if (fstat(out->fd, &st) < 0 || fchmod(out->fd, (st.st_mode & 0666) | 0600) < 0)
		return err_sys(e, "create a file in %s", out->dir);
	if (image_size(out->fd, r, e) < 0)
		return -1;
	if (mkdir(tree, 0700) < 0 || chmod(tree, 0700) < 0)
		return err_sys(e, "make a directory for %s", r->path);
	dirfd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		err_sys(e, "open %s", tree);
	else if (tree_make(r, dirfd, e) == 0)
		done = mke2fs(tree, out->fd, r, e);
	output_remove_tree(AT_FDCWD, tree);
	return done;
}

static int directory_make(const struct overlay_req *r, struct err *e)
{
	auto_close int fd = -1;

	if (mkdir(r->path, 0777) < 0 && errno != EEXIST)
		return err_sys(e, "make %s", r->path);
	fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open %s", r->path);
	if (faccessat(fd, "upper", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(e, ERR_EXISTS, "%s is an overlay already: it has an upper directory",
			       r->path);
	return tree_make(r, fd, e);
}

/* The rules of Apptainer, whose --writable would use the partition. */
static int sif_fit(const struct sif *s, const char *path, struct err *e)
{
	const struct sif_object *p = sif_primary(s);

	if (!p)
		return err_set(e, ERR_INPUT, "%s has no system partition to lay an overlay over",
			       path);
	if (sif_find(s, SIF_SIGNATURE, NULL))
		return err_set(
			e, ERR_UNSUPPORTED,
			"%s is signed, and an overlay in it would change: make one beside it",
			path);
	if (p->fs == SIF_FS_LUKS || p->fs == SIF_FS_GOCRYPTFS)
		return err_set(
			e, ERR_UNSUPPORTED,
			"%s is encrypted, and an overlay in it would not be: make one beside "
			"it",
			path);
	for (size_t i = 0; i < s->n; i++)
		if (s->obj[i].type == SIF_PARTITION && s->obj[i].part == SIF_PART_OVERLAY &&
		    s->obj[i].fs == SIF_FS_EXT3)
			return err_set(
				e, ERR_EXISTS,
				"%s has a writable overlay already: object %u (berth sif del "
				"removes it)",
				path, s->obj[i].id);
	return 0;
}

static int sif_overlay(const struct sif *s, const struct overlay_req *r, struct err *e)
{
	auto_output struct output out = { 0 };
	auto_free char *data = NULL;
	const struct sif_object *p = sif_primary(s);
	struct sif_add_req add = { .path = r->path,
				   .datatype = SIF_PARTITION - SIF_DEFFILE + 1,
				   .parttype = SIF_PART_OVERLAY,
				   .partfs = SIF_FS_EXT3,
				   .filename = "overlay.img" };

	if (output_check(&out, r->path, true, e) < 0 || image_make(&out, r, e) < 0)
		return -1;
	data = xasprintf("/proc/self/fd/%d", out.fd);
	add.file = data;
	add.partarch = (unsigned)strtoul(p->arch, NULL, 10);
	add.groupid = p->group;
	return flow_sif_add(&add, e);
}

int flow_overlay_create(const struct overlay_req *r, struct err *e)
{
	auto_output struct output out = { 0 };
	auto_sif struct sif *s = NULL;
	auto_close int old = -1;
	int no_sif;

	if (r->dir && (r->size || r->sparse))
		return err_set(e, ERR_USAGE,
			       "--dir excludes --size and --sparse: a directory has no size");
	if (r->size && (r->size < OVERLAY_SIZE_LEAST || r->size > 64u << 20))
		return err_set(e, ERR_USAGE, "--size %u: give %d to %u MiB", r->size,
			       OVERLAY_SIZE_LEAST, 64u << 20);
	if (r->dir)
		return directory_make(r, e);
	old = open(r->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (old < 0)
		return output_check(&out, r->path, false, e) < 0 || image_make(&out, r, e) < 0
			       ? -1
			       : output_publish(&out, e);
	no_sif = sif_read(&s, old, e);
	if (no_sif < 0)
		return err_wrap(e, "%s", r->path);
	if (no_sif)
		return err_set(e, ERR_EXISTS, "%s is there already and no SIF: remove it first",
			       r->path);
	return sif_fit(s, r->path, e) < 0 ? -1 : sif_overlay(s, r, e);
}
