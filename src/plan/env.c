/* The environment is made in the order in which Apptainer's action script makes it: image scripts
 * over an empty environment, then injected variables, then PATH and library additions, then what
 * the host has and nobody set.  Each step goes through put() and its friends, which work on the
 * variables until a script needs a shell; from there on they write shell text that does the same.
 * Values, the host's and the user's, then travel as variables under other names and never in that
 * text: /proc/PID/cmdline is readable for everybody, the environment is not. */
#include "src/plan/env.h"

#include <stdio.h>
#include <string.h>

#include "src/base/path.h"
#include "src/plan/env_explain.h"
#include "src/plan/env_host.h"
#include "src/plan/env_level.h"
#include "src/plan/inject.h"
#include "src/plan/script.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENV_DIR	     "/.singularity.d/env/"
#define LIBS_DIR     LENT_LIBS_DIR

struct builder {
	const struct run_req *req;
	const struct facts *f;
	const struct environment_known *known;
	struct strv *notes;
	struct shvars vars;
	struct inject inject;
	bool injected;
	bool shell;	  /* the rest is written to glue */
	struct buf glue;  /* shell text */
	struct strv host; /* what the host lends, filtered */
	struct strv lent; /* variables that only glue knows; it unsets them */
	size_t nput;	  /* how many BERTH_PUT_<n> there are */
	enum env_level level;
	struct env_explain explained;
};

void environment_fini(struct environment *env)
{
	strv_fini(&env->vars);
	strv_fini(&env->origins);
	free(env->glue);
	*env = (struct environment){ 0 };
}

static void explain(struct builder *b, const char *who)
{
	if (b->req->explain_env)
		env_explain_changes(&b->explained, &b->vars.exported, who);
}

/* K=V, taken literally; a value of the engine's or the image's, which is no secret. */
static void put(struct builder *b, const char *key, const char *value)
{
	if (!b->shell) {
		shvars_set(&b->vars, key, value, true);
		return;
	}
	buf_printf(&b->glue, "export %s=", key);
	script_quote(&b->glue, value);
	buf_addch(&b->glue, '\n');
}

/* bash gives itself a TERM and a SHELL, busybox a PS1; what a shell makes up must
 * not keep ours and the host's out.  Read-only variables cannot be unset. */
static void unset_lent(struct builder *b)
{
	static const char *const fixed[] = { "UID",	 "EUID",      "PPID",
					     "BASHOPTS", "SHELLOPTS", "BASH_VERSINFO" };

	buf_adds(&b->glue, shvars_get(&b->vars, "PS1") ? "unset berth_n" : "unset PS1");
	for (size_t i = 0; i < b->host.n; i++) {
		size_t n = strcspn(b->host.v[i], "=");
		auto_free char *key = xstrndup(b->host.v[i], n);

		if (!env_name_in(fixed, ARRAY_LEN(fixed), key, n) &&
		    !strv_env_get(&b->vars.exported, key))
			buf_printf(&b->glue, " %s", key);
	}
	buf_addch(&b->glue, '\n');
}

/* From here on a shell does the work.  False when the image has none. */
static bool shell_begin(struct builder *b)
{
	if (b->shell || !b->f->image.has_sh)
		return b->shell;
	b->shell = true;
	unset_lent(b);
	buf_adds(&b->glue, "berth_source() { [ ! -r \"$1\" ] || . \"$1\"; }\n");
	for (size_t i = 0; i < b->vars.local.n; i++) {
		const char *eq = strchr(b->vars.local.v[i], '=');

		buf_printf(&b->glue, "%.*s=", (int)(eq - b->vars.local.v[i]), b->vars.local.v[i]);
		script_quote(&b->glue, eq + 1);
		buf_addch(&b->glue, '\n');
	}
	for (size_t i = 0; i < b->vars.marked.n; i++)
		buf_printf(&b->glue, "export %s\n", b->vars.marked.v[i]);
	return true;
}

