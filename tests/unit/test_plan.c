#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/plan/plan.h"
#include "tests/unit/unit.h"

static const struct fact_path paths[] = {
	{.path = "/proc", .mode = S_IFDIR | 0555},
	{.path = "/sys", .mode = S_IFDIR | 0555},
	{.path = "/dev", .mode = S_IFDIR | 0755},
	{.path = "/etc/hosts", .mode = S_IFREG | 0644},
	{.path = "/etc/localtime", .error = 2},
	{.path = "/etc/resolv.conf",
	 .mode = S_IFREG | 0644,
	 .real = "/run/systemd/resolve/stub-resolv.conf"},
	{.path = "/tmp", .mode = S_IFDIR | 01777},
	{.path = "/var/tmp", .mode = S_IFDIR | 01777},
	{.path = "/home/ada", .mode = S_IFDIR | 0700},
	{.path = "/home/ada/w", .mode = S_IFDIR | 0755},
	{.path = "/data", .mode = S_IFDIR | 0755},
	{.path = "/work/x", .mode = S_IFDIR | 0755},
	{.path = "/file", .mode = S_IFREG | 0644},
};
static const char *const host_env[] = {"PATH=/usr/bin", "LANG=C.UTF-8", "SLURM_PROCID=3",
				       "APPTAINER_X=1", NULL};
static const struct fact_group groups[] = {{1000, "ada"}, {20, NULL}, {4000, "proj"}};

static struct facts facts_base(void)
{
	return (struct facts){
		.uid = 1000,
		.gid = 1000,
		.groups = groups,
		.ngroups = 3,
		.user = "ada",
		.gecos = "Ada",
		.home = "/home/ada",
		.shell = "/bin/zsh",
		.cwd = "/home/ada/w",
		.umask = 0027,
		.environ = (char *const *)(uintptr_t)host_env,
		.paths = paths,
		.npaths = ARRAY_LEN(paths),
		.image = {.path = "/img/a.sif",
			  .off = 4096,
			  .size = 8192,
			  .has_sh = true,
			  .has_bash = true,
			  .passwd = "root:x:0:0:root:/root:/bin/sh\n"},
	};
}

START_TEST(a_plan_prints)
{
	struct facts f = facts_base();
	struct run_req r = {.verb = RUN_EXEC, .image = "a.sif"};
	auto_plan struct plan *p = NULL;
	auto_buf struct buf b = {0};
	struct err e = {0};

	strv_add(&r.args, "true");
	ck_ok(plan_make(&p, &r, &f, &e), &e);
	plan_json(p, &b);
	fputs(buf_str(&b), stderr);
	strv_fini(&r.args);
}
END_TEST

UNIT(plan, a_plan_prints)
