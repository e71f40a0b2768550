#include "src/flow/build_spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/base/near.h"
#include "src/base/path.h"
#include "src/recipe/docker_ignore.h"

/* Schemes of images, longest first where one begins another. */
static const char *const schemes[] = { "docker-archive", "docker-daemon", "docker",
				       "oci-archive",	 "oci",		  "oras",
				       "library",	 "shub" };

/* So many more stages may be images that are copied from. */
#define IMAGES_MAX 64

static void make_room(struct build *b, size_t n)
{
	b->cap = n + IMAGES_MAX;
	b->stages = arena_array(&b->arena, struct build_stage, b->cap);
}

struct build_stage *build_spec_add_stage(struct build *b)
{
	struct build_stage *s = &b->stages[b->nstages++];

	*s = (struct build_stage){ .from_stage = -1, .tree = { .fd = -1 } };
	s->steps.arena = &b->arena;
	return s;
}

static void one_image(struct build *b, const char *agent, const char *from)
{
	struct build_stage *s;

	make_room(b, 1);
	s = build_spec_add_stage(b);
	b->nrecipe = 1;
	s->agent = agent;
	s->from = from;
	s->name = from;
}

/* "docker://x" and the like.  What is there under that name is a file all the same. */
static bool is_uri(struct build *b, const char *spec)
{
	struct stat st;

	if (stat(spec, &st) == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t n = strlen(schemes[i]);

		if (strncmp(spec, schemes[i], n) != 0 || spec[n] != ':')
			continue;
		one_image(b, schemes[i], spec);
		return true;
	}
	return false;
}

static int read_args(struct build *b, struct err *e)
{
	const struct build_req *r = b->req;

	for (size_t i = 0; i < r->arg_files.n; i++) {
		auto_buf struct buf text = { 0 };
		unsigned number = 0;
		int got = file_read(AT_FDCWD, r->arg_files.v[i], &text, 1 << 20, e);

		if (got)
			return got < 0 ? -1
				       : err_set(e, ERR_NOTFOUND, "--build-arg-file %s: not there",
						 r->arg_files.v[i]);
		for (const char *p = buf_str(&text); *p;) {
			size_t n = strcspn(p, "\n");

			number++;
			if (def_argument_line(p, n, &b->args))
				return err_set(e, ERR_USAGE, "%s:%u: a line is NAME=VALUE",
					       r->arg_files.v[i], number);
			p += n + (p[n] == '\n');
		}
	}
	for (size_t i = 0; i < r->args.n; i++) {
		if (!strchr(r->args.v[i], '=') && !b->req->dockerfile)
			return err_set(e, ERR_USAGE, "--build-arg %s: write NAME=VALUE",
				       r->args.v[i]);
		strv_add(&b->args, r->args.v[i]);
	}
	b->args_used = arena_array(&b->arena, bool, b->args.n + 1);
	return 0;
}

/* By name, or by its first instruction. */
static bool is_dockerfile(const char *path, const struct buf *text)
{
	const char *base = path_base(path), *p = buf_str(text);

	if (!strncasecmp(base, "dockerfile", 10) || str_has_suffix(base, ".dockerfile") ||
	    str_has_suffix(base, ".Dockerfile"))
		return true;
	while (*p == '#' || *p == '\n' || *p == ' ' || *p == '\t' || *p == '\r') {
		if (*p == '#')
			p += strcspn(p, "\n");
		p += *p != '\0';
	}
	return !strncasecmp(p, "FROM ", 5) || !strncasecmp(p, "ARG ", 4);
}

/* --section: what is not named is not there. */
static int choose_sections(struct build *b, struct err *e)
{
	static const char *const names[DEF_SCRIPTS] = {
		[DEF_HELP] = "help",
		[DEF_PRE] = "pre",
		[DEF_SETUP] = "setup",
		[DEF_POST] = "post",
		[DEF_ENVIRONMENT] = "environment",
		[DEF_RUNSCRIPT] = "runscript",
		[DEF_STARTSCRIPT] = "startscript",
		[DEF_TEST] = "test",
	};
	static const char *const others[] = { "all", "none", "files", "labels", "apps" };
	auto_strv struct strv want = { 0 };

	for (size_t i = 0; i < b->req->sections.n; i++)
		strv_split(&want, b->req->sections.v[i], ',');
	for (size_t i = 0; i < want.n; i++) {
		bool known = false;

		for (size_t k = 0; k < DEF_SCRIPTS; k++)
			known |= !strcmp(want.v[i], names[k]);
		for (size_t k = 0; k < ARRAY_LEN(others); k++)
			known |= !strcmp(want.v[i], others[k]);
		if (!known)
			return err_set(e, ERR_USAGE, "--section: there is no section %s",
				       want.v[i]);
	}
	if (!want.n || strv_has(&want, "all"))
		return 0;
	for (size_t i = 0; i < b->def->nstages; i++) {
		struct def_stage *s = &b->def->stages[i];

		for (size_t k = 0; k < DEF_SCRIPTS; k++)
			if (!strv_has(&want, names[k]))
				s->script[k].text = NULL;
		if (!strv_has(&want, "files"))
			s->nfiles = 0;
		if (!strv_has(&want, "labels"))
			s->labels.n = 0;
		if (!strv_has(&want, "apps"))
			s->napps = 0;
	}
	return 0;
}

