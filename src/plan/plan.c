#include "src/plan/plan.h"

#include <string.h>
#include <sys/stat.h>

#include "src/base/path.h"
#include "src/plan/bind.h"
#include "src/plan/command.h"
#include "src/plan/env.h"
#include "src/plan/isolate.h"
#include "src/plan/limits.h"
#include "src/plan/layers.h"
#include "src/plan/mounts.h"
#include "src/plan/names.h"
#include "src/plan/plan_lent.h"
#include "src/plan/workdir.h"

/* Bytes of one variable's value: the kernel takes strings of 128 KiB, "NAME=" included. */
#define VARIABLE_MAX ((128u << 10) - 64)

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nmounts; i++) {
		free(p->mounts[i].src);
		free(p->mounts[i].dst);
		free(p->mounts[i].data);
	}
	for (size_t i = 0; i < p->nfiles; i++) {
		free(p->files[i].path);
		free(p->files[i].data);
		free(p->files[i].host);
	}
	for (size_t i = 0; i < p->nimages; i++)
		free(p->images[i].path);
	free(p->images);
	for (size_t i = 0; i < p->nlayers; i++)
		free(p->layers[i].dir);
	free(p->layers);
	for (size_t i = 0; i < p->nexts; i++)
		free(p->exts[i].path);
	free(p->exts);
	free(p->upper_dir);
	free(p->upper_data);
	free(p->upper_size_from);
	for (size_t i = 0; i < p->ndirs; i++)
		free(p->dirs[i].path);
	free(p->dirs);
	free(p->mounts);
	free(p->files);
	free(p->image);
	free(p->hostname);
	strv_fini(&p->env);
	strv_fini(&p->argv);
	strv_fini(&p->cwd);
	strv_fini(&p->lent);
	strv_fini(&p->limits);
	strv_fini(&p->notes);
	strv_fini(&p->env_origins);
	free(p);
}

int plan_wants(struct strv *paths, struct strv *env_files, const struct run_req *req,
	       const struct facts *f, struct err *e)
{
	auto_binds struct binds user = { 0 };
	auto_plan_home struct plan_home home = { 0 };
	auto_overlay_words struct overlay_words overlays = { 0 };
	auto_strv struct strv notes = { 0 }; /* plan_make() says them */

	if (isolate_check(req, e) < 0 || plan_user_binds(&user, req, f, &notes, e) < 0 ||
	    plan_home_make(&home, req, f, e) < 0 ||
	    overlay_words_parse(&overlays, req, f->cwd, e) < 0)
		return -1;
	if (mounts_wants(paths, &user, &home, req, f, e) < 0)
		return -1;
	layers_wants(paths, &overlays);
	workdir_wants(paths, req, f);
	for (size_t i = 0; i < req->env_files.n; i++)
		strv_split(env_files, req->env_files.v[i], ',');
	return 0;
}

void plan_image_wants_fini(struct plan_image_wants *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->v[i].path);
		free(w->v[i].inner);
	}
	free(w->v);
	*w = (struct plan_image_wants){ 0 };
}

