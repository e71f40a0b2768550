#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "src/plan/command.h"
#include "src/plan/plan.h"
#include "tests/unit/unit.h"

#define DIR (S_IFDIR | 0755)
#define REG (S_IFREG | 0644)

static const struct fact_path paths[] = {
	{ .path = "/proc", .mode = DIR },
	{ .path = "/sys", .mode = DIR },
	{ .path = "/dev", .mode = DIR },
	{ .path = "/etc/hosts", .mode = REG },
	{ .path = "/etc/localtime", .error = ENOENT },
	{ .path = "/etc/resolv.conf", .mode = REG, .real = "/run/resolv.conf" },
	{ .path = "/tmp", .mode = DIR },
	{ .path = "/var/tmp", .mode = DIR },
	{ .path = "/home/ada", .mode = DIR },
	{ .path = "/home/ada/w", .mode = DIR },
	{ .path = "/data", .mode = DIR },
	{ .path = "/data/sub", .mode = DIR },
	{ .path = "/work", .mode = DIR },
	{ .path = "/opt", .mode = DIR },
	{ .path = "/proc/1", .mode = DIR },
	{ .path = "/tmp/x", .mode = DIR },
	{ .path = "/file", .mode = REG },
	{ .path = "/gone", .error = ENOENT },
	{ .path = "/closed", .error = EACCES },
};

struct fixture {
	struct run_req req;
	struct facts facts;
	struct plan *plan;
	const char *environ[8];
};

static void fixture_init(struct fixture *x)
{
	*x = (struct fixture){ .req = { .verb = RUN_EXEC } };
	strv_add(&x->req.args, "true");
	x->facts = (struct facts){ .uid = 1000,
				   .gid = 1000,
				   .user = "ada",
				   .home = "/home/ada",
				   .cwd = "/home/ada/w",
				   .umask = 0027,
				   .paths = paths,
				   .npaths = ARRAY_LEN(paths) };
	x->facts.environ = (char *const *)(uintptr_t)x->environ;
	x->facts.image = (struct facts_image){ .path = "/a.sif", .has_sh = true, .has_bash = true };
}

static void make(struct fixture *x)
{
	struct err e = { 0 };

	request_settle(&x->req);
	ck_ok(plan_make(&x->plan, &x->req, &x->facts, &e), &e);
}

static void fixture_fini(struct fixture *x)
{
	plan_free(x->plan);
	strv_fini(&x->req.args);
	strv_fini(&x->req.binds);
	strv_fini(&x->req.no_mount);
}

/* "source" of the mount on target, its kind when it has none, "(none)". */
static const char *on(const struct fixture *x, const char *target)
{
	for (size_t i = 0; i < x->plan->nmounts; i++) {
		const struct plan_mount *m = &x->plan->mounts[i];

		if (!strcmp(m->dst, target))
			return m->src ? m->src : m->kind == PLAN_TMPFS ? "tmpfs" : "other";
	}
	for (size_t i = 0; i < x->plan->nfiles; i++)
		if (x->plan->files[i].host && !strcmp(x->plan->files[i].path, target))
			return x->plan->files[i].host;
	return "(none)";
}

/* What the engine supplies at path. */
static const char *text_of(const struct fixture *x, const char *path)
{
	for (size_t i = 0; i < x->plan->nfiles; i++)
		if (!strcmp(x->plan->files[i].path, path))
			return x->plan->files[i].data ? x->plan->files[i].data : "";
	return "";
}

static void fails(struct fixture *x, enum err_kind kind, const char *text)
{
	struct err e = { 0 };

	ck_assert_int_eq(plan_make(&x->plan, &x->req, &x->facts, &e), -1);
	ck_assert_int_eq(e.kind, kind);
	ck_assert_str_eq(e.text, text);
	fixture_fini(x);
}

