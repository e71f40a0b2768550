#include "src/flow/run_share.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mpi/found.h"
#include "mpi/meet.h"
#include "src/base/log.h"
#include "src/enter/enter.h"
#include "src/enter/join.h"
#include "src/flow/hand_over.h"

#define SKIPPED_MAX 32

/* What the builder has to say, in a ticket's data. */
struct report {
	struct fault fault;
	size_t nskipped;
	struct fault skipped[SKIPPED_MAX];
};
_Static_assert(sizeof(struct report) <= MEET_DATA, "a report fits in a ticket");

void run_share_fini(struct run_share *s)
{
	free(s->wired);
	strv_fini(&s->paths);
}

int run_share_begin(struct run_share *s, struct run_req *req, char *const *environment,
		    struct err *e)
{
	size_t n = 0, wired = 0;
	bool found = launcher_find(&s->launcher, environment);
	const char *word = req->share ? req->share : req->sharens ? "node" : NULL;

	if (share_decide(&s->share, word, &s->launcher, e) < 0)
		return -1;
	s->any = req->share_any;
	if (req->hand_over && hand_over_parse(&s->hand_over, req->hand_over, e) < 0)
		return -1;
	if (!found)
		return 0;
	launcher_paths(&s->paths, environment);
	while (environment[n])
		n++;
	s->wired = xcalloc(n + 1, sizeof(*s->wired));
	for (size_t i = 0; i < n; i++)
		if (launcher_owns(environment[i]))
			s->wired[wired++] = environment[i];
	if (launcher_has_peers(&s->launcher) && req->containall && req->pid) {
		req->pid = false;
		if (launcher_is_speaker(&s->launcher))
			log_verbose("--containall: the ranks of a node stay in the host's PID "
				    "namespace, where they find each other");
	}
	return 0;
}

/* What its user has set is left alone. */
static void set_default(struct plan *p, const char *key, const char *value)
{
	if (!strv_env_get(&p->env, key))
		strv_addf(&p->env, "%s=%s", key, value);
}

/* UCX_TCP_PUT_ENABLE: without CMA, UCX 1.13 sends large messages between ranks of a node by TCP's
 * put, and MPICH 4.0 over TCP hangs in MPI_Finalize (bare, too: 4 of 14 runs on a busy machine; with
 * this set none of 60). */
static void safe_settings(struct plan *p)
{
	set_default(p, "OMPI_MCA_btl_vader_single_copy_mechanism", "none");
	set_default(p, "UCX_POSIX_USE_PROC_LINK", "n");
	set_default(p, "UCX_TLS", "^cma");
	set_default(p, "UCX_TCP_PUT_ENABLE", "n");
}

bool run_share_wanted(struct run_share *s, struct plan *p)
{
	bool peers = launcher_has_peers(&s->launcher);

	if (s->share.wanted && !(p->ns & CLONE_NEWPID))
		return true;
	if (s->share.wanted && launcher_is_speaker(&s->launcher))
		log_warn("a PID namespace of its own: the ranks of this node do not share a "
			 "container, and MPI copies through shared memory");
	if (peers)
		safe_settings(p);
	return false;
}

/* In a builder child of the keeper. */
static int build(void *arg, int sock, void *report, size_t *len)
{
	struct serving *s = arg;
	struct enter *x = s->enter;
	struct report r = { 0 };
	const struct fault *list;
	int result;

	enter_use_extfs(x, extfs_channel(&s->ext));
	result = enter_build(x, sock, &r.fault);
	r.nskipped = MIN(enter_skipped(x, &list), (size_t)SKIPPED_MAX);
	memcpy(r.skipped, list, r.nskipped * sizeof(*list));
	memcpy(report, &r, sizeof(r));
	*len = sizeof(r);
	return result;
}

/* The plan's part is the same in all ranks; the file behind its path must be, too. */
static void name_make(struct run_share *s, const struct plan *p, int image)
{
	auto_buf struct buf text = { 0 };
	struct stat st = { 0 };

	fstat(image, &st);
	if (!s->any) {
		plan_identity(p, &text);
		buf_printf(&text, "%llx %llx %lld %lld.%09ld", (unsigned long long)st.st_dev,
			   (unsigned long long)st.st_ino, (long long)st.st_size,
			   (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	}
	share_key(&s->share, p->uid, buf_str(&text), text.len);
	log_debug("sharing as @%s", s->share.name);
}

static void warn_report(const struct report *r, const struct plan *p)
{
	for (size_t i = 0; i < r->nskipped && i < SKIPPED_MAX; i++) {
		struct err e = { 0 };

		fault_explain(&r->skipped[i], p, &e);
		log_warn("%s", e.text);
	}
}

/* Inside of a shared container already, another one that is the same cannot be joined. */
static bool is_inside(const struct ticket *t)
{
	struct stat own, its;

	return t->nfds && fstat(t->fds[0], &its) == 0 && stat("/proc/self/ns/user", &own) == 0 &&
	       own.st_ino == its.st_ino && own.st_dev == its.st_dev;
}

/* The first two: the one with the news may be the one that is stopped. */
static void go_alone(struct run_share *s, struct plan *p, const char *why)
{
	if (s->launcher.local_rank <= 1)
		log_warn("the ranks of this node do not share a container: %s; each has its own, "
			 "and "
			 "MPI copies through shared memory, not directly",
			 why);
	safe_settings(p);
}

int run_share_enter(bool *alone, struct run_share *s, struct serving *serving,
		    const struct keeper_work *work, struct err *e)
{
	struct plan *p = serving->plan;
	struct founding w = { .work = *work,
			      .build = build,
			      .ns = CLONE_NEWUSER | CLONE_NEWNS | p->ns,
			      .member = s->hand_over ? getppid() : 0 };
	auto_enter struct enter *x = NULL;
	auto_ticket struct ticket t = { 0 };
	struct report report = { 0 };
	struct fault f = { 0 };
	int r;

	*alone = false;
	if (enter_new(&x, p, e) < 0)
		return -1;
	if (!work->nfuse) {
		w.work.prepare = NULL;
		w.work.serve = NULL;
	}
	serving->enter = x;
	if (!s->hand_over) /* a step writes into one container, as its tasks expect */
		enter_for_members(x);
	/* It will have the CPUs of all its members, not of the first one alone. */
	serving->threads = (unsigned)MIN(MAX(sysconf(_SC_NPROCESSORS_ONLN), 2), 16);
	name_make(s, p, serving->image->image->fd);
	r = meet(&t, s->share.name, &w, e);
	if (r < 0)
		return err_wrap(e, "%s", p->image);
	if (r == 0 && is_inside(&t)) {
		err_set(e, ERR_HOST, "this process is inside of it");
		r = 2;
	}
	if (r == 2 && s->hand_over)
		return err_wrap(e, "%s: cannot enter the container of this step", p->image);
	if (r == 2) {
		go_alone(s, p, e->text);
		serving->threads = 0;
		*alone = true;
		return 0;
	}
	memcpy(&report, t.data, MIN(t.len, sizeof(report)));
	if (r == 1)
		return fault_explain(&report.fault, p, e);
	if (t.founder)
		warn_report(&report, p);
	if (s->hand_over)
		return hand_over(s->hand_over, p, &t, environ, e);
	if (enter_join(t.fds, t.types, t.nfds, &f) == 0) {
		ticket_fini(&t);
		if (enter_private(x, &f) == 0)
			enter_exec(x, &f);
	}
	return fault_explain(&f, p, e);
}