static int from_def(struct build *b, const struct buf *text, struct err *e)
{
	const struct def_opts o = { .name = b->req->spec, .args = &b->args };

	if (def_parse(&b->def, buf_str(text), text->len, &o, e) < 0 || choose_sections(b, e) < 0)
		return -1;
	b->text = b->def->text;
	make_room(b, b->def->nstages);
	for (size_t i = 0; i < b->def->nstages; i++) {
		struct build_stage *s = build_spec_add_stage(b);

		s->def = &b->def->stages[i];
		s->name = s->def->name ? s->def->name : arena_printf(&b->arena, "%zu", i);
		s->agent = def_header(s->def, "bootstrap");
		s->from = def_header(s->def, "from");
	}
	b->nrecipe = b->nstages;
	return 0;
}

static void docker_opts(struct build *b, struct docker_opts *o)
{
	*o = (struct docker_opts){ .args = &b->args,
				   .used = b->args_used,
				   .arch = b->req->arch ? b->req->arch : image_host_arch(),
				   .environ = environ };
}

const char *build_spec_docker_agent(const char *from)
{
	if (!strcmp(from, "scratch"))
		return "scratch";
	/* As a drop-in would never say: an image file can be a base here too. */
	if (from[0] == '/' || str_has_prefix(from, "./") || str_has_suffix(from, ".sif"))
		return "localimage";
	return "docker";
}

static int from_dockerfile(struct build *b, const struct buf *text, struct err *e)
{
	auto_buf struct buf ignore = { 0 };
	auto_free char *file = NULL, *own = xasprintf("%s.dockerignore", b->req->spec);
	struct docker_opts o;

	if (dockerfile_parse(&b->docker, buf_str(text), text->len, b->req->spec, e) < 0)
		return -1;
	docker_opts(b, &o);
	b->text = b->docker->text;
	b->context = realpath(b->req->context ? b->req->context : b->spec_dir, NULL);
	if (!b->context)
		return err_sys(e, "%s", b->req->context ? b->req->context : b->spec_dir);
	file = path_join(b->context, ".dockerignore");
	if (access(own, R_OK) == 0 ? file_read(AT_FDCWD, own, &ignore, 1 << 20, e) < 0
				   : file_read(AT_FDCWD, file, &ignore, 1 << 20, e) < 0)
		return -1;
	docker_ignore_parse(&b->ignore, buf_str(&ignore));
	make_room(b, b->docker->nstages);
	for (size_t i = 0; i < b->docker->nstages; i++) {
		const struct docker_stage *d = &b->docker->stages[i];
		struct build_stage *s = build_spec_add_stage(b);

		s->name = d->name ? d->name : arena_printf(&b->arena, "%zu", i);
		if (dockerfile_base(b->docker, i, &o, &s->from, e) < 0)
			return -1;
		s->from_stage = dockerfile_find_stage(b->docker, s->from, i);
		s->agent = build_spec_docker_agent(s->from);
		if (b->req->target && d->name && !strcasecmp(b->req->target, d->name))
			break;
	}
	b->nrecipe = b->nstages;
	if (b->req->target &&
	    dockerfile_find_stage(b->docker, b->req->target, b->docker->nstages) < 0)
		return err_set(e, ERR_USAGE, "--target %s: no stage is called so", b->req->target);
	return 0;
}

