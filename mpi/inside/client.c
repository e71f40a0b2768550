/* client: asks the host's side for a command of the batch system (mpi/batch.h). */
#include "mpi/inside/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpi/batch.h"

#define FAILED 125

static int fail(const char *what)
{
	dprintf(2, "berth: --slurm: %s: %s\n", what, strerror(errno));
	return FAILED;
}

static int word(int fd, const char *text, uint32_t *len)
{
	size_t n = strlen(text) + 1;

	if (*len + n > BATCH_WORDS || write(fd, text, n) != (ssize_t)n)
		return -1;
	*len += (uint32_t)n;
	return 0;
}

static int words_file(struct batch_request *r, int argc, char **argv)
{
	int fd = memfd_create("berth-words", MFD_CLOEXEC);
	char cwd[4096];

	if (fd < 0 || !getcwd(cwd, sizeof(cwd)) || word(fd, cwd, &r->len) < 0)
		return -1;
	for (int i = 0; i < argc; i++)
		if (word(fd,
			 i			 ? argv[i]
			 : strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1
						 : argv[0],
			 &r->len) < 0)
			return -1;
	r->argc = (uint32_t)argc;
	for (char **v = environ; *v; v++)
		if (batch_is_lent(*v) && r->envc < BATCH_ARGS) {
			if (word(fd, *v, &r->len) < 0)
				return -1;
			r->envc++;
		}
	return fd;
}

static int ask(int sock, int argc, char **argv)
{
	struct batch_request r = { .magic = BATCH_MAGIC, .kind = BATCH_RUN };
	int fds[4] = { 0, 1, 2, words_file(&r, argc, argv) };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = { 0 };
	struct iovec iov = { &r, sizeof(r) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = CMSG_SPACE(sizeof(fds)) };

	if (fds[3] < 0)
		return -1;
	r.umask = umask(0);
	umask((mode_t)r.umask);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&control.align), fds, sizeof(fds));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int connect_proxy(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = BATCH_DIR "/socket" };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	return sock < 0 || connect(sock, (void *)&a, sizeof(a)) < 0 ? -1 : sock;
}

/* As the command ended, so does this. */
static int end_as(const struct batch_reply *r)
{
	if (r->text[0]) {
		dprintf(2, "berth: --slurm: %.*s\n", (int)sizeof(r->text) - 1, r->text);
		return FAILED;
	}
	if (WIFSIGNALED(r->status)) {
		sigset_t all;

		signal(WTERMSIG(r->status), SIG_DFL);
		sigemptyset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		raise(WTERMSIG(r->status));
		return 128 + WTERMSIG(r->status);
	}
	return WEXITSTATUS(r->status);
}

int client_main(int argc, char **argv)
{
	static const int handed_on[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT
	};
	struct batch_reply reply = { 0 };
	struct pollfd p[2];
	sigset_t set;
	int sock;

	/* The standard descriptors are sent, so they have to be there, and be nothing of ours. */
	for (int fd; (fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0;)
		if (fd > STDERR_FILENO) {
			close(fd);
			break;
		}
	sock = connect_proxy();
	if (sock < 0)
		return fail("the host's side does not answer");
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(handed_on) / sizeof(*handed_on); i++)
		sigaddset(&set, handed_on[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p[0] = (struct pollfd){ sock, POLLIN, 0 };
	p[1] = (struct pollfd){ signalfd(-1, &set, SFD_CLOEXEC), POLLIN, 0 };
	if (ask(sock, argc, argv) < 0)
		return fail("ask the host's side");
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return fail("poll");
		if (p[1].revents & POLLIN) {
			struct signalfd_siginfo s;
			int32_t n = read(p[1].fd, &s, sizeof(s)) > 0 ? (int32_t)s.ssi_signo : 0;

			send(sock, &n, sizeof(n), MSG_NOSIGNAL);
		}
		if (p[0].revents) {
			errno = EPIPE;
			if (recv(sock, &reply, sizeof(reply), 0) != sizeof(reply))
				return fail("the host's side is gone");
			return end_as(&reply);
		}
	}
}
