/* fixture_host: a directory of tests/data/hosts as the host of a plan.
 *
 *	struct fixture_host h;
 *	fixture_host_load(&h, "debian12");
 *	fixture_host_facts(&h, &req, &facts);
 *	fixture_host_fini(&h);
 *
 * self.json holds what a process would know: uid, gid, groups, umask, cwd, environ. */
#ifndef TESTS_UNIT_FIXTURE_HOST_H
#define TESTS_UNIT_FIXTURE_HOST_H

#include <fcntl.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/host/host.h"
#include "src/plan/plan.h"
#include "tests/unit/unit.h"

struct fixture_host {
	int rootfd;
	struct json *json;
	struct strv environ;
	struct host host;
	struct strv paths, env_files;
	struct fact_path path_facts[64];
	struct fact_group groups[16];
};

static inline int64_t fixture_int(const struct json *j)
{
	int64_t v = 0;

	ck_assert_int_eq(json_i64(j, &v), 0);
	return v;
}

static inline void fixture_host_load(struct fixture_host *x, const char *name)
{
	auto_free char *dir = xasprintf(TEST_DATA "/hosts/%s", name);
	auto_buf struct buf text = { 0 };
	const struct json *el;
	struct host_self self = { 0 };
	gid_t groups[16];
	struct err e = { 0 };

	*x = (struct fixture_host){ .rootfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) };
	ck_assert_int_ge(x->rootfd, 0);
	ck_ok(file_read(x->rootfd, "self.json", &text, 1 << 16, &e), &e);
	ck_ok(json_parse(&x->json, buf_str(&text), text.len, 1 << 16, &e), &e);
	self.uid = (uid_t)fixture_int(json_get(x->json, "uid"));
	self.gid = (gid_t)fixture_int(json_get(x->json, "gid"));
	self.umask = (mode_t)fixture_int(json_get(x->json, "umask"));
	self.cwd = json_str(json_get(x->json, "cwd"));
	json_each (json_get(x->json, "groups"), i, el)
		groups[self.ngroups++] = (gid_t)fixture_int(el);
	json_each (json_get(x->json, "environ"), i, el)
		strv_add(&x->environ, json_str(el));
	self.groups = groups;
	self.environ = strv_list(&x->environ);
	ck_ok(host_probe(&x->host, x->rootfd, &self, &e), &e);
}

/* The host's half of the facts. */
static inline void fixture_host_facts(struct fixture_host *x, const struct run_req *req,
				      struct facts *f)
{
	const struct host *h = &x->host;
	struct err e = { 0 };

	for (size_t i = 0; i < h->ngroups; i++)
		x->groups[i] = (struct fact_group){ h->groups[i].gid, h->groups[i].name };
	*f = (struct facts){ .uid = h->uid,
			     .gid = h->gid,
			     .groups = x->groups,
			     .ngroups = h->ngroups,
			     .user = h->user,
			     .gecos = h->gecos,
			     .home = h->home,
			     .shell = h->shell,
			     .cwd = h->cwd,
			     .umask = h->umask,
			     .environ = h->environ,
			     .paths = x->path_facts };
	ck_ok(plan_wants(&x->paths, &x->env_files, req, f, &e), &e);
	for (size_t i = 0; i < x->paths.n; i++) {
		struct host_path p;

		host_path_look(&p, &x->host, x->paths.v[i]);
		x->path_facts[i] = (struct fact_path){ p.path, p.mode, p.error, p.real };
	}
	f->npaths = x->paths.n;
}

static inline void fixture_host_fini(struct fixture_host *x)
{
	strv_fini(&x->paths);
	strv_fini(&x->env_files);
	host_fini(&x->host);
	strv_fini(&x->environ);
	json_free(x->json);
	close(x->rootfd);
}

#endif
