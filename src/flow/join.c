/* The image's scripts are read inside, from what the instance shows: the image file may have been
 * moved since, and the kernel lets nobody outside look into a FUSE file system of another user
 * namespace. */
#include "src/flow/join.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/base/log.h"
#include "src/enter/cgroup.h"
#include "src/enter/enter.h"
#include "src/enter/join.h"
#include "src/enter/waiter.h"
#include "src/flow/instances.h"
#include "src/flow/run_host.h"
#include "src/flow/run_image.h"
#include "src/flow/settings.h"
#include "src/host/process.h"
#include "src/plan/plan.h"

/* What only a start can do is said once, not refused: scripts give the same options to both. */
static void options_note(const struct run_req *req, const struct instance *i)
{
	static const char what[] = "has no effect on an instance that runs";

	if (req->binds.n)
		log_warn("--bind %s", what);
	if (req->home)
		log_warn("--home %s", what);
	if (req->security.n)
		log_warn("--security %s", what);
	if (req->hostname)
		log_warn("--hostname %s", what);
	if ((req->nv || req->nvccli) && !req->no_nv && !i->lent.libs)
		log_warn("--nv %s", what);
	if (req->rocm && !req->no_rocm && !i->lent.libs)
		log_warn("--rocm %s", what);
}

/* Opened while the host's tree is in sight. */
static int cgroup_of(const struct instance *i)
{
	auto_free char *procs = i->cgroup ? xasprintf("%s/cgroup.procs", i->cgroup) : NULL;

	return procs ? open(procs, O_WRONLY | O_CLOEXEC) : -1;
}

static int go_in(const struct instance *i, struct err *e)
{
	struct fault f;

	/* All kinds in one call through the pidfd (Linux 5.8); the next child is in the PID
	 * namespace. */
	if (enter_join(&i->pidfd, &i->ns, 1, &f) == 0)
		return 0;
	if (process_wait(i->pidfd, 0))
		return err_set(e, ERR_NOTFOUND, "instance %s has just ended", i->name);
	errno = f.sys;
	return err_sys(e, "join instance %s (PID=%ld)", i->name, (long)i->pid);
}

static int start(struct plan *p, int cgroup, struct err *e)
{
	auto_enter struct enter *x = NULL;
	struct fault f = { 0 };
	struct waiter w;
	int r;

	p->root = PLAN_ROOT_SQUASH; /* nothing is missing, nothing is mounted */
	if (enter_new(&x, p, e) < 0)
		return -1;
	r = waiter_fork(&w, WAITER_JOIN, 0, &f);
	if (r < 0)
		return fault_explain(&f, p, e);
	if (r == 0) {
		/* Its limits are for all that runs in it; a cgroup that cannot be entered is one
		 * that the caller's own job forbids. */
		if (cgroup >= 0 && cgroup_enter(cgroup) < 0)
			log_warn("the limits of the instance do not hold for this program");
		waiter_unblock(&w);
		enter_exec(x, &f);
		waiter_fail(&w, fault_explain(&f, p, e), e);
	}
	r = waiter_started(&w, e);
	if (r)
		return r;
	waiter_finish(&w);
}

int flow_join(const struct run_req *words, struct buf *text, struct err *e)
{
	auto_instances struct instances found = { 0 };
	auto_run_image struct run_image image = { 0 };
	auto_run_host struct run_host host = { 0 };
	auto_plan struct plan *plan = NULL;
	auto_close int cgroup = -1;
	auto_run_settings struct run_settings settings = { 0 };
	struct run_req req = *words;
	struct facts facts = { 0 };

	req.joined = words->image + strlen(JOIN_SCHEME);
	if (run_settings_join(&settings, &req, e) < 0 || instance_find(&found, req.joined, e) < 0 ||
	    run_host_gather(&host, &req, &facts, e) < 0)
		return -1;
	options_note(&req, &found.v[0]);
	cgroup = cgroup_of(&found.v[0]);
	if (go_in(&found.v[0], e) < 0 ||
	    run_image_open(&image, "/", "/", &req, &facts.image, e) < 0)
		return -1;
	facts.image.path = found.v[0].image;
	facts.lent = &found.v[0].lent;
	if (req.verb == RUN_TEST && !facts.image.has_test) {
		log_info("the image has no test script; nothing was started");
		return 0;
	}
	if (plan_make(&plan, &req, &facts, e) < 0)
		return -1;
	for (size_t i = 0; i < settings.notes.n; i++)
		log_warn("%s", settings.notes.v[i]);
	for (size_t i = 0; i < plan->notes.n; i++)
		log_warn("%s", plan->notes.v[i]);
	if (req.dry_run) {
		plan_json(plan, text);
		return 0;
	}
	return start(plan, cgroup, e);
}
