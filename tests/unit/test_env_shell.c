#include "tests/unit/env_fixture.h"

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

UNIT(env_shell, what_needs_a_shell_stays_out_of_its_arguments,
     dash_finishes_the_environment_as_we_would, busybox_finishes_the_environment_as_we_would,
     bash_finishes_the_environment_as_we_would)