static void source(struct builder *b, const struct fact_script *s)
{
	if (!b->shell && !script_run(&b->vars, s->text, NULL))
		return;
	if (b->req->explain_env && !b->shell && b->f->image.has_sh)
		strv_addf(b->notes,
			  "%s%s needs the image's shell: what it and the later ones set is known "
			  "in the container only",
			  ENV_DIR, s->name);
	if (!shell_begin(b)) {
		strv_addf(b->notes,
			  "%s%s needs a shell and the image has no /bin/sh; it is not applied",
			  ENV_DIR, s->name);
		return;
	}
	buf_adds(&b->glue, "berth_source ");
	auto_free char *path = xasprintf("%s%s", ENV_DIR, s->name);

	script_quote(&b->glue, path);
	buf_addch(&b->glue, '\n');
}

/* Appends each default directory that PATH lacks. */
static void fix_path(struct builder *b)
{
	const char *path = b->shell ? NULL : shvars_get(&b->vars, "PATH");
	auto_strv struct strv have = { 0 }, want = { 0 };
	auto_buf struct buf out = { 0 };

	if (b->shell) {
		buf_adds(&b->glue, "for berth_d in /usr/local/sbin /usr/local/bin /usr/sbin "
				   "/usr/bin /sbin /bin; do\n"
				   "\tcase \":${PATH-}:\" in *\":$berth_d:\"*) ;; *) "
				   "PATH=\"${PATH:+$PATH:}$berth_d\";; esac\n"
				   "done\nunset berth_d\nexport PATH\n");
		return;
	}
	strv_split(&want, DEFAULT_PATH, ':');
	if (path) {
		strv_split(&have, path, ':');
		buf_adds(&out, path);
	}
	for (size_t i = 0; i < want.n; i++)
		if (!strv_has(&have, want.v[i]))
			buf_printf(&out, "%s%s", out.len ? ":" : "", want.v[i]);
	shvars_set(&b->vars, "PATH", buf_str(&out), true);
}

/* Text of ours, in the part of the language that both sides read. */
static void run_text(struct builder *b, const char *text)
{
	if (b->shell)
		buf_adds(&b->glue, text);
	else
		script_run(&b->vars, text, NULL);
}

/* export K="$BERTH_PUT_<n>"; evaluated: value is shell text between double quotes. */
static void glue_put(struct builder *b, const char *key, const char *value, bool evaluated)
{
	size_t n = b->nput++;

	strv_addf(&b->lent, "BERTH_PUT_%zu=%s", n, value);
	if (b->req->explain_env)
		strv_addf(&b->explained.origins, "in the container\t%s=%s", key, value);
	buf_printf(&b->glue,
		   evaluated ? "eval \"export %s=\\\"$BERTH_PUT_%zu\\\"\"\n"
			     : "export %s=\"$BERTH_PUT_%zu\"\n",
		   key, n);
	buf_printf(&b->glue, "unset BERTH_PUT_%zu\n", n);
}

/* Adds key with its value as it reads between double quotes, or exactly. */
static void put_evaluated(struct builder *b, const char *key, const struct inject_var *v)
{
	auto_buf struct buf out = { 0 };

	if (v->literal || b->req->no_eval) {
		if (b->shell)
			glue_put(b, key, v->value, false);
		else
			put(b, key, v->value);
		return;
	}
	if (!b->shell && !script_expand(&b->vars, v->value, &out)) {
		put(b, key, buf_str(&out));
		return;
	}
	if (!shell_begin(b)) {
		strv_addf(b->notes,
			  "%s: the value of %s needs a shell and the image has no /bin/sh; "
			  "it is taken as written",
			  v->from, v->key);
		put(b, key, v->value);
		return;
	}
	/* A double quote stands for itself, also behind a backslash; a backslash at the
	 * end must not take ours away. */
	for (const char *s = v->value; *s; s++) {
		if (*s == '"' || (*s == '\\' && !s[1]))
			buf_addch(&out, '\\');
		else if (*s == '\\')
			buf_addch(&out, *s++);
		buf_addch(&out, *s);
	}
	glue_put(b, key, buf_str(&out), true);
}

