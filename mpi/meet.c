#include "mpi/meet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "mpi/found.h"
#include "mpi/share.h"
#include "src/base/fd.h"

#define MAGIC		 0x48545242u /* "BRTH" */
#define HELLO		 100
#define CRASHES_MAX	 8	/* keepers that end before they answered, until we say so */
#define NAP_NS		 250000 /* while a keeper does not listen yet */
#define SILENT_NAME_MS	 5000	/* a name that is held, but by nobody who answers */
#define STATE_MS	 2000	/* how often a waiting member looks at the keeper's state */
#define UNKNOWN_STATE_MS 60000	/* the keeper is in another PID namespace */

struct message {
	uint32_t magic, version, kind, nfds;
	uint32_t types[MEET_FDS];
	uint32_t len;
	uint8_t data[MEET_DATA];
};
#define HEAD offsetof(struct message, data)

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(MEET_FDS * sizeof(int))];
};

void ticket_fini(struct ticket *t)
{
	for (size_t i = 0; i < t->nfds; i++)
		close_p_(&t->fds[i]);
	t->nfds = 0;
}

static int message_send(int sock, const struct message *m, const int *fds)
{
	union control c = { 0 };
	struct iovec iov = { (void *)m, HEAD + m->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *h = &c.align;
	ssize_t n;

	if (m->nfds) {
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(m->nfds * sizeof(int));
		memcpy(CMSG_DATA(h), fds, m->nfds * sizeof(int));
		msg.msg_control = &c;
		msg.msg_controllen = CMSG_SPACE(m->nfds * sizeof(int));
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* The length of what came, 0 when the peer is gone, -1.  All descriptors are in fds. */
static ssize_t message_recv(int sock, struct message *m, int *fds, size_t *nfds)
{
	union control c = { 0 };
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};
	struct cmsghdr *h;
	ssize_t n;

	*m = (struct message){ 0 };
	*nfds = 0;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET || errno == EPIPE ? 0 : -1;
	h = CMSG_FIRSTHDR(&msg);
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
		*nfds = MIN((h->cmsg_len - CMSG_LEN(0)) / sizeof(int), (size_t)MEET_FDS);
		memcpy(fds, CMSG_DATA(h), *nfds * sizeof(int));
	}
	return n;
}

int ticket_send(int sock, const struct ticket *t)
{
	struct message m = { .magic = MAGIC,
			     .version = SHARE_VERSION,
			     .kind = t->kind,
			     .nfds = (uint32_t)t->nfds,
			     .len = (uint32_t)t->len };

	for (size_t i = 0; i < t->nfds; i++)
		m.types[i] = t->types[i];
	memcpy(m.data, t->data, t->len);
	return message_send(sock, &m, t->fds);
}

static bool is_ticket(const struct message *m, size_t n, size_t nfds)
{
	return n >= HEAD && m->magic == MAGIC && m->version == SHARE_VERSION &&
	       m->kind <= TICKET_REFUSED && m->len <= MEET_DATA && n == HEAD + m->len &&
	       m->nfds == nfds && (m->kind != TICKET_OPEN || nfds > 0);
}

int ticket_recv(int sock, struct ticket *t, int *fuse)
{
	struct message m;
	ssize_t n = message_recv(sock, &m, t->fds, &t->nfds);

	if (n <= 0) {
		ticket_fini(t);
		return n < 0 ? -1 : 1;
	}
	if (fuse && n == 1 && t->nfds == 1) {
		*fuse = t->fds[0];
		t->nfds = 0;
		return 2;
	}
	if (!is_ticket(&m, (size_t)n, t->nfds)) {
		ticket_fini(t);
		return 3;
	}
	t->kind = m.kind;
	for (size_t i = 0; i < t->nfds; i++)
		t->types[i] = m.types[i];
	t->len = m.len;
	memcpy(t->data, m.data, m.len);
	return 0;
}

int hello_recv(int sock, int *pidfd)
{
	struct message m;
	int fds[MEET_FDS];
	size_t nfds;
	ssize_t n = message_recv(sock, &m, fds, &nfds);

	if (n >= (ssize_t)HEAD && m.magic == MAGIC && m.kind == HELLO && nfds == 1) {
		*pidfd = fds[0];
		return 0;
	}
	while (nfds)
		close(fds[--nfds]);
	return -1;
}

static int hello_send(int sock, pid_t member)
{
	struct message m = { .magic = MAGIC, .version = SHARE_VERSION, .kind = HELLO, .nfds = 1 };
	auto_close int who = (int)syscall(SYS_pidfd_open, member ? member : getpid(), 0);

	return who < 0 ? -1 : message_send(sock, &m, &who);
}

static socklen_t address(struct sockaddr_un *a, const char *name)
{
	size_t n = strlen(name);

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = MIN(n, sizeof(a->sun_path) - 1);
	memcpy(a->sun_path + 1, name, n);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
}

static int connect_to(const char *name)
{
	const struct timeval limit = { .tv_sec = SILENT_NAME_MS / 1000 };
	auto_close int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	socklen_t len = address(&a, name);

	/* How long to wait in front of a full backlog. */
	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -1;
	return connect(sock, (void *)&a, len) < 0 ? -1 : take_fd(&sock);
}

static int bind_to(const char *name)
{
	auto_close int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	socklen_t len = address(&a, name);

	return sock < 0 || bind(sock, (void *)&a, len) < 0 ? -1 : take_fd(&sock);
}

/* 'T' and the like from /proc/PID/stat; '?' when it cannot be told. */
static char process_state(pid_t pid)
{
	char path[64], text[512];
	auto_close int fd = -1;
	const char *end;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return '?';
	text[n] = '\0';
	end = strrchr(text, ')');
	return end && end[1] == ' ' && end[2] ? end[2] : '?';
}

/* 0 something came, 2 with the reason when nothing will. */
static int wait_for_keeper(int sock, pid_t pid, struct err *e)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int stopped = 0, waited = 0;

	for (;;) {
		int r = poll(&p, 1, STATE_MS);
		char state;

		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR) {
			err_sys(e, "wait for the keeper");
			return 2;
		}
		state = process_state(pid);
		/* Twice: whoever was stopped together with it may run a moment earlier. */
		stopped = state == 'T' || state == 't' ? stopped + 1 : 0;
		waited += state == '?' ? STATE_MS : 0;
		if (stopped < 2 && waited < UNKNOWN_STATE_MS)
			continue;
		err_set(e, ERR_HOST,
			stopped ? "its keeper, process %ld, is stopped"
				: "its keeper, process %ld, does not answer",
			(long)pid);
		return 2;
	}
}

