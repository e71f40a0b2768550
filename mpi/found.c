#include "mpi/found.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mpi/keeper_priv.h"
#include "mpi/members.h"
#include "src/base/fd.h"

struct keeping {
	const struct founding *w;
	int listener, founder;
	int sock; /* the builder's other end */
	struct ticket ticket;
	atomic_bool open; /* the namespaces are handed out */
};

/* setns() wants the user namespace first. */
static const struct {
	unsigned type;
	const char *name;
} namespaces[] = {
	{ CLONE_NEWUSER, "user" }, { CLONE_NEWNS, "mnt" },  { CLONE_NEWIPC, "ipc" },
	{ CLONE_NEWUTS, "uts" },   { CLONE_NEWNET, "net" }, { CLONE_NEWCGROUP, "cgroup" },
};

static void ticket_error(struct ticket *t, const struct err *e)
{
	ticket_fini(t);
	t->kind = TICKET_ERR;
	t->len = sizeof(*e);
	memcpy(t->data, e, sizeof(*e));
}

static int namespaces_open(struct ticket *t, int dir, unsigned wanted, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
		if (!(namespaces[i].type & wanted))
			continue;
		t->types[t->nfds] = namespaces[i].type;
		t->fds[t->nfds] = openat(dir, namespaces[i].name, O_RDONLY | O_CLOEXEC);
		if (t->fds[t->nfds] < 0)
			return err_sys(e, "open /proc/self/ns/%s", namespaces[i].name);
		t->nfds++;
	}
	return 0;
}

/* Opened while the host's /proc is in sight, good for as long as this process lives. */
static _Noreturn void builder(int sock, const struct founding *w)
{
	auto_close int dir = open("/proc/self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct ticket t = { .kind = TICKET_OPEN };
	struct err e = { 0 };

	/* What prepare takes (an overlay's lease) must be ours before anything is mounted. */
	if (w->work.announce && keeper_wait(sock, &e) < 0)
		_exit(1);
	if (dir < 0) {
		err_sys(&e, "open /proc/self/ns");
		ticket_error(&t, &e);
	} else if (w->build(w->work.arg, sock, t.data, &t.len) < 0) {
		t.kind = TICKET_FAULT;
	} else if (namespaces_open(&t, dir, w->ns, &e) < 0) {
		ticket_error(&t, &e);
	}
	ticket_send(sock, &t);
	_exit(0);
}

/* One file system; served from the moment its descriptor comes, for the builder may look
 * into it before it makes the next. */
struct served {
	struct keeping *k;
	unsigned which;
	int fuse;
	pthread_t thread;
};

static void *serve_one(void *arg)
{
	struct served *s = arg;
	const struct keeper_work *w = &s->k->w->work;
	struct err e = { 0 };

	w->serve(w->arg, s->which, s->fuse, &e);
	/* While we hold the namespaces only a failure, or an administrator's abort, ends a
	 * file system.  Nobody else shall come in. */
	if (atomic_load(&s->k->open)) {
		if (w->finish)
			w->finish(w->arg);
		_exit(1);
	}
	return NULL;
}

/* How many were started; the builder's ticket is in k then, except when it was killed:
 * who waits founds anew. */
static unsigned serve_begin(struct keeping *k, struct served *all, unsigned n)
{
	unsigned started = 0;

	for (;;) {
		int fuse = -1, r = ticket_recv(k->sock, &k->ticket, &fuse);

		if (r == 0)
			return started;
		if (r != 2 || started == n)
			_exit(1);
		all[started] = (struct served){ k, started, fuse, 0 };
		if (pthread_create(&all[started].thread, NULL, serve_one, &all[started]) != 0)
			_exit(1);
		started++;
	}
}

static void door_open(struct keeping *k)
{
	struct members m = { .listener = k->listener, .founder = k->founder, .ticket = &k->ticket };

	atomic_store(&k->open, k->ticket.kind == TICKET_OPEN);
	members_serve(&m);
	atomic_store(&k->open, false);
	ticket_fini(&k->ticket); /* with them the mount namespace, once nobody is inside */
}

static _Noreturn void work(struct keeping *k)
{
	const struct keeper_work *w = &k->w->work;
	unsigned n = w->serve ? MAX(w->nfuse, 1u) : 0, started;
	struct served *all = xcalloc(n + 1, sizeof(*all));
	struct err e = { 0 };

	if (w->prepare && w->prepare(w->arg, &e) < 0) {
		ticket_error(&k->ticket, &e);
		door_open(k);
		_exit(1);
	}
	if (w->announce)
		send(k->sock, "", 1, MSG_NOSIGNAL);
	started = serve_begin(k, all, n);
	door_open(k);
	for (unsigned i = 0; i < started; i++)
		pthread_join(all[i].thread, NULL);
	if (w->finish)
		w->finish(w->arg);
	_exit(0);
}

static void keep(void *arg)
{
	struct keeping *k = arg;
	int pair[2], extra[3];
	pid_t pid;

	keeper_ignore_signals();
	signal(SIGCHLD, SIG_IGN); /* nobody collects the builder */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		_exit(1);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		close(k->listener); /* the name is the keeper's alone */
		builder(pair[1], k->w);
	}
	/* From here on who connects waits, and sees this process as the peer. */
	if (pid < 0 || listen(k->listener, SOMAXCONN) < 0)
		_exit(1);
	k->sock = pair[0];
	extra[0] = k->listener;
	extra[1] = k->founder;
	extra[2] = k->sock;
	keeper_leave_the_job(&k->w->work, extra, ARRAY_LEN(extra));
	work(k);
}

int keeper_found(int listener, const struct founding *w, struct err *e)
{
	struct keeping k = { .w = w, .listener = listener, .sock = -1 };
	auto_close int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (self < 0)
		return err_sys(e, "pidfd_open");
	k.founder = self;
	return keeper_detach(keep, &k, &w->work, e);
}
