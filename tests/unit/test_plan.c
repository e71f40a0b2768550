#include "tests/unit/plan_fixture.h"

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

UNIT(plan, a_plain_exec_sees_the_hosts_usual_places, parents_are_mounted_before_children,
     a_users_bind_replaces_a_default_on_its_target_and_below,
     of_two_binds_on_one_target_the_first_is_used_and_the_other_named,
     binds_come_from_the_line_and_from_three_families_of_variables,
     a_source_that_is_not_there_stops_the_run, the_working_directory_is_bound_when_nothing_shows_it,
     pwd_is_the_only_directory_when_it_is_given, home_can_be_elsewhere_or_nowhere,
     a_caller_without_a_home_starts_in_the_root, contain_leaves_little_of_the_host,
     no_mount_takes_words_and_targets)
