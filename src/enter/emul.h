/* emul: root emulation.  One id is mapped, and yet chown, mknod and stat seem to do what they do
 * for real root.
 *
 *	struct emul_opts o = { .stat = true, .table = table };
 *	auto_emul struct emul *m = NULL;
 *	if (emul_start(&m, &o, e) < 0) ...       // before any namespace is made
 *	... enter_build(), with ids 0:0 inside ...
 *	if (emul_attach(m, &f) < 0) ...           // in the process that becomes the program
 *	... enter_exec() ...
 *
 * The supervisor is a process of its own in the host's PID namespace, forked by emul_start() and a
 * child of nobody's: so the program is the process that was started, as always, and a PID namespace
 * that ends does not take the supervisor along.  It joins the program's user and mount namespaces
 * and answers, through a seccomp listener, for the program and all that it starts, until the last
 * of them is gone.  Nothing is injected into the image; static programs and other C libraries are
 * served alike.  Not a border of security: it shows owners, it does not enforce them.
 *
 * Linux 5.12, as all of enter/; uses WAIT_KILLABLE_RECV (5.19) and SYNC_WAKE_UP (6.6) where they
 * are. */
#ifndef ENTER_EMUL_H
#define ENTER_EMUL_H

#include <stdbool.h>

#include "src/base/err.h"
#include "src/base/mem.h"
#include "src/enter/emul_ids.h"
#include "src/enter/emul_table.h"
#include "src/enter/fault.h"

struct emul_opts {
	bool stat;		  /* show what is remembered, not only remember it */
	bool fake_sync;		  /* fsync and its kin do nothing: for trees that are thrown away */
	struct emul_table *table; /* what is known; the supervisor goes on from a copy */
	const struct emul_ids *ids; /* who the program is; NULL: root */
	/* Called in the supervisor before the program starts, with the container's root, to tell
	 * the table what can only be seen there.  May be NULL. */
	void (*begin)(struct emul_table *table, void *arg);
	/* Called in the supervisor when the program has ended and again when the last process
	 * has, if there is anything new.  Its root is the container's.  May be NULL. */
	void (*save)(struct emul_table *table, void *arg);
	void *arg;	 /* of both */
	const int *keep; /* descriptors that save() needs */
	size_t nkeep;
};

struct emul;

/* Starts the supervisor.  The caller has one thread. */
int emul_start(struct emul **out, const struct emul_opts *o, struct err *e);
/* In the process that becomes the program, inside its namespaces: puts the filter in place, which
 * all its children inherit, and waits until the supervisor is ready.  System calls only.
 * FAULT_EMUL: index says which step, errno EBUSY that an emulation is at work already. */
int emul_attach(struct emul *m, struct fault *f);
/* Waits until the supervisor has ended, and with it every process that it served. */
void emul_wait(struct emul *m);
void emul_free(struct emul *m);
static inline void emul_free_p_(struct emul **m)
{
	emul_free(*m);
}
#define auto_emul auto_(emul_free_p_)

#endif
