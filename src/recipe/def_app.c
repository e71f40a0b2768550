#include "src/recipe/def_app.h"

#include <ctype.h>
#include <string.h>

#include "src/base/json.h"

void def_script_file(const char *text, const char *args, struct buf *out)
{
	size_t n = strcspn(args, "#");
	const char *first = text + strspn(text, " \t\r\n");

	while (n && isspace((unsigned char)args[n - 1]))
		n--;
	if (str_has_prefix(first, "#!")) {
		size_t line = strcspn(first, "\n");

		buf_add(out, first, line);
		text = first + line + (first[line] == '\n');
	} else {
		buf_adds(out, "#!/bin/sh");
	}
	if (n)
		buf_printf(out, " %.*s", (int)n, args);
	buf_printf(out, "\n\n%s", text);
	if (!str_has_suffix(buf_str(out), "\n"))
		buf_addch(out, '\n');
}

static void add_dir(struct steps *out, const struct def_app *app, const char *fmt)
{
	struct step *s = steps_add(out, STEP_DIR, 0, "app");

	s->title = arena_printf(out->arena, "app %s", app->name);
	s->dir = arena_printf(out->arena, "/scif/%s/%s%s",
			      str_has_prefix(fmt, "data/") ? "data" : "apps", app->name,
			      str_has_prefix(fmt, "data/") ? fmt + 4 : fmt);
}

static void add_file(struct steps *out, const struct def_app *app, const char *name,
		     const char *mode, const char *data, unsigned line)
{
	struct step *s = steps_add(out, STEP_COPY, line, "app");

	s->title = arena_printf(out->arena, "app %s: %s", app->name, name);
	s->items = arena_new(out->arena, struct step_item);
	s->nitems = 1;
	s->items->data = arena_strdup(out->arena, data);
	s->items->dst = arena_printf(out->arena, "/scif/apps/%s/scif/%s", app->name, name);
	s->chmod = mode;
}

static void add_script(struct steps *out, const struct def_app *app, const char *name,
		       const struct def_text *t)
{
	auto_buf struct buf text = { 0 };

	if (!t->text)
		return;
	def_script_file(t->text, "", &text);
	add_file(out, app, name, "755", buf_str(&text), t->line);
}

static void base_env(const struct def_app *app, struct buf *out)
{
	buf_printf(out,
		   "#!/bin/sh\n\n"
		   "SCIF_APPNAME=%1$s\n"
		   "SCIF_APPROOT=\"/scif/apps/%1$s\"\n"
		   "SCIF_APPMETA=\"/scif/apps/%1$s/scif\"\n"
		   "SCIF_DATA=\"/scif/data\"\n"
		   "SCIF_APPDATA=\"/scif/data/%1$s\"\n"
		   "SCIF_APPINPUT=\"/scif/data/%1$s/input\"\n"
		   "SCIF_APPOUTPUT=\"/scif/data/%1$s/output\"\n"
		   "export SCIF_APPNAME SCIF_APPROOT SCIF_APPMETA SCIF_DATA SCIF_APPDATA "
		   "SCIF_APPINPUT SCIF_APPOUTPUT\n",
		   app->name);
}

static void labels(const struct def_app *app, struct buf *out)
{
	struct jw w = { .out = out, .indent = -1, .html = true };

	jw_obj(&w, NULL);
	for (size_t i = 0; i < app->labels.n; i++)
		jw_str(&w, app->labels.v[i].key, app->labels.v[i].value);
	jw_end(&w);
}

static void app_steps(struct steps *out, const struct def_app *app)
{
	auto_buf struct buf env = { 0 }, own = { 0 }, json = { 0 };

	add_dir(out, app, "/bin");
	add_dir(out, app, "/lib");
	add_dir(out, app, "/scif/env");
	add_dir(out, app, "data/input");
	add_dir(out, app, "data/output");
	base_env(app, &env);
	add_file(out, app, "env/01-base.sh", "755", buf_str(&env), 0);
	if (app->env.text) {
		buf_printf(&own, "#!/bin/sh\n\n%s", app->env.text);
		add_file(out, app, "env/90-environment.sh", "755", buf_str(&own), app->env.line);
	}
	labels(app, &json);
	add_file(out, app, "labels.json", "644", buf_str(&json), 0);
	if (app->help.text)
		add_file(out, app, "runscript.help", "644", app->help.text, app->help.line);
	add_script(out, app, "runscript", &app->run);
	add_script(out, app, "startscript", &app->start);
	add_script(out, app, "test", &app->test);
	if (app->files.n) {
		struct step *s = steps_add(out, STEP_COPY, app->files.v[0].line, "%appfiles");

		s->title = arena_printf(out->arena, "%%appfiles %s", app->name);
		s->rules = COPY_HOST;
		s->items = app->files.v;
		s->nitems = app->files.n;
	}
}