/* Variables that are not set but change another one. */
static const struct {
	const char *name, *as;
} specials[] = {
	{ "PATH", "SING_USER_DEFINED_PATH" },
	{ "PREPEND_PATH", "SING_USER_DEFINED_PREPEND_PATH" },
	{ "APPEND_PATH", "SING_USER_DEFINED_APPEND_PATH" },
	{ "PREPEND_LD_LIBRARY_PATH", "SING_USER_DEFINED_PREPEND_LD_LIBRARY_PATH" },
	{ "APPEND_LD_LIBRARY_PATH", "SING_USER_DEFINED_APPEND_LD_LIBRARY_PATH" },
};

/* Appends the directory of what the host lends, where nobody has named it yet. */
static void add_libs_dir(struct builder *b, const char *dir)
{
	const char *path = b->shell ? NULL : shvars_get(&b->vars, "LD_LIBRARY_PATH");
	auto_strv struct strv have = { 0 };
	auto_free char *value = NULL;

	if (b->shell) {
		buf_printf(&b->glue,
			   "case \":${LD_LIBRARY_PATH-}:\" in *:%s:*) ;; *) "
			   "LD_LIBRARY_PATH=\"${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}%s\";; esac\n"
			   "export LD_LIBRARY_PATH\n",
			   dir, dir);
		return;
	}
	strv_split(&have, path ? path : "", ':');
	if (strv_has(&have, dir))
		return;
	value = path && *path ? xasprintf("%s:%s", path, dir) : xstrdup(dir);
	shvars_set(&b->vars, "LD_LIBRARY_PATH", value, true);
}

/* Variables that come with what the host lends.  They are set before the user's own, which win;
 * pieces of paths are put on when these are known. */
static void lent_variables(struct builder *b, bool whole)
{
	const struct lent *l = b->f->lent;

	for (size_t i = 0; l && i < l->nenv; i++) {
		const struct lent_env *v = &l->env[i];
		auto_buf struct buf text = { 0 }, quoted = { 0 };

		if ((v->how == LENT_SET || v->how == LENT_UNSET) != whole)
			continue;
		if (v->how == LENT_SET) {
			put(b, v->key, v->value);
			continue;
		}
		for (const char *s = v->value ? v->value : ""; *s; s++)
			buf_printf(&quoted, "%s%c", strchr("$`\"\\", *s) ? "\\" : "", *s);
		if (v->how == LENT_UNSET)
			buf_printf(&text, "unset %s\n", v->key);
		else if (v->how == LENT_PREPEND)
			buf_printf(&text, "%s=\"%s${%s:+:$%s}\"\nexport %s\n", v->key,
				   buf_str(&quoted), v->key, v->key, v->key);
		else
			buf_printf(&text, "%s=\"${%s:+$%s:}%s\"\nexport %s\n", v->key, v->key,
				   v->key, buf_str(&quoted), v->key);
		run_text(b, buf_str(&text));
	}
	if (l && !whole && l->libs)
		add_libs_dir(b, LENT_LIBS_DIR);
	if (l && !whole && l->libs32)
		add_libs_dir(b, LENT_LIBS32_DIR);
}

static bool lent_takes_away(const struct facts *f, const char *var)
{
	size_t n = strcspn(var, "=");

	for (size_t i = 0; f->lent && i < f->lent->nenv; i++)
		if (f->lent->env[i].how == LENT_UNSET && strlen(f->lent->env[i].key) == n &&
		    !strncmp(f->lent->env[i].key, var, n))
			return true;
	return false;
}

static void inject(struct builder *b)
{
	b->injected = true;
	lent_variables(b, true);
	for (size_t i = 0; i < b->inject.n; i++) {
		const struct inject_var *v = &b->inject.v[i];
		const char *key = v->key;

		for (size_t k = 0; k < ARRAY_LEN(specials); k++)
			if (!strcmp(key, specials[k].name))
				key = specials[k].as;
		put_evaluated(b, key, v);
		explain(b, v->from);
		if (!strcmp(key, "LD_LIBRARY_PATH"))
			run_text(b, "LD_LIBRARY_PATH=\"$LD_LIBRARY_PATH:" LIBS_DIR "\"\n");
	}
}

