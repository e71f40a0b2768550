#include "src/enter/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"

#define TEXT_MAX (1 << 20)

void cgroup_fini(struct cgroup *c)
{
	free(c->dir);
	close_p_(&c->procs);
	*c = (struct cgroup){ .procs = -1 };
}

static char *text_of(const char *dir, const char *name)
{
	auto_free char *path = path_join(dir, name);
	auto_buf struct buf text = { 0 };
	struct err ignored;

	return file_read(AT_FDCWD, path, &text, TEXT_MAX, &ignored) == 0 ? buf_take(&text) : NULL;
}

static int text_write(const char *dir, const char *name, const char *text)
{
	auto_free char *path = path_join(dir, name);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : fd_write(fd, text, strlen(text));
}

/* Where the hierarchy of version 2 is mounted: /sys/fs/cgroup, or unified below it.  NULL: nowhere.
 */
static char *mount_point(const char *root)
{
	auto_free char *mounts = text_of(root, "proc/self/mountinfo");
	auto_strv struct strv lines = { 0 };

	strv_split(&lines, mounts ? mounts : "", '\n');
	for (size_t i = 0; i < lines.n; i++) {
		auto_strv struct strv words = { 0 };

		if (!strstr(lines.v[i], " - cgroup2 "))
			continue;
		strv_split(&words, lines.v[i], ' ');
		if (words.n > 4 && !strcmp(words.v[3], "/"))
			return path_join(root, words.v[4]);
	}
	return NULL;
}

/* The caller's own cgroup there. */
static char *own_path(const char *root)
{
	auto_free char *text = text_of(root, "proc/self/cgroup");
	auto_strv struct strv lines = { 0 };

	strv_split(&lines, text ? text : "", '\n');
	for (size_t i = 0; i < lines.n; i++)
		if (str_has_prefix(lines.v[i], "0::/"))
			return xstrdup(lines.v[i] + strlen("0::"));
	return NULL;
}

static bool has_word(const char *text, const char *word)
{
	auto_strv struct strv words = { 0 };
	auto_free char *line = text ? xstrndup(text, strcspn(text, "\n")) : NULL;

	strv_split(&words, line ? line : "", ' ');
	return strv_has(&words, word);
}

/* "memory.max=1" -> "memory" */
static void controllers_needed(struct strv *out, const struct strv *files)
{
	for (size_t i = 0; i < files->n; i++) {
		auto_free char *name = xstrndup(files->v[i], strcspn(files->v[i], ".="));

		if (!strv_has(out, name))
			strv_add(out, name);
	}
}

static bool is_delegated(const char *dir)
{
	auto_free char *procs = path_join(dir, "cgroup.procs");

	return access(dir, W_OK | X_OK) == 0 && access(procs, W_OK) == 0;
}

/* 0: all are in force for children of dir; 1: not here.  A cgroup with processes of its own cannot
 * have them (EBUSY). */
static int controllers_enable(const char *dir, const struct strv *need, const char **lacks)
{
	auto_free char *there = text_of(dir, "cgroup.controllers");
	auto_free char *active = text_of(dir, "cgroup.subtree_control");

	for (size_t i = 0; i < need->n; i++) {
		auto_free char *plus = xasprintf("+%s", need->v[i]);

		if (has_word(active, need->v[i]))
			continue;
		if (!has_word(there, need->v[i])) {
			*lacks = need->v[i];
			return 1;
		}
		if (text_write(dir, "cgroup.subtree_control", plus) < 0)
			return 1;
	}
	return 0;
}

static int child_make(struct cgroup *c, const char *parent, const struct strv *files, struct err *e)
{
	auto_free char *procs = NULL;
	unsigned n = 0;

	do {
		free(c->dir);
		c->dir = xasprintf("%s/berth-%ld-%u", parent, (long)getpid(), n++);
	} while (mkdir(c->dir, 0755) < 0 && errno == EEXIST && n < 1000);
	for (size_t i = 0; i < files->n; i++) {
		auto_free char *name = xstrndup(files->v[i], strcspn(files->v[i], "="));

		if (text_write(c->dir, name, files->v[i] + strlen(name) + 1) < 0) {
			err_sys(e, "limit %s in %s", files->v[i], c->dir);
			rmdir(c->dir);
			return -1;
		}
	}
	procs = path_join(c->dir, "cgroup.procs");
	c->procs = open(procs, O_WRONLY | O_CLOEXEC);
	if (c->procs >= 0)
		return 0;
	err_sys(e, "%s", procs);
	rmdir(c->dir);
	return -1;
}

