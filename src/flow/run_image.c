#include "src/flow/run_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/fd.h"
#include "src/base/path.h"

#define STARTSCRIPT "/.singularity.d/startscript"
#define NAMES_MAX   (4 << 20) /* bytes of /etc/passwd or /etc/group that are read */

void run_image_fini(struct run_image *r)
{
	squash_close(r->squash);
	image_free(r->image);
	buf_fini(&r->passwd);
	buf_fini(&r->group);
	free(r->scripts);
	free(r->path);
}

/* 0 read, 1 not there. */
static int text_read(struct run_image *r, const char *path, struct buf *out, struct err *e)
{
	auto_close int fd = -1;

	if (r->squash)
		return squash_read_file(r->squash, path, out, NAMES_MAX, e);
	fd = open_in_root(r->image->fd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
	if (fd < 0)
		return 1;
	return fd_read_all(fd, out, NAMES_MAX, path, e);
}

static bool program_exists(struct run_image *r, const char *path)
{
	struct squash_stat st;
	struct err ignored;
	auto_close int fd = -1;

	if (r->squash)
		return squash_stat_path(r->squash, path, true, &st, &ignored) == 0;
	fd = open_in_root(r->image->fd, path, O_PATH, 0);
	return fd >= 0;
}

/* Images that were made without a %startscript have a script of one line, "#!/bin/sh": nothing to
 * start, and no shell to look for. */
static bool startscript_says(struct run_image *r)
{
	auto_buf struct buf text = { 0 };
	struct err ignored;
	const char *p;

	if (!program_exists(r, STARTSCRIPT))
		return false;
	if (text_read(r, STARTSCRIPT, &text, &ignored) != 0)
		return true;
	p = strchr(buf_str(&text), '\n');
	return !str_has_prefix(buf_str(&text), "#!/bin/sh") || (p && p[strspn(p, " \t\n")]);
}

/* Broken tables of names keep nobody from running: the plan makes new ones. */
static const char *names_read(struct run_image *r, const char *path, struct buf *out)
{
	struct err ignored;

	return text_read(r, path, out, &ignored) == 0 ? buf_str(out) : NULL;
}

static void scripts_list(struct run_image *r, struct facts_image *out)
{
	const struct image *im = r->image;

	r->scripts = xcalloc(im->nenv + 1, sizeof(*r->scripts));
	for (size_t i = 0; i < im->nenv; i++)
		r->scripts[i] = (struct fact_script){ path_base(im->env[i].path), im->env[i].text };
	out->scripts = r->scripts;
	out->nscripts = im->nenv;
}

static bool goes_up(const char *path)
{
	for (; path; path = strchr(path, '/')) {
		path += strspn(path, "/");
		if (!strncmp(path, "..", 2) && (!path[2] || path[2] == '/'))
			return true;
	}
	return false;
}

/* The absolute path, with its links as the user wrote them.  Behind a link ".." leads to
 * where the link's target lies, which only the kernel knows; so does a working directory
 * without a name. */
static char *image_name(const char *path, const char *cwd)
{
	bool ask = goes_up(path) || (!cwd && path[0] != '/');
	char *real = ask ? realpath(path, NULL) : NULL;

	return real ? real : path_clean(cwd ? cwd : "/", path);
}

static void app_facts(struct run_image *r, const struct run_req *req, struct facts_image *out)
{
	auto_free char *dir = xasprintf("/scif/apps/%s", req->app);
	auto_free char *script =
		xasprintf("%s/scif/%s", dir, req->verb == RUN_TEST ? "test" : "runscript");

	/* A name, no path: it ends up in one. */
	if (!*req->app || strchr(req->app, '/') || req->app[0] == '.')
		return;
	out->has_app = program_exists(r, dir);
	out->has_app_script = program_exists(r, script);
}

int run_image_open(struct run_image *r, const char *path, const char *cwd,
		   const struct run_req *req, struct facts_image *out, struct err *e)
{
	struct image *im;

	*r = (struct run_image){ 0 };
	if (image_open(&r->image, path, e) < 0)
		return -1;
	im = r->image;
	if (im->kind != IMAGE_DIR &&
	    squash_open(&r->squash, im->fd, im->off, im->size, NULL, e) < 0)
		return err_wrap(e, "%s", path);
	if (!image_arch_runs(im->arch, image_host_arch()))
		return err_set(e, ERR_HOST, "%s is made for %s, this host is %s", path, im->arch,
			       image_host_arch());
	if (image_load_scripts(im, r->squash, e) < 0)
		return err_wrap(e, "%s", path);
	r->path = image_name(path, cwd);
	*out = (struct facts_image){ .is_dir = im->kind == IMAGE_DIR,
				     .has_overlay = im->has_overlay,
				     .path = r->path,
				     .off = im->off,
				     .size = im->size,
				     .runscript = im->runscript,
				     .has_sh = im->has_sh };
	out->has_startscript = req->verb == RUN_START && startscript_says(r);
	out->has_bash = req->verb == RUN_SHELL && program_exists(r, "/bin/bash");
	if (req->app)
		app_facts(r, req, out);
	out->has_test = req->verb == RUN_TEST && program_exists(r, "/.singularity.d/test");
	scripts_list(r, out);
	if (im->oci) {
		out->has_config = true;
		out->env = strv_list(&im->oci->env);
		out->entrypoint = strv_list(&im->oci->entrypoint);
		out->cmd = strv_list(&im->oci->cmd);
		out->workdir = im->oci->workdir;
		out->user = im->oci->user;
	}
	return 0;
}

void run_image_names(struct run_image *r, struct facts_image *out)
{
	if (r->has_names)
		return;
	r->has_names = true;
	out->passwd = names_read(r, "/etc/passwd", &r->passwd);
	out->group = names_read(r, "/etc/group", &r->group);
}
