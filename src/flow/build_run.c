/* STEP_RUN: a program inside a stage's tree, as root by emulation, through the same sequence that
 * starts every container; its plan is made by hand, because nothing of a user's defaults (home,
 * working directory, configured binds) belongs into a build.  STEP_HOST: a script outside. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/base/path.h"
#include "src/enter/emul.h"
#include "src/enter/emul_save.h"
#include "src/enter/enter.h"
#include "src/flow/build_child.h"
#include "src/flow/build_env.h"
#include "src/flow/build_mounts.h"
#include "src/flow/build_state.h"
#include "src/flow/build_user.h"
#include "src/plan/plan.h"

struct running {
	struct build *b;
	struct build_stage *s;
	const struct step *step;
	struct plan *plan;
	struct enter *enter;
	struct emul *emul;
	struct build_user user;
	const struct build_mounts *mounts;
	const char *const *host_argv;
	char *const *host_env;
};

static void in_tree(void *arg, struct err *e)
{
	struct running *r = arg;
	struct fault f = { 0 };

	if (enter_build(r->enter, -1, &f) == 0) {
		if (build_mounts_secrets(r->mounts, e) < 0)
			return;
		if (!r->emul || emul_attach(r->emul, &f) == 0)
			enter_exec(r->enter, &f);
	}
	fault_explain(&f, r->plan, e);
}

/* The last lines, for the one sentence that ends a failed build. */
static void add_tail(const struct buf *tail, struct err *e)
{
	const char *text = buf_str(tail), *p = text + tail->len;
	unsigned lines = 0;
	size_t used = strlen(e->text);

	while (p > text && (p[-1] == '\n' || p[-1] == ' '))
		p--;
	for (const char *end = p; p > text; p--) {
		if (p[-1] == '\n' && ++lines == 3)
			break;
		if (end - p > 600)
			break;
	}
	if (*p)
		snprintf(e->text + used, sizeof(e->text) - used, "; the last lines: %s", p);
	used = strlen(e->text);
	while (used && e->text[used - 1] == '\n')
		e->text[--used] = '\0';
	for (char *q = e->text; *q; q++)
		if (*q == '\n')
			*q = '|';
}

/* Programs tell it in words of their own: busybox's head says "I/O error". */
static void add_full(const struct build *b, struct err *e)
{
	size_t used = strlen(e->text);
	struct statvfs st;

	if (fstatvfs(b->workfd, &st) == 0 && st.f_blocks && st.f_bavail * st.f_frsize < 1 << 16)
		snprintf(e->text + used, sizeof(e->text) - used,
			 "; No space left on device: %s is full (--tmpdir DIR names another place)",
			 b->work);
}

static int explain(const struct build *b, const struct step *step, int status,
		   const struct buf *tail, struct err *e)
{
	if (status == 0)
		return 0;
	if (WIFSIGNALED(status))
		err_set(e, ERR_INPUT, "line %u: %s was killed by SIG%s", step->line, step->title,
			sigabbrev_np(WTERMSIG(status)));
	else
		err_set(e, ERR_INPUT, "line %u: %s failed with exit status %d", step->line,
			step->title, WEXITSTATUS(status));
	add_full(b, e);
	add_tail(tail, e);
	return -1;
}

static void save_owners(struct emul_table *table, void *arg)
{
	struct err ignored;

	(void)emul_save(table, *(int *)arg, &ignored);
}

/* What the supervisor has written down becomes ours. */
static int load_owners(struct build_tree *t, struct err *e)
{
	auto_emul_table struct emul_table *fresh = emul_table_new();
	struct emul_load_stat st;

	if (emul_load(fresh, t->fd, &st, e) < 0)
		return err_wrap(e, "owners of %s", t->path);
	emul_table_free(t->owners);
	t->owners = take_ptr(fresh);
	unlinkat(t->fd, EMUL_SAVE_NAME, 0);
	return 0;
}

static int start_emulation(struct running *r, struct err *e)
{
	struct build_tree *t = &r->s->tree;
	struct emul_opts o = { .stat = r->plan->emulation == EMULATION_FULL,
			       .fake_sync = true,
			       .ids = r->step->user ? &r->user.ids : NULL,
			       .table = t->owners };

	if (r->plan->emulation == EMULATION_NONE && r->step->user && r->user.ids.uid[0])
		log_warn("line %u: --emulation=none has no users: %s runs as root", r->step->line,
			 r->step->name);
	if (r->plan->emulation == EMULATION_NONE)
		return 0;
	if (r->plan->writable) {
		/* The supervisor saves only what is new. */
		if (emul_save(t->owners, t->fd, e) < 0)
			return err_wrap(e, "owners of %s", t->path);
		o.save = save_owners;
		o.arg = &t->fd;
		o.keep = &t->fd;
		o.nkeep = 1;
	}
	return emul_start(&r->emul, &o, e);
}

static int run_plan(struct running *r, struct build_child *c, struct err *e)
{
	int status;

	if (enter_new(&r->enter, r->plan, e) < 0 || start_emulation(r, e) < 0)
		return -1;
	c->run = in_tree;
	c->arg = r;
	status = build_child_run(c, e);
	if (r->emul) {
		emul_wait(r->emul);
		if (r->plan->writable) {
			struct err load;

			if (load_owners(&r->s->tree, status < 0 ? &load : e) < 0 && status == 0)
				return -1;
		}
	}
	return status;
}

