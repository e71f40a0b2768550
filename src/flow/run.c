/* The order of things, and why:
 *
 * - everything that allocates, looks up or prints comes before the keeper is forked
 *   and the namespaces are made;
 * - the keeper is forked first, from a process that is still small, and gets the
 *   image's open tables by the fork itself; what it prepares runs while the launcher
 *   makes its namespaces;
 * - the launcher becomes the program itself, so signals, terminal, descriptors and
 *   exit status are native. */
#include "src/flow/run.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mpi/keeper.h"
#include "src/base/log.h"
#include "src/base/path.h"
#include "src/enter/cgroup.h"
#include "src/enter/enter.h"
#include "src/flow/instance_start.h"
#include "src/flow/join.h"
#include "src/flow/mpi_check.h"
#include "src/flow/pull.h"
#include "src/flow/run_enter.h"
#include "src/flow/run_host.h"
#include "src/flow/run_image.h"
#include "src/flow/run_images.h"
#include "src/flow/run_lend.h"
#include "src/flow/run_save.h"
#include "src/flow/run_share.h"
#include "src/flow/run_slurm.h"
#include "src/flow/run_user.h"
#include "src/flow/serving.h"
#include "src/flow/settings.h"
#include "src/flow/source.h"
#include "src/flow/upper.h"
#include "src/plan/plan.h"
#include "src/plan/policy.h"

static int act(struct plan *p, struct facts *facts, struct run_image *image,
	       struct run_images *images, struct run_share *share, struct instance_start *start,
	       const char *save_as, struct err *e)
{
	bool emulated = p->fakeroot && p->emulation != EMULATION_NONE;
	bool alone = !run_share_wanted(share, p) || start || emulated || p->limits.n || save_as;
	auto_serving struct serving serving = { 0 };
	struct keeper_work work;
	auto_enter struct enter *x = NULL;
	auto_cgroup struct cgroup cgroup = { .procs = -1 };
	auto_close int keeper = -1;

	if (host_dirs_make(p, e) < 0 || upper_check(p, e) < 0 ||
	    serving_init(&serving, &work, p, facts, image, images, e) < 0)
		return -1;
	if (alone && share->hand_over)
		return err_set(e, ERR_USAGE,
			       "--hand-over takes --share=KEY, and no --pid, limits or emulation");
	if (!alone) {
		int r = run_share_enter(&alone, share, &serving, &work, e);

		if (!alone)
			return r;
	}
	if (enter_new(&x, p, e) < 0)
		return -1;
	/* Ahead of the keeper: it looks for a cgroup that holds this process alone. */
	if (p->limits.n) {
		if (cgroup_make(&cgroup, "/", &p->limits, e) < 0)
			return -1;
		enter_use_cgroup(x, cgroup.procs);
	}
	if (work.nfuse && keeper_start(&keeper, &work, e) < 0)
		return -1;
	enter_use_extfs(x, extfs_channel(&serving.ext));
	if (work.announce && keeper_wait(keeper, e) < 0)
		return -1;
	if (save_as)
		return run_save(save_as, image, x, p, keeper, e);
	if (start) {
		start->note.cgroup = cgroup.dir;
		start->lent = facts->lent;
		return instance_start_act(start, x, p, keeper, e);
	}
	return run_enter(x, p, keeper, e);
}

/* A URI becomes a file of the store; the request's pull options apply. */
static int image_path(const struct run_req *req, const struct conf *conf, run_fetched *fetched,
		      void *arg, struct buf *path, struct err *e)
{
	struct pull_req pull = { .uri = req->image,
				 .conf = conf,
				 .disable_cache = req->disable_cache,
				 .arch = req->arch,
				 .no_https = req->no_https,
				 .user = req->user,
				 .password = req->password,
				 .ca_file = req->ca_file,
				 .auth_file = req->auth_file,
				 .verify_key = req->verify_key,
				 .parallel = req->parallel,
				 .limit_rate = req->limit_rate };
	int r = source_path(&pull, path, e);

	if (fetched)
		fetched(arg);
	return r;
}

