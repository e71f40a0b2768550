#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/plan/env.h"
#include "src/plan/script.h"
#include "tests/unit/unit.h"

#define DOCKER                                                    \
	"#!/bin/sh\n"                                             \
	"export PATH=\"/opt/bin:/usr/bin\"\n"                     \
	"export MODE=\"${MODE:-\"it's \\\"quoted\\\" \\$x\"}\"\n" \
	"export BOTH=\"${BOTH:-\"image\"}\"\n"
#define BASE                                                                    \
	"#!/bin/sh\nif [ -z \"$LD_LIBRARY_PATH\" ]; then\n"                     \
	"    LD_LIBRARY_PATH=\"/.singularity.d/libs\"\nelse\n"                  \
	"    LD_LIBRARY_PATH=\"$LD_LIBRARY_PATH:/.singularity.d/libs\"\nfi\n\n" \
	"PS1=\"Apptainer> \"\nexport LD_LIBRARY_PATH PS1\n"
#define APPS                                                              \
	"if test -n \"${SINGULARITY_APPNAME:-}\"; then\n"                 \
	"    export SINGULARITY_APPNAME\n"                                \
	"    if test -d \"/scif/apps/${SINGULARITY_APPNAME:-}/\"; then\n" \
	"        . \"/scif/apps/x\"\n    else\n        echo \"no\"\n"     \
	"        exit 1\n    fi\nfi\n"

static const char *const host_env[] = { "PATH=/host/bin",
					"HOME=/host/home",
					"LANG=de_DE.UTF-8",
					"BOTH=host",
					"TERM=xterm",
					"LD_LIBRARY_PATH=/h",
					"SLURM_PROCID=3",
					"http_proxy=p",
					"EMPTIED=host",
					"APPTAINER_X=1",
					"BERTH_CACHEDIR=/c",
					"ODD=a 'b' \"c\" $d\nnext",
					"BASH_FUNC_m%%=() {}",
					"nothing",
					"PWD=/host",
					"OPEN=a=b",
					NULL };

struct fixture {
	struct run_req req;
	struct facts facts;
	struct fact_script scripts[8];
	struct fact_file files[2];
	const char *environ[32];
	struct environment_known known;
	struct strv notes;
	struct environment env;
};

static void script_add(struct fixture *x, const char *name, const char *text)
{
	x->scripts[x->facts.image.nscripts++] = (struct fact_script){ name, text };
}

static void environ_add(struct fixture *x, const char *var)
{
	size_t n = 0;

	while (x->environ[n])
		n++;
	x->environ[n] = var;
}

/* An image as a pull makes it. */
static void fixture_init(struct fixture *x)
{
	*x = (struct fixture){ .known = { .home = "/home/ada", .cwd = "/w", .bind = "/a:/b" } };
	memcpy(x->environ, host_env, sizeof(host_env));
	x->facts = (struct facts){ .uid = 1000, .gid = 1001 };
	x->facts.environ = (char *const *)(uintptr_t)x->environ;
	x->facts.env_files = x->files;
	x->facts.image.path = "/img/a.sif";
	x->facts.image.has_sh = true;
	x->facts.image.scripts = x->scripts;
	script_add(x, "01-base.sh", "#!/bin/sh\n# comment\n");
	script_add(x, "10-docker2singularity.sh", DOCKER);
	script_add(x, "90-environment.sh", "#!/bin/sh\nexport TOOL=1\nexport EMPTIED=\n");
	script_add(x, "95-apps.sh", APPS);
	script_add(x, "99-base.sh", BASE);
	script_add(x, "99-runtimevars.sh", "never read $(");
}

static void fixture_fini(struct fixture *x)
{
	strv_fini(&x->req.env);
	strv_fini(&x->notes);
	environment_fini(&x->env);
}

static void make(struct fixture *x)
{
	struct err e = { 0 };

	ck_ok(environment_make(&x->env, &x->req, &x->facts, &x->known, &x->notes, &e), &e);
}

static const char *get(const struct fixture *x, const char *key)
{
	const char *v = strv_env_get(&x->env.vars, key);

	return v ? v : "(unset)";
}

