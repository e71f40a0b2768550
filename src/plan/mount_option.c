#include "src/plan/mount_option.h"

#include <string.h>

#include "src/base/buf.h"
#include "src/base/path.h"
#include "src/plan/csv.h"

/* One mount as its fields say it; strings are the fields' own. */
struct spec {
	char *src, *dst, *inner, *id;
	bool ro, nonested;
};

enum key { KEY_TYPE, KEY_SRC, KEY_DST, KEY_RO, KEY_INNER, KEY_ID, KEY_NONESTED, KEY_PROPAGATION };

static const struct {
	const char *name;
	enum key key;
} keys[] = {
	{ "type", KEY_TYPE },
	{ "source", KEY_SRC },
	{ "src", KEY_SRC },
	{ "destination", KEY_DST },
	{ "dst", KEY_DST },
	{ "target", KEY_DST },
	{ "ro", KEY_RO },
	{ "readonly", KEY_RO },
	{ "image-src", KEY_INNER },
	{ "id", KEY_ID },
	{ "nonested", KEY_NONESTED },
	{ "bind-propagation", KEY_PROPAGATION },
};

static void spec_fini(struct spec *s)
{
	free(s->src);
	free(s->dst);
	free(s->inner);
	free(s->id);
}

static void take(char **to, const char *value)
{
	free(*to);
	*to = xstrdup(value);
}

/* "ro", "ro=true", "ro=0": *out; false for any other word. */
static bool word_bool(const char *value, bool *out)
{
	static const char *const yes[] = { "1", "t", "T", "true", "True", "TRUE" };
	static const char *const no[] = { "0", "f", "F", "false", "False", "FALSE" };

	*out = true;
	if (!value)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (!strcmp(value, yes[i]))
			return true;
	*out = false;
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (!strcmp(value, no[i]))
			return true;
	return false;
}

static int field_apply(struct spec *s, const char *field, const char *from, struct err *e)
{
	size_t len = strcspn(field, "="), i = 0;
	const char *value = field[len] ? field + len + 1 : NULL;
	bool *flag = NULL;

	while (i < ARRAY_LEN(keys) &&
	       (strncmp(keys[i].name, field, len) || strlen(keys[i].name) != len))
		i++;
	if (i == ARRAY_LEN(keys))
		return err_set(e, ERR_USAGE,
			       "%s: \"%.*s\" is not a key (use type, source, destination, ro, "
			       "image-src, id or nonested)",
			       from, (int)len, field);
	if (keys[i].key == KEY_RO || keys[i].key == KEY_NONESTED) {
		flag = keys[i].key == KEY_RO ? &s->ro : &s->nonested;
		if (!word_bool(value, flag))
			return err_set(e, ERR_USAGE, "%s: %s: write %s, or %s=true", from, field,
				       keys[i].name, keys[i].name);
		return 0;
	}
	if (keys[i].key == KEY_PROPAGATION)
		return err_set(e, ERR_UNSUPPORTED,
			       "%s: bind-propagation cannot be chosen: what the host mounts later "
			       "appears, nothing goes the other way",
			       from);
	if (!value || !*value)
		return err_set(e, ERR_USAGE, "%s: %s needs a value", from, keys[i].name);
	switch (keys[i].key) {
	case KEY_TYPE:
		if (strcmp(value, "bind") != 0)
			return err_set(e, ERR_UNSUPPORTED,
				       "%s: type=%s: only type=bind is known (for an empty "
				       "directory use --scratch)",
				       from, value);
		return 0;
	case KEY_SRC:
		take(&s->src, value);
		return 0;
	case KEY_DST:
		take(&s->dst, value);
		return 0;
	case KEY_INNER:
		take(&s->inner, value);
		return 0;
	default:
		take(&s->id, value);
		return 0;
	}
}

/* One line; *p is left behind it. */
static int line_parse(struct spec *s, const char **p, const char *from, struct err *e)
{
	char end;

	do {
		auto_free char *field = csv_field(p, ",\n", &end);
		size_t len = strlen(field);

		if (end == '"')
			return err_set(e, ERR_USAGE, "%s: a quote is not closed", from);
		if (len && field[len - 1] == '\r')
			field[len - 1] = '\0';
		if (*field && field_apply(s, field, from, e) < 0)
			return -1;
	} while (end == ',');
	return 0;
}

static int spec_add(struct binds *out, const struct spec *s, const char *text, const char *from,
		    const char *cwd, struct err *e)
{
	struct bind *b;

	if (!s->src || !s->dst)
		return err_set(e, ERR_USAGE, "%s %s: a mount needs a %s", from, text,
			       s->src ? "destination" : "source");
	if (bind_add(out, s->src, s->dst, text, from, cwd, e) < 0)
		return -1;
	b = &out->v[out->n - 1];
	b->ro = s->ro;
	b->nonested = s->nonested;
	if (s->inner && bind_set_inner(b, s->inner, from, e) < 0)
		return -1;
	return s->id ? bind_set_id(b, s->id, from, e) : 0;
}

int mount_option_parse(struct binds *out, const char *text, const char *from, const char *cwd,
		       struct err *e)
{
	const char *p = text;

	while (*p) {
		struct spec s __attribute__((cleanup(spec_fini))) = { 0 };
		auto_free char *line = xstrndup(p, strcspn(p, "\n"));

		if (line_parse(&s, &p, from, e) < 0)
			return -1;
		/* An empty line, as a variable written over several lines has at its ends. */
		if (line[strspn(line, " \t\r")] && spec_add(out, &s, line, from, cwd, e) < 0)
			return -1;
	}
	return 0;
}