/* One line a variable: where it comes from, then NAME=VALUE on one line. */
static void explain_env(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->env_origins.n; i++) {
		const char *tab = strchr(p->env_origins.v[i], '\t');

		buf_printf(out, "%-26.*s ", (int)(tab - p->env_origins.v[i]), p->env_origins.v[i]);
		buf_add_escaped(out, tab + 1, strlen(tab + 1));
		buf_addch(out, '\n');
	}
}

static void warn_all(const struct strv *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		log_warn("%s", notes->v[i]);
}

static int slurm_begin(struct run_slurm *s, const struct run_share *share,
		       struct run_settings *settings, struct run_req *mine, struct err *e)
{
	if (mine->instance)
		return err_set(e, ERR_USAGE,
			       "--slurm goes with exec, run and shell; an instance "
			       "outlives the job that its commands would belong to");
	if (run_slurm_begin(s, &share->launcher, &settings->site_binds, e) < 0)
		return -1;
	mine->site_binds = settings->site_binds;
	return 0;
}

int flow_run(const struct run_req *req, run_fetched *fetched, void *arg, struct buf *text,
	     struct err *e)
{
	auto_buf struct buf path = { 0 };
	auto_run_image struct run_image image = { 0 };
	auto_run_host struct run_host host = { 0 };
	auto_run_images struct run_images images = { 0 };
	auto_plan struct plan *plan = NULL;
	auto_lent struct lent lent = { 0 };
	auto_run_share struct run_share share = { 0 };
	auto_instance_start struct instance_start start = { 0 };
	auto_run_settings struct run_settings settings = { 0 };
	auto_run_slurm struct run_slurm slurm = { 0 };
	auto_run_user struct run_user user = { 0 };
	struct run_req mine = *req; /* its lists are borrowed */
	struct facts facts = { 0 };

	if (str_has_prefix(req->image, JOIN_SCHEME))
		return flow_join(req, text, e);
	if (mpi_word_check(req, e) < 0 || run_settings_begin(&settings, &mine, e) < 0)
		return -1;
	if (run_share_begin(&share, &mine, environ, e) < 0)
		return -1;
	if (mine.slurm && slurm_begin(&slurm, &share, &settings, &mine, e) < 0)
		return -1;
	req = &mine;
	facts.wired = share.wired;
	facts.wired_paths = strv_list(&share.paths);
	if (req->instance && !req->dry_run && instance_start_claim(&start, req, e) < 0)
		return -1;
	if (image_path(req, &settings.conf, fetched, arg, &path, e) < 0 ||
	    run_host_gather(&host, req, &facts, e) < 0 ||
	    policy_binds(&settings.conf, req, &facts, e) < 0)
		return -1;
	if (run_image_open(&image, buf_str(&path), facts.cwd, req, &facts.image, e) < 0)
		return source_explain_missing(req->image, e);
	if (run_settings_image(&settings, &image, e) < 0 ||
	    (req->instance && instance_start_signal(&start, req, image.image->oci, e) < 0) ||
	    run_user_gather(&user, req, &image, &facts, &settings.notes, e) < 0)
		return -1;
	if (run_images_gather(&images, req, &facts, e) < 0 ||
	    run_settings_images(&settings, &images, e) < 0)
		return -1;
	if (req->verb == RUN_TEST && !req->app && !facts.image.has_test) {
		log_info("the image has no test script; nothing was started");
		return 0;
	}
	if (facts.image.is_dir || req->dry_run)
		run_image_names(&image, &facts.image);
	if (run_lend(&lent, req, &facts, &image, e) < 0 || plan_make(&plan, req, &facts, e) < 0)
		return -1;
	if (launcher_is_speaker(&share.launcher)) {
		warn_all(&settings.notes);
		warn_all(&plan->notes);
	}
	if (req->explain_env) {
		explain_env(plan, text);
		return 0;
	}
	if (req->dry_run) {
		plan_json(plan, text);
		return 0;
	}
	if (req->save_as)
		run_save_only(plan);
	else if (mpi_check_start(req, plan, &facts, &image, &share.launcher, e) < 0)
		return -1;
	if (run_slurm_start(&slurm, e) < 0)
		return -1;
	run_lend_watch(req, &share.launcher, &image);
	return act(plan, &facts, &image, &images, &share, req->instance ? &start : NULL,
		   req->save_as, e);
}