/* Read through the descriptor that is polled: the kernel notifies of what it has not seen. */
static bool is_empty(int events)
{
	char text[256];
	ssize_t n = pread(events, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return !strstr(text, "populated 1");
}

/* Until the launcher has gone or become the program, an empty cgroup is a new one. */
static _Noreturn void watch(const char *dir, int launcher)
{
	auto_free char *path = path_join(dir, "cgroup.events");
	struct pollfd p[2] = { { .fd = open(path, O_RDONLY | O_CLOEXEC), .events = POLLPRI },
			       { .fd = launcher, .events = POLLIN } };

	while (!is_empty(p[0].fd) || p[1].fd >= 0) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			p[1].fd = -1;
	}
	rmdir(dir);
	_exit(0);
}

/* Twice forked, out of the job's sight: no descriptor of the job's, no signal of its terminal. */
static int watcher_start(const char *dir, struct err *e)
{
	int launcher = (int)syscall(SYS_pidfd_open, getpid(), 0);
	pid_t pid = launcher < 0 ? -1 : fork();

	if (pid == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
		for (int sig = 1; sig <= SIGRTMAX; sig++)
			if (sig != SIGCHLD)
				signal(sig, SIG_IGN);
		dup2(launcher, 3);
		syscall(SYS_close_range, 4U, ~0U, 0);
		for (int fd = 0; fd < 3; fd++)
			close(fd);
		if (chdir("/") < 0)
			_exit(1);
		prctl(PR_SET_NAME, "berth-cgroup");
		watch(dir, 3);
	}
	close_p_(&launcher);
	if (pid < 0)
		return err_sys(e, "start the process that removes %s", dir);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

static int refuse(const char *own, const char *lacks, struct err *e)
{
	if (lacks)
		return err_set(
			e, ERR_HOST,
			"limits: the controller \"%s\" is not in the delegated part of cgroup "
			"version 2; an administrator: systemctl edit user@.service, there "
			"[Service] Delegate=cpu cpuset io memory pids",
			lacks);
	return err_set(
		e, ERR_HOST,
		"limits need a delegated cgroup of version 2, and %s has no ancestor that you may "
		"write to and that has no processes of its own; try systemd-run --user --scope "
		"-p Delegate=yes, or ask an administrator: systemctl edit user@.service, there "
		"[Service] Delegate=cpu cpuset io memory pids",
		own);
}

static int no_cgroups(struct err *e)
{
	return err_set(e, ERR_HOST,
		       "limits need cgroup version 2, which is not mounted here; an "
		       "administrator: boot with systemd.unified_cgroup_hierarchy=1");
}

/* As controllers_enable() would, without a try: a cgroup with processes has what it has. */
static bool could_enable(const char *dir, const struct strv *need, const char **lacks)
{
	auto_free char *there = text_of(dir, "cgroup.controllers");
	auto_free char *active = text_of(dir, "cgroup.subtree_control");
	auto_free char *procs = text_of(dir, "cgroup.procs");

	for (size_t i = 0; i < need->n; i++) {
		if (has_word(active, need->v[i]))
			continue;
		if (!has_word(there, need->v[i])) {
			*lacks = need->v[i];
			return false;
		}
		if (procs && *procs)
			return false;
	}
	return true;
}

int cgroup_delegated(const char *root, const struct strv *controllers, struct err *e)
{
	auto_free char *top = mount_point(root);
	auto_free char *own = own_path(root);
	const char *lacks = NULL;

	if (!top || !own)
		return no_cgroups(e);
	auto_free char *dir = xasprintf("%s%s", top, strcmp(own, "/") ? own : "");

	for (; strlen(dir) > strlen(top) && is_delegated(dir); *strrchr(dir, '/') = '\0')
		if (could_enable(dir, controllers, &lacks))
			return 0;
	return refuse(own, lacks, e);
}

int cgroup_make(struct cgroup *c, const char *root, const struct strv *files, struct err *e)
{
	auto_free char *top = mount_point(root);
	auto_free char *own = own_path(root);
	auto_strv struct strv need = { 0 };
	const char *lacks = NULL;

	c->procs = -1;
	if (!top || !own)
		return no_cgroups(e);
	controllers_needed(&need, files);
	auto_free char *dir = xasprintf("%s%s", top, strcmp(own, "/") ? own : "");

	for (; strlen(dir) > strlen(top); *strrchr(dir, '/') = '\0') {
		if (!is_delegated(dir))
			break;
		if (controllers_enable(dir, &need, &lacks) == 0) {
			if (child_make(c, dir, files, e) < 0)
				return -1;
			return strcmp(root, "/") ? 0 : watcher_start(c->dir, e);
		}
	}
	return refuse(own, lacks, e);
}

int cgroup_enter(int procs)
{
	return write(procs, "0", 1) == 1 ? 0 : -1;
}
