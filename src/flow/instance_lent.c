#include "src/flow/instance_lent.h"

#include <string.h>

static const char *const hows[] = {
	[LENT_SET] = "set",
	[LENT_PREPEND] = "prepend",
	[LENT_APPEND] = "append",
	[LENT_UNSET] = "unset",
};

void instance_lent_write(struct jw *w, const struct lent *l)
{
	if (!l)
		return;
	jw_obj(w, "lent");
	jw_int(w, "libs", l->libs);
	jw_int(w, "libs32", l->libs32);
	jw_arr(w, "env");
	for (size_t i = 0; i < l->nenv; i++) {
		jw_obj(w, NULL);
		jw_str(w, "how", hows[l->env[i].how]);
		jw_str(w, "key", l->env[i].key);
		jw_str(w, "value", l->env[i].value ? l->env[i].value : "");
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
}

static bool is_one(const struct json *j)
{
	int64_t v;

	return json_i64(j, &v) == 0 && v == 1;
}

void instance_lent_read(struct lent *out, const struct json *j)
{
	const struct json *v;

	out->libs = is_one(json_get(j, "libs"));
	out->libs32 = is_one(json_get(j, "libs32"));
	json_each (json_get(j, "env"), i, v) {
		const char *how = json_str(json_get(v, "how")), *key = json_str(json_get(v, "key"));
		const char *value = json_str(json_get(v, "value"));

		for (size_t k = 0; how && key && value && k < ARRAY_LEN(hows); k++)
			if (!strcmp(how, hows[k]))
				lent_env(out, (enum lent_how)k, key,
					 k == LENT_UNSET ? NULL : value);
	}
}
