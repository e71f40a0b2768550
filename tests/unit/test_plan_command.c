#include "tests/unit/plan_fixture.h"

static const char oci[] = "#!/bin/sh\nOCI_ENTRYPOINT='\"/bin/my app\" \"-x\"'\n"
			  "OCI_CMD='\"a\" \"it'\"'\"'s \\$1\"'\n\n"
			  "    eval \"set ${SINGULARITY_OCI_RUN}\"\nexec \"$@\"\n";

START_TEST(run_needs_no_runscript_for_an_oci_image)
{
	struct fixture x;

	fixture_init(&x);
	x.req.verb = RUN_RUN;
	x.facts.image.runscript = oci;
	make(&x);
	ck_assert_uint_eq(x.plan->argv.n, 3);
	ck_assert_str_eq(x.plan->argv.v[0], "/bin/my app");
	ck_assert_str_eq(x.plan->argv.v[1], "-x");
	ck_assert_str_eq(x.plan->argv.v[2], "true"); /* the user's word in place of the command */
	fixture_fini(&x);

	fixture_init(&x);
	x.req.verb = RUN_RUN;
	strv_fini(&x.req.args);
	x.facts.image.runscript = oci;
	make(&x);
	ck_assert_uint_eq(x.plan->argv.n, 4);
	ck_assert_str_eq(x.plan->argv.v[3], "it's $1");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_runscript_of_endless_quotes_is_not_read_for_hours)
{
	auto_buf struct buf text = { 0 };
	auto_strv struct strv ep = { 0 }, cmd = { 0 };

	buf_adds(&text, "eval \"set ${SINGULARITY_OCI_RUN}\"\nOCI_CMD=''\nOCI_ENTRYPOINT='");
	for (int i = 0; i < 300000; i++)
		buf_adds(&text, "\n\n\n\n");
	ck_assert_int_eq(command_from_runscript(&ep, &cmd, buf_str(&text)), 1);
}
END_TEST

