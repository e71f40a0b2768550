#include "tests/unit/env_fixture.h"

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

UNIT(env, image_scripts_win_over_the_host_and_need_no_shell,
     host_variables_come_last_and_the_engines_are_left_out,
     the_engine_says_what_runs_under_each_of_its_names,
     cleanenv_leaves_terminal_proxies_and_the_c_locale,
     injected_variables_rank_from_singularityenv_to_env,
     an_env_file_may_hold_what_docker_takes_as_it_stands, path_and_library_path_are_added_to,
     a_given_path_replaces_the_images, values_expand_inside_unless_no_eval,
     env_takes_lists_as_apptainer_does, home_cannot_be_replaced, wrong_words_are_named,
     a_bare_oci_tree_has_its_configured_environment, a_tree_without_anything_has_the_default_path,
     a_script_beyond_us_without_a_shell_is_said, each_variable_says_where_it_comes_from,
     names_of_no_env_do_not_pass, an_application_is_known_to_the_images_scripts)