static struct plan_image_want *want_add(struct plan_image_wants *out)
{
	xgrow(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
	return &out->v[out->n++];
}

int plan_wants_images(struct plan_image_wants *out, const struct run_req *req,
		      const struct facts *f, struct err *e)
{
	auto_binds struct binds user = { 0 };
	auto_overlay_words struct overlay_words overlays = { 0 };
	auto_strv struct strv notes = { 0 };

	if (plan_user_binds(&user, req, f, &notes, e) < 0 ||
	    overlay_words_parse(&overlays, req, f->cwd, e) < 0)
		return -1;
	overlay_words_own(&overlays, req, &f->image);
	for (size_t i = 0; i < overlays.n; i++)
		*want_add(out) = (struct plan_image_want){
			.path = take_ptr(overlays.v[i].path),
			.use = FACT_IMAGE_OVERLAY,
			.inner = xstrdup("/"),
		};
	for (size_t i = 0; i < user.n; i++) {
		struct bind *b = &user.v[i];

		if (!b->inner)
			continue;
		*want_add(out) = (struct plan_image_want){
			.path = take_ptr(b->src),
			.id = b->id,
			.use = FACT_IMAGE_DATA,
			.inner = take_ptr(b->inner),
		};
	}
	return 0;
}

/* Options whose words are not known are an old script's, not a reason to fail. */
static void note_unknown_words(struct plan *p, const struct run_req *req)
{
	static const char *const known[] = { "proc", "sys",    "dev", "devpts",	   "home",
					     "tmp",  "hostfs", "cwd", "bind-paths" };

	for (size_t i = 0; i < req->no_mount.n; i++) {
		auto_strv struct strv words = { 0 };

		strv_split(&words, req->no_mount.v[i], ',');
		for (size_t k = 0; k < words.n; k++) {
			size_t j = 0;

			while (j < ARRAY_LEN(known) && strcmp(known[j], words.v[k]))
				j++;
			if (j == ARRAY_LEN(known) && words.v[k][0] != '/')
				strv_addf(&p->notes, "--no-mount %s: no such mount; ignored",
					  words.v[k]);
		}
	}
}

/* A file of ours, unless the user has bound something over it. */
static void file_add(struct plan *p, const struct run_req *req, const char *path, struct buf *text)
{
	if (no_mount_has(req, path))
		return;
	for (size_t i = 0; i < p->nmounts; i++)
		if (p->mounts[i].origin == PLAN_USER && path_is_below(path, p->mounts[i].dst))
			return;
	xgrow(&p->files, &p->files_cap, p->nfiles + 1, sizeof(*p->files));
	/* The image's own know root, and a package that adds a user must be able to change them. */
	p->files[p->nfiles] = (struct plan_file){ .path = xstrdup(path),
						  .len = text->len,
						  .mode = S_IFREG | 0644,
						  .replace = !p->fakeroot };
	p->files[p->nfiles++].data = buf_take(text);
}

static void add_files(struct plan *p, const struct run_req *req, const struct facts *f,
		      const char *home)
{
	auto_buf struct buf passwd = { 0 }, group = { 0 };

	names_passwd(&passwd, f->image.passwd, f, home);
	file_add(p, req, "/etc/passwd", &passwd);
	names_group(&group, f->image.group, f);
	file_add(p, req, "/etc/group", &group);
	for (size_t i = 0; i < ARRAY_LEN(isolate_files); i++) {
		auto_buf struct buf text = { 0 };

		if (!isolate_owns_file(req, isolate_files[i]))
			continue;
		isolate_file(&text, isolate_files[i], req, f);
		file_add(p, req, isolate_files[i], &text);
	}
}

/* A directory, where the image has nothing: an OCI runtime makes WorkingDir. */
static void dir_add(struct plan *p, const char *path)
{
	if (!strcmp(path, "/"))
		return;
	xgrow(&p->files, &p->files_cap, p->nfiles + 1, sizeof(*p->files));
	p->files[p->nfiles++] = (struct plan_file){ .path = xstrdup(path), .mode = S_IFDIR | 0755 };
}

static void add_cwd(struct plan *p, const struct run_req *req, const struct facts *f,
		    const char *home)
{
	bool contain = req->contain;

	if (req->pwd) {
		strv_take(&p->cwd, path_clean("/", req->pwd));
		p->cwd_required = true;
		return;
	}
	if (req->oci_compat) {
		bool has = f->image.workdir && *f->image.workdir;

		strv_take(&p->cwd, path_clean("/", has ? f->image.workdir : "/"));
		if (has)
			dir_add(p, p->cwd.v[0]);
		p->cwd_required = true;
		return;
	}
	if (!f->cwd && !contain)
		strv_addf(&p->notes,
			  "the working directory is gone or cannot be named; starting in %s", home);
	if (f->cwd && !contain)
		strv_add(&p->cwd, f->cwd);
	if (!strv_has(&p->cwd, home))
		strv_add(&p->cwd, home);
	if (!strv_has(&p->cwd, "/"))
		strv_add(&p->cwd, "/");
}

/* What a nested run binds again: "src:dst[:ro],...". */
static void binds_text(struct buf *out, const struct binds *user)
{
	for (size_t i = 0; i < user->n; i++) {
		const struct bind *b = &user->v[i];

		if (b->nonested)
			continue;
		buf_adds(out, out->len ? "," : "");
		for (int dst = 0; dst < 2; dst++) {
			buf_adds(out, dst ? ":" : "");
			for (const char *s = dst || b->inner ? b->dst : b->src; *s; s++) {
				if (*s == ',' || *s == ':')
					buf_addch(out, '\\');
				buf_addch(out, *s);
			}
		}
		/* Inside, what was in an image is a directory at the target like any other. */
		buf_adds(out, b->ro || b->inner ? ":ro" : "");
	}
}

/* Environment and program belong together: a shell may have to stand between. */
static int add_program(struct plan *p, const struct run_req *req, const struct facts *f,
		       const struct binds *user, const char *home, struct err *e)
{
	auto_environment struct environment env = { 0 };
	auto_strv struct strv argv = { 0 };
	auto_buf struct buf bind = { 0 };
	struct environment_known known = { .home = home, .cwd = p->cwd.v[0] };

	if (command_make(&argv, req, f, &p->notes, e) < 0)
		return -1;
	binds_text(&bind, user);
	/* The kernel would refuse to start any program with it. */
	if (bind.len > VARIABLE_MAX) {
		strv_addf(&p->notes,
			  "%zu binds are too many to be named in APPTAINER_BIND; it is left empty, "
			  "so a container inside this one does not get them by itself",
			  user->n);
		buf_fini(&bind);
	}
	known.bind = buf_str(&bind);
	known.shell = req->verb == RUN_SHELL ? argv.v[0] : NULL;
	if (environment_make(&env, req, f, &known, &p->notes, e) < 0)
		return -1;
	p->env = env.vars;
	p->env_pwd = env.pwd;
	env.vars = (struct strv){ 0 };
	p->env_origins = env.origins;
	env.origins = (struct strv){ 0 };
	if (env.glue) {
		strv_add(&p->argv, "/bin/sh");
		strv_add(&p->argv, "-c");
		strv_take(&p->argv, take_ptr(env.glue));
		strv_add(&p->argv, "berth");
	}
	for (size_t i = 0; i < argv.n; i++)
		strv_take(&p->argv, take_ptr(argv.v[i]));
	argv.n = 0;
	return 0;
}

/* Root inside.  The caller's facts have root's name and ids already (fact_fakeroot). */
static int fakeroot_make(struct plan *p, const struct run_req *req, const struct facts *f,
			 struct err *e)
{
	if (req->emulation && !req->fakeroot)
		return err_set(e, ERR_USAGE, "--emulation goes with --fakeroot");
	p->host_uid = f->host_uid;
	p->host_gid = f->host_gid;
	p->fakeroot = req->fakeroot;
	if (req->emulation && emulation_parse(&p->emulation, req->emulation, e) < 0)
		return -1;
	if (p->emulation == EMULATION_SUBUID)
		return err_set(
			e, ERR_UNSUPPORTED,
			"--emulation subuid: ranges of ids are not used by this version; full, "
			"which is the default, needs none");
	if (req->instance && p->fakeroot && p->emulation != EMULATION_NONE)
		return err_set(e, ERR_UNSUPPORTED,
			       "--fakeroot: an instance has no supervisor for root emulation; use "
			       "exec or run, or --emulation=none to be root of one id");
	return 0;
}

/* Where the program can change the tree.  In a writable directory the file is a real one
 * (flow/run_emul.c). */
static void add_apt(struct plan *p, const struct run_req *req)
{
	auto_buf struct buf text = { 0 };

	if (!p->fakeroot || p->emulation == EMULATION_SUBUID ||
	    (p->root == PLAN_ROOT_DIR && !p->writable) || strv_env_get(&p->env, "APT_CONFIG"))
		return;
	strv_env_set(&p->env, "APT_CONFIG", EMULATION_APT_PATH);
	buf_adds(&text, EMULATION_APT_TEXT);
	if (p->root == PLAN_ROOT_SQUASH)
		file_add(p, req, EMULATION_APT_PATH, &text);
}

int plan_make(struct plan **out, const struct run_req *req, const struct facts *f, struct err *e)
{
	auto_plan struct plan *p = xcalloc(1, sizeof(*p));
	auto_binds struct binds user = { 0 };
	auto_plan_home struct plan_home home = { 0 };
	auto_overlay_words struct overlay_words overlays = { 0 };
	const char *lives; /* HOME: the image's user may have another one than the caller's */

	p->verb = req->verb;
	p->root = f->image.is_dir ? PLAN_ROOT_DIR : PLAN_ROOT_SQUASH;
	p->image = xstrdup(f->image.fs_path ? f->image.fs_path : f->image.path);
	p->off = f->image.off;
	p->size = f->image.size;
	p->images = xcalloc(f->nimage_files + 1, sizeof(*p->images));
	for (; p->nimages < f->nimage_files; p->nimages++) {
		const struct fact_image_file *file = &f->image_files[p->nimages];

		p->images[p->nimages] =
			(struct plan_image){ xstrdup(file->path), file->off, file->size };
	}
	p->uid = f->uid;
	p->gid = f->gid;
	if (fakeroot_make(p, req, f, e) < 0)
		return -1;
	p->umask = req->no_umask ? 0022 : f->umask;
	isolate_make(p, req);
	if (limits_make(&p->limits, req, f, e) < 0)
		return -1;
	p->idle = req->verb == RUN_START && !f->image.has_startscript;
	note_unknown_words(p, req);
	if (f->lent)
		plan_lent_say(p, f->lent);
	if (plan_user_binds(&user, req, f, &p->notes, e) < 0 ||
	    plan_home_make(&home, req, f, e) < 0 ||
	    overlay_words_parse(&overlays, req, f->cwd, e) < 0 || workdir_check(req, f, e) < 0)
		return -1;
	overlay_words_own(&overlays, req, &f->image);
	if (layers_make(p, &overlays, req, f, e) < 0 || mounts_make(p, &user, &home, req, f, e) < 0)
		return -1;
	lives = f->user_home && !req->home ? f->user_home : home.dst;
	add_files(p, req, f, lives);
	if (req->oci_compat && !f->image.has_config)
		return err_set(e, ERR_USAGE, "--oci-compat: the image keeps no OCI configuration");
	add_cwd(p, req, f, lives);
	if (add_program(p, req, f, &user, lives, e) < 0)
		return -1;
	add_apt(p, req);
	*out = take_ptr(p);
	return 0;
}
