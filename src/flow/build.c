/* The story of a build:
 *
 *	read the recipe, find the bases (this may pull), plan steps and their keys
 *	the very image is in the store: copy it out
 *	become root of a user namespace
 *	last stage, and through it the stages that it needs: unpack, steps that the store has, the
 *others
 *	/.singularity.d, %test, write, publish */
#include "src/flow/build.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "image/meta.h"
#include "src/base/clock.h"
#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/base/log.h"
#include "src/base/path.h"
#include "src/enter/emul_save.h"
#include "src/flow/build_base.h"
#include "src/flow/build_cache.h"
#include "src/flow/build_child.h"
#include "src/flow/build_copy.h"
#include "src/flow/build_report.h"
#include "src/flow/build_spec.h"
#include "src/flow/build_state.h"
#include "src/flow/cache.h"
#include "src/flow/settings.h"
#include "src/plan/policy.h"

#define PART_AGE (14 * 86400)

static void build_fini(struct build *b)
{
	for (size_t i = 0; i < b->nstages; i++) {
		build_tree_fini(&b->stages[i].tree);
		docker_config_fini(&b->stages[i].config);
		oci_free(b->stages[i].base_config);
		free(b->stages[i].image);
	}
	if (b->work) {
		close_p_(&b->workfd);
		output_remove_tree(AT_FDCWD, b->work);
	}
	pull_known_fini(&b->known);
	free(b->known_note);
	store_close(b->store);
	output_fini(&b->out);
	def_free(b->def);
	dockerfile_free(b->docker);
	strv_fini(&b->args);
	strv_fini(&b->ignore);
	free(b->work);
	free(b->context);
	free(b->spec_dir);
	conf_fini(&b->conf);
	arena_fini(&b->arena);
}

static int proc_write(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : fd_write(fd, text, strlen(text));
}

/* Modes of an image's files are no obstacle to root, and what root of a namespace cannot do to the
 * caller's files, the caller could not either. */
static int become_root(struct build *b, struct err *e)
{
	char uid[32], gid[32];

	if (b->is_root)
		return 0;
	snprintf(uid, sizeof(uid), "0 %u 1", (unsigned)getuid());
	snprintf(gid, sizeof(gid), "0 %u 1", (unsigned)getgid());
	if (unshare(CLONE_NEWUSER) < 0)
		return err_sys(e, "a user namespace for the build (berth check says more)");
	if (proc_write("/proc/self/setgroups", "deny") < 0 ||
	    proc_write("/proc/self/uid_map", uid) < 0 || proc_write("/proc/self/gid_map", gid) < 0)
		return err_sys(e, "map this user to root of the build's namespace");
	umask(0022);
	b->is_root = true;
	return 0;
}

static int read_epoch(struct build *b, struct err *e)
{
	const char *v = getenv("SOURCE_DATE_EPOCH");
	char *end;

	b->epoch = -1;
	if (!v || !*v)
		return 0;
	errno = 0;
	b->epoch = strtoll(v, &end, 10);
	if (*end || errno || b->epoch < 0 || b->epoch > UINT32_MAX)
		return err_set(e, ERR_USAGE, "SOURCE_DATE_EPOCH=%s: it is a number of seconds", v);
	return 0;
}

static int read_conf(struct build *b, struct err *e)
{
	const struct build_req *r = b->req;
	auto_strv struct strv notes = { 0 };

	if (settings_read(&b->conf, environ, &notes, e) < 0 ||
	    policy_build(&b->conf, r->binds.n + r->mounts.n, r->nv, r->rocm, e) < 0)
		return -1;
	for (size_t i = 0; i < notes.n; i++)
		log_warn("%s", notes.v[i]);
	b->nv = r->nv || conf_yes(&b->conf, CONF_ALWAYS_NV);
	b->rocm = r->rocm || conf_yes(&b->conf, CONF_ALWAYS_ROCM);
	return 0;
}

/* ext4 without a journal takes no inode again within a minute of its end, and looks at each of
 * those before a free one: in the block group that the last build's tree has just left, 9,000 files
 * cost 2.8 s instead of 0.2 s.  With this flag each new name in dir gets a group by its hash. */