/* 99-runtimevars.sh, and its younger companion for libraries. */
static const char runtime_text[] =
	"PATH=\"${SING_USER_DEFINED_PREPEND_PATH:+$SING_USER_DEFINED_PREPEND_PATH:}$PATH\"\n"
	"PATH=\"$PATH${SING_USER_DEFINED_APPEND_PATH:+:$SING_USER_DEFINED_APPEND_PATH}\"\n"
	"PATH=\"${SING_USER_DEFINED_PATH:-$PATH}\"\n"
	"export PATH\n"
	"if [ -n \"${SING_USER_DEFINED_PREPEND_LD_LIBRARY_PATH-}\" ]; then\n"
	"LD_LIBRARY_PATH=\"$SING_USER_DEFINED_PREPEND_LD_LIBRARY_PATH"
	"${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\"\nexport LD_LIBRARY_PATH\nfi\n"
	"if [ -n \"${SING_USER_DEFINED_APPEND_LD_LIBRARY_PATH-}\" ]; then\n"
	"LD_LIBRARY_PATH=\"${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}"
	"$SING_USER_DEFINED_APPEND_LD_LIBRARY_PATH\"\nexport LD_LIBRARY_PATH\nfi\n"
	"unset SING_USER_DEFINED_PREPEND_PATH SING_USER_DEFINED_APPEND_PATH "
	"SING_USER_DEFINED_PATH\n"
	"unset SING_USER_DEFINED_PREPEND_LD_LIBRARY_PATH "
	"SING_USER_DEFINED_APPEND_LD_LIBRARY_PATH\n";

/* A start file of the container's shell may set PS1 again; the first prompt puts it back. */
static const char prompt_text[] =
	"if [ -z \"${PROMPT_COMMAND-}\" ]; then\n"
	"PROMPT_COMMAND=\"PS1=\\\"$PS1\\\"; unset PROMPT_COMMAND\"\n"
	"else\n"
	"PROMPT_COMMAND=\"$PROMPT_COMMAND; "
	"PROMPT_COMMAND=\\\"\\${PROMPT_COMMAND%%; PROMPT_COMMAND=*}\\\"; PS1=\\\"$PS1\\\"\"\n"
	"fi\n"
	"export PROMPT_COMMAND\n";

/* BERTH_HOST_<n> holds "K=V"; N comes in front. */
static const char restore_text[] =
	"berth_i=0\n"
	"while [ $berth_i -lt $berth_n ]; do\n"
	"\teval \"berth_v=\\$BERTH_HOST_$berth_i\"\n"
	"\tunset BERTH_HOST_$berth_i\n"
	"\tberth_k=${berth_v%%=*}\n"
	"\tif ! eval \"[ -n \\\"\\${$berth_k+x}\\\" ]\"; then export \"$berth_v\"\n"
	"\telif ! eval \"[ -n \\\"\\$$berth_k\\\" ]\"; then unset $berth_k; fi\n"
	"\tberth_i=$((berth_i + 1))\n"
	"done\n"
	"unset berth_i berth_n berth_v berth_k\nunset -f berth_source\n";

static void collect_host(struct builder *b)
{
	if (b->req->cleanenv)
		strv_add(&b->host, "LANG=C");
	for (const char *const *v = env_level_adds(b->level); *v; v++)
		strv_add(&b->host, *v);
	for (char *const *v = b->f->environ; v && *v; v++) {
		size_t n = strcspn(*v, "=");

		if (!env_host_passes(b->req, b->f, *v) || lent_takes_away(b->f, *v))
			continue;
		if (env_level_passes(b->level, *v, n))
			strv_add(&b->host, *v);
		else if (b->req->explain_env)
			strv_addf(&b->explained.origins,
				  "not passed: %s\t%.*s=", env_level_name(b->level), (int)n, *v);
	}
}

/* PREFIX_name=value for the three names that the engine is known by. */
static void put_engine(struct builder *b, const char *name, const char *value)
{
	static const char *const engines[] = { "APPTAINER", "SINGULARITY", "BERTH" };

	for (size_t i = 0; i < ARRAY_LEN(engines); i++) {
		char key[64];

		snprintf(key, sizeof(key), "%s_%s", engines[i], name);
		put(b, key, value);
	}
}