void def_app_steps(struct steps *out, const struct def_stage *s)
{
	for (size_t i = 0; i < s->napps; i++)
		app_steps(out, &s->apps[i]);
}

void def_app_install(const struct def_stage *s, struct buf *out)
{
	for (size_t i = 0; i < s->napps; i++) {
		const struct def_app *app = &s->apps[i];

		if (app->install.text)
			buf_printf(out,
				   "\ncd /\n. /scif/apps/%1$s/scif/env/01-base.sh\n\n"
				   "cd /scif/apps/%1$s\n%2$s\ncd /\n",
				   app->name, app->install.text);
	}
}

/* A shell name out of an app's name. */
static const char *var(struct arena *a, const char *name)
{
	char *v = arena_strdup(a, name);

	for (char *p = v; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '_';
	return v;
}

void def_app_base_env(const struct def_stage *s, struct buf *out)
{
	auto_arena struct arena a = { 0 };

	buf_adds(out, "#!/bin/sh\n# Where each app is.\n");
	for (size_t i = 0; i < s->napps; i++) {
		const struct def_app *app = &s->apps[i];
		const char *v = var(&a, app->name), *n = app->name;

		buf_printf(out,
			   "export SCIF_APPDATA_%1$s=\"/scif/data/%2$s\"\n"
			   "export SCIF_APPMETA_%1$s=\"/scif/apps/%2$s/scif\"\n"
			   "export SCIF_APPROOT_%1$s=\"/scif/apps/%2$s\"\n"
			   "export SCIF_APPBIN_%1$s=\"/scif/apps/%2$s/bin\"\n"
			   "export SCIF_APPLIB_%1$s=\"/scif/apps/%2$s/lib\"\n",
			   v, n);
		if (app->env.text)
			buf_printf(out,
				   "export SCIF_APPENV_%1$s="
				   "\"/scif/apps/%2$s/scif/env/90-environment.sh\"\n",
				   v, n);
		if (app->run.text)
			buf_printf(out, "export SCIF_APPRUN_%s=\"/scif/apps/%s/scif/runscript\"\n",
				   v, n);
	}
}

void def_app_active_env(struct buf *out)
{
	buf_adds(out, "#!/bin/sh\n# The app that --app names.\n"
		      "if [ -n \"${SINGULARITY_APPNAME:-}\" ]; then\n"
		      "\tif [ ! -d \"/scif/apps/$SINGULARITY_APPNAME\" ]; then\n"
		      "\t\techo \"no app $SINGULARITY_APPNAME in this image\" >&2\n"
		      "\t\texit 1\n"
		      "\tfi\n"
		      "\texport SINGULARITY_APPNAME\n"
		      "\texport SCIF_APPS=\"/scif/apps\"\n"
		      "\texport SCIF_APPROOT=\"/scif/apps/$SINGULARITY_APPNAME\"\n"
		      "\tif [ -d \"$SCIF_APPROOT/bin\" ]; then\n"
		      "\t\texport PATH=\"$SCIF_APPROOT/bin:$PATH\"\n"
		      "\tfi\n"
		      "\tif [ -d \"$SCIF_APPROOT/lib\" ]; then\n"
		      "\t\texport LD_LIBRARY_PATH="
		      "\"${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$SCIF_APPROOT/lib\"\n"
		      "\tfi\n"
		      "\tfor script in 01-base.sh 90-environment.sh; do\n"
		      "\t\tif [ -f \"$SCIF_APPROOT/scif/env/$script\" ]; then\n"
		      "\t\t\t. \"$SCIF_APPROOT/scif/env/$script\"\n"
		      "\t\tfi\n"
		      "\tdone\n"
		      "fi\n");
}