int build_spec_read(struct build *b, struct err *e)
{
	const char *spec = b->req->spec;
	auto_buf struct buf text = { 0 };
	auto_free char *real = NULL;
	struct image *im = NULL;
	struct stat st;
	char head[8];
	int fd;

	if (is_uri(b, spec))
		return 0;
	if (stat(spec, &st) < 0)
		return err_sys(e, "%s", spec);
	if (S_ISDIR(st.st_mode)) {
		one_image(b, "localimage", spec);
		return 0;
	}
	fd = open(spec, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", spec);
	/* An image says so itself; what says nothing is a recipe. */
	if (st.st_size >= 2048 && image_open(&im, spec, e) == 0) {
		image_free(im);
		close(fd);
		one_image(b, "localimage", spec);
		return 0;
	}
	if (fd_pread(fd, head, sizeof(head), 0) == 0 && !memcmp(head, "hsqs", 4)) {
		close(fd);
		return -1;
	}
	if (fd_read_all(fd, &text, DEF_MAX, spec, e) < 0) {
		close(fd);
		return -1;
	}
	close(fd);
	if (buf_str(&text)[strspn(buf_str(&text), " \t\r\n")] == '{')
		return err_set(e, ERR_UNSUPPORTED,
			       "%s: definition files in JSON are not read; write it as text", spec);
	real = realpath(spec, NULL);
	b->spec_dir = path_dir(real ? real : spec);
	if (read_args(b, e) < 0)
		return -1;
	return b->req->dockerfile || is_dockerfile(spec, &text) ? from_dockerfile(b, &text, e)
								: from_def(b, &text, e);
}

/* --- keys --- */

static void chain(struct build_key *to, const struct build_key *from, const struct buf *what)
{
	auto_digest_ctx struct digest_ctx *d = digest_begin(DIGEST_SHA256);
	char hex[DIGEST_TEXT_MAX];
	struct digest got;

	to->hex[0] = '\0';
	if (!*from->hex)
		return;
	digest_update(d, from->hex, strlen(from->hex));
	digest_update(d, what->data, what->len);
	snprintf(to->hex, sizeof(to->hex), "%s", digest_hex(digest_end(d, &got), hex));
}

const struct build_key *build_spec_key(const struct build_stage *s)
{
	return s->steps.n ? &s->keys[s->steps.n - 1] : &s->base;
}

static int make_keys(struct build *b, struct build_stage *s, struct err *e)
{
	const struct build_key *last = &s->base;

	s->keys = arena_array(&b->arena, struct build_key, s->steps.n + 1);
	for (size_t i = 0; i < s->steps.n; i++) {
		const struct step *step = &s->steps.v[i];
		auto_buf struct buf what = { 0 };

		/* What a script does on the host nobody can tell. */
		if (step->kind == STEP_HOST || !*last->hex) {
			last = &s->keys[i];
			continue;
		}
		buf_printf(&what, "1 %s ", b->req->emulation ? b->req->emulation : "");
		step_key(step, &what);
		for (size_t k = 0; step->kind == STEP_RUN && k < b->req->binds.n; k++)
			buf_printf(&what, " bind=%s", b->req->binds.v[k]);
		for (size_t k = 0; step->kind == STEP_RUN && k < b->req->mounts.n; k++)
			buf_printf(&what, " mount=%s", b->req->mounts.v[k]);
		if (step->kind == STEP_RUN && (b->nv || b->rocm))
			buf_printf(&what, " lend=%d%d", b->nv, b->rocm);
		for (size_t k = 0; k < step->nmounts; k++)
			if (step->mounts[k].from && step->mounts[k].type == STEP_MOUNT_BIND) {
				int from = build_find_stage(b, step->mounts[k].from, e);

				if (from < 0)
					return -1;
				buf_printf(&what, " from=%s",
					   build_spec_key(&b->stages[from])->hex);
			}
		if (step->kind == STEP_COPY && build_files_key(b, step, &what, e) < 0)
			return -1;
		chain(&s->keys[i], last, &what);
		last = &s->keys[i];
	}
	return 0;
}

static int docker_steps(struct build *b, size_t i, struct err *e)
{
	struct build_stage *s = &b->stages[i];
	auto_buf struct buf json = { 0 };
	struct docker_opts o;

	if (s->from_stage >= 0)
		docker_config_json(&b->stages[s->from_stage].config, &json);
	else
		buf_adds(&json, s->base_config ? s->base_config->inner : "{}");
	docker_opts(b, &o);
	if (docker_config_parse(&s->config, buf_str(&json), e) < 0)
		return -1;
	/* As BuildKit does: ENV PATH=/x:$PATH means something on every base. */
	if (!strv_env_get(&s->config.env, "PATH"))
		strv_env_set(&s->config.env, "PATH",
			     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	return dockerfile_steps(&s->steps, &s->config, b->docker, i, &o, e);
}

int build_spec_plan(struct build *b, size_t i, struct err *e)
{
	struct build_stage *s = &b->stages[i];

	if (s->from_stage >= 0)
		s->base = *build_spec_key(&b->stages[s->from_stage]);
	if (b->docker && i < b->nrecipe && docker_steps(b, i, e) < 0)
		return -1;
	if (s->def)
		def_steps(&s->steps, s->def);
	if (s->def && s->def->script[DEF_PRE].text)
		s->base.hex[0] = '\0';
	if (make_keys(b, s, e) < 0)
		return -1;
	s->planned = true;
	return 0;
}

int build_spec_unused(struct build *b, struct err *e)
{
	/* Those of Docker reach RUN without being declared. */
	static const char *const proxies[] = { "HTTP_PROXY=", "HTTPS_PROXY=", "FTP_PROXY=",
					       "NO_PROXY=", "ALL_PROXY=" };
	auto_buf struct buf names = { 0 };

	for (size_t i = 0; i < b->args.n; i++) {
		const char *kv = b->args.v[i];
		bool used = b->docker ? b->args_used[i] : !b->def || !strv_has(&b->def->unused, kv);

		for (size_t k = 0; b->docker && k < ARRAY_LEN(proxies); k++)
			used |= !strncasecmp(kv, proxies[k], strlen(proxies[k]));
		if (!used)
			buf_printf(&names, "%s%.*s", names.len ? ", " : "", (int)strcspn(kv, "="),
				   kv);
	}
	if (!names.len)
		return 0;
	if (b->req->warn_unused || b->docker) {
		log_warn("build arguments that nothing uses: %s", buf_str(&names));
		return 0;
	}
	return err_set(e, ERR_USAGE,
		       "build arguments that nothing uses: %s; --warn-unused-build-args makes a "
		       "warning of it",
		       buf_str(&names));
}
