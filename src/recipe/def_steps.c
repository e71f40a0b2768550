/* The order of the steps is Apptainer's: what comes from stages and the apps' frames first, then
 * %setup on the host, then the host's files, then %post with the apps' installs at its end. */
#include "src/base/json.h"
#include "src/recipe/def.h"
#include "src/recipe/def_app.h"

static void add_files(struct steps *out, const struct def_files *f)
{
	struct step *s;

	if (!f->n)
		return;
	s = steps_add(out, STEP_COPY, f->line, "%files");
	s->rules = f->from ? COPY_STAGE : COPY_HOST;
	s->from = f->from;
	if (f->from)
		s->title = arena_printf(out->arena, "%%files from %s", f->from);
	s->items = f->v;
	s->nitems = f->n;
}

static void add_post(struct steps *out, const struct def_stage *s)
{
	const struct def_text *post = &s->script[DEF_POST];
	auto_buf struct buf all = { 0 };
	struct step *step;

	if (post->text)
		buf_adds(&all, post->text);
	def_app_install(s, &all);
	if (!all.len && !post->text)
		return;
	step = steps_add(out, STEP_RUN, post->line, "%post");
	step->script = arena_strdup(out->arena, buf_str(&all));
	step->args = post->args ? post->args : "";
}

void def_steps(struct steps *out, const struct def_stage *s)
{
	const struct def_text *setup = &s->script[DEF_SETUP];

	def_app_steps(out, s);
	for (size_t i = 0; i < s->nfiles; i++)
		if (s->files[i].from)
			add_files(out, &s->files[i]);
	if (setup->text) {
		struct step *step = steps_add(out, STEP_HOST, setup->line, "%setup");

		step->script = setup->text;
		step->args = setup->args;
	}
	for (size_t i = 0; i < s->nfiles; i++)
		if (!s->files[i].from)
			add_files(out, &s->files[i]);
	add_post(out, s);
}

static void text_json(struct jw *w, const char *key, const struct def_text *t)
{
	if (t->text)
		jw_str(w, key, t->text);
}

static void pairs_json(struct jw *w, const char *key, const struct def_pairs *p)
{
	if (!p->n)
		return;
	jw_obj(w, key);
	for (size_t i = 0; i < p->n; i++)
		jw_str(w, p->v[i].key, p->v[i].value);
	jw_end(w);
}

void def_json(const struct def *d, struct jw *w, const char *key)
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

	jw_arr(w, key);
	for (size_t i = 0; i < d->nstages; i++) {
		const struct def_stage *s = &d->stages[i];
		auto_arena struct arena a = { 0 };
		struct steps steps = { .arena = &a };

		jw_obj(w, NULL);
		jw_int(w, "line", s->line);
		pairs_json(w, "header", &s->header);
		for (size_t k = 0; k < DEF_SCRIPTS; k++)
			if (k != DEF_POST && k != DEF_SETUP)
				text_json(w, names[k], &s->script[k]);
		pairs_json(w, "labels", &s->labels);
		if (s->napps) {
			jw_arr(w, "apps");
			for (size_t k = 0; k < s->napps; k++)
				jw_str(w, NULL, s->apps[k].name);
			jw_end(w);
		}
		def_steps(&steps, s);
		steps_json(&steps, w, "steps");
		jw_end(w);
	}
	jw_end(w);
}
