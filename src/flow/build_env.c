#include "src/flow/build_env.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/flow/build_names.h"
#include "src/plan/script.h"

#define SCRIPT_MAX (1 << 20)

static const char *const passed[] = {
	"TERM",	      "http_proxy",  "https_proxy", "ftp_proxy", "all_proxy", "no_proxy",
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY",   "ALL_PROXY", "NO_PROXY",  "SOURCE_DATE_EPOCH"
};

/* The image's own variables, as far as its scripts can be read without a shell. */
static int image_env(const struct build_tree *t, struct strv *env, struct err *e)
{
	auto_close int dir = open_in_root(t->fd, "/.singularity.d/env", O_RDONLY | O_DIRECTORY, 0);
	auto_shvars struct shvars v = { 0 };
	auto_strv struct strv names = { 0 };

	if (dir < 0 || build_names_list(dir, &names) < 0)
		return 0;
	for (size_t i = 0; i < env->n; i++) {
		size_t n = strcspn(env->v[i], "=");
		auto_free char *key = xstrndup(env->v[i], n);

		shvars_set(&v, key, env->v[i] + n + 1, true);
	}
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = xasprintf("/.singularity.d/env/%s", names.v[i]);
		auto_buf struct buf text = { 0 };
		int r;

		/* From 94 on they are about running. */
		if (!str_has_suffix(names.v[i], ".sh") || strcmp(names.v[i], "92") >= 0)
			continue;
		r = build_tree_read(t, path, SCRIPT_MAX, &text, e);
		if (r < 0)
			return -1;
		if (r == 0)
			script_run(&v, buf_str(&text), NULL);
	}
	for (size_t i = 0; i < v.exported.n; i++) {
		size_t n = strcspn(v.exported.v[i], "=");
		auto_free char *key = xstrndup(v.exported.v[i], n);

		strv_env_set(env, key, v.exported.v[i] + n + 1);
	}
	return 0;
}

int build_env_make(struct build *b, const struct build_stage *s, const struct step *step,
		   struct plan *p, struct err *e)
{
	struct strv *env = &p->env;
	const char *v;

	strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add(env, "HOME=/root");
	strv_add(env, "LANG=C");
	for (size_t i = 0; i < ARRAY_LEN(passed); i++)
		if ((v = getenv(passed[i])))
			strv_env_set(env, passed[i], v);
	if (!b->docker) {
		if (image_env(&s->tree, env, e) < 0)
			return -1;
		strv_env_set(env, "APPTAINER_ENVIRONMENT", BUILD_ENV_SCRIPT);
		strv_env_set(env, "SINGULARITY_ENVIRONMENT", BUILD_ENV_SCRIPT);
		strv_env_set(env, "APPTAINER_LABELS", BUILD_LABELS);
		strv_env_set(env, "SINGULARITY_LABELS", BUILD_LABELS);
		strv_env_set(env, "APPTAINER_ROOTFS", "/");
		strv_env_set(env, "SINGULARITY_ROOTFS", "/");
	}
	for (const char *const *kv = step->env; kv && *kv; kv++) {
		size_t n = strcspn(*kv, "=");
		auto_free char *key = xstrndup(*kv, n);

		strv_env_set(env, key, (*kv)[n] ? *kv + n + 1 : "");
	}
	return 0;
}

bool build_env_has(const struct step *step, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *kv = step->env; kv && *kv; kv++)
		if (!strncmp(*kv, name, n) && (*kv)[n] == '=')
			return true;
	return false;
}
