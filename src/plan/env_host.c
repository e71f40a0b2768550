#include "src/plan/env_host.h"

#include <string.h>

#include "src/plan/script.h"

bool env_name_in(const char *const *list, size_t n, const char *key, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (list[i][0] == key[0] && !strncmp(list[i], key, len) && !list[i][len])
			return true;
	return false;
}

/* Passes even with --cleanenv. */
static const char *const always[] = { "TERM",	     "http_proxy", "HTTP_PROXY", "https_proxy",
				      "HTTPS_PROXY", "no_proxy",   "NO_PROXY",	 "all_proxy",
				      "ALL_PROXY",   "ftp_proxy",  "FTP_PROXY" };
/* Never passes: set by the engine, or meaningless in another tree. */
static const char *const never[] = { "HOME", "PATH", "LD_LIBRARY_PATH", "USER_PATH", "PWD" };
/* The engine's own words. */
static const char *const never_prefix[] = { "APPTAINER_",      "APPTAINERENV_", "SINGULARITY_",
					    "SINGULARITYENV_", "BERTH_",	"BERTHENV_" };

/* The name stands in a list of names with commas. */
static bool words_have(const struct strv *list, const char *name, size_t n)
{
	for (size_t i = 0; i < list->n; i++) {
		auto_strv struct strv words = { 0 };

		strv_split(&words, list->v[i], ',');
		for (size_t k = 0; k < words.n; k++)
			if (strlen(words.v[k]) == n && !memcmp(words.v[k], name, n))
				return true;
	}
	return false;
}

static bool is_wired(const struct facts *f, const char *var)
{
	for (char *const *v = f->wired; v && *v; v++)
		if (*v == var)
			return true;
	return false;
}

bool env_host_passes(const struct run_req *req, const struct facts *f, const char *var)
{
	const char *eq = strchr(var, '=');
	size_t n = eq ? (size_t)(eq - var) : 0;

	if (!shell_name_is_valid(var, n) || env_name_in(never, ARRAY_LEN(never), var, n))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(never_prefix); i++)
		if (var[0] == never_prefix[i][0] && str_has_prefix(var, never_prefix[i]))
			return false;
	return (!req->cleanenv || env_name_in(always, ARRAY_LEN(always), var, n) ||
		is_wired(f, var)) &&
	       !words_have(&req->no_env, var, n);
}
