/* waiter: the process that waits for a program in a PID namespace, which it cannot enter itself.
 *
 *	struct waiter g;
 *	int r = waiter_fork(&g, WAITER_INIT, CLONE_NEWUSER | CLONE_NEWPID, &f);
 *	if (r == 0) {                              // the child
 *		... enter_build(), init_spawn() ...
 *		waiter_unblock(&g);                 // the program's own signal mask
 *		enter_exec(x, &f);
 *		waiter_fail(&g, status, &e);        // does not return
 *	}
 *	if ((r = waiter_started(&g, &e)) == 0)
 *		waiter_finish(&g);                  // does not return
 *
 * To its caller the waiter is the program: it stops when the program is stopped, passes signals on,
 * and ends with the program's status or by the signal that ended it.  While the container is being
 * made, signals act on the waiter as on any process; its death takes the child along
 * (PR_SET_PDEATHSIG), and with the first process of a PID namespace everything in it.
 *
 * A signal that the terminal sends reaches the program by itself, for it is in the same process
 * group; only what somebody sent to the waiter is passed on. */
#ifndef ENTER_WAITER_H
#define ENTER_WAITER_H

#include <signal.h>
#include <sys/types.h>

#include "src/base/err.h"
#include "src/enter/fault.h"

/* What the child becomes. */
enum waiter_kind {
	WAITER_INIT, /* our init (init.h), which passes signals on */
	WAITER_BARE, /* the program as first process of its namespace, immune to most signals */
	WAITER_JOIN, /* the program, in a namespace that somebody else made */
};

struct waiter {
	enum waiter_kind kind;
	pid_t child;
	int sock;	/* to the other one; close-on-exec, so its end means: started */
	sigset_t outer; /* mask and SIGCHLD of the caller, which the program gets back */
	struct sigaction chld;
};

/* Forks with clone flags.  0: this is the child, all signals blocked; 1: the parent; -1 with the
 * fault.  The caller has one thread only. */
int waiter_fork(struct waiter *g, enum waiter_kind kind, unsigned flags, struct fault *f);

/* In the child.  Gives the program the signal mask that the caller had. */
void waiter_unblock(const struct waiter *g);
/* In the child: hands status and error to waiter_started() and ends. */
_Noreturn void waiter_fail(const struct waiter *g, int status, const struct err *e);
/* In the child: says that everything is ready, and waits for waiter_go().  False: the other one is
 * gone.  From then on this process outlives it. */
bool waiter_ready(const struct waiter *g);

/* In the parent: until waiter_ready() of the child.  As waiter_started(). */
int waiter_wait_ready(struct waiter *g, struct err *e);
void waiter_go(const struct waiter *g);
/* In the parent: 0 when the program was started; else what the child gave to waiter_fail(). */
int waiter_started(struct waiter *g, struct err *e);
/* In the parent: ends a child that has not failed by itself. */
void waiter_abandon(struct waiter *g);
/* In the parent: waits for the child's end and ends this process the same way. */
_Noreturn void waiter_finish(struct waiter *g);

#endif
