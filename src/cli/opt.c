#include "src/cli/opt.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/near.h"

static const char *const prefixes[] = { "BERTH_", "APPTAINER_", "SINGULARITY_" };

static int unknown(const struct opt *opts, const char *word, struct err *e)
{
	const char *name = word[1] == '-' ? word + 2 : word + 1;
	size_t len = strcspn(name, "=");
	auto_free char *bare = xstrndup(name, len);
	const struct opt *best = NULL;
	unsigned least = 3;

	for (const struct opt *o = opts; word[1] == '-' && o->kind != OPT_KIND_END; o++) {
		unsigned d = o->flags & OPT_HIDDEN ? ~0u : near_distance(bare, o->name);

		if (d < least)
			least = d, best = o;
	}
	if (best)
		return err_set(e, ERR_USAGE, "unknown option %.*s (did you mean --%s?)",
			       (int)(name - word + (int)len), word, best->name);
	return err_set(e, ERR_USAGE, "unknown option %.*s", (int)(name - word + (int)len), word);
}

/* Go's ParseBool, which scripts rely on. */
static int parse_bool(const char *s, bool *out)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True", "yes", "on" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False", "no", "off" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (!strcmp(s, yes[i]) || !strcmp(s, no[i])) {
			*out = !strcmp(s, yes[i]);
			return 0;
		}
	}
	return -1;
}

static int parse_uint(const char *s, unsigned *out)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno || *end || end == s || s[0] == '-' || v > 1u << 30)
		return -1;
	*out = (unsigned)v;
	return 0;
}

static int parse_size(const char *s, uint64_t *out)
{
	static const char units[] = "kMGT";
	unsigned long long v;
	unsigned shift = 0;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno || end == s || s[0] == '-')
		return -1;
	if (*end) {
		const char *u = strchr(units, *end == 'K' ? 'k' : *end);

		if (!u || (end[1] && strcmp(end + 1, "B") != 0 && strcmp(end + 1, "iB") != 0))
			return -1;
		shift = 10 * (unsigned)(u - units + 1);
	}
	if (v > UINT64_MAX >> shift)
		return -1;
	*out = v << shift;
	return 0;
}

/* from names where the value stood, for the message. */
static int set(const struct opt *o, void *req, const char *value, const char *from, struct err *e)
{
	void *field = (char *)req + o->offset;

	if (o->flags & OPT_IGNORED)
		return 0;
	if (o->flags & OPT_REFUSED)
		return err_set(e, ERR_UNSUPPORTED, "%s: %s", from, o->help);
	switch (o->kind) {
	case OPT_KIND_FLAG:
		if (parse_bool(value, field) < 0)
			return err_set(e, ERR_USAGE, "%s: \"%s\" is neither true nor false", from,
				       value);
		return 0;
	case OPT_KIND_STR:
		*(const char **)field = value;
		return 0;
	case OPT_KIND_LIST:
		if (o->flags & OPT_COMMAS)
			strv_split(field, value, ',');
		else
			strv_add(field, value);
		return 0;
	case OPT_KIND_UINT:
		if (parse_uint(value, field) < 0)
			return err_set(e, ERR_USAGE, "%s: \"%s\" is not a whole number", from,
				       value);
		return 0;
	case OPT_KIND_SIZE:
		if (parse_size(value, field) < 0)
			return err_set(e, ERR_USAGE, "%s: \"%s\" is not a size (such as 20G)", from,
				       value);
		return 0;
	case OPT_KIND_END:
		break;
	}
	return 0;
}

/* A variable of the environment that may be an option's twin. */
struct twin {
	size_t prefix; /* index; ARRAY_LEN(prefixes): none */
	const char *var, *key;
	size_t keylen;
	const char *value;
};

struct twins {
	struct twin *v;
	size_t n, cap;
};

