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

#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/serve.h"
#include "mpi/keeper.h"
#include "src/base/log.h"
#include "src/base/path.h"
#include "src/base/progress.h"
#include "src/enter/enter.h"
#include "src/enter/init.h"
#include "src/enter/waiter.h"
#include "src/flow/pull.h"
#include "src/flow/run_host.h"
#include "src/flow/run_image.h"
#include "src/plan/names.h"
#include "src/plan/plan.h"

/* What the keeper needs; the launcher's memory, copied by fork. */
struct serving {
	struct run_image *image;
	struct facts *facts;
	struct plan *plan;
	struct serve *serve;
};

/* The plan's files and mount points, as the server shows them.  Heap array. */
static struct serve_node *nodes_make(const struct plan *p, size_t *n)
{
	struct serve_node *nodes = xcalloc(p->nfiles + p->nmounts + 1, sizeof(*nodes));

	*n = 0;
	for (size_t i = 0; i < p->nfiles; i++) {
		const struct plan_file *f = &p->files[i];

		nodes[(*n)++] = (struct serve_node){ .path = f->path,
						     .mode = f->mode,
						     .data = f->data,
						     .len = f->len,
						     .replace = f->replace };
	}
	for (size_t i = 0; i < p->nmounts; i++) {
		const struct plan_mount *m = &p->mounts[i];

		if (m->kind == PLAN_SYMLINK || plan_mount_is_covered(p, i))
			continue;
		nodes[(*n)++] = (struct serve_node){
			.path = m->dst,
			.mode = m->flags & PLAN_IS_DIR ? S_IFDIR | 0755 : S_IFREG | 0644,
			.replace = (m->flags & PLAN_HIDE) != 0,
		};
	}
	return nodes;
}

static void file_replace(struct plan *p, const char *path, struct buf *text)
{
	for (size_t i = 0; i < p->nfiles; i++)
		if (!strcmp(p->files[i].path, path)) {
			free(p->files[i].data);
			p->files[i].len = text->len;
			p->files[i].data = buf_take(text);
		}
}

/* The plan was made without the image's own names; here they come in. */
static void names_add(struct serving *s)
{
	const char *home = strv_env_get(&s->plan->env, "HOME");
	auto_buf struct buf passwd = { 0 }, group = { 0 };

	run_image_names(s->image, &s->facts->image);
	names_passwd(&passwd, s->facts->image.passwd, s->facts, home ? home : "/");
	names_group(&group, s->facts->image.group, s->facts);
	file_replace(s->plan, "/etc/passwd", &passwd);
	file_replace(s->plan, "/etc/group", &group);
}

/* Where the program may be: decoding it begins before it is asked for. */
static void program_names(const struct plan *p, struct strv *out)
{
	const char *path = strv_env_get(&p->env, "PATH");
	auto_strv struct strv dirs = { 0 };

	if (strchr(p->argv.v[0], '/')) {
		if (p->argv.v[0][0] == '/')
			strv_add(out, p->argv.v[0]);
		return;
	}
	strv_split(&dirs, path ? path : "", ':');
	for (size_t i = 0; i < dirs.n; i++)
		strv_addf(out, "%s/%s", dirs.v[i], p->argv.v[0]);
}

static int serving_prepare(void *arg, struct err *e)
{
	struct serving *s = arg;
	struct serve_opts o = { .uid = s->plan->uid, .gid = s->plan->gid, .store = true };
	auto_strv struct strv warm = { 0 };

	names_add(s);
	program_names(s->plan, &warm);
	o.nodes = nodes_make(s->plan, &o.nnodes);
	o.warm = (const char *const *)strv_list(&warm);
	o.nwarm = warm.n;
	return serve_new(&s->serve, s->image->squash, &o, e);
}

static int serving_run(void *arg, unsigned which, int fuse_fd, struct err *e)
{
	struct serving *s = arg;

	(void)which;
	return serve_run(s->serve, fuse_fd, e);
}

/* Explains a fault; where the keeper gave up first, its reason is the better one. */
static int explain(const struct fault *f, const struct plan *p, int keeper, struct err *e)
{
	int r = fault_explain(f, p, e);

	if (r < 0 && keeper >= 0 && keeper_failure(keeper, e))
		err_wrap(e, "%s", p->image);
	return r;
}