START_TEST(image_scripts_win_over_the_host_and_need_no_shell)
{
	struct fixture x;

	fixture_init(&x);
	make(&x);
	ck_assert_ptr_null(x.env.glue);
	ck_assert_uint_eq(x.notes.n, 0);
	ck_assert_str_eq(get(&x, "BOTH"), "image");
	ck_assert_str_eq(get(&x, "MODE"), "it's \"quoted\" $x");
	ck_assert_str_eq(get(&x, "TOOL"), "1");
	ck_assert_str_eq(get(&x, "PATH"),
			 "/opt/bin:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin");
	ck_assert_str_eq(get(&x, "LD_LIBRARY_PATH"), "/.singularity.d/libs");
	ck_assert_str_eq(get(&x, "PS1"), "Apptainer> ");
	ck_assert_str_eq(get(&x, "PROMPT_COMMAND"), "PS1=\"Apptainer> \"; unset PROMPT_COMMAND");
	fixture_fini(&x);
}
END_TEST

START_TEST(host_variables_come_last_and_the_engines_are_left_out)
{
	struct fixture x;

	fixture_init(&x);
	make(&x);
	ck_assert_str_eq(get(&x, "LANG"), "de_DE.UTF-8");
	ck_assert_str_eq(get(&x, "SLURM_PROCID"), "3");
	ck_assert_str_eq(get(&x, "ODD"), "a 'b' \"c\" $d\nnext");
	ck_assert_str_eq(get(&x, "OPEN"), "a=b");
	ck_assert_str_eq(get(&x, "EMPTIED"), "(unset)");
	ck_assert_str_eq(get(&x, "APPTAINER_X"), "(unset)");
	ck_assert_str_eq(get(&x, "BERTH_CACHEDIR"), "(unset)");
	ck_assert_str_eq(get(&x, "BASH_FUNC_m%%"), "(unset)");
	ck_assert_str_eq(get(&x, "HOME"), "/home/ada");
	ck_assert_str_eq(get(&x, "PWD"), "/w");
	ck_assert_str_eq(x.env.vars.v[x.env.pwd], "PWD=/w");
	ck_assert_str_eq(get(&x, "USER_PATH"), "/host/bin");
	fixture_fini(&x);
}
END_TEST

START_TEST(the_engine_says_what_runs_under_each_of_its_names)
{
	static const char *const names[] = { "APPTAINER", "SINGULARITY", "BERTH" };
	static const struct {
		const char *name, *value;
	} vars[] = { { "CONTAINER", "/img/a.sif" },
		     { "NAME", "a.sif" },
		     { "COMMAND", "exec" },
		     { "BIND", "/a:/b" },
		     { "ENVIRONMENT", "/.singularity.d/env/91-environment.sh" },
		     { "APPNAME", "" } };
	struct fixture x;

	fixture_init(&x);
	make(&x);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		for (size_t k = 0; k < ARRAY_LEN(vars); k++) {
			auto_free char *key = xasprintf("%s_%s", names[i], vars[k].name);

			ck_assert_str_eq(get(&x, key), vars[k].value);
		}
	fixture_fini(&x);
}
END_TEST

START_TEST(cleanenv_leaves_terminal_proxies_and_the_c_locale)
{
	struct fixture x;

	fixture_init(&x);
	x.req.cleanenv = true;
	make(&x);
	ck_assert_str_eq(get(&x, "TERM"), "xterm");
	ck_assert_str_eq(get(&x, "http_proxy"), "p");
	ck_assert_str_eq(get(&x, "LANG"), "C");
	ck_assert_str_eq(get(&x, "SLURM_PROCID"), "(unset)");
	ck_assert_str_eq(get(&x, "ODD"), "(unset)");
	ck_assert_str_eq(get(&x, "TOOL"), "1");
	fixture_fini(&x);
}
END_TEST

START_TEST(injected_variables_rank_from_singularityenv_to_env)
{
	struct fixture x;

	fixture_init(&x);
	environ_add(&x, "SINGULARITYENV_V1=s");
	environ_add(&x, "SINGULARITYENV_V2=s");
	environ_add(&x, "APPTAINERENV_V2=a");
	environ_add(&x, "APPTAINERENV_V3=a");
	environ_add(&x, "APPTAINERENV_V4=a");
	environ_add(&x, "BERTHENV_BOTH=b");
	x.files[0] = (struct fact_file){ "f", "# c\nV3=f\nV4='f f'\nexport V5=$LANG\n", 0 };
	x.files[1] = (struct fact_file){ "g", "V3=g\n", 0 };
	x.facts.nenv_files = 2;
	strv_add(&x.req.env, "V4=e");
	make(&x);
	ck_assert_str_eq(get(&x, "V1"), "s");
	ck_assert_str_eq(get(&x, "V2"), "a");
	ck_assert_str_eq(get(&x, "V3"), "g");
	ck_assert_str_eq(get(&x, "V4"), "e");
	ck_assert_str_eq(get(&x, "V5"), "de_DE.UTF-8");
	ck_assert_str_eq(get(&x, "BOTH"), "b");
	ck_assert_uint_eq(x.notes.n, 1);
	ck_assert_str_eq(x.notes.v[0],
			 "SINGULARITYENV_V2 and APPTAINERENV_V2 differ; APPTAINERENV_V2 is used");
	fixture_fini(&x);
}
END_TEST