/* Few variables carry a prefix, and there are many options: one pass picks them out. */
static void twins_collect(struct twins *t, const struct opt *opts, char *const *environment)
{
	bool bare = false;

	for (const struct opt *o = opts; o->kind != OPT_KIND_END; o++)
		bare |= (o->flags & OPT_BARE) != 0;
	for (char *const *v = environment; v && *v; v++) {
		const char *eq = strchr(*v, '=');
		struct twin w = { .var = *v, .key = *v };

		if (!eq || !eq[1])
			continue;
		while (w.prefix < ARRAY_LEN(prefixes) && !str_has_prefix(*v, prefixes[w.prefix]))
			w.prefix++;
		if (w.prefix < ARRAY_LEN(prefixes))
			w.key += strlen(prefixes[w.prefix]);
		else if (!bare)
			continue;
		w.keylen = eq > w.key ? (size_t)(eq - w.key) : 0;
		w.value = eq + 1;
		xgrow(&t->v, &t->cap, t->n + 1, sizeof(*t->v));
		t->v[t->n++] = w;
	}
}

static const struct twin *twin_find(const struct twins *t, const char *key, size_t len,
				    size_t prefix)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].prefix == prefix && t->v[i].keylen == len &&
		    !memcmp(t->v[i].key, key, len))
			return &t->v[i];
	return NULL;
}

/* The variable that counts for one key; says so where another one disagrees. */
static const struct twin *twin_of(const struct opt *o, const struct twins *t, const char *key,
				  size_t len)
{
	size_t kinds = ARRAY_LEN(prefixes) + ((o->flags & OPT_BARE) != 0);
	const struct twin *best = NULL;

	for (size_t p = 0; p < kinds; p++) {
		const struct twin *w = twin_find(t, key, len, p);

		if (!w)
			continue;
		if (!best) {
			best = w;
		} else if (p < ARRAY_LEN(prefixes) && strcmp(best->value, w->value)) {
			log_warn("%.*s and %.*s differ; %.*s is used",
				 (int)(best->value - best->var - 1), best->var,
				 (int)(w->value - w->var - 1), w->var,
				 (int)(best->value - best->var - 1), best->var);
			break;
		}
	}
	return best;
}

static int from_twins(const struct opt *o, void *req, const struct twins *t, struct err *e)
{
	for (const char *key = o->env; *key; key += *key == ',') {
		size_t len = strcspn(key, ",");
		const struct twin *w = twin_of(o, t, key, len);

		key += len;
		if (!w)
			continue;
		auto_free char *name = xstrndup(w->var, (size_t)(w->value - w->var - 1));

		if (set(o, req, w->value, name, e) < 0)
			return -1;
		if (o->kind != OPT_KIND_LIST)
			return 0;
	}
	return 0;
}

int opt_from_env(const struct opt *opts, void *req, const bool *given, char *const *environment,
		 struct err *e)
{
	struct twins t = { 0 };
	int r = 0;

	twins_collect(&t, opts, environment);
	for (size_t i = 0; t.n && r == 0 && opts[i].kind != OPT_KIND_END; i++)
		if (opts[i].env && (!given[i] || opts[i].kind == OPT_KIND_LIST))
			r = from_twins(&opts[i], req, &t, e);
	free(t.v);
	return r;
}

static const struct opt *find_long(const struct opt *opts, const char *name, size_t len)
{
	for (const struct opt *o = opts; o->kind != OPT_KIND_END; o++)
		if (!strncmp(o->name, name, len) && !o->name[len])
			return o;
	return NULL;
}

static const struct opt *find_short(const struct opt *opts, char c)
{
	for (const struct opt *o = opts; o->kind != OPT_KIND_END; o++)
		if (o->short_name == c)
			return o;
	return NULL;
}

struct parse {
	const struct opt *opts;
	void *req;
	char **argv;
	int argc, at;
	bool *given; /* by row */
};

