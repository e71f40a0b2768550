/* toml: TOML 1.0 documents (registries.conf, cgroup limits), read into the same tree as JSON.
 *
 *	auto_json struct json *doc = NULL;
 *	if (toml_parse(&doc, p, n, 1 << 20, e) < 0) ...          // "line 3: ..."
 *	json_each(json_get(doc, "registry"), i, r) ...           // [[registry]]
 *
 * Tables are objects, dates are strings as written, inf and nan are strings.  Everything else has
 * the JSON kind of its own name. */
#ifndef BASE_TOML_H
#define BASE_TOML_H

#include "src/base/json.h"

/* ERR_INPUT with the line at fault; ERR_LIMIT when n > max or nesting is deeper than 32. */
int toml_parse(struct json **out, const char *p, size_t n, size_t max, struct err *e);

#endif