START_TEST(an_env_file_may_hold_what_docker_takes_as_it_stands)
{
	struct fixture x;

	fixture_init(&x);
	x.files[0] = (struct fact_file){ "f", "A=x (y) & z\nB=1\nC=hello world # all\nD=~/x", 0 };
	x.facts.nenv_files = 1;
	make(&x);
	ck_assert_str_eq(get(&x, "A"), "x (y) & z");
	ck_assert_str_eq(get(&x, "B"), "1");
	ck_assert_str_eq(get(&x, "C"), "hello world # all");
	ck_assert_str_eq(get(&x, "D"), "~/x");
	fixture_fini(&x);
}
END_TEST

START_TEST(path_and_library_path_are_added_to)
{
	struct fixture x;

	fixture_init(&x);
	environ_add(&x, "APPTAINERENV_PREPEND_PATH=/first");
	environ_add(&x, "APPTAINERENV_APPEND_PATH=$HOME/last");
	strv_add(&x.req.env, "LD_LIBRARY_PATH=/l");
	make(&x);
	ck_assert_str_eq(get(&x, "PATH"), "/first:/opt/bin:/usr/bin:/usr/local/sbin:"
					  "/usr/local/bin:/usr/sbin:/sbin:/bin:/home/ada/last");
	ck_assert_str_eq(get(&x, "LD_LIBRARY_PATH"), "/l:/.singularity.d/libs");
	ck_assert_str_eq(get(&x, "SING_USER_DEFINED_PREPEND_PATH"), "(unset)");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_given_path_replaces_the_images)
{
	struct fixture x;

	fixture_init(&x);
	strv_add(&x.req.env, "PATH=/only");
	make(&x);
	ck_assert_str_eq(get(&x, "PATH"), "/only");
	fixture_fini(&x);
}
END_TEST

START_TEST(values_expand_inside_unless_no_eval)
{
	struct fixture x, y;

	fixture_init(&x);
	strv_add(&x.req.env, "V=$TOOL \"${BOTH}\" \\$HOME");
	make(&x);
	ck_assert_str_eq(get(&x, "V"), "1 \"image\" $HOME");
	fixture_init(&y);
	y.req.no_eval = true;
	strv_add(&y.req.env, "V=$TOOL $(id)");
	make(&y);
	ck_assert_str_eq(get(&y, "V"), "$TOOL $(id)");
	ck_assert_str_eq(get(&y, "APPTAINER_NO_EVAL"), "1");
	ck_assert_ptr_null(y.env.glue);
	fixture_fini(&x);
	fixture_fini(&y);
}
END_TEST

START_TEST(env_takes_lists_as_apptainer_does)
{
	struct fixture x;

	fixture_init(&x);
	strv_add(&x.req.env, "A=1,2");
	strv_add(&x.req.env, "B=1,C=2");
	strv_add(&x.req.env, "\"D=a,b\",E=c=d");
	make(&x);
	ck_assert_str_eq(get(&x, "A"), "1,2");
	ck_assert_str_eq(get(&x, "B"), "1");
	ck_assert_str_eq(get(&x, "C"), "2");
	ck_assert_str_eq(get(&x, "D"), "a,b");
	ck_assert_str_eq(get(&x, "E"), "c=d");
	fixture_fini(&x);
}
END_TEST

START_TEST(home_cannot_be_replaced)
{
	struct fixture x;

	fixture_init(&x);
	strv_add(&x.req.env, "HOME=/x");
	make(&x);
	ck_assert_str_eq(get(&x, "HOME"), "/home/ada");
	ck_assert_str_eq(x.notes.v[0], "--env: HOME cannot be replaced; left as it is");
	fixture_fini(&x);
}
END_TEST

static void fails(struct fixture *x, const char *text)
{
	struct err e = { 0 };

	ck_assert_int_eq(environment_make(&x->env, &x->req, &x->facts, &x->known, &x->notes, &e),
			 -1);
	ck_assert_str_eq(e.text, text);
	fixture_fini(x);
}

