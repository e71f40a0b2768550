/* The plan of a request on a fixture host, as --dry-run prints it, against tests/data/plans.
 * BERTH_GOLDEN_WRITE=1 writes the files instead; read the difference before it is committed. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/fixture_host.h"

static const struct fact_script scripts[] = {
	{ "01-base.sh", "#!/bin/sh\n" },
	{ "10-docker2singularity.sh", "#!/bin/sh\nexport PATH=\"/usr/local/bin:/usr/bin:/bin\"\n"
				      "export LANG=\"${LANG:-\"C.UTF-8\"}\"\n" },
	{ "90-environment.sh", "#!/bin/sh\n" },
	{ "99-base.sh",
	  "LD_LIBRARY_PATH=\"${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/.singularity.d/libs\"\n"
	  "PS1=\"Berth> \"\nexport LD_LIBRARY_PATH PS1\n" },
};
static const struct fact_script hard[] = { { "90-environment.sh",
					     "#!/bin/sh\nexport D=$(date)\n" } };
static const char *const entrypoint[] = { "/entry", NULL };
static const char *const command[] = { "serve", "--all", NULL };

static const struct golden {
	const char *name, *host;
	struct run_req req;
	const char *words; /* "-B x", "-e A=1", "-n tmp", then the command; split at blanks */
	bool directory, hard, oci;
} goldens[] = {
	{ "plain-exec", "debian12", { .verb = RUN_EXEC }, "true", false, false, false },
	{ "plain-exec", "el9", { .verb = RUN_EXEC }, "hostname", false, false, false },
	{ "plain-exec", "ubuntu2404", { .verb = RUN_EXEC }, "true", true, false, false },
	{ "plain-exec", "stateless", { .verb = RUN_EXEC }, "id", false, false, false },
	{ "plain-exec", "autofs", { .verb = RUN_EXEC }, "-B /net/store true", false, false, false },
	{ "plain-exec", "norunuser", { .verb = RUN_EXEC }, "true", false, false, false },
	{ "containall",
	  "norunuser",
	  { .verb = RUN_SHELL, .containall = true },
	  "",
	  true,
	  false,
	  false },
	{ "binds",
	  "debian12",
	  { .verb = RUN_EXEC },
	  "-B /data:/etc:ro -B /srv/db,/srv/licence:/opt/l/licence -B /data:/home/ada/work ls /opt",
	  false,
	  false,
	  false },
	{ "contain",
	  "debian12",
	  { .verb = RUN_EXEC, .contain = true },
	  "-B /data true",
	  false,
	  false,
	  false },
	{ "containall", "el9", { .verb = RUN_SHELL, .containall = true }, "", false, false, false },
	{ "home",
	  "debian12",
	  { .verb = RUN_EXEC, .home = "/srv/db:/home/other", .pwd = "/opt/x" },
	  "-n tmp,/etc/hosts,nosuch true",
	  false,
	  false,
	  false },
	{ "run-oci", "debian12", { .verb = RUN_RUN, .no_home = true }, "", false, false, true },
	{ "run-oci-args",
	  "debian12",
	  { .verb = RUN_RUN, .cleanenv = true },
	  "-e A=1,B=$A one two",
	  false,
	  false,
	  true },
	{ "shell-script", "debian12", { .verb = RUN_EXEC }, "-e A=$D true", false, true, false },
};

static void words_apply(struct run_req *req, const char *words)
{
	auto_strv struct strv w = { 0 };

	strv_split(&w, words, ' ');
	for (size_t i = 0; i < w.n; i++) {
		if (!strcmp(w.v[i], "-B"))
			strv_add(&req->binds, w.v[++i]);
		else if (!strcmp(w.v[i], "-e"))
			strv_add(&req->env, w.v[++i]);
		else if (!strcmp(w.v[i], "-n"))
			strv_add(&req->no_mount, w.v[++i]);
		else
			strv_add(&req->args, w.v[i]);
	}
}

static void image_facts(struct facts_image *im, const struct golden *g)
{
	*im = (struct facts_image){ .path = g->directory ? "/img/tree" : "/img/a.sif",
				    .is_dir = g->directory,
				    .off = g->directory ? 0 : 40960,
				    .size = g->directory ? 0 : 8192,
				    .passwd = "root:x:0:0:root:/root:/bin/sh\n",
				    .group = "root:x:0:\n",
				    .scripts = g->hard ? hard : scripts,
				    .nscripts = g->hard ? ARRAY_LEN(hard) : ARRAY_LEN(scripts),
				    .has_sh = true,
				    .has_bash = true };
	if (!g->oci)
		return;
	im->has_config = true;
	im->entrypoint = (char *const *)(uintptr_t)entrypoint;
	im->cmd = (char *const *)(uintptr_t)command;
}

static void compare(const char *path, const struct buf *got)
{
	auto_buf struct buf want = { 0 };
	struct err e = { 0 };

	if (getenv("BERTH_GOLDEN_WRITE")) {
		ck_ok(file_write_atomic(AT_FDCWD, path, got->data, got->len, 0644, &e), &e);
		return;
	}
	ck_assert_msg(file_read(AT_FDCWD, path, &want, 1 << 20, &e) == 0, "%s is missing", path);
	ck_assert_msg(!strcmp(buf_str(got), buf_str(&want)), "%s differs; now it is\n%.3000s", path,
		      buf_str(got));
}

START_TEST(a_request_on_a_host_gives_the_plan_on_file)
{
	const struct golden *g = &goldens[_i];
	auto_free char *path = xasprintf(TEST_DATA "/plans/%s-%s.json", g->host, g->name);
	struct run_req req = g->req;
	auto_plan struct plan *p = NULL;
	auto_buf struct buf text = { 0 };
	struct fixture_host host;
	struct facts f;
	struct err e = { 0 };

	words_apply(&req, g->words);
	fixture_host_load(&host, g->host);
	fixture_host_facts(&host, &req, &f);
	image_facts(&f.image, g);
	request_settle(&req);
	ck_ok(plan_make(&p, &req, &f, &e), &e);
	plan_json(p, &text);
	compare(path, &text);
	fixture_host_fini(&host);
	strv_fini(&req.args);
	strv_fini(&req.binds);
	strv_fini(&req.env);
	strv_fini(&req.no_mount);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plan_golden");
	TCase *c = tcase_create("plan_golden");
	SRunner *r;
	int failed;

	tcase_add_loop_test(c, a_request_on_a_host_gives_the_plan_on_file, 0, ARRAY_LEN(goldens));
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
