/* plan_fixture: an ordinary user on an ordinary host, with an image that has shells.
 *
 *	struct fixture x;
 *	fixture_init(&x);
 *	strv_add(&x.req.binds, "/data:/mnt");
 *	make(&x);                                 // the plan; or fails(&x, ERR_USAGE, "text")
 *	on(&x, "/mnt")                            // what lies there
 *	fixture_fini(&x); */
#ifndef TESTS_UNIT_PLAN_FIXTURE_H
#define TESTS_UNIT_PLAN_FIXTURE_H

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

static inline void fixture_init(struct fixture *x)
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

static inline void make(struct fixture *x)
{
	struct err e = { 0 };

	request_settle(&x->req);
	ck_ok(plan_make(&x->plan, &x->req, &x->facts, &e), &e);
}

static inline void fixture_fini(struct fixture *x)
{
	plan_free(x->plan);
	strv_fini(&x->req.args);
	strv_fini(&x->req.binds);
	strv_fini(&x->req.no_mount);
}

/* "source" of the mount on target, its kind when it has none, "(none)". */
static inline const char *on(const struct fixture *x, const char *target)
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
static inline const char *text_of(const struct fixture *x, const char *path)
{
	for (size_t i = 0; i < x->plan->nfiles; i++)
		if (!strcmp(x->plan->files[i].path, path))
			return x->plan->files[i].data ? x->plan->files[i].data : "";
	return "";
}

static inline void fails(struct fixture *x, enum err_kind kind, const char *text)
{
	struct err e = { 0 };

	ck_assert_int_eq(plan_make(&x->plan, &x->req, &x->facts, &e), -1);
	ck_assert_int_eq(e.kind, kind);
	ck_assert_str_eq(e.text, text);
	fixture_fini(x);
}

#endif