static void running_fini(struct running *r)
{
	enter_free(r->enter);
	emul_free(r->emul);
	build_user_fini(&r->user);
	plan_free(r->plan);
}

static int write_script(struct build_stage *s, const struct step *step, struct err *e)
{
	return step->script ? build_tree_write(&s->tree, STEP_SCRIPT_PATH, step->script,
					       strlen(step->script), 0755, e)
			    : 0;
}

static int make_argv(const struct step *step, struct plan *p, struct err *e)
{
	for (const char *const *v = step->argv; v && *v; v++)
		strv_add(&p->argv, *v);
	return step->script
		       ? step_script_argv(step->name, step->args, STEP_SCRIPT_PATH, &p->argv, e)
		       : 0;
}

static int basic_plan(struct build *b, struct build_stage *s, struct plan *p, struct err *e)
{
	const char *mode = b->req->emulation;

	p->verb = RUN_EXEC;
	p->root = PLAN_ROOT_DIR;
	p->image = xstrdup(s->tree.path);
	p->writable = true;
	p->fakeroot = true;
	p->host_uid = getuid();
	p->host_gid = getgid();
	p->umask = 0022;
	if (mode && emulation_parse(&p->emulation, mode, e) < 0)
		return -1;
	if (p->emulation == EMULATION_SUBUID)
		return err_set(e, ERR_UNSUPPORTED,
			       "build --emulation=subuid is not supported: full needs no "
			       "subordinate ids and stores the same owners");
	return 0;
}

int build_run(struct build *b, struct build_stage *s, const struct step *step, struct err *e)
{
	auto_(running_fini) struct running r = { .b = b, .s = s, .step = step };
	auto_build_mounts struct build_mounts m = { .tree = &s->tree };
	struct build_child c = { 0 };
	const char *cwd = step->cwd ? step->cwd : "/";
	int status = -1;

	r.plan = xcalloc(1, sizeof(*r.plan));
	r.mounts = &m;
	if (basic_plan(b, s, r.plan, e) < 0 || write_script(s, step, e) < 0 ||
	    make_argv(step, r.plan, e) < 0 ||
	    (step->user && build_user_find(&r.user, &s->tree, step->user, e) < 0) ||
	    build_mounts_add(&m, b, step, r.plan, e) < 0 ||
	    build_env_make(b, s, step, r.plan, e) < 0)
		goto out;
	if (r.user.home && !build_env_has(step, "HOME"))
		strv_env_set(&r.plan->env, "HOME", r.user.home);
	if (step->no_network)
		r.plan->ns |= CLONE_NEWNET;
	r.plan->env_pwd = r.plan->env.n;
	strv_addf(&r.plan->env, "PWD=%s", cwd);
	strv_add(&r.plan->cwd, cwd);
	r.plan->cwd_required = true;
	status = run_plan(&r, &c, e);
	if (status >= 0 && explain(b, step, status, &c.tail, e) < 0)
		status = -1;
out:
	build_mounts_remove(&m);
	if (step->script)
		unlinkat(s->tree.fd, &STEP_SCRIPT_PATH[1], 0);
	buf_fini(&c.tail);
	return status < 0 ? -1 : 0;
}

int build_test(struct build *b, struct build_stage *s, struct err *e)
{
	static const char *const argv[] = { "/.singularity.d/actions/test", NULL };
	struct step step = { .kind = STEP_RUN, .name = "%test", .title = "%test", .argv = argv };

	if (s->def)
		step.line = s->def->script[DEF_TEST].line;
	return build_run(b, s, &step, e);
}

static void on_host(void *arg, struct err *e)
{
	struct running *r = arg;

	/* The script may start daemons, but has no root emulation: the host is not ours. */
	execve(r->host_argv[0], (char *const *)r->host_argv, r->host_env);
	err_sys(e, "%s: start %s", r->step->name, r->host_argv[0]);
}

int build_host(struct build *b, const struct build_stage *s, const struct step *step, struct err *e)
{
	struct running r = { .b = b, .step = step };
	struct build_child c = { .run = on_host, .arg = &r };
	auto_free char *path = path_join(b->work, "script");
	auto_strv struct strv argv = { 0 }, env = { 0 };
	int status = -1;

	for (char *const *v = environ; *v; v++)
		strv_add(&env, *v);
	strv_env_set(&env, "APPTAINER_ROOTFS", s->tree.path ? s->tree.path : b->work);
	strv_env_set(&env, "SINGULARITY_ROOTFS", s->tree.path ? s->tree.path : b->work);
	for (size_t i = 0; s->tree.path && i < 2; i++) {
		auto_free char *to = path_join(s->tree.path, &BUILD_ENV_SCRIPT[1]);

		strv_env_set(&env, i ? "SINGULARITY_ENVIRONMENT" : "APPTAINER_ENVIRONMENT", to);
	}
	if (step_script_argv(step->name, step->args, path, &argv, e) < 0 ||
	    file_write_atomic(b->workfd, "script", step->script, strlen(step->script), 0700, e) < 0)
		return -1;
	r.host_argv = (const char *const *)strv_list(&argv);
	r.host_env = strv_list(&env);
	status = build_child_run(&c, e);
	if (status >= 0 && explain(b, step, status, &c.tail, e) < 0)
		status = -1;
	unlinkat(b->workfd, "script", 0);
	buf_fini(&c.tail);
	return status < 0 ? -1 : 0;
}
