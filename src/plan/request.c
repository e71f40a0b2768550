/* Options that stand for several, as rows: a row below another one may depend on it. */
#include "src/plan/request.h"

#include <stddef.h>

#include "src/base/path.h"

#define FIELD(f) offsetof(struct run_req, f)

static const struct {
	size_t from, to, unless; /* fields; unless 0: always */
} composed[] = {
	{ FIELD(oci), FIELD(oci_compat), 0 },	  { FIELD(oci), FIELD(compat), FIELD(no_compat) },
	{ FIELD(oci_compat), FIELD(no_eval), 0 }, { FIELD(compat), FIELD(containall), 0 },
	{ FIELD(compat), FIELD(no_init), 0 },	  { FIELD(compat), FIELD(no_umask), 0 },
	{ FIELD(compat), FIELD(no_eval), 0 },	  { FIELD(compat), FIELD(writable_tmpfs), 0 },
	{ FIELD(containall), FIELD(contain), 0 }, { FIELD(containall), FIELD(cleanenv), 0 },
	{ FIELD(containall), FIELD(ipc), 0 },	  { FIELD(containall), FIELD(pid), 0 },
};

static bool *field(struct run_req *r, size_t offset)
{
	return (bool *)((char *)r + offset);
}

void request_settle(struct run_req *r)
{
	for (size_t i = 0; i < ARRAY_LEN(composed); i++)
		if (*field(r, composed[i].from) &&
		    !(composed[i].unless && *field(r, composed[i].unless)))
			*field(r, composed[i].to) = true;
	r->pid &= !r->no_pid;
	for (size_t i = 0; i < r->containlibs.n; i++) {
		auto_strv struct strv files = { 0 };

		strv_split(&files, r->containlibs.v[i], ',');
		for (size_t k = 0; k < files.n; k++)
			strv_addf(&r->binds, "%s:/.singularity.d/libs/%s:ro", files.v[k],
				  path_base(files.v[k]));
	}
}

const char *request_verb(enum run_verb v)
{
	static const char *const names[] = { [RUN_EXEC] = "exec",
					     [RUN_RUN] = "run",
					     [RUN_SHELL] = "shell",
					     [RUN_TEST] = "test",
					     [RUN_START] = "start" };

	return names[v];
}
