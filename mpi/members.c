#include "mpi/members.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CPUS_MAX 8192

/* In the upper half of epoll's data: what the descriptor in the lower half is. */
enum kind { DOOR, GUEST, MEMBER };

static int watch(struct members *m, int fd, enum kind kind)
{
	struct epoll_event ev = { .events = EPOLLIN,
				  .data.u64 = (uint64_t)kind << 32 | (uint32_t)fd };

	return epoll_ctl(m->events, EPOLL_CTL_ADD, fd, &ev);
}

/* The founder's binding is one rank's: a keeper that stays on it would serve a whole node
 * from one CPU and take that CPU from its rank.  What all members may use together is
 * what the job has here. */
static void widen(pid_t member)
{
	static cpu_set_t *all;
	size_t size = CPU_ALLOC_SIZE(CPUS_MAX);
	cpu_set_t *its = CPU_ALLOC(CPUS_MAX), *both = CPU_ALLOC(CPUS_MAX);
	struct dirent *d;
	DIR *tasks;

	if (!all) {
		all = CPU_ALLOC(CPUS_MAX);
		CPU_ZERO_S(size, all);
		sched_getaffinity(0, size, all);
	}
	CPU_ZERO_S(size, its);
	if (sched_getaffinity(member, size, its) < 0)
		CPU_ZERO_S(size, its);
	CPU_OR_S(size, both, all, its);
	if (!CPU_EQUAL_S(size, both, all)) {
		memcpy(all, both, size);
		tasks = opendir("/proc/self/task");
		while (tasks && (d = readdir(tasks)))
			if (d->d_name[0] != '.')
				sched_setaffinity(atoi(d->d_name), size, all);
		if (tasks)
			closedir(tasks);
	}
	CPU_FREE(its);
	CPU_FREE(both);
}

static void door(struct members *m)
{
	for (;;) {
		int sock = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (sock < 0)
			return;
		if (watch(m, sock, GUEST) < 0)
			close(sock);
	}
}

static void refuse(int sock, const char *why)
{
	struct ticket t = { .kind = TICKET_REFUSED, .len = sizeof(struct err) };
	struct err e = { 0 };

	err_set(&e, ERR_LIMIT, "%s", why);
	memcpy(t.data, &e, sizeof(e));
	ticket_send(sock, &t);
}

/* 1 when it was the founder. */
static void guest(struct members *m, int sock, bool *founder_answered)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);
	int pidfd = -1;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || who.uid != geteuid()) {
		close(sock);
		return;
	}
	if (hello_recv(sock, &pidfd) < 0) {
		/* A process of ours without its pidfd: we have too many files open. */
		refuse(sock, "its keeper cannot take more members (ulimit -n)");
		close(sock);
		return;
	}
	if (m->ticket->kind == TICKET_OPEN) {
		if (watch(m, pidfd, MEMBER) == 0)
			m->n++;
		else
			close(pidfd);
		widen(who.pid);
	} else {
		close(pidfd);
		*founder_answered = true;
	}
	ticket_send(sock, m->ticket);
	close(sock);
}

static void leave(struct members *m, int pidfd)
{
	close(pidfd); /* takes it out of epoll */
	m->n--;
}

/* One batch; what lies at the door is taken in before anybody's end is counted. */
static void batch(struct members *m, struct epoll_event *ev, int n, bool *answered)
{
	for (int i = 0; i < n; i++)
		if (ev[i].data.u64 >> 32 == DOOR)
			door(m);
	for (int i = 0; i < n; i++)
		if (ev[i].data.u64 >> 32 == GUEST)
			guest(m, (int)(uint32_t)ev[i].data.u64, answered);
	for (int i = 0; i < n; i++)
		if (ev[i].data.u64 >> 32 == MEMBER)
			leave(m, (int)(uint32_t)ev[i].data.u64);
}

void members_serve(struct members *m)
{
	struct epoll_event ev[64];
	bool answered = false;

	m->events = epoll_create1(EPOLL_CLOEXEC);
	fcntl(m->listener, F_SETFL, O_NONBLOCK);
	m->n = 1;
	if (m->events < 0 || watch(m, m->listener, DOOR) < 0 || watch(m, m->founder, MEMBER) < 0)
		m->n = 0;
	while (m->n > 0 && !answered) {
		int n = epoll_wait(m->events, ev, 64, -1);

		if (n < 0 && errno != EINTR)
			break;
		batch(m, ev, MAX(n, 0), &answered);
	}
	if (answered) { /* those who came with the founder; who comes now asks anew */
		int n = epoll_wait(m->events, ev, 64, 0);

		batch(m, ev, MAX(n, 0), &answered);
	}
	/* First the name, so that nobody more knocks; then the namespaces. */
	close_p_(&m->listener);
	close_p_(&m->events);
}
