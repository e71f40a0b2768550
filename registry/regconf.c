#include "registry/regconf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/base/toml.h"

enum pull_from { PULL_ALL, PULL_BY_DIGEST, PULL_BY_TAG };

struct mirror {
	char *location;
	bool insecure;
	enum pull_from pull_from;
};

struct entry {
	char *prefix, *location; /* location NULL: as prefix */
	bool insecure, blocked, by_digest_only;
	struct mirror *mirrors;
	size_t n;
};

struct regconf {
	struct entry *v;
	size_t n, cap;
	struct strv search;  /* unqualified-search-registries */
	struct strv aliases; /* "name=full" */
};

struct regconf *regconf_new(void)
{
	return xcalloc(1, sizeof(struct regconf));
}

static void entry_fini(struct entry *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->mirrors[i].location);
	free(x->mirrors);
	free(x->prefix);
	free(x->location);
}

void regconf_free(struct regconf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		entry_fini(&c->v[i]);
	free(c->v);
	strv_fini(&c->search);
	strv_fini(&c->aliases);
	free(c);
}

void routes_fini(struct routes *r)
{
	for (size_t i = 0; i < r->n; i++)
		ref_fini(&r->v[i].ref);
	free(r->v);
	*r = (struct routes){ 0 };
}

/* ---- reading ---- */

static int take_bool(bool *out, const struct json *t, const char *key, struct err *e)
{
	const struct json *v = json_get(t, key);
	auto_buf struct buf text = { 0 };

	if (!v)
		return 0;
	if (json_kind(v) != JSON_BOOL)
		return err_set(e, ERR_USAGE, "%s is neither true nor false", key);
	json_dump(v, &text);
	*out = !strcmp(buf_str(&text), "true");
	return 0;
}

/* "host[:port][/path]" without scheme and end slash. */
static int take_place(char **out, const struct json *t, const char *key, struct err *e)
{
	const struct json *v = json_get(t, key);
	const char *s = json_str(v);
	auto_buf struct buf shown = { 0 };
	size_t n;

	if (!v)
		return 0;
	if (s) {
		n = strlen(s);
		while (n && s[n - 1] == '/')
			n--;
		if (n && n < 512 && !strstr(s, "://") && !strpbrk(s, " \t\r\n@?#")) {
			*out = xstrndup(s, n);
			return 0;
		}
		buf_add_escaped(&shown, s, strnlen(s, 100));
	}
	return err_set(e, ERR_USAGE, "%s = \"%s\" is no registry: HOST[:PORT][/PATH] is expected",
		       key, buf_str(&shown));
}

static int take_mirror(struct mirror *m, const struct json *t, struct err *e)
{
	const char *from = json_str(json_get(t, "pull-from-mirror"));

	if (take_place(&m->location, t, "location", e) < 0 ||
	    take_bool(&m->insecure, t, "insecure", e) < 0)
		return -1;
	if (!m->location)
		return err_set(e, ERR_USAGE, "a mirror without a location");
	if (!from || !strcmp(from, "all"))
		m->pull_from = PULL_ALL;
	else if (!strcmp(from, "digest-only"))
		m->pull_from = PULL_BY_DIGEST;
	else if (!strcmp(from, "tag-only"))
		m->pull_from = PULL_BY_TAG;
	else
		return err_set(
			e, ERR_USAGE,
			"pull-from-mirror = \"%.60s\": all, digest-only and tag-only are known",
			from);
	return 0;
}

static struct entry *entry_for(struct regconf *c, char *prefix)
{
	struct entry *x;

	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].prefix, prefix)) {
			entry_fini(&c->v[i]);
			c->v[i] = (struct entry){ .prefix = prefix };
			return &c->v[i];
		}
	xgrow(&c->v, &c->cap, c->n + 1, sizeof(*c->v));
	x = &c->v[c->n++];
	*x = (struct entry){ .prefix = prefix };
	return x;
}