START_TEST(other_runscripts_run_themselves)
{
	static const char *const scripts[] = {
		"#!/bin/sh\necho hello\n",
		"OCI_ENTRYPOINT='\"$HOME\"'\nOCI_CMD=''\neval \"set ${SINGULARITY_OCI_RUN}\"\n",
		"OCI_ENTRYPOINT='unfinished\neval \"set ${SINGULARITY_OCI_RUN}\"\n",
		"# eval \"set ${SINGULARITY_OCI_RUN}\"\nOCI_ENTRYPOINT=''\nOCI_CMD=''\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct fixture x;

		fixture_init(&x);
		x.req.verb = RUN_RUN;
		x.facts.image.runscript = scripts[i];
		make(&x);
		ck_assert_str_eq(x.plan->argv.v[0], "/.singularity.d/runscript");
		ck_assert_str_eq(x.plan->argv.v[1], "true");
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(run_without_anything_starts_a_shell_and_says_so)
{
	struct fixture x;

	fixture_init(&x);
	x.req.verb = RUN_RUN;
	strv_fini(&x.req.args);
	make(&x);
	ck_assert_str_eq(x.plan->argv.v[0], "/bin/sh");
	ck_assert_str_eq(x.plan->notes.v[0], "the image has no runscript; /bin/sh is started");
	fixture_fini(&x);

	fixture_init(&x);
	x.req.verb = RUN_RUN;
	make(&x);
	ck_assert_str_eq(x.plan->argv.v[0], "/bin/sh");
	ck_assert_str_eq(x.plan->argv.v[1], "true");
	fixture_fini(&x);

	fixture_init(&x);
	x.req.verb = RUN_RUN;
	x.facts.image.has_config = true; /* an OCI image without Entrypoint and Cmd */
	make(&x);
	ck_assert_str_eq(x.plan->argv.v[0], "true");
	fixture_fini(&x);

	fixture_init(&x);
	x.req.verb = RUN_RUN;
	strv_fini(&x.req.args);
	x.facts.image.has_sh = false;
	fails(&x, ERR_NOTFOUND,
	      "the image says nothing to run and has no /bin/sh (name a command with exec)");
}
END_TEST

START_TEST(shell_prefers_bash_then_sh_or_what_is_asked)
{
	struct fixture x;

	fixture_init(&x);
	x.req.verb = RUN_SHELL;
	make(&x);
	ck_assert_str_eq(x.plan->argv.v[0], "/bin/bash");
	ck_assert_str_eq(x.plan->argv.v[1], "--norc");
	ck_assert_str_eq(x.plan->argv.v[2], "true");
	ck_assert_str_eq(strv_env_get(&x.plan->env, "SHELL"), "/bin/bash");
	fixture_fini(&x);

	fixture_init(&x);
	x.req.verb = RUN_SHELL;
	x.facts.image.has_bash = false;
	make(&x);
	ck_assert_str_eq(x.plan->argv.v[0], "/bin/sh");
	fixture_fini(&x);

	fixture_init(&x);
	x.req.verb = RUN_SHELL;
	x.req.shell = "/bin/fish";
	make(&x);
	ck_assert_str_eq(x.plan->argv.v[0], "/bin/fish");
	fixture_fini(&x);

	fixture_init(&x);
	x.req.verb = RUN_SHELL;
	x.facts.image.has_bash = x.facts.image.has_sh = false;
	fails(&x, ERR_NOTFOUND,
	      "the image has neither /bin/bash nor /bin/sh (name another program with --shell)");
}
END_TEST

START_TEST(exec_needs_a_command)
{
	struct fixture x;

	fixture_init(&x);
	strv_fini(&x.req.args);
	fails(&x, ERR_USAGE, "exec: the command is missing");
}
END_TEST

START_TEST(oci_compat_takes_the_configuration_as_it_stands)
{
	static const char *const ep[] = { "/entry", "two words", NULL };
	static const char *const cmd[] = { "$HOME", NULL };
	static const char *const env[] = { "PATH=/opt/bin", "V=$(date) `x`", "HOME=/image", NULL };
	struct fixture x;

	fixture_init(&x);
	x.req.verb = RUN_RUN;
	x.req.oci_compat = true;
	strv_fini(&x.req.args);
	x.req.args = (struct strv){ 0 };
	x.facts.image.has_config = true;
	x.facts.image.entrypoint = (char *const *)(uintptr_t)ep;
	x.facts.image.cmd = (char *const *)(uintptr_t)cmd;
	x.facts.image.env = (char *const *)(uintptr_t)env;
	x.facts.image.workdir = "/srv/app";
	x.facts.image.runscript = "#!/bin/sh\nexec other\n";
	x.environ[0] = "HOSTVAR=1";
	x.environ[1] = "SLURM_JOB_ID=7";
	make(&x);
	ck_assert_uint_eq(x.plan->argv.n, 3);
	ck_assert_str_eq(x.plan->argv.v[1], "two words");
	ck_assert_str_eq(x.plan->argv.v[2], "$HOME");
	ck_assert_str_eq(x.plan->cwd.v[0], "/srv/app");
	ck_assert_str_eq(strv_env_get(&x.plan->env, "V"), "$(date) `x`");
	ck_assert_str_eq(strv_env_get(&x.plan->env, "PATH"), "/opt/bin");
	ck_assert_str_eq(strv_env_get(&x.plan->env, "HOME"), "/image");
	ck_assert_str_eq(strv_env_get(&x.plan->env, "SLURM_JOB_ID"), "7");
	ck_assert_pstr_eq(strv_env_get(&x.plan->env, "HOSTVAR"), NULL);
	ck_assert_pstr_eq(strv_env_get(&x.plan->env, "APPTAINER_NAME"), NULL);
	fixture_fini(&x);
}
END_TEST

START_TEST(oci_compat_wants_a_configuration)
{
	struct fixture x;

	fixture_init(&x);
	x.req.oci_compat = true;
	fails(&x, ERR_USAGE, "--oci-compat: the image keeps no OCI configuration");
}
END_TEST

UNIT(plan_command, run_needs_no_runscript_for_an_oci_image,
     a_runscript_of_endless_quotes_is_not_read_for_hours, other_runscripts_run_themselves,
     run_without_anything_starts_a_shell_and_says_so, shell_prefers_bash_then_sh_or_what_is_asked,
     exec_needs_a_command, oci_compat_takes_the_configuration_as_it_stands,
     oci_compat_wants_a_configuration)