START_TEST(wrong_words_are_named)
{
	struct fixture x;

	fixture_init(&x);
	strv_add(&x.req.env, "A");
	fails(&x, "--env A: write NAME=VALUE");
	fixture_init(&x);
	strv_add(&x.req.env, "1A=x");
	fails(&x, "--env: \"1A\" is not a variable's name (letters, digits and _)");
	fixture_init(&x);
	x.files[0] = (struct fact_file){ "e.env", "A=1\necho $(x)\n", 0 };
	x.facts.nenv_files = 1;
	fails(&x, "--env-file e.env: line 2 is not NAME=VALUE as it can be read without a shell");
	fixture_init(&x);
	x.files[0] = (struct fact_file){ "e.env", NULL, 2 };
	x.facts.nenv_files = 1;
	fails(&x, "--env-file e.env: No such file or directory");
}
END_TEST

START_TEST(a_bare_oci_tree_has_its_configured_environment)
{
	static const char *const config[] = { "PATH=/opt/bin", "A=$x", "B", "1bad=2", NULL };
	struct fixture x;

	fixture_init(&x);
	x.facts.image.nscripts = 0;
	x.facts.image.has_config = true;
	x.facts.image.env = (char *const *)(uintptr_t)config;
	make(&x);
	ck_assert_str_eq(get(&x, "PATH"),
			 "/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	ck_assert_str_eq(get(&x, "A"), "$x");
	ck_assert_str_eq(get(&x, "1bad"), "(unset)");
	ck_assert_str_eq(get(&x, "PS1"), "Berth> ");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_tree_without_anything_has_the_default_path)
{
	struct fixture x;

	fixture_init(&x);
	x.facts.image.nscripts = 0;
	make(&x);
	ck_assert_str_eq(get(&x, "PATH"),
			 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	ck_assert_str_eq(get(&x, "LD_LIBRARY_PATH"), "(unset)");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_script_beyond_us_without_a_shell_is_said)
{
	struct fixture x;

	fixture_init(&x);
	x.facts.image.has_sh = false;
	x.scripts[2].text = "export TOOL=$(id)\n";
	make(&x);
	ck_assert_ptr_null(x.env.glue);
	ck_assert_str_eq(get(&x, "TOOL"), "(unset)");
	ck_assert_str_eq(x.notes.v[0],
			 "/.singularity.d/env/90-environment.sh needs a shell and the "
			 "image has no /bin/sh; it is not applied");
	fixture_fini(&x);
}
END_TEST

/* Runs glue by shell as enter would, with the scripts in dir; adds the variables. */
static void run_glue(struct fixture *x, const char *shell, const char *dir, struct strv *out)
{
	auto_buf struct buf glue = { 0 }, cmd = { 0 };
	auto_free char *file = path_join(dir, "glue"), *script = path_join(dir, "cmd");
	const char *p = x->env.glue;
	static char text[65536];
	struct err e = { 0 };
	FILE *pipe;
	size_t n;

	for (const char *hit; (hit = strstr(p, "/.singularity.d/env/")); p = hit + 19) {
		buf_add(&glue, p, (size_t)(hit - p));
		buf_adds(&glue, str_has_prefix(hit, "/.singularity.d/env/91")
					? "/.singularity.d/env"
					: dir);
	}
	buf_adds(&glue, p);
	ck_ok(file_write_atomic(AT_FDCWD, file, glue.data, glue.len, 0600, &e), &e);
	for (size_t i = 0; i < x->facts.image.nscripts; i++) {
		auto_free char *name = path_join(dir, x->scripts[i].name);
		const char *t = x->scripts[i].text;

		ck_ok(file_write_atomic(AT_FDCWD, name, t, strlen(t), 0600, &e), &e);
	}
	buf_adds(&cmd, "cd / && exec env -i");
	for (size_t i = 0; i < x->env.vars.n; i++) {
		buf_addch(&cmd, ' ');
		script_quote(&cmd, x->env.vars.v[i]);
	}
	buf_printf(&cmd, " %s -c \"$(cat %s)\" berth /usr/bin/env -0\n", shell, file);
	ck_ok(file_write_atomic(AT_FDCWD, script, cmd.data, cmd.len, 0600, &e), &e);
	buf_clear(&cmd);
	buf_printf(&cmd, "sh %s", script);
	pipe = popen(buf_str(&cmd), "r");
	n = fread(text, 1, sizeof(text) - 1, pipe);
	text[n] = '\0';
	ck_assert_int_eq(pclose(pipe), 0);
	for (size_t i = 0; i < n; i += strlen(text + i) + 1)
		if (!str_has_prefix(text + i, "SHLVL=") && !str_has_prefix(text + i, "_=") &&
		    !str_has_prefix(text + i, "OLDPWD="))
			strv_add(out, text + i);
	strv_sort(out);
}

/* What needs a shell and what does not lead to the same environment. */
static void same_through(const char *shell)
{
	char dir[] = "/tmp/berth-env-XXXXXX";
	auto_buf struct buf clean = { 0 };
	auto_strv struct strv want = { 0 }, got = { 0 };
	struct fixture x[2];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	buf_printf(&clean, "rm -r %s", dir);
	for (int i = 0; i < 2; i++) {
		fixture_init(&x[i]);
		x[i].known.cwd = "/";
		environ_add(&x[i], "APPTAINERENV_PREPEND_PATH=/first");
		environ_add(&x[i], "APPTAINERENV_APPEND_PATH=$HOME/last");
		environ_add(&x[i], "PROMPT_COMMAND=host \"prompt\"");
		strv_add(&x[i].req.env, "V=$TOOL \"${BOTH}\" `echo $HOME` 'q'");
		strv_add(&x[i].req.env, "LD_LIBRARY_PATH=/l");
		strv_add(&x[i].req.env, "QUOTES=a\"b \\\"; exit 3; \"c \\\\ \\");
		environ_add(&x[i], "APPTAINERENV_PASSWORD=geheim'\\\\$HOME");
		x[i].scripts[1].text = i ? DOCKER "LOCAL=1\neval :\n" : DOCKER "LOCAL=1\n";
		x[i].scripts[2].text = "#!/bin/sh\nexport TOOL=\"1$LOCAL\"\nexport EMPTIED=\n";
	}
	free(x[0].req.env.v[0]);
	x[0].req.env.v[0] = xstrdup("V=$TOOL \"${BOTH}\" $HOME 'q'");
	make(&x[0]);
	make(&x[1]);
	ck_assert_ptr_null(x[0].env.glue);
	ck_assert_ptr_nonnull(x[1].env.glue);
	/* it becomes an argument, which everybody can read */
	ck_assert_ptr_null(strstr(x[1].env.glue, "geheim"));
	for (size_t i = 0; i < x[0].env.vars.n; i++)
		strv_add(&want, x[0].env.vars.v[i]);
	strv_sort(&want);
	run_glue(&x[1], shell, dir, &got);
	for (size_t i = 0; i < want.n && i < got.n; i++)
		ck_assert_str_eq(got.v[i], want.v[i]);
	ck_assert_uint_eq(got.n, want.n);
	fixture_fini(&x[0]);
	fixture_fini(&x[1]);
	ck_assert_int_eq(system(buf_str(&clean)), 0);
}

START_TEST(what_needs_a_shell_stays_out_of_its_arguments)
{
	for (int i = 0; i < 3; i++) {
		struct fixture x;

		fixture_init(&x);
		x.scripts[1].text = DOCKER "eval :\n";
		if (i == 0)
			environ_add(&x, "APPTAINERENV_PASSWORD=secret");
		if (i == 1)
			strv_add(&x.req.env, "PASSWORD=$(echo secret)");
		if (i == 2) {
			x.files[0] = (struct fact_file){ "e.env", "PASSWORD=secret\n", 0 };
			x.facts.nenv_files = 1;
		}
		x.req.no_eval = i == 0;
		make(&x);
		ck_assert_ptr_nonnull(strstr(x.env.glue, "export PASSWORD="));
		ck_assert_ptr_null(strstr(x.env.glue, "secret"));
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(dash_finishes_the_environment_as_we_would)
{
	same_through("/bin/sh");
}
END_TEST

START_TEST(busybox_finishes_the_environment_as_we_would)
{
	if (access("/bin/busybox", X_OK) == 0)
		same_through("/bin/busybox sh");
	else
		fprintf(stderr, "skipped: busybox is not installed\n");
}
END_TEST

START_TEST(bash_finishes_the_environment_as_we_would)
{
	same_through("bash --posix");
}
END_TEST

/* The last note on NAME. */
static const char *origin(const struct fixture *x, const char *name)
{
	static char who[80];
	size_t n = strlen(name);

	for (size_t i = x->env.origins.n; i-- > 0;) {
		const char *tab = strchr(x->env.origins.v[i], '\t');

		if (!strncmp(tab + 1, name, n) && tab[1 + n] == '=') {
			snprintf(who, sizeof(who), "%.*s", (int)(tab - x->env.origins.v[i]),
				 x->env.origins.v[i]);
			return who;
		}
	}
	return "(none)";
}

START_TEST(each_variable_says_where_it_comes_from)
{
	struct fixture x;

	fixture_init(&x);
	x.facts.image.nscripts = 0;
	script_add(&x, "10-docker2singularity.sh", DOCKER);
	script_add(&x, "90-environment.sh", "export MINE=1 BOTH=two\n");
	script_add(&x, "99-base.sh", BASE);
	environ_add(&x, "APPTAINERENV_INJECTED=1");
	environ_add(&x, "PYTHONPATH=/evil");
	environ_add(&x, "PMI_RANK=2");
	strv_add(&x.req.env, "OPTION=1");
	x.req.explain_env = true;
	x.req.env_level = "clean";
	make(&x);
	ck_assert_str_eq(origin(&x, "MINE"), "90-environment.sh");
	ck_assert_str_eq(origin(&x, "BOTH"), "90-environment.sh");
	ck_assert_str_eq(origin(&x, "MODE"), "10-docker2singularity.sh");
	ck_assert_str_eq(origin(&x, "INJECTED"), "APPTAINERENV_");
	ck_assert_str_eq(origin(&x, "OPTION"), "--env");
	ck_assert_str_eq(origin(&x, "HOME"), "berth");
	ck_assert_str_eq(origin(&x, "PMI_RANK"), "host");
	ck_assert_str_eq(origin(&x, "PYTHONNOUSERSITE"), "host");
	ck_assert_str_eq(origin(&x, "PYTHONPATH"), "not passed: clean");
	ck_assert_pstr_eq(strv_env_get(&x.env.vars, "PYTHONPATH"), NULL);
	ck_assert_str_eq(strv_env_get(&x.env.vars, "PYTHONNOUSERSITE"), "1");
	fixture_fini(&x);
}
END_TEST

START_TEST(names_of_no_env_do_not_pass)
{
	struct fixture x;

	fixture_init(&x);
	strv_add(&x.req.no_env, "LANG,SLURM_PROCID");
	make(&x);
	ck_assert_pstr_eq(strv_env_get(&x.env.vars, "LANG"), NULL);
	ck_assert_pstr_eq(strv_env_get(&x.env.vars, "SLURM_PROCID"), NULL);
	ck_assert_str_eq(strv_env_get(&x.env.vars, "TERM"), "xterm");
	fixture_fini(&x);
	strv_fini(&x.req.no_env);
}
END_TEST

START_TEST(an_application_is_known_to_the_images_scripts)
{
	struct fixture x;

	fixture_init(&x);
	x.facts.image.nscripts = 0;
	script_add(&x, "95-apps.sh",
		   "if test -n \"${SINGULARITY_APPNAME:-}\"; then\n"
		   "    export FOUND=\"$APPTAINER_APPNAME\"\nfi\n");
	x.req.app = "foo";
	make(&x);
	ck_assert_str_eq(strv_env_get(&x.env.vars, "FOUND"), "foo");
	ck_assert_str_eq(strv_env_get(&x.env.vars, "BERTH_APPNAME"), "foo");
	fixture_fini(&x);
}
END_TEST

UNIT(env, each_variable_says_where_it_comes_from, names_of_no_env_do_not_pass,
     an_application_is_known_to_the_images_scripts,
     image_scripts_win_over_the_host_and_need_no_shell,
     host_variables_come_last_and_the_engines_are_left_out,
     the_engine_says_what_runs_under_each_of_its_names,
     cleanenv_leaves_terminal_proxies_and_the_c_locale,
     injected_variables_rank_from_singularityenv_to_env,
     an_env_file_may_hold_what_docker_takes_as_it_stands, path_and_library_path_are_added_to,
     a_given_path_replaces_the_images, values_expand_inside_unless_no_eval,
     env_takes_lists_as_apptainer_does, home_cannot_be_replaced, wrong_words_are_named,
     a_bare_oci_tree_has_its_configured_environment, a_tree_without_anything_has_the_default_path,
     a_script_beyond_us_without_a_shell_is_said, what_needs_a_shell_stays_out_of_its_arguments,
     busybox_finishes_the_environment_as_we_would, dash_finishes_the_environment_as_we_would,
     bash_finishes_the_environment_as_we_would)
