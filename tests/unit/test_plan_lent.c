#include "tests/unit/unit.h"

#include <string.h>
#include <sys/stat.h>

#include "src/plan/plan.h"

static const struct fact_path paths[] = { { "/dev", S_IFDIR | 0755, 0, NULL },
					  { "/tmp", S_IFDIR | 01777, 0, NULL } };
static const struct fact_script shell_script = { "90-environment.sh", "eval \"A=1\"\nexport A\n" };

static struct plan *plan_of(struct run_req *r, const struct lent *l, bool shell, bool directory)
{
	static const char *const environ[] = { "HOST=1", "GONE=1", NULL };
	struct facts f = { .uid = 1000,
			   .gid = 1000,
			   .user = "ada",
			   .cwd = "/",
			   .environ = (char *const *)environ,
			   .paths = paths,
			   .npaths = 2,
			   .lent = l,
			   .image = { .path = "/a.sif", .is_dir = directory, .has_sh = true } };
	struct plan *p = NULL;
	struct err e;

	if (shell) {
		f.image.scripts = &shell_script;
		f.image.nscripts = 1;
	}
	r->image = "a.sif";
	strv_fini(&r->args);
	strv_add(&r->args, "true");
	ck_ok(plan_make(&p, r, &f, &e), &e);
	return p;
}

static const struct plan_mount *on(const struct plan *p, const char *dst)
{
	for (size_t i = 0; i < p->nmounts; i++)
		if (!strcmp(p->mounts[i].dst, dst))
			return &p->mounts[i];
	return NULL;
}

static void fill(struct lent *l)
{
	lent_lib(l, "/usr/lib64/libcuda.so.550", "libcuda.so.1", 64);
	lent_lib(l, "/opt/driver/libgl.so.2", "libgl.so.2", 64);
	lent_lib(l, "/usr/lib64/libptx.so.550", "libptx.so.1", 64);
	lent_device(l, "/dev/nvidia0", "/dev/nvidia0");
	lent_bind(l, "/opt/sw", "/sw", true);
	lent_env(l, LENT_SET, "SITE", "a b$c");
	lent_env(l, LENT_PREPEND, "PATH", "/sw/bin");
	lent_env(l, LENT_UNSET, "GONE", NULL);
	lent_verdict(l, LENT_GIVEN, "nv", "libcuda.so.1", "/usr/lib64/libcuda.so.550");
	strv_add(&l->notes, "a warning");
}

START_TEST(libraries_are_links_into_the_hosts_directories)
{
	auto_lent struct lent l = { 0 };
	struct run_req r = { .verb = RUN_EXEC };
	auto_plan struct plan *p = NULL;
	const struct plan_mount *m;

	fill(&l);
	p = plan_of(&r, &l, false, false);
	m = on(p, LENT_LIBS_DIR);
	ck_assert(m && m->kind == PLAN_TMPFS && m->flags & PLAN_RO);
	m = on(p, LENT_LIBS_DIR "/.host/0");
	ck_assert(m && m->kind == PLAN_BIND && m->origin == PLAN_LENT && m->flags & PLAN_RO);
	ck_assert(m->flags & PLAN_IS_DIR && m->flags & PLAN_REC);
	ck_assert_str_eq(m->src, "/usr/lib64");
	m = on(p, LENT_LIBS_DIR "/.host/1");
	ck_assert(m && !strcmp(m->src, "/opt/driver"));
	ck_assert_ptr_null(on(p, LENT_LIBS_DIR "/.host/2"));
	m = on(p, LENT_LIBS_DIR "/libcuda.so.550");
	ck_assert(m && m->kind == PLAN_SYMLINK);
	ck_assert_str_eq(m->src, ".host/0/libcuda.so.550");
	m = on(p, LENT_LIBS_DIR "/libgl.so.2");
	ck_assert(m && m->kind == PLAN_SYMLINK);
	ck_assert_str_eq(m->src, ".host/1/libgl.so.2");
	m = on(p, LENT_LIBS_DIR "/libcuda.so.1");
	ck_assert(m && m->kind == PLAN_SYMLINK);
	ck_assert_str_eq(m->src, "libcuda.so.550");
	m = on(p, "/sw");
	ck_assert(m && m->flags & PLAN_IS_DIR && m->flags & PLAN_RO);
	ck_assert_str_eq(p->lent.v[0], "nv: libcuda.so.1: given: /usr/lib64/libcuda.so.550");
	ck_assert(strv_has(&p->notes, "a warning"));
	strv_fini(&r.args);
}
END_TEST

START_TEST(a_device_is_bound_only_where_dev_is_our_own)
{
	auto_lent struct lent l = { 0 };
	struct run_req whole = { .verb = RUN_EXEC },
		       minimal = { .verb = RUN_EXEC, .contain = true };
	auto_plan struct plan *p = NULL, *q = NULL;

	fill(&l);
	p = plan_of(&whole, &l, false, false);
	ck_assert_ptr_null(on(p, "/dev/nvidia0"));
	q = plan_of(&minimal, &l, false, false);
	ck_assert_ptr_nonnull(on(q, "/dev/nvidia0"));
	strv_fini(&whole.args);
	strv_fini(&minimal.args);
}
END_TEST

/* Through the native reader and through the image's shell. */
START_TEST(variables_come_before_the_users_own)
{
	for (int shell = 0; shell < 2; shell++) {
		auto_lent struct lent l = { 0 };
		struct run_req r = { .verb = RUN_EXEC };
		auto_plan struct plan *p = NULL;

		fill(&l);
		strv_add(&r.env, "OWN=1");
		p = plan_of(&r, &l, shell, false);
		if (shell) {
			const char *glue = p->argv.v[2];

			ck_assert_ptr_nonnull(strstr(glue, "export SITE='a b$c'"));
			ck_assert_ptr_nonnull(strstr(glue, "PATH=\"/sw/bin${PATH:+:$PATH}\""));
			ck_assert_ptr_nonnull(strstr(glue, "unset GONE"));
			ck_assert_ptr_nonnull(strstr(glue, LENT_LIBS_DIR));
		} else {
			ck_assert_str_eq(strv_env_get(&p->env, "SITE"), "a b$c");
			ck_assert(str_has_prefix(strv_env_get(&p->env, "PATH"), "/sw/bin:/"));
			ck_assert_str_eq(strv_env_get(&p->env, "LD_LIBRARY_PATH"), LENT_LIBS_DIR);
			ck_assert_ptr_null(strv_env_get(&p->env, "GONE"));
			ck_assert_str_eq(strv_env_get(&p->env, "HOST"), "1");
		}
		strv_fini(&r.env);
		strv_fini(&r.args);
	}
}
END_TEST

START_TEST(the_users_variable_wins)
{
	auto_lent struct lent l = { 0 };
	struct run_req r = { .verb = RUN_EXEC };
	auto_plan struct plan *p = NULL;

	fill(&l);
	strv_add(&r.env, "SITE=mine");
	strv_add(&r.env, "LD_LIBRARY_PATH=/x:" LENT_LIBS_DIR ":/y");
	p = plan_of(&r, &l, false, true);
	ck_assert_str_eq(strv_env_get(&p->env, "SITE"), "mine");
	ck_assert(str_has_prefix(strv_env_get(&p->env, "LD_LIBRARY_PATH"),
				 "/x:" LENT_LIBS_DIR ":/y"));
	strv_fini(&r.env);
	strv_fini(&r.args);
}
END_TEST

UNIT(plan_lent, libraries_are_links_into_the_hosts_directories,
     a_device_is_bound_only_where_dev_is_our_own, variables_come_before_the_users_own,
     the_users_variable_wins)
