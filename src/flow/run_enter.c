#include "src/flow/run_enter.h"

#include <sched.h>

#include "mpi/keeper.h"
#include "src/base/log.h"
#include "src/enter/init.h"
#include "src/enter/waiter.h"
#include "src/flow/run_emul.h"

/* Explains a fault; where the keeper gave up first, its reason is the better one. */
int run_explain(const struct fault *f, const struct plan *p, int keeper, struct err *e)
{
	int r = fault_explain(f, p, e);

	if (r < 0 && keeper >= 0 && keeper_failure(keeper, e))
		err_wrap(e, "%s", p->image);
	return r;
}

void run_warn_skipped(const struct enter *x, const struct plan *p)
{
	const struct fault *list;
	size_t n = enter_skipped(x, &list);

	for (size_t i = 0; i < n; i++) {
		struct err e = { 0 };

		fault_explain(&list[i], p, &e);
		log_warn("%s", e.text);
	}
}

/* The container's process: becomes the program, or hands the reason to the waiter. */
static int become(struct enter *x, struct plan *p, int keeper, struct run_emul *emul,
		  const struct waiter *w, struct err *e)
{
	struct fault f = { 0 };

	if (enter_build(x, keeper, &f) < 0)
		return run_explain(&f, p, keeper, e);
	run_warn_skipped(x, p);
	if (w && p->init && init_spawn(INIT_PLAIN, &f) < 0)
		return run_explain(&f, p, keeper, e);
	if (w)
		waiter_unblock(w);
	if (run_emul_attach(emul, &f) < 0)
		return run_explain(&f, p, keeper, e);
	enter_exec(x, &f);
	return run_explain(&f, p, keeper, e);
}

/* With a PID namespace, for which this process stays outside and waits. */
static int enter_apart(struct enter *x, struct plan *p, int keeper, struct run_emul *emul,
		       struct err *e)
{
	const unsigned made = CLONE_NEWUSER | CLONE_NEWPID;
	struct fault f = { 0 };
	struct waiter w;
	int r = waiter_fork(&w, p->init ? WAITER_INIT : WAITER_BARE, made, &f);

	if (r < 0)
		return run_explain(&f, p, keeper, e);
	if (r == 0) {
		enter_has_namespaces(x, made);
		r = become(x, p, keeper, emul, &w, e);
		waiter_fail(&w, r, e);
	}
	r = waiter_started(&w, e);
	if (r)
		return r;
	waiter_finish(&w);
}

int run_enter(struct enter *x, struct plan *p, int keeper, struct err *e)
{
	auto_run_emul struct run_emul emul = { 0 };

	if (run_emul_start(&emul, p, e) < 0)
		return -1;
	if (p->ns & CLONE_NEWPID)
		return enter_apart(x, p, keeper, &emul, e);
	return become(x, p, keeper, &emul, NULL, e);
}