static int take_registry(struct regconf *c, const struct json *t, struct err *e)
{
	const struct json *list = json_get(t, "mirror"), *m;
	auto_free char *prefix = NULL, *location = NULL;
	struct entry *x;

	if (take_place(&prefix, t, "prefix", e) < 0 || take_place(&location, t, "location", e) < 0)
		return -1;
	if (!prefix && !location)
		return err_set(e, ERR_USAGE, "a [[registry]] without prefix and location");
	if (!prefix)
		prefix = xstrdup(location);
	x = entry_for(c, take_ptr(prefix));
	x->location = take_ptr(location);
	if (take_bool(&x->insecure, t, "insecure", e) < 0 ||
	    take_bool(&x->blocked, t, "blocked", e) < 0 ||
	    take_bool(&x->by_digest_only, t, "mirror-by-digest-only", e) < 0)
		return -1;
	if (list && json_kind(list) != JSON_ARRAY)
		return err_set(e, ERR_USAGE, "mirrors are written [[registry.mirror]]");
	x->mirrors = xcalloc(json_len(list) + 1, sizeof(*x->mirrors));
	json_each (list, i, m) {
		x->n++;
		if (take_mirror(&x->mirrors[i], m, e) < 0)
			return err_wrap(e, "registry %s", x->prefix);
	}
	return 0;
}

static int take_alias(void *arg, const char *key, const struct json *v)
{
	/* An empty value takes an earlier alias away. */
	strv_env_set(arg, key, json_str(v) && *json_str(v) ? json_str(v) : NULL);
	return 0;
}

static void take_v1(struct regconf *c, const struct json *doc)
{
	const struct json *v1 = json_get(doc, "registries"), *s;
	const struct json *block = json_get(json_get(v1, "block"), "registries");
	const struct json *insecure = json_get(json_get(v1, "insecure"), "registries");
	const struct json *search = json_get(json_get(v1, "search"), "registries");

	json_each (insecure, i, s)
		if (json_str(s))
			entry_for(c, xstrdup(json_str(s)))->insecure = true;
	json_each (block, i, s)
		if (json_str(s))
			entry_for(c, xstrdup(json_str(s)))->blocked = true;
	json_each (search, i, s)
		if (json_str(s))
			strv_add(&c->search, json_str(s));
}

static int add_document(struct regconf *c, const char *p, size_t n, struct err *e)
{
	auto_json struct json *doc = NULL;
	const struct json *list, *t;

	if (toml_parse(&doc, p, n, REGCONF_FILE_MAX, e) < 0)
		return -1;
	list = json_get(doc, "unqualified-search-registries");
	if (list) {
		strv_fini(&c->search);
		json_each (list, i, t)
			if (json_str(t) && *json_str(t))
				strv_add(&c->search, json_str(t));
	}
	json_members(json_get(doc, "aliases"), take_alias, &c->aliases);
	list = json_get(doc, "registry");
	if (list && json_kind(list) != JSON_ARRAY)
		return err_set(e, ERR_USAGE, "registries are written [[registry]]");
	json_each (list, i, t)
		if (take_registry(c, t, e) < 0)
			return -1;
	take_v1(c, doc);
	return 0;
}

int regconf_add(struct regconf *c, const char *p, size_t n, const char *name, struct err *e)
{
	return add_document(c, p, n, e) < 0 ? err_wrap(e, "%s", name) : 0;
}

/* 1: not there. */
static int add_file(struct regconf *c, const char *path, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = file_read(AT_FDCWD, path, &text, REGCONF_FILE_MAX, e);

	return r == 0 ? regconf_add(c, buf_str(&text), text.len, path, e) : r;
}

static int add_dir(struct regconf *c, const char *path, struct err *e)
{
	auto_strv struct strv names = { 0 };
	struct dirent *de;
	DIR *d = opendir(path);

	while (d && (de = readdir(d)))
		if (str_has_suffix(de->d_name, ".conf"))
			strv_addf(&names, "%s/%s", path, de->d_name);
	if (d)
		closedir(d);
	strv_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		if (add_file(c, names.v[i], e) < 0)
			return -1;
	return 0;
}

int regconf_load(struct regconf **out, struct err *e)
{
	auto_regconf struct regconf *c = regconf_new();
	const char *file = getenv("CONTAINERS_REGISTRIES_CONF"), *home = getenv("HOME");
	const char *dir = getenv("CONTAINERS_REGISTRIES_CONF_DIR"),
		   *xdg = getenv("XDG_CONFIG_HOME");
	auto_free char *config =
		xdg && *xdg ? xstrdup(xdg) : xasprintf("%s/.config", home ? home : "");
	auto_free char *own = xasprintf("%s/containers/registries.conf", config);
	auto_free char *own_dir = xasprintf("%s.d", own);
	int r;

	*out = NULL;
	if (file && *file) {
		r = add_file(c, file, e);
		if (r == 1)
			return err_set(e, ERR_NOTFOUND,
				       "CONTAINERS_REGISTRIES_CONF: %s is not there", file);
	} else {
		r = add_file(c, own, e);
		if (r == 1)
			r = add_file(c, "/etc/containers/registries.conf", e);
	}
	if (r < 0)
		return -1;
	if (dir && *dir) {
		if (add_dir(c, dir, e) < 0)
			return -1;
	} else if (!(file && *file) && (add_dir(c, "/etc/containers/registries.conf.d", e) < 0 ||
					add_dir(c, own_dir, e) < 0)) {
		return -1;
	}
	*out = take_ptr(c);
	return 0;
}