/* What image scripts may see. */
static void put_identity(struct builder *b)
{
	put_engine(b, "CONTAINER", b->f->image.path);
	put_engine(b, "NAME", path_base(b->f->image.path));
	if (b->req->app)
		put_engine(b, "APPNAME", b->req->app);
}

static void put_engine_rest(struct builder *b)
{
	const char *path = NULL;

	for (char *const *v = b->f->environ; v && *v; v++)
		if (str_has_prefix(*v, "PATH="))
			path = *v + strlen("PATH=");
	put_identity(b); /* a script may have changed it */
	put_engine(b, "COMMAND", request_verb(b->req->verb));
	put_engine(b, "BIND", b->known->bind);
	put_engine(b, "ENVIRONMENT", ENV_DIR "91-environment.sh");
	if (!b->req->app)
		put_engine(b, "APPNAME", "");
	if (b->req->instance || b->req->joined)
		put_engine(b, "INSTANCE", b->req->instance ? b->req->instance : b->req->joined);
	if (b->req->no_eval)
		put_engine(b, "NO_EVAL", "1");
	if (path)
		put(b, "USER_PATH", path);
	if (b->known->shell)
		put(b, "SHELL", b->known->shell);
}

/* The image's scripts, with the user's variables right behind 99-base.sh. */
static void image_scripts(struct builder *b)
{
	const struct facts_image *image = &b->f->image;

	for (size_t i = 0; i < image->nscripts; i++) {
		const struct fact_script *s = &image->scripts[i];

		if (!strcmp(s->name, "99-runtimevars.sh"))
			continue; /* runtime_text does its work, for images without it too */
		if (!strcmp(s->name, "90-environment.sh"))
			run_text(b, "PATH=\"${PATH:-" DEFAULT_PATH "}\"\nexport PATH\n");
		source(b, s);
		explain(b, s->name);
		if (str_has_prefix(s->name, "10-docker"))
			fix_path(b);
		if (!strcmp(s->name, "99-base.sh"))
			inject(b);
	}
	if (!image->nscripts && image->has_config) {
		for (char *const *v = image->env; v && *v; v++) {
			const char *eq = strchrnul(*v, '=');
			auto_free char *key = xstrndup(*v, (size_t)(eq - *v));

			if (shell_name_is_valid(key, strlen(key)) &&
			    (!strcmp(key, "PATH") || !shvars_get(&b->vars, key)))
				put(b, key, *eq ? eq + 1 : "");
		}
		fix_path(b);
	}
	run_text(b, "PATH=\"${PATH:-" DEFAULT_PATH "}\"\nexport PATH\n");
	explain(b, "image's configuration");
	if (!b->injected)
		inject(b);
}

/* The host's variables that nobody set; one that the image set to nothing is gone. */
static void restore_host(struct builder *b)
{
	if (b->shell) {
		buf_printf(&b->glue, "berth_n=%zu\n%s", b->host.n, restore_text);
		for (size_t i = 0; i < b->host.n; i++)
			strv_addf(&b->lent, "BERTH_HOST_%zu=%s", i, b->host.v[i]);
		return;
	}
	for (size_t i = 0; i < b->host.n; i++) {
		const char *eq = strchr(b->host.v[i], '=');
		auto_free char *key = xstrndup(b->host.v[i], (size_t)(eq - b->host.v[i]));
		const char *now = shvars_get(&b->vars, key);

		if (!now)
			strv_add(&b->lent, b->host.v[i]);
		else if (!*now)
			shvars_unset(&b->vars, key);
	}
}

/* As an OCI runtime: Env as it stands, nothing evaluated, nothing of the engine's.  Of the host
 * only what the job's launcher says; outside a job there is none of it. */