static void spread(int dir)
{
	unsigned flags;

	if (ioctl(dir, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= FS_TOPDIR_FL;
		(void)ioctl(dir, FS_IOC_SETFLAGS, &flags);
	}
}

static int open_work(struct build *b, struct err *e)
{
	auto_free char *private = output_private_dir(&b->out), *dir = NULL, *real = NULL;

	if (b->req->tmpdir && !b->req->sandbox) {
		char *there = path_join(b->req->tmpdir, path_base(private));

		free(private);
		private = there;
	}
	dir = path_dir(private);
	real = realpath(dir, NULL);
	if (!real)
		return err_sys(e, "%s", dir);
	b->work = path_join(real, path_base(private));
	if (mkdir(b->work, 0700) < 0) {
		err_sys(e, "make %s", b->work);
		free(take_ptr(b->work));
		return -1;
	}
	b->workfd = open(b->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->workfd < 0 || fstat(b->workfd, &b->workst) < 0)
		return err_sys(e, "open %s", b->work);
	spread(b->workfd);
	return 0;
}

static int open_store(struct build *b, struct err *e)
{
	auto_free char *dir = NULL;
	struct err why;

	if (b->req->disable_cache)
		return 0;
	dir = store_default_dir(environ, &why);
	if (!dir || store_open(&b->store, dir, &why) < 0) {
		log_warn("%s; this build keeps nothing for the next", why.text);
		return 0;
	}
	return store_sweep(b->store, PART_AGE, e);
}

static int do_step(struct build *b, struct build_stage *s, const struct step *step, struct err *e)
{
	int fd;

	switch (step->kind) {
	case STEP_RUN:
		return build_run(b, s, step, e);
	case STEP_HOST:
		return build_host(b, s, step, e);
	case STEP_COPY:
		return build_files(b, s, step, e) < 0 ? err_wrap(e, "%s", step->title) : 0;
	case STEP_DIR:
		fd = build_tree_dir(&s->tree, step->dir, e);
		close_p_(&fd);
		return fd < 0 && e->kind ? -1 : 0;
	}
	return 0;
}

static bool is_loud(const struct step *s)
{
	return strcmp(s->name, "app") != 0;
}

/* The steps from first on, kept in the store one by one. */
static int run_steps(struct build *b, struct build_stage *s, size_t first, struct err *e)
{
	struct build_shot shot = { 0 };
	int r = 0;

	if (b->store && first < s->steps.n)
		r = build_shot_take(&shot, &s->tree, e);
	for (size_t i = first; r == 0 && i < s->steps.n; i++) {
		const struct step *step = &s->steps.v[i];
		double start = now_s();

		if (is_loud(step))
			log_info("[%s %zu/%zu] %s", s->name, i + 1, s->steps.n, step->title);
		b->misses += is_loud(step);
		*e = (struct err){ 0 };
		r = do_step(b, s, step, e);
		if (r == 0 && build_signal())
			r = err_set(e, ERR_INTR, "stopped by SIG%s", sigabbrev_np(build_signal()));
		if (r == 0)
			r = build_cache_put(b, &s->keys[i], &s->tree, &shot, e);
		if (r == 0 && is_loud(step))
			log_info("[%s %zu/%zu] done in %.1f s", s->name, i + 1, s->steps.n,
				 now_s() - start);
	}
	build_shot_fini(&shot);
	return r;
}

static int unpack_base(struct build *b, struct build_stage *s, struct err *e)
{
	if (s->def && s->def->script[DEF_PRE].text) {
		const struct def_text *pre = &s->def->script[DEF_PRE];
		const struct step step = { .kind = STEP_HOST,
					   .name = "%pre",
					   .title = "%pre",
					   .line = pre->line,
					   .script = pre->text,
					   .args = pre->args };

		log_info("[%s] %%pre", s->name);
		if (build_host(b, s, &step, e) < 0)
			return -1;
	}
	if (s->from_stage >= 0) {
		struct build_stage *base = &b->stages[s->from_stage];
		struct copier c = { .from = base->tree.owners,
				    .to = s->tree.owners,
				    .preserve = true };

		if (build_stage_make(b, (size_t)s->from_stage, e) < 0)
			return -1;
		c.from = base->tree.owners;
		return copy_root(&c, base->tree.fd, s->tree.fd, e);
	}
	return build_base_unpack(b, s, e);
}

int build_stage_make(struct build *b, size_t i, struct err *e)
{
	struct build_stage *s = &b->stages[i];
	char name[48];
	size_t have = s->steps.n;
	double start = now_s();

	if (s->built)
		return 0;
	if (s->building)
		return err_set(e, ERR_INPUT, "stage %s needs itself", s->name);
	s->building = true;
	while (have > 0 && !build_cache_has(b, &s->keys[have - 1]))
		have--;
	snprintf(name, sizeof(name), "stage-%zu.%llx", i,
		 (unsigned long long)getpid() << 32 ^ (unsigned long long)(start * 1e6));
	if (build_tree_make(&s->tree, b->workfd, b->work, name, e) < 0 || unpack_base(b, s, e) < 0)
		return -1;
	log_info("[%s] base %s in %.1f s", s->name, s->from ? s->from : s->agent, now_s() - start);
	for (size_t k = 0; k < have; k++) {
		if (is_loud(&s->steps.v[k]))
			log_info("[%s %zu/%zu] %s: from the store", s->name, k + 1, s->steps.n,
				 s->steps.v[k].title);
		b->hits += is_loud(&s->steps.v[k]);
		if (build_cache_apply(b, &s->keys[k], &s->tree, e) < 0)
			return -1;
	}
	if (run_steps(b, s, have, e) < 0)
		return -1;
	s->building = false;
	s->built = true;
	return 0;
}

/* What the whole image follows from. */
static void image_key(struct build *b, const struct build_stage *s, struct build_key *out)
{
	const struct build_key *last = build_spec_key(s);
	auto_buf struct buf text = { 0 };
	char hex[DIGEST_TEXT_MAX];
	struct digest d;

	out->hex[0] = '\0';
	if (!*last->hex || !b->store)
		return;
	buf_printf(&text, "image %d %s %lld %s %d\n", META_FORMAT, last->hex, (long long)b->epoch,
		   b->req->compress ? b->req->compress : "", b->req->notest);
	for (size_t i = 0; i < b->req->sections.n; i++)
		buf_printf(&text, "section %s\n", b->req->sections.v[i]);
	if (b->docker)
		docker_config_json(&s->config, &text);
	buf_printf(&text, "\n%s", b->text ? b->text : s->from);
	digest_of(&d, DIGEST_SHA256, text.data, text.len);
	snprintf(out->hex, sizeof(out->hex), "image-%.64s", digest_hex(&d, hex));
}

/* 1: the store had it, and it is the output now. */
static int from_store(struct build *b, const struct build_key *key, struct err *e)
{
	auto_buf struct buf path = { 0 };
	auto_close int fd = -1;

	if (b->req->sandbox || b->req->no_cache || !*key->hex ||
	    store_sif_find(b->store, key->hex, &path, e) != 1)
		return 0;
	fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (store_copy_out(fd, buf_str(&path), b->out.dirfd, output_private_name(&b->out), e) < 0 ||
	    output_publish(&b->out, e) < 0)
		return -1;
	log_info("all steps are in the store");
	return 1;
}

static bool has_test(const struct build *b, const struct build_stage *s)
{
	return !b->req->notest && s->def && s->def->script[DEF_TEST].text;
}

/* The tree itself is the output.  What stood there goes once the new one has its name. */
static int publish_sandbox(struct build *b, struct build_stage *s, struct err *e)
{
	unsigned flags = RENAME_NOREPLACE;
	auto_free char *out = xstrdup(b->out.path);
	struct stat st;

	while (strlen(out) > 1 && str_has_suffix(out, "/"))
		out[strlen(out) - 1] = '\0';
	if (emul_save(s->tree.owners, s->tree.fd, e) < 0)
		return -1;
	if (b->req->update)
		return 0;
	if (b->req->force && lstat(out, &st) == 0)
		flags = RENAME_EXCHANGE;
	if (renameat2(AT_FDCWD, s->tree.path, AT_FDCWD, out, flags) < 0)
		return errno == EEXIST ? err_set(e, ERR_EXISTS,
						 "output %s exists already; -F replaces it", out)
				       : err_sys(e, "rename to %s", out);
	return 0;
}

static int finish(struct build *b, struct build_stage *s, const struct build_key *key,
		  struct err *e)
{
	double start = now_s();
	struct err ignored;

	if (build_meta(b, s, e) < 0)
		return -1;
	if (has_test(b, s)) {
		log_info("[%s] %%test", s->name);
		if (build_test(b, s, e) < 0)
			return -1;
	}
	if (b->req->sandbox)
		return publish_sandbox(b, s, e);
	log_info("writing %s", b->out.path);
	if (output_create(&b->out, e) < 0 || build_write_sif(b, s, e) < 0)
		return -1;
	if (build_signal())
		return err_set(e, ERR_INTR, "stopped by SIG%s", sigabbrev_np(build_signal()));
	if (output_publish(&b->out, e) < 0)
		return -1;
	if (*key->hex &&
	    store_sif_put(b->store, key->hex, b->out.fd, b->out.dirfd, b->out.base, &ignored) == 0)
		pull_known_write(&b->known, b->store, key->hex, (const char *const *)&b->known_note,
				 b->known_note ? 1 : 0);
	log_info("written in %.1f s", now_s() - start);
	return 0;
}

/* A directory as output follows other rules than a file. */
static int check_output(struct build *b, struct err *e)
{
	const struct build_req *r = b->req;
	struct stat st;
	bool there = lstat(r->out, &st) == 0;

	if (!r->sandbox) {
		if (r->update)
			return err_set(e, ERR_USAGE,
				       "--update goes with --sandbox: a file cannot be "
				       "updated, only built anew");
		return output_check(&b->out, r->out, r->force, e);
	}
	b->out.path = xstrdup(r->out);
	b->out.dirfd = b->out.fd = -1;
	b->out.base = xstrdup(path_base(r->out));
	b->out.dir = path_dir(r->out);
	if (r->update && (!there || !S_ISDIR(st.st_mode)))
		return err_set(e, ERR_NOTFOUND, "--update: there is no directory %s", r->out);
	if (there && !r->update && !r->force)
		return err_set(e, ERR_EXISTS,
			       "output %s exists already; -F replaces it, --update goes on in it",
			       r->out);
	if (there && !S_ISDIR(st.st_mode))
		return err_set(e, ERR_EXISTS,
			       "output %s is a file, not a directory: remove it first", r->out);
	return 0;
}

static int plan_all(struct build *b, struct err *e)
{
	for (size_t i = 0; i < b->nrecipe; i++)
		if (build_base_find(b, &b->stages[i], e) < 0 || build_spec_plan(b, i, e) < 0 ||
		    build_base_admit(b, &b->stages[i], e) < 0)
			return -1;
	return build_spec_unused(b, e);
}

static int update(struct build *b, struct build_stage *s, struct err *e)
{
	s->built = true;
	if (build_tree_adopt(&s->tree, b->req->out, e) < 0)
		return -1;
	/* Its state is nobody's: nothing of it is kept. */
	for (size_t i = 0; i < s->steps.n; i++)
		s->keys[i].hex[0] = '\0';
	return run_steps(b, s, 0, e);
}

/* 1: the store had the very image. */
static int run(struct build *b, struct err *e)
{
	struct build_stage *last;
	struct build_key key = { "" };
	int r;

	if (digest_ready(e) < 0 || read_conf(b, e) < 0 || read_epoch(b, e) < 0 ||
	    check_output(b, e) < 0 || open_work(b, e) < 0 || open_store(b, e) < 0 ||
	    plan_all(b, e) < 0)
		return -1;
	last = &b->stages[b->nrecipe - 1];
	image_key(b, last, &key);
	r = from_store(b, &key, e);
	if (r)
		return r;
	if (become_root(b, e) < 0)
		return -1;
	build_signals();
	r = b->req->update ? update(b, last, e) : build_stage_make(b, b->nrecipe - 1, e);
	return r < 0 ? -1 : finish(b, last, &key, e);
}

static void print(struct build *b, struct buf *text)
{
	struct jw w = { .out = text, .indent = 2 };
	struct docker_opts o = { .args = &b->args, .used = b->args_used, .arch = b->req->arch };

	jw_obj(&w, NULL);
	if (b->def)
		def_json(b->def, &w, "stages");
	else if (b->docker)
		dockerfile_json(b->docker, &o, &w, "stages");
	else
		jw_str(&w, "from", b->stages[0].from);
	jw_end(&w);
	buf_addch(text, '\n');
}

int flow_build(const struct build_req *r, struct buf *text, struct err *e)
{
	auto_(build_fini) struct build b = { .req = r, .workfd = -1 };
	double start = now_s();
	int found;

	if (build_spec_read(&b, e) < 0)
		return -1;
	if (r->dry_run) {
		print(&b, text);
		return build_spec_unused(&b, e);
	}
	build_child_output(r->json ? STDERR_FILENO : STDOUT_FILENO);
	found = run(&b, e);
	if (b.store && b.misses)
		cache_evict(b.store);
	if (found >= 0 && r->json)
		build_report(&b, found, now_s() - start, text);
	return found < 0 ? -1 : 0;
}