/* ---- routes ---- */

/* How many bytes of name the prefix covers; 0: it does not fit. */
static size_t covers(const char *prefix, const char *name)
{
	size_t n = strlen(prefix), host;

	if (str_has_prefix(prefix, "*.")) {
		host = strcspn(name, "/:");
		n = strlen(prefix + 1);
		return host > n && !strncmp(name + host - n, prefix + 1, n) ? host : 0;
	}
	if (strncmp(name, prefix, n) != 0 || (name[n] && !strchr("/:@", name[n])))
		return 0;
	/* "host" does not stand for "host:5000". */
	if (name[n] == ':' && !strchr(prefix, '/') && strchr(name + n, '/'))
		return 0;
	return n;
}

static const struct entry *find_entry(const struct regconf *c, const char *name, size_t *len)
{
	const struct entry *best = NULL;
	size_t best_len = 0;

	for (size_t i = 0; c && i < c->n; i++) {
		size_t n = covers(c->v[i].prefix, name);
		size_t rank = str_has_prefix(c->v[i].prefix, "*.") ? MIN(n, 1u) : n;

		if (n && (!best || rank > best_len)) {
			best = &c->v[i];
			best_len = rank;
			*len = n;
		}
	}
	return best;
}

static int add_route(struct routes *out, const char *location, const char *rest, bool mirror,
		     bool insecure, struct err *e)
{
	auto_free char *text = xasprintf("%s%s", location, rest);

	/* What is insecure may speak TLS with any certificate, or none. */
	for (int plain = 0; plain <= (insecure ? 1 : 0); plain++) {
		struct route *r;

		out->v = xrealloc(out->v, (out->n + 1) * sizeof(*out->v));
		r = &out->v[out->n];
		*r = (struct route){ .mirror = mirror, .insecure = insecure, .plain = plain };
		if (ref_parse(&r->ref, text, e) < 0)
			return err_wrap(e, "registries.conf: location %s", location);
		out->n++;
	}
	return 0;
}

static bool mirror_fits(const struct entry *x, const struct mirror *m, bool by_digest)
{
	if (x->by_digest_only && !by_digest)
		return false;
	return m->pull_from == PULL_ALL || (m->pull_from == PULL_BY_DIGEST) == by_digest;
}

int regconf_route(const struct regconf *c, const struct ref *ref, struct routes *out, struct err *e)
{
	bool by_digest = ref->digest.algo != DIGEST_NONE;
	const struct entry *x;
	auto_free char *host = NULL;
	size_t n = 0;
	const char *rest;

	x = find_entry(c, ref->text, &n);
	if (!x)
		return add_route(out, "", ref->text, false, false, e);
	if (x->blocked)
		return err_set(e, ERR_USAGE, "%s: registries.conf blocks %s", ref->text, x->prefix);
	rest = ref->text + n;
	for (size_t i = 0; i < x->n; i++)
		if (mirror_fits(x, &x->mirrors[i], by_digest) &&
		    add_route(out, x->mirrors[i].location, rest, true, x->mirrors[i].insecure, e) <
			    0)
			return -1;
	host = xstrndup(ref->text, n);
	return add_route(out, x->location ? x->location : host, rest, false, x->insecure, e);
}

void regconf_expand(const struct regconf *c, const char *name, struct strv *out)
{
	size_t slash = strcspn(name, "/"), n = strcspn(name, "@");
	const char *colon = memrchr(name, ':', n);
	const char *full;
	auto_free char *bare = NULL;

	if (colon && colon < name + (name[slash] ? slash : 0))
		colon = NULL;
	bare = xstrndup(name, colon ? (size_t)(colon - name) : n);
	full = strv_env_get(&c->aliases, bare);
	if (full) {
		strv_addf(out, "%s%s", full, name + strlen(bare));
		return;
	}
	/* A first part that is a host is no short name. */
	if (!name[slash] || (!memchr(name, '.', slash) && !memchr(name, ':', slash) &&
			     strncmp(name, "localhost/", 10) != 0))
		for (size_t i = 0; i < c->search.n; i++)
			strv_addf(out, "%s/%s", c->search.v[i], name);
	if (!out->n)
		strv_add(out, name);
}