START_TEST(a_plain_exec_sees_the_hosts_usual_places)
{
	struct fixture x;

	fixture_init(&x);
	make(&x);
	ck_assert_str_eq(on(&x, "/proc"), "/proc");
	ck_assert_str_eq(on(&x, "/tmp"), "/tmp");
	ck_assert_str_eq(on(&x, "/home/ada"), "/home/ada");
	ck_assert_str_eq(on(&x, "/etc/resolv.conf"), "/etc/resolv.conf");
	ck_assert_str_eq(on(&x, "/etc/localtime"), "(none)");
	ck_assert_str_eq(on(&x, "/home/ada/w"), "(none)"); /* home shows it */
	ck_assert_str_eq(x.plan->cwd.v[0], "/home/ada/w");
	ck_assert_uint_eq(x.plan->umask, 0027);
	ck_assert_uint_eq(x.plan->ns, 0);
	ck_assert_uint_eq(x.plan->notes.n, 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(parents_are_mounted_before_children)
{
	struct fixture x;

	fixture_init(&x);
	strv_add(&x.req.binds, "/data:/m/a/b,/data:/m,/work:/m/a,/file:/m/a/b/c");
	make(&x);
	for (size_t i = 0; i + 1 < x.plan->nmounts; i++)
		ck_assert_int_lt(strcmp(x.plan->mounts[i].dst, x.plan->mounts[i + 1].dst), 0);
	fixture_fini(&x);
}
END_TEST

START_TEST(a_users_bind_replaces_a_default_on_its_target_and_below)
{
	struct fixture x;

	fixture_init(&x);
	strv_add(&x.req.binds, "/data:/tmp,/work:/etc,/data:/home");
	make(&x);
	ck_assert_str_eq(on(&x, "/tmp"), "/data");
	ck_assert_str_eq(on(&x, "/etc/hosts"), "(none)");
	ck_assert_str_eq(on(&x, "/home/ada"), "(none)");
	ck_assert_uint_eq(x.plan->nfiles, 0); /* /etc is the user's */
	fixture_fini(&x);
}
END_TEST

START_TEST(of_two_binds_on_one_target_the_first_is_used_and_the_other_named)
{
	struct fixture x;

	fixture_init(&x);
	strv_add(&x.req.binds, "/data:/m");
	strv_add(&x.req.binds, "/work:/m:ro");
	strv_add(&x.req.binds, "/data:/m");
	x.environ[0] = "APPTAINER_BIND=/file:/m,/work";
	make(&x);
	ck_assert_str_eq(on(&x, "/m"), "/data");
	ck_assert_str_eq(on(&x, "/work"), "/work");
	ck_assert_uint_eq(x.plan->notes.n, 2);
	ck_assert_str_eq(x.plan->notes.v[0], "two binds on /m: /data is used, /work (ro) is not");
	ck_assert_str_eq(x.plan->notes.v[1], "two binds on /m: /data is used, /file is not");
	fixture_fini(&x);
}
END_TEST

START_TEST(binds_come_from_the_line_and_from_three_families_of_variables)
{
	struct fixture x;

	fixture_init(&x);
	strv_add(&x.req.binds, "/data:/m1:ro");
	x.environ[0] = "BERTH_BIND=/data:/m2";
	x.environ[1] = "APPTAINER_BINDPATH=/data:/m3";
	x.environ[3] = "APPTAINER_BIND=";
	x.environ[2] = "SINGULARITY_BIND=/data:/m4,/data:/m\\,5";
	make(&x);
	ck_assert_str_eq(on(&x, "/m1"), "/data");
	ck_assert_str_eq(on(&x, "/m2"), "/data");
	ck_assert_str_eq(on(&x, "/m3"), "/data");
	ck_assert_str_eq(on(&x, "/m4"), "/data");
	ck_assert_str_eq(on(&x, "/m,5"), "/data");
	ck_assert_str_eq(strv_env_get(&x.plan->env, "APPTAINER_BIND"),
			 "/data:/m1:ro,/data:/m2,/data:/m3,/data:/m4,/data:/m\\,5");
	fixture_fini(&x);
}
END_TEST

START_TEST(a_source_that_is_not_there_stops_the_run)
{
	struct fixture x;

	fixture_init(&x);
	strv_add(&x.req.binds, "/gone:/m");
	fails(&x, ERR_NOTFOUND, "bind /gone on /m: the host's /gone: No such file or directory");
	fixture_init(&x);
	strv_add(&x.req.binds, "/closed");
	fails(&x, ERR_NOTFOUND, "bind /closed on /closed: the host's /closed: Permission denied");
	fixture_init(&x);
	x.environ[0] = "APPTAINER_BIND=/data:/m:zz";
	fails(&x, ERR_USAGE,
	      "APPTAINER_BIND /data:/m: \"zz\" is not an option (use ro, rw, image-src=PATH or "
	      "id=N)");
}
END_TEST

START_TEST(the_working_directory_is_bound_when_nothing_shows_it)
{
	static const struct {
		const char *cwd, *bind, *on;
	} cases[] = {
		{ "/work", NULL, "/work" },
		{ "/tmp/x", NULL, "(none)" },		  /* /tmp shows it */
		{ "/opt", NULL, "(none)" },		  /* the image's */
		{ "/proc/1", NULL, "(none)" },		  /* the system's */
		{ "/gone", NULL, "(none)" },		  /* not a directory any more */
		{ "/data/sub", "/data", "(none)" },	  /* the user's bind shows it */
		{ "/data/sub", "/work:/data", "(none)" }, /* the user wants something else there */
		{ "/data/sub", "/data:/m", "/data/sub" },
		{ "/work", "/data:/work", "/data" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture x;

		fixture_init(&x);
		x.facts.cwd = cases[i].cwd;
		if (cases[i].bind)
			strv_add(&x.req.binds, cases[i].bind);
		make(&x);
		ck_assert_str_eq(on(&x, cases[i].cwd), cases[i].on);
		ck_assert_str_eq(x.plan->cwd.v[0], cases[i].cwd);
		ck_assert_str_eq(x.plan->cwd.v[x.plan->cwd.n - 1], "/");
		fixture_fini(&x);
	}
}
END_TEST

START_TEST(pwd_is_the_only_directory_when_it_is_given)
{
	struct fixture x;

	fixture_init(&x);
	x.req.pwd = "/opt/../srv/";
	make(&x);
	ck_assert_uint_eq(x.plan->cwd.n, 1);
	ck_assert_str_eq(x.plan->cwd.v[0], "/srv");
	ck_assert(x.plan->cwd_required);
	ck_assert_str_eq(x.plan->env.v[x.plan->env_pwd], "PWD=/srv");
	fixture_fini(&x);
}
END_TEST

START_TEST(home_can_be_elsewhere_or_nowhere)
{
	struct fixture x;

	fixture_init(&x);
	x.req.home = "/data:/home/new";
	make(&x);
	ck_assert_str_eq(on(&x, "/home/new"), "/data");
	ck_assert_str_eq(strv_env_get(&x.plan->env, "HOME"), "/home/new");
	ck_assert_ptr_nonnull(strstr(text_of(&x, "/etc/passwd"), ":/home/new:"));
	fixture_fini(&x);

	fixture_init(&x);
	x.req.no_home = true;
	make(&x);
	ck_assert_str_eq(on(&x, "/home/ada"), "(none)");
	ck_assert_str_eq(on(&x, "/home/ada/w"), "/home/ada/w");
	ck_assert_str_eq(strv_env_get(&x.plan->env, "HOME"), "/home/ada");
	fixture_fini(&x);

	fixture_init(&x);
	x.facts.home = "/gone";
	make(&x);
	ck_assert_str_eq(x.plan->notes.v[0], "home directory /gone: No such file or directory; "
					     "it is not in the container");
	fixture_fini(&x);

	fixture_init(&x);
	x.req.home = "/gone";
	fails(&x, ERR_NOTFOUND, "--home /gone: No such file or directory");
	fixture_init(&x);
	x.req.home = "/data,/work";
	fails(&x, ERR_USAGE, "--home /data,/work: write SRC or SRC:DST");
	fixture_init(&x);
	x.req.home = "/file";
	fails(&x, ERR_NOTFOUND, "--home /file: not a directory");
}
END_TEST

START_TEST(a_caller_without_a_home_starts_in_the_root)
{
	struct fixture x;

	fixture_init(&x);
	x.facts.home = NULL;
	x.facts.cwd = NULL;
	make(&x);
	ck_assert_uint_eq(x.plan->cwd.n, 1);
	ck_assert_str_eq(x.plan->cwd.v[0], "/");
	ck_assert_str_eq(strv_env_get(&x.plan->env, "HOME"), "/");
	ck_assert_str_eq(on(&x, "/"), "(none)");
	fixture_fini(&x);
}
END_TEST

START_TEST(contain_leaves_little_of_the_host)
{
	struct fixture x;

	fixture_init(&x);
	x.req.contain = true;
	strv_add(&x.req.binds, "/data,/data:/dev/shm,/data:/dev/stdin");
	make(&x);
	ck_assert_str_eq(on(&x, "/home/ada"), "tmpfs");
	ck_assert_str_eq(on(&x, "/tmp"), "tmpfs");
	ck_assert_str_eq(on(&x, "/dev"), "tmpfs");
	ck_assert_str_eq(on(&x, "/dev/null"), "/dev/null");
	ck_assert_str_eq(on(&x, "/dev/shm"), "/data");
	ck_assert_str_eq(on(&x, "/dev/stdin"), "/data"); /* and no link beside it */
	ck_assert_str_eq(on(&x, "/proc"), "/proc");
	ck_assert_str_eq(on(&x, "/data"), "/data");
	ck_assert_str_eq(x.plan->cwd.v[0], "/home/ada");
	fixture_fini(&x);

	fixture_init(&x);
	x.req.contain = true;
	strv_add(&x.req.binds, "/dev");
	make(&x);
	ck_assert_str_eq(on(&x, "/dev"), "/dev");
	ck_assert_str_eq(on(&x, "/dev/null"), "(none)");
	fixture_fini(&x);
}
END_TEST

START_TEST(no_mount_takes_words_and_targets)
{
	struct fixture x;

	fixture_init(&x);
	strv_add(&x.req.no_mount, "sys,tmp,/etc/hosts");
	strv_add(&x.req.no_mount, "home");
	make(&x);
	ck_assert_str_eq(on(&x, "/sys"), "(none)");
	ck_assert_str_eq(on(&x, "/tmp"), "(none)");
	ck_assert_str_eq(on(&x, "/var/tmp"), "(none)");
	ck_assert_str_eq(on(&x, "/etc/hosts"), "(none)");
	ck_assert_str_eq(on(&x, "/home/ada"), "(none)");
	ck_assert_str_eq(on(&x, "/etc/resolv.conf"), "/etc/resolv.conf");
	fixture_fini(&x);
}
END_TEST

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

static const char *refusal(struct fixture *x, struct err *e)
{
	*e = (struct err){ 0 };
	ck_assert_int_eq(plan_make(&x->plan, &x->req, &x->facts, e), -1);
	return e->text;
}

START_TEST(the_host_s_files_are_shown_by_the_server_or_bound_over_a_directory)
{
	struct fixture x;

	fixture_init(&x);
	x.facts.image.is_dir = true;
	make(&x);
	ck_assert_str_eq(on(&x, "/etc/resolv.conf"), "/run/resolv.conf");
	plan_free(x.plan);
	x.facts.image.is_dir = false;
	strv_add(&x.req.binds, "/file:/etc/resolv.conf");
	strv_add(&x.req.no_mount, "/etc/hosts,/etc/group");
	make(&x);
	ck_assert_str_eq(on(&x, "/etc/resolv.conf"), "/file");
	ck_assert_str_eq(on(&x, "/etc/hosts"), "(none)");
	ck_assert_str_eq(text_of(&x, "/etc/group"), "");
	ck_assert_str_ne(text_of(&x, "/etc/passwd"), "");
	fixture_fini(&x);
}
END_TEST

START_TEST(overlays_become_layers_and_one_upper)
{
	static const struct fact_image images[] = {
		{ .path = "/file", .use = FACT_IMAGE_OVERLAY, .inner = "/", .mode = DIR },
	};
	static const struct fact_image_file files[] = { { "/file", 0, 4096 } };
	struct fixture x;
	struct err e;

	fixture_init(&x);
	x.facts.images = images;
	x.facts.nimages = 1;
	x.facts.image_files = files;
	x.facts.nimage_files = 1;
	strv_add(&x.req.overlays, "/file,/data:ro");
	strv_add(&x.req.overlays, "/work");
	make(&x);
	ck_assert_uint_eq(x.plan->nlayers, 2);
	ck_assert_ptr_null(x.plan->layers[0].dir);
	ck_assert_str_eq(x.plan->layers[1].dir, "/data/upper");
	ck_assert_int_eq(x.plan->upper, PLAN_UPPER_DIR);
	ck_assert_str_eq(x.plan->upper_dir, "/work");
	ck_assert(!plan_needs_lifeline(x.plan));
	plan_free(x.plan);
	x.plan = NULL;
	strv_add(&x.req.overlays, "/tmp/x");
	ck_assert_str_eq(refusal(&x, &e), "--overlay /work and --overlay /tmp/x: only one can be "
					  "written to; give the others as DIR:ro");
	strv_fini(&x.req.overlays);
	x.req.overlays = (struct strv){ 0 };
	strv_add(&x.req.overlays, "/gone");
	ck_assert_str_eq(refusal(&x, &e), "--overlay /gone: No such file or directory");
	strv_fini(&x.req.overlays);
	fixture_fini(&x);
}
END_TEST

START_TEST(the_layer_in_memory_is_as_large_as_the_job_may_be)
{
	struct fixture x;

	fixture_init(&x);
	x.req.writable_tmpfs = true;
	make(&x);
	ck_assert_str_eq(x.plan->upper_data, "size=50%,mode=0755");
	plan_free(x.plan);
	x.facts.memory_limit = (uint64_t)4 << 30;
	x.facts.memory_from = "/sys/fs/cgroup/job_7/memory.max";
	make(&x);
	ck_assert_str_eq(x.plan->upper_data, "size=4294967296,mode=0755");
	ck_assert_str_eq(x.plan->upper_size_from, "/sys/fs/cgroup/job_7/memory.max");
	plan_free(x.plan);
	x.req.tmpfs_size = 1 << 20;
	make(&x);
	ck_assert_str_eq(x.plan->upper_data, "size=1048576,mode=0755");
	fixture_fini(&x);
}
END_TEST

START_TEST(writable_is_for_directories_and_takes_no_overlay)
{
	struct fixture x;
	struct err e;

	fixture_init(&x);
	x.req.writable = true;
	ck_assert_ptr_nonnull(strstr(refusal(&x, &e), "/a.sif is an image file"));
	x.facts.image.is_dir = true;
	x.req.writable_tmpfs = true;
	make(&x);
	ck_assert(x.plan->writable && x.plan->upper == PLAN_UPPER_NONE);
	ck_assert_str_eq(x.plan->notes.v[0],
			 "--writable-tmpfs is not used: --writable takes the changes");
	plan_free(x.plan);
	x.plan = NULL;
	strv_add(&x.req.overlays, "/data");
	ck_assert_ptr_nonnull(strstr(refusal(&x, &e), "exclude each other"));
	strv_fini(&x.req.overlays);
	fixture_fini(&x);
}
END_TEST

START_TEST(workdir_and_scratch_are_on_disk_or_in_memory)
{
	struct fixture x;
	struct err e;

	fixture_init(&x);
	x.req.contain = true;
	strv_add(&x.req.scratch, "/s,/data/t");
	make(&x);
	ck_assert_str_eq(on(&x, "/s"), "tmpfs");
	ck_assert_str_eq(on(&x, "/tmp"), "tmpfs");
	plan_free(x.plan);
	x.req.workdir = "/work";
	make(&x);
	ck_assert_str_eq(on(&x, "/s"), "/work/scratch/s");
	ck_assert_str_eq(on(&x, "/data/t"), "/work/scratch/data/t");
	ck_assert_str_eq(on(&x, "/tmp"), "/work/tmp");
	ck_assert_str_eq(on(&x, "/var/tmp"), "/work/var_tmp");
	ck_assert_str_eq(on(&x, "/home/ada"), "/work/home");
	ck_assert_uint_eq(x.plan->ndirs, 5);
	plan_free(x.plan);
	x.plan = NULL;
	x.req.workdir = "/gone";
	ck_assert_str_eq(refusal(&x, &e), "--workdir /gone: No such file or directory");
	x.req.workdir = "/file";
	ck_assert_str_eq(refusal(&x, &e), "--workdir /file: Not a directory");
	strv_fini(&x.req.scratch);
	fixture_fini(&x);
}
END_TEST

UNIT(plan, the_host_s_files_are_shown_by_the_server_or_bound_over_a_directory,
     overlays_become_layers_and_one_upper, the_layer_in_memory_is_as_large_as_the_job_may_be,
     writable_is_for_directories_and_takes_no_overlay, workdir_and_scratch_are_on_disk_or_in_memory,
     oci_compat_takes_the_configuration_as_it_stands, oci_compat_wants_a_configuration,
     a_plain_exec_sees_the_hosts_usual_places, parents_are_mounted_before_children,
     a_users_bind_replaces_a_default_on_its_target_and_below,
     of_two_binds_on_one_target_the_first_is_used_and_the_other_named,
     binds_come_from_the_line_and_from_three_families_of_variables,
     a_source_that_is_not_there_stops_the_run, the_working_directory_is_bound_when_nothing_shows_it,
     pwd_is_the_only_directory_when_it_is_given, home_can_be_elsewhere_or_nowhere,
     a_caller_without_a_home_starts_in_the_root, contain_leaves_little_of_the_host,
     no_mount_takes_words_and_targets, run_needs_no_runscript_for_an_oci_image,
     a_runscript_of_endless_quotes_is_not_read_for_hours, other_runscripts_run_themselves,
     run_without_anything_starts_a_shell_and_says_so, shell_prefers_bash_then_sh_or_what_is_asked,
     exec_needs_a_command)