/* 0 a ticket, 1 the keeper is gone, 2 no sharing, -1. */
static int ask(int sock, struct ticket *t, pid_t member, struct err *e)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int r;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return err_sys(e, "who keeps the container");
	if (peer.uid != geteuid()) {
		err_set(e, ERR_HOST, "its name is held by a process of user %lu",
			(unsigned long)peer.uid);
		return 2;
	}
	if (hello_send(sock, member) < 0)
		return errno == EPIPE || errno == ECONNRESET ? 1 : err_sys(e, "greet the keeper");
	r = wait_for_keeper(sock, peer.pid, e);
	if (r)
		return r;
	r = ticket_recv(sock, t, NULL);
	if (r < 0)
		return err_sys(e, "the keeper's answer");
	if (r == 3) {
		err_set(e, ERR_HOST, "its keeper, process %ld, is another version of berth",
			(long)peer.pid);
		return 2;
	}
	return r;
}

/* What a ticket means for the one who asked. */
static int outcome(const struct ticket *t, struct err *e)
{
	if (t->kind == TICKET_OPEN)
		return 0;
	if (t->kind == TICKET_FAULT)
		return 1;
	if (t->len != sizeof(*e))
		return err_set(e, ERR_SYS, "the keeper failed and did not say why");
	memcpy(e, t->data, sizeof(*e));
	e->text[sizeof(e->text) - 1] = '\0';
	return t->kind == TICKET_REFUSED ? 2 : -1;
}

int meet(struct ticket *t, const char *name, const struct founding *w, struct err *e)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	int crashes = 0, naps = 0, r;

	*t = (struct ticket){ 0 };
	for (;;) {
		auto_close int sock = connect_to(name), listener = -1;

		if (sock >= 0) {
			r = ask(sock, t, w->member, e);
			if (r == 0)
				return outcome(t, e);
			if (r != 1)
				return r;
			if (++crashes == CRASHES_MAX)
				return err_set(e, ERR_SYS,
					       "the process that makes the container ended %d "
					       "times before it was ready",
					       crashes);
			continue;
		}
		if (errno != ECONNREFUSED) {
			err_sys(e, "its keeper cannot be reached");
			return 2;
		}
		listener = bind_to(name);
		if (listener >= 0) {
			t->founder = true;
			if (keeper_found(listener, w, e) < 0)
				return -1;
		} else if (errno != EADDRINUSE) {
			err_sys(e, "name for the keeper");
			return 2;
		} else if (++naps > SILENT_NAME_MS / 1000 * (1000000000 / NAP_NS) / 2) {
			err_set(e, ERR_HOST, "its name is held by a process that does not answer");
			return 2;
		} else {
			nanosleep(&nap, NULL);
		}
	}
}
