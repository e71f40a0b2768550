/* What a shell makes of the environment is read from /proc/PID/environ of a shell that took the
 * place of the program and stopped: no program of the image is needed but the /bin/sh that the
 * scripts need anyway. */
#include "src/flow/hand_over.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpi/handover.h"
#include "src/base/fd.h"
#include "src/enter/join.h"
#include "src/flow/berth_inside.h"

#define ENVIRON_MAX (8 << 20)
#define SHELL_WORDS 4 /* /bin/sh -c GLUE berth */

int hand_over_parse(int *sock, const char *text, struct err *e)
{
	struct stat st;
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 3 || n > 1 << 20 || fstat((int)n, &st) < 0 ||
	    !S_ISSOCK(st.st_mode))
		return err_set(e, ERR_USAGE, "--hand-over: %s is no open socket", text);
	*sock = (int)n;
	/* The keeper and its builder are not to hold it. */
	if (fcntl(*sock, F_SETFD, FD_CLOEXEC) < 0)
		return err_sys(e, "--hand-over");
	return 0;
}

/* plan_make() starts a program through the shell when the scripts need one. */
static bool needs_shell(const struct plan *p)
{
	return p->argv.n > SHELL_WORDS && !strcmp(p->argv.v[0], "/bin/sh") &&
	       !strcmp(p->argv.v[1], "-c") && !strcmp(p->argv.v[3], "berth") &&
	       strstr(p->argv.v[2], "berth_source");
}

static _Noreturn void shell_be(const struct plan *p, const struct ticket *t)
{
	char stop[] = "kill -STOP $$", sh[] = "/bin/sh", c[] = "-c";
	char *words[] = { sh, c, p->argv.v[2], p->argv.v[3], sh, c, stop, NULL };
	struct fault f;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (enter_join(t->fds, t->types, t->nfds, &f) < 0)
		_exit(126);
	for (size_t i = 0; i < p->cwd.n && chdir(p->cwd.v[i]) < 0; i++)
		;
	execve("/bin/sh", words, p->env.v);
	_exit(127);
}

static int environ_read(struct strv *out, pid_t pid, struct err *e)
{
	auto_free char *path = xasprintf("/proc/%ld/environ", (long)pid);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	auto_buf struct buf text = { 0 };

	if (fd < 0)
		return err_sys(e, "open %s", path);
	if (fd_read_all(fd, &text, ENVIRON_MAX, path, e) < 0)
		return -1;
	for (size_t at = 0; at < text.len; at += strlen(text.data + at) + 1)
		if (strchr(text.data + at, '='))
			strv_add(out, text.data + at);
	return 0;
}

/* The shell's own output is the user's to see. */
static int shell_environ(struct strv *out, const struct plan *p, const struct ticket *t,
			 struct err *e)
{
	pid_t pid = fork();
	int status = 0, r = -1;

	if (pid < 0)
		return err_sys(e, "fork");
	if (pid == 0)
		shell_be(p, t);
	while (waitpid(pid, &status, WUNTRACED) < 0 && errno == EINTR)
		;
	if (WIFSTOPPED(status)) {
		r = environ_read(out, pid, e);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	} else {
		err_set(e, ERR_INPUT, "%s: its environment scripts end the shell (status %d)",
			p->image, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	}
	return r;
}

static void record(struct buf *out, char kind, const char *text)
{
	buf_addch(out, kind);
	buf_add(out, text, strlen(text) + 1);
}

static bool list_has(char *const *list, const char *word)
{
	while (list && *list)
		if (!strcmp(*list++, word))
			return true;
	return false;
}

/* Variables of the engine's own request are the plugin's doing, not the task's. */
static void environ_text(struct buf *out, const struct strv *wanted, char *const *has)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (!list_has(has, wanted->v[i]))
			record(out, 'E', wanted->v[i]);
	for (; *has; has++) {
		auto_free char *key = xstrndup(*has, strcspn(*has, "="));

		if (!strv_env_get(wanted, key))
			record(out, 'U', key);
	}
}

static int text_file(const struct buf *text, struct err *e)
{
	auto_close int fd = memfd_create("berth", MFD_CLOEXEC);

	if (fd < 0 || fd_pwrite(fd, text->data, text->len, 0) < 0)
		return err_sys(e, "memory for the environment");
	return take_fd(&fd);
}

static int packet_send(int sock, const struct handover *h, const int *fds, size_t n, struct err *e)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE((HANDOVER_NS_MAX + 2) * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)h, sizeof(*h) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = CMSG_SPACE(n * sizeof(int)) };

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? err_sys(e, "hand the container over") : 0;
}

int hand_over(int sock, const struct plan *p, const struct ticket *t, char *const *environment,
	      struct err *e)
{
	struct handover h = { .magic = HANDOVER_MAGIC, .version = HANDOVER_VERSION };
	auto_strv struct strv shell = { 0 };
	auto_buf struct buf text = { 0 };
	auto_close int file = -1, inside = -1;
	int fds[HANDOVER_NS_MAX + 2];
	bool by_shell = needs_shell(p);
	size_t n = 0, first = by_shell ? SHELL_WORDS : 0;

	if (by_shell && shell_environ(&shell, p, t, e) < 0)
		return -1;
	environ_text(&text, by_shell ? &shell : &p->env, environment);
	for (size_t i = 0; i < p->cwd.n; i++) {
		auto_free char *dir = xasprintf("%s%s", p->cwd_required ? "!" : "", p->cwd.v[i]);

		record(&text, 'C', dir);
	}
	for (size_t i = first; i + 1 < p->argv.n; i++)
		record(&text, 'P', p->argv.v[i]);
	h.has_prefix = first + 1 < p->argv.n;
	file = text_file(&text, e);
	if (file < 0)
		return -1;
	fds[n++] = file;
	if (h.has_prefix) {
		inside = berth_inside_open(e);
		if (inside < 0)
			return -1;
		fds[n++] = inside;
	}
	for (; h.nns < t->nfds && h.nns < HANDOVER_NS_MAX; h.nns++) {
		h.types[h.nns] = t->types[h.nns];
		fds[n++] = t->fds[h.nns];
	}
	return packet_send(sock, &h, fds, n, e);
}