static void warn_skipped(const struct enter *x, const struct plan *p)
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
static int enter_and_exec(struct enter *x, struct plan *p, int keeper, const struct waiter *w,
			  struct err *e)
{
	struct fault f = { 0 };

	if (enter_build(x, keeper, &f) < 0)
		return explain(&f, p, keeper, e);
	warn_skipped(x, p);
	if (w && p->init && init_spawn(INIT_PLAIN, &f) < 0)
		return explain(&f, p, keeper, e);
	if (w)
		waiter_unblock(w);
	enter_exec(x, &f);
	return explain(&f, p, keeper, e);
}

/* With a PID namespace, for which this process stays outside and waits. */
static int act_apart(struct enter *x, struct plan *p, int keeper, struct err *e)
{
	const unsigned made = CLONE_NEWUSER | CLONE_NEWPID;
	struct fault f = { 0 };
	struct waiter w;
	int r = waiter_fork(&w, p->init ? WAITER_INIT : WAITER_BARE, made, &f);

	if (r < 0)
		return explain(&f, p, keeper, e);
	if (r == 0) {
		enter_has_namespaces(x, made);
		r = enter_and_exec(x, p, keeper, &w, e);
		waiter_fail(&w, r, e);
	}
	r = waiter_started(&w, e);
	if (r)
		return r;
	waiter_finish(&w);
}

static int act(struct plan *p, struct facts *facts, struct run_image *image, struct err *e)
{
	struct serving serving = { .image = image, .facts = facts, .plan = p };
	struct keeper_work work = { .prepare = serving_prepare,
				    .serve = serving_run,
				    .arg = &serving,
				    .keep = &image->image->fd,
				    .nkeep = 1 };
	auto_enter struct enter *x = NULL;
	auto_close int keeper = -1;

	if (enter_new(&x, p, e) < 0)
		return -1;
	if (p->root == PLAN_ROOT_SQUASH && keeper_start(&keeper, &work, e) < 0)
		return -1;
	if (p->ns & CLONE_NEWPID)
		return act_apart(x, p, keeper, e);
	return enter_and_exec(x, p, keeper, NULL, e);
}

/* A URI becomes a file of the store; the request's pull options apply. */
static int image_path(const struct run_req *req, struct buf *path, struct err *e)
{
	struct pull_req pull = { .uri = req->image,
				 .into_store = true,
				 .disable_cache = req->disable_cache,
				 .arch = req->arch,
				 .no_https = req->no_https,
				 .user = req->user,
				 .password = req->password,
				 .ca_file = req->ca_file,
				 .auth_file = req->auth_file };
	struct stat st;
	int r;

	/* What exists is a file, whatever its name looks like. */
	if (strncmp(req->image, "docker://", 9) != 0 || stat(req->image, &st) == 0) {
		buf_adds(path, req->image);
		return 0;
	}
	pull.progress = progress_new(STDERR_FILENO);
	r = flow_pull(&pull, path, e);
	/* Its thread ends here: what follows needs a process of one thread. */
	progress_free(pull.progress);
	return r;
}

int flow_run(const struct run_req *req, struct buf *text, struct err *e)
{
	auto_buf struct buf path = { 0 };
	auto_run_image struct run_image image = { 0 };
	auto_run_host struct run_host host = { 0 };
	auto_plan struct plan *plan = NULL;
	struct facts facts = { 0 };

	if (image_path(req, &path, e) < 0 || run_host_gather(&host, req, &facts, e) < 0 ||
	    run_image_open(&image, buf_str(&path), facts.cwd, req, &facts.image, e) < 0)
		return -1;
	if (req->verb == RUN_TEST && !facts.image.has_test) {
		log_info("the image has no test script; nothing was started");
		return 0;
	}
	if (facts.image.is_dir || req->dry_run)
		run_image_names(&image, &facts.image);
	if (plan_make(&plan, req, &facts, e) < 0)
		return -1;
	for (size_t i = 0; i < plan->notes.n; i++)
		log_warn("%s", plan->notes.v[i]);
	if (req->dry_run) {
		plan_json(plan, text);
		return 0;
	}
	return act(plan, &facts, &image, e);
}