static int take(struct parse *p, const struct opt *o, const char *value, const char *shown,
		struct err *e)
{
	/* An alias says it for every row of its field. */
	for (size_t i = 0; p->opts[i].kind != OPT_KIND_END; i++)
		p->given[i] |= p->opts[i].offset == o->offset && p->opts[i].kind == o->kind;
	if (o->kind == OPT_KIND_FLAG)
		return set(o, p->req, value ? value : "true", shown, e);
	if (!value && p->at + 1 >= p->argc)
		return err_set(e, ERR_USAGE, "%s needs a value: %s %s", shown, shown, o->arg);
	return set(o, p->req, value ? value : p->argv[++p->at], shown, e);
}

static int parse_long(struct parse *p, const char *word, struct err *e)
{
	size_t len = strcspn(word + 2, "=");
	const struct opt *o = find_long(p->opts, word + 2, len);
	auto_free char *shown = xstrndup(word, len + 2);

	if (!o)
		return unknown(p->opts, word, e);
	return take(p, o, word[2 + len] ? word + 3 + len : NULL, shown, e);
}

/* -Fq is two flags; -Bvalue and -B value are one option. */
static int parse_short(struct parse *p, const char *word, struct err *e)
{
	for (const char *c = word + 1; *c; c++) {
		const struct opt *o = find_short(p->opts, *c);
		char shown[3] = { '-', *c, '\0' };

		if (!o)
			return err_set(e, ERR_USAGE, "unknown option -%c in %s", *c, word);
		if (o->kind == OPT_KIND_FLAG) {
			if (take(p, o, NULL, shown, e) < 0)
				return -1;
			continue;
		}
		return take(p, o, c[1] == '=' ? c + 2 : c[1] ? c + 1 : NULL, shown, e);
	}
	return 0;
}

static int parse_words(struct parse *p, struct err *e)
{
	for (; p->at < p->argc; p->at++) {
		const char *word = p->argv[p->at];

		if (word[0] != '-' || !word[1])
			break;
		if (!strcmp(word, "--")) {
			p->at++;
			break;
		}
		if (!strcmp(word, "--help") || !strcmp(word, "-h"))
			return 1;
		if ((word[1] == '-' ? parse_long(p, word, e) : parse_short(p, word, e)) < 0)
			return -1;
	}
	return 0;
}

int opt_parse(const struct opt *opts, void *req, int argc, char **argv, int *used, struct err *e)
{
	struct parse p = { .opts = opts, .req = req, .argv = argv, .argc = argc };
	auto_free bool *given = NULL;
	size_t n = 0;
	int r;

	while (opts[n].kind != OPT_KIND_END)
		n++;
	p.given = given = xcalloc(n + 1, sizeof(*given));
	r = parse_words(&p, e);
	if (r)
		return r;
	*used = p.at;
	return opt_from_env(opts, req, given, environ, e);
}

void opt_release(const struct opt *opts, void *req)
{
	for (const struct opt *o = opts; o->kind != OPT_KIND_END; o++)
		if (o->kind == OPT_KIND_LIST)
			strv_fini((struct strv *)((char *)req + o->offset));
}

static void help_text(struct buf *out, const char *text)
{
	const size_t width = 54, indent = 32;

	for (size_t column = 0; *text; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > width) {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = 0;
		}
		if (column)
			buf_addch(out, ' '), column++;
		buf_add(out, text, len);
		column += len;
		text += len;
	}
	buf_addch(out, '\n');
}

void opt_help(const struct opt *opts, struct buf *out)
{
	for (const struct opt *o = opts; o->kind != OPT_KIND_END; o++) {
		auto_buf struct buf left = { 0 };

		if (o->flags & OPT_HIDDEN)
			continue;
		if (o->short_name)
			buf_printf(&left, "  -%c, --%s", o->short_name, o->name);
		else
			buf_printf(&left, "      --%s", o->name);
		if (o->arg)
			buf_printf(&left, " %s", o->arg);
		if (left.len > 30)
			buf_printf(out, "%s\n%32s", buf_str(&left), "");
		else
			buf_printf(out, "%-32s", buf_str(&left));
		help_text(out, o->help);
	}
}
