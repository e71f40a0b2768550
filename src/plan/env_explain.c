#include "src/plan/env_explain.h"

#include <string.h>

void env_explain_fini(struct env_explain *x)
{
	strv_fini(&x->origins);
	strv_fini(&x->seen);
}

/* Takes the note of NAME= (n bytes, the sign included) out. */
static void forget(struct strv *origins, const char *var, size_t n)
{
	for (size_t k = 0; k < origins->n; k++) {
		if (strncmp(strchr(origins->v[k], '\t') + 1, var, n) != 0)
			continue;
		free(origins->v[k]);
		memmove(origins->v + k, origins->v + k + 1,
			(--origins->n - k) * sizeof(*origins->v));
		origins->v[origins->n] = NULL;
		return;
	}
}

void env_explain_changes(struct env_explain *x, const struct strv *now, const char *who)
{
	for (size_t i = 0; i < now->n; i++) {
		size_t n = strcspn(now->v[i], "=");
		auto_free char *key = xstrndup(now->v[i], n);
		const char *before = strv_env_get(&x->seen, key);

		if (before && !strcmp(before, now->v[i] + n + 1))
			continue;
		forget(&x->origins, now->v[i], n + 1);
		strv_addf(&x->origins, "%s\t%s", who, now->v[i]);
	}
	strv_fini(&x->seen);
	x->seen = (struct strv){ 0 };
	for (size_t i = 0; i < now->n; i++)
		strv_add(&x->seen, now->v[i]);
}
