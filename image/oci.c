#include "image/oci.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "src/base/json.h"

#define MAX_ITEMS 65536 /* of one list; docker refuses images far below */

/* A string member; "" when absent or null. */
static int get_str(struct oci_config *c, const char **out, const struct json *obj, const char *key,
		   struct err *e)
{
	const struct json *v = json_get(obj, key);
	const char *s = json_str(v);

	if (v && !s)
		return err_set(e, ERR_INPUT, "image config: %s is no string", key);
	*out = arena_strdup(&c->arena_, s ? s : "");
	return 0;
}

/* A list of strings.  Docker reads a lone string as a list of one (old images have them). */
static int get_list(struct strv *out, const struct json *obj, const char *key, struct err *e)
{
	const struct json *v = json_get(obj, key), *item;

	if (!v)
		return 0;
	if (json_str(v)) {
		strv_add(out, json_str(v));
		return 0;
	}
	if (json_kind(v) != JSON_ARRAY)
		return err_set(e, ERR_INPUT, "image config: %s is no list", key);
	if (json_len(v) > MAX_ITEMS)
		return err_set(e, ERR_LIMIT, "image config: %s has more than %d items", key,
			       MAX_ITEMS);
	json_each (v, i, item) {
		if (!json_str(item))
			return err_set(e, ERR_INPUT, "image config: %s[%zu] is no string", key, i);
		strv_add(out, json_str(item));
	}
	return 0;
}

struct label_walk {
	struct oci_config *c;
	struct err *e;
};

static int add_label(void *arg, const char *key, const struct json *v)
{
	struct label_walk *w = arg;
	struct oci_label *l = &w->c->labels[w->c->nlabels];

	if (v && !json_str(v))
		return err_set(w->e, ERR_INPUT, "image config: label %.200s is no string", key);
	l->key = arena_strdup(&w->c->arena_, key);
	l->value = arena_strdup(&w->c->arena_, v ? json_str(v) : "");
	w->c->nlabels++;
	return 0;
}

static int get_labels(struct oci_config *c, const struct json *obj, struct err *e)
{
	const struct json *v = json_get(obj, "Labels");
	struct label_walk w = { c, e };

	if (!v)
		return 0;
	if (json_kind(v) != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "image config: Labels is no object");
	if (json_len(v) > MAX_ITEMS)
		return err_set(e, ERR_LIMIT, "image config: more than %d labels", MAX_ITEMS);
	c->labels = arena_array(&c->arena_, struct oci_label, json_len(v) + 1);
	return json_members(v, add_label, &w);
}

static int fill_config(struct oci_config *c, const struct json *j, struct err *e)
{
	auto_buf struct buf text = { 0 };

	if (j && json_kind(j) != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "image config: config is no object");
	if (j)
		json_dump(j, &text);
	c->inner = arena_strdup(&c->arena_, j ? buf_str(&text) : "{}");
	if (get_list(&c->env, j, "Env", e) < 0 ||
	    get_list(&c->entrypoint, j, "Entrypoint", e) < 0 ||
	    get_list(&c->cmd, j, "Cmd", e) < 0 || get_str(c, &c->workdir, j, "WorkingDir", e) < 0 ||
	    get_str(c, &c->user, j, "User", e) < 0 ||
	    get_str(c, &c->stop_signal, j, "StopSignal", e) < 0)
		return -1;
	return get_labels(c, j, e);
}

static int get_diff_ids(struct oci_config *c, const struct json *doc, struct err *e)
{
	const struct json *ids = json_get(json_get(doc, "rootfs"), "diff_ids"), *item;

	if (!ids)
		return 0;
	if (json_kind(ids) != JSON_ARRAY)
		return err_set(e, ERR_INPUT, "image config: rootfs.diff_ids is no list");
	if (json_len(ids) > MAX_ITEMS)
		return err_set(e, ERR_LIMIT, "image config: more than %d layers", MAX_ITEMS);
	c->diff_ids = arena_array(&c->arena_, struct digest, json_len(ids) + 1);
	json_each (ids, i, item) {
		if (!json_str(item))
			return err_set(e, ERR_INPUT, "image config: diff_ids[%zu] is no string", i);
		if (digest_parse(&c->diff_ids[c->ndiff++], json_str(item), e) < 0)
			return err_wrap(e, "image config: diff_ids[%zu]", i);
	}
	return 0;
}

static int parse_object(struct json **doc, const char *p, size_t n, struct err *e)
{
	if (json_parse(doc, p, n, OCI_CONFIG_MAX, e) < 0)
		return err_wrap(e, "image config");
	if (json_kind(*doc) != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "image config: no JSON object");
	return 0;
}

static struct oci_config *new_config(void)
{
	struct oci_config *c = xcalloc(1, sizeof(*c));

	c->workdir = c->user = c->stop_signal = "";
	c->arch = c->variant = c->os = c->created = "";
	return c;
}

int oci_parse_image(struct oci_config **out, const char *p, size_t n, struct err *e)
{
	auto_oci struct oci_config *c = new_config();
	auto_json struct json *doc = NULL;

	*out = NULL;
	if (parse_object(&doc, p, n, e) < 0 || get_str(c, &c->arch, doc, "architecture", e) < 0 ||
	    get_str(c, &c->variant, doc, "variant", e) < 0 ||
	    get_str(c, &c->os, doc, "os", e) < 0 ||
	    get_str(c, &c->created, doc, "created", e) < 0 || get_diff_ids(c, doc, e) < 0 ||
	    fill_config(c, json_get(doc, "config"), e) < 0)
		return -1;
	*out = take_ptr(c);
	return 0;
}

int oci_parse_config(struct oci_config **out, const char *p, size_t n, struct err *e)
{
	auto_oci struct oci_config *c = new_config();
	auto_json struct json *doc = NULL;

	*out = NULL;
	if (parse_object(&doc, p, n, e) < 0 || fill_config(c, doc, e) < 0)
		return -1;
	*out = take_ptr(c);
	return 0;
}

void oci_free(struct oci_config *c)
{
	if (!c)
		return;
	strv_fini(&c->env);
	strv_fini(&c->entrypoint);
	strv_fini(&c->cmd);
	arena_fini(&c->arena_);
	free(c);
}

/* "+02:00" or "-05:30" in seconds; "Z" and anything else 0. */
static int64_t zone_offset(const char *p)
{
	int h, m;
	char sign;

	if (sscanf(p, "%c%2d:%2d", &sign, &h, &m) != 3 || (sign != '+' && sign != '-'))
		return 0;
	return (sign == '-' ? -1 : 1) * (h * 3600 + m * 60);
}

int64_t oci_created(const struct oci_config *c)
{
	struct tm tm = { 0 };
	int end = 0;
	const char *p;
	int64_t t;

	if (sscanf(c->created, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon,
		   &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) != 6 ||
	    !end)
		return 0;
	p = c->created + end;
	p += *p == '.' ? 1 + strspn(p + 1, "0123456789") : 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	t = (int64_t)timegm(&tm) - zone_offset(p);
	return t < 0 || t > UINT32_MAX ? 0 : t;
}