static void build_oci(struct builder *b)
{
	size_t kept = 0;

	put(b, "PATH", DEFAULT_PATH);
	put(b, "HOME", b->known->home);
	for (char *const *v = b->f->image.env; v && *v; v++) {
		const char *eq = strchr(*v, '=');
		auto_free char *key = eq ? xstrndup(*v, (size_t)(eq - *v)) : NULL;

		if (eq)
			put(b, key, eq + 1);
	}
	explain(b, "image's configuration");
	for (size_t i = 0; i < b->inject.n; i++) {
		put(b, b->inject.v[i].key, b->inject.v[i].value);
		explain(b, b->inject.v[i].from);
	}
	lent_variables(b, false);
	for (size_t i = 0; i < b->host.n; i++) {
		if (env_level_is_job(b->host.v[i], strcspn(b->host.v[i], "=")))
			b->host.v[kept++] = b->host.v[i];
		else
			free(b->host.v[i]);
	}
	b->host.n = kept;
	restore_host(b);
	for (size_t i = 0; i < b->lent.n; i++)
		strv_take(&b->vars.exported, take_ptr(b->lent.v[i]));
	b->lent.n = 0;
	explain(b, "host");
}

static void build(struct builder *b)
{
	auto_buf struct buf prompt = { 0 };
	auto_strv struct strv ids = { 0 };

	strv_addf(&ids, "UID=%lu", (unsigned long)b->f->uid);
	strv_addf(&ids, "EUID=%lu", (unsigned long)b->f->uid);
	strv_addf(&ids, "GID=%lu", (unsigned long)b->f->gid);
	b->vars.outer = &ids;
	put(b, "HOME", b->known->home);
	put(b, "PWD", b->known->cwd);
	put_identity(b);
	explain(b, "berth");
	image_scripts(b);
	run_text(b, runtime_text);
	explain(b, "PATH rules");
	lent_variables(b, false);

	buf_adds(&prompt, "PS1=\"${PS1:-");
	for (const char *s = b->req->prompt ? b->req->prompt : "Berth> "; *s; s++)
		buf_printf(&prompt, "%s%c", strchr("$`\"\\}", *s) ? "\\" : "", *s);
	buf_adds(&prompt, "}\"\nexport PS1\n");
	/* A PROMPT_COMMAND of the host is there once the host's variables are. */
	b->vars.outer = &b->host;
	if (b->shell)
		restore_host(b);
	run_text(b, buf_str(&prompt));
	run_text(b, prompt_text);
	put_engine_rest(b);
	b->vars.outer = NULL;
	explain(b, "berth");
	if (!b->shell)
		restore_host(b);
	else
		buf_adds(&b->glue, "exec \"$@\"\n");
	for (size_t i = 0; i < b->lent.n; i++)
		strv_take(&b->vars.exported, take_ptr(b->lent.v[i]));
	b->lent.n = 0;
	if (!b->shell)
		explain(b, "host");
	for (size_t i = 0; b->shell && b->req->explain_env && i < b->host.n; i++)
		strv_addf(&b->explained.origins, "host, unless set\t%s", b->host.v[i]);
}

int environment_make(struct environment *env, const struct run_req *req, const struct facts *f,
		     const struct environment_known *known, struct strv *notes, struct err *e)
{
	struct builder b = { .req = req, .f = f, .known = known, .notes = notes };
	int r = env_level_parse(&b.level, req->env_level, e);

	if (!r)
		r = inject_collect(&b.inject, req, f, notes, e);
	if (!r) {
		collect_host(&b);
		if (req->oci_compat)
			build_oci(&b);
		else
			build(&b);
		env->vars = b.vars.exported;
		b.vars.exported = (struct strv){ 0 };
		env->origins = b.explained.origins;
		b.explained.origins = (struct strv){ 0 };
		if (!strv_env_get(&env->vars, "PWD"))
			strv_addf(&env->vars, "PWD=%s", known->cwd);
		while (!str_has_prefix(env->vars.v[env->pwd], "PWD="))
			env->pwd++;
		if (b.shell)
			env->glue = buf_take(&b.glue);
	}
	shvars_fini(&b.vars);
	inject_fini(&b.inject);
	strv_fini(&b.host);
	strv_fini(&b.lent);
	env_explain_fini(&b.explained);
	buf_fini(&b.glue);
	return r;
}
