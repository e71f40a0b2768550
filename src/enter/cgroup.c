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
	free(c->leaf);
	strv_fini(&c->enabled);
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

static bool is_busy(const char *dir)
{
	auto_free char *procs = text_of(dir, "cgroup.procs");

	return procs && *procs;
}

static bool holds_only(const char *dir, pid_t pid)
{
	auto_free char *procs = text_of(dir, "cgroup.procs");
	auto_free char *own = xasprintf("%ld\n", (long)pid);

	return procs && !strcmp(procs, own);
}

/* 0: all are in force for children of dir, which has no processes of its own; 1: not here. */
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

/* systemd-run --scope -p Delegate=yes: the cgroup is ours and holds nobody else, but one with
 * processes cannot hand controllers on.  So this process moves into a leaf.  0 done, 1 not so. */
static int leaf_make(struct cgroup *c, const char *dir, const struct strv *need, const char **lacks)
{
	if (!holds_only(dir, getpid()))
		return 1;
	c->leaf = xasprintf("%s/berth-launcher-%ld", dir, (long)getpid());
	if (mkdir(c->leaf, 0755) < 0 || text_write(c->leaf, "cgroup.procs", "0") < 0 ||
	    controllers_enable(dir, need, lacks) != 0) {
		text_write(dir, "cgroup.procs", "0");
		rmdir(c->leaf);
		free(take_ptr(c->leaf));
		return 1;
	}
	for (size_t i = 0; i < need->n; i++)
		strv_add(&c->enabled, need->v[i]);
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

/* One try; what is still ending in the leaf keeps it (EBUSY). */
static bool leaf_undone(const char *parent, const char *leaf, const struct strv *enabled)
{
	auto_free char *procs = text_of(leaf, "cgroup.procs");
	auto_strv struct strv pids = { 0 };

	for (size_t i = 0; i < enabled->n; i++) {
		auto_free char *minus = xasprintf("-%s", enabled->v[i]);

		text_write(parent, "cgroup.subtree_control", minus);
	}
	strv_split(&pids, procs ? procs : "", '\n');
	for (size_t i = 0; i < pids.n; i++)
		if (*pids.v[i])
			text_write(parent, "cgroup.procs", pids.v[i]);
	return rmdir(leaf) == 0 || errno != EBUSY;
}

/* A scope whose only process was the launcher: what leaf_make() did is undone once the container
 * has gone, with this process and the keeper, which stand in the leaf. */
static void leaf_undo(const struct cgroup *c)
{
	auto_free char *parent = path_dir(c->leaf);

	for (int i = 0; i < 200 && !leaf_undone(parent, c->leaf, &c->enabled); i++)
		poll(NULL, 0, 25);
}

/* Until the launcher has gone or become the program, an empty cgroup is a new one. */
static _Noreturn void watch(const struct cgroup *c, int launcher)
{
	auto_free char *path = path_join(c->dir, "cgroup.events");
	struct pollfd p[2] = { { .fd = open(path, O_RDONLY | O_CLOEXEC), .events = POLLPRI },
			       { .fd = launcher, .events = POLLIN } };

	while (!is_empty(p[0].fd) || p[1].fd >= 0) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			p[1].fd = -1;
	}
	rmdir(c->dir);
	if (c->leaf)
		leaf_undo(c);
	_exit(0);
}

/* Twice forked, out of the job's sight: no descriptor of the job's, no signal of its terminal. */
static int watcher_start(const struct cgroup *c, struct err *e)
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
		watch(c, 3);
	}
	close_p_(&launcher);
	if (pid < 0)
		return err_sys(e, "start the process that removes %s", c->dir);
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
		"write to and that has no processes but Berth's own; try systemd-run --user "
		"--scope "
		"-p Delegate=yes berth ..., or ask an administrator: systemctl edit user@.service, "
		"there "
		"[Service] Delegate=cpu cpuset io memory pids",
		own);
}

static int no_cgroups(struct err *e)
{
	return err_set(e, ERR_HOST,
		       "limits need cgroup version 2, which is not mounted here; an "
		       "administrator: boot with systemd.unified_cgroup_hierarchy=1");
}

/* Would cgroup_make() find its place here? */
static bool could_enable(const char *dir, const struct strv *need, const char **lacks)
{
	auto_free char *there = text_of(dir, "cgroup.controllers");
	auto_free char *active = text_of(dir, "cgroup.subtree_control");

	if (is_busy(dir) && !holds_only(dir, getpid()))
		return false;
	for (size_t i = 0; i < need->n; i++)
		if (!has_word(active, need->v[i]) && !has_word(there, need->v[i])) {
			*lacks = need->v[i];
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
		/* With processes in it memory and the like are refused (EBUSY), and pids and cpu
		 * are not, but make children that no process can enter ("domain invalid"). */
		if ((is_busy(dir) ? leaf_make(c, dir, &need, &lacks)
				  : controllers_enable(dir, &need, &lacks)) == 0) {
			if (child_make(c, dir, files, e) < 0)
				return -1;
			return strcmp(root, "/") ? 0 : watcher_start(c, e);
		}
	}
	return refuse(own, lacks, e);
}

int cgroup_enter(int procs)
{
	return write(procs, "0", 1) == 1 ? 0 : -1;
}
