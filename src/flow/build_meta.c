/* What a build leaves in /.singularity.d, in the order in which Apptainer writes it: frame, the
 * author's scripts, labels, the recipe.  What the base image brought stays unless the recipe says
 * otherwise; its recipe moves to bootstrap_history. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/meta.h"
#include "image/meta_script.h"
#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/base/path.h"
#include "src/flow/build_env.h"
#include "src/flow/build_labels.h"
#include "src/flow/build_names.h"
#include "src/flow/build_state.h"
#include "src/recipe/def_app.h"

#define DIR_D	 "/.singularity.d/"
#define TEXT_MAX (8 << 20)

static int put_node(void *arg, const struct flatten_node *n, struct err *e)
{
	const struct build_tree *t = arg;
	auto_free char *dir = path_dir(n->path);
	auto_close int at = -1, old = -1;
	struct stat st;

	if (S_ISDIR(n->mode)) {
		old = open_in_root(t->fd, n->path, O_PATH, 0);
		if (old >= 0)
			return 0;
		at = build_tree_dir(t, n->path, e);
		if (at < 0)
			return -1;
		close(at);
		at = open_in_root(t->fd, n->path, O_RDONLY | O_DIRECTORY, 0);
		return at < 0 || fchmod(at, n->mode & 07777) < 0 ? err_sys(e, "make %s", n->path)
								 : 0;
	}
	at = build_tree_dir(t, dir, e);
	if (at < 0)
		return -1;
	if (fstatat(at, path_base(n->path), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (!n->replace || S_ISDIR(st.st_mode)))
		return 0;
	if (S_ISLNK(n->mode))
		return symlinkat(n->data, at, path_base(n->path)) < 0
			       ? err_sys(e, "make %s", n->path)
			       : 0;
	return build_tree_write(t, n->path, n->data, n->len, n->mode & 07777, e);
}

static int put_text(const struct build_tree *t, const char *path, const struct buf *text,
		    mode_t mode, struct err *e)
{
	return build_tree_write(t, path, buf_str(text), text->len, mode, e);
}

static int put_script(const struct build_tree *t, const char *path, const struct def_text *s,
		      struct err *e)
{
	auto_buf struct buf text = { 0 };

	if (!s->text)
		return 0;
	def_script_file(s->text, s->args, &text);
	return put_text(t, path, &text, 0755, e);
}

static int def_scripts(struct build_stage *s, struct err *e)
{
	const struct def_stage *d = s->def;
	const struct def_text *help = &d->script[DEF_HELP], *env = &d->script[DEF_ENVIRONMENT];
	auto_buf struct buf text = { 0 }, apps = { 0 }, active = { 0 };

	if (help->text && build_tree_write(&s->tree, DIR_D "runscript.help", help->text,
					   strlen(help->text), 0644, e) < 0)
		return -1;
	if (env->text) {
		buf_printf(&text, "#!/bin/sh\n# Environment that the image's author adds.\n\n%s",
			   env->text);
		if (put_text(&s->tree, DIR_D "env/90-environment.sh", &text, 0755, e) < 0)
			return -1;
	}
	if (d->napps) {
		def_app_base_env(d, &apps);
		def_app_active_env(&active);
		if (put_text(&s->tree, DIR_D "env/94-appsbase.sh", &apps, 0755, e) < 0 ||
		    put_text(&s->tree, DIR_D "env/95-apps.sh", &active, 0755, e) < 0)
			return -1;
	}
	if (put_script(&s->tree, DIR_D "runscript", &d->script[DEF_RUNSCRIPT], e) < 0 ||
	    put_script(&s->tree, DIR_D "startscript", &d->script[DEF_STARTSCRIPT], e) < 0 ||
	    put_script(&s->tree, DIR_D "test", &d->script[DEF_TEST], e) < 0)
		return -1;
	return 0;
}

static int docker_scripts(struct build_stage *s, struct err *e)
{
	auto_buf struct buf env = { 0 }, run = { 0 };

	meta_env_script(&env, &s->config.env);
	meta_runscript(&run, &s->config.entrypoint, &s->config.cmd);
	if (put_text(&s->tree, DIR_D "env/10-docker2singularity.sh", &env, 0755, e) < 0)
		return -1;
	return put_text(&s->tree, DIR_D "runscript", &run, 0755, e);
}

/* An image without a runscript starts a shell. */
static int default_runscript(struct build_stage *s, struct err *e)
{
	static const char text[] = "#!/bin/sh\n\nexec /bin/sh \"$@\"\n";
	auto_close int fd = open_in_root(s->tree.fd, DIR_D "runscript", O_PATH | O_NOFOLLOW, 0);

	return fd >= 0 ? 0
		       : build_tree_write(&s->tree, DIR_D "runscript", text, strlen(text), 0755, e);
}

/* The recipe of the base becomes history, this one takes its place. */
static int recipe_text(struct build *b, struct build_stage *s, struct err *e)
{
	auto_strv struct strv names = { 0 };
	auto_close int d = build_tree_dir(&s->tree, "/.singularity.d", e), h = -1;
	char name[64];

	if (d < 0)
		return -1;
	if (!b->text)
		return 0;
	if (faccessat(d, "Singularity", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		h = build_tree_dir(&s->tree, DIR_D "bootstrap_history", e);
		if (h < 0)
			return -1;
		build_names_list(h, &names);
		snprintf(name, sizeof(name), "Apptainer%zu", names.n);
		if (renameat(d, "Singularity", h, name) < 0)
			return err_sys(e, "keep the base's recipe");
	}
	return build_tree_write(&s->tree, DIR_D "Singularity", b->text, strlen(b->text), 0644, e);
}

int build_meta(struct build *b, struct build_stage *s, struct err *e)
{
	if (meta_frame(put_node, &s->tree, e) < 0)
		return -1;
	if (s->def && def_scripts(s, e) < 0)
		return -1;
	if (b->docker && docker_scripts(s, e) < 0)
		return -1;
	if (default_runscript(s, e) < 0 || build_labels(b, s, e) < 0)
		return -1;
	return recipe_text(b, s, e);
}
