#include "src/recipe/def_template.h"

#include <ctype.h>
#include <string.h>

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* At "{{ NAME }}": its length and the name; 0 when p is no such thing. */
static size_t match(const char *p, const char *end, const char **name, size_t *len)
{
	const char *q = p + 2;

	if (end - p < 5 || p[0] != '{' || p[1] != '{')
		return 0;
	while (q < end && (*q == ' ' || *q == '\t'))
		q++;
	*name = q;
	while (q < end && is_word(*q))
		q++;
	*len = (size_t)(q - *name);
	while (q < end && (*q == ' ' || *q == '\t'))
		q++;
	if (!*len || end - q < 2 || q[0] != '}' || q[1] != '}')
		return 0;
	return (size_t)(q + 2 - p);
}

static const char *in_stage(const struct def_stage *s, const char *name, size_t len)
{
	for (size_t i = s->arguments.n; i-- > 0;)
		if (strlen(s->arguments.v[i].key) == len &&
		    !strncmp(s->arguments.v[i].key, name, len))
			return s->arguments.v[i].value;
	return NULL;
}

static const char *look_up(const struct def_template *t, const char *name, size_t len, bool *is_arg)
{
	const char *v = NULL;

	*is_arg = true;
	for (size_t i = t->args ? t->args->n : 0; i-- > 0;) {
		const char *kv = t->args->v[i];

		if (strncmp(kv, name, len) != 0 || kv[len] != '=')
			continue;
		t->used[i] = true;
		if (!v)
			v = kv + len + 1;
	}
	if (v)
		return v;
	*is_arg = false;
	if (t->stage < t->nstages)
		v = in_stage(&t->stages[t->stage], name, len);
	for (size_t i = 0; !v && i < t->nstages; i++)
		v = in_stage(&t->stages[i], name, len);
	return v;
}

static int fill(const struct def_template *t, const char *p, const char *end, unsigned depth,
		struct buf *out, struct err *e)
{
	while (p < end) {
		const char *name, *value;
		size_t len, n = match(p, end, &name, &len);
		bool is_arg;

		if (out->len > DEF_TEMPLATE_MAX)
			return err_set(e, ERR_LIMIT, "its templates make more than %d bytes of it",
				       DEF_TEMPLATE_MAX);
		if (!n) {
			buf_addch(out, *p++);
			continue;
		}
		value = look_up(t, name, len, &is_arg);
		if (!value)
			return err_set(e, ERR_INPUT,
				       "{{ %.*s }} has no value; give --build-arg %.*s=VALUE or a "
				       "default in %%arguments",
				       (int)MIN(len, 100), name, (int)MIN(len, 100), name);
		if (depth == DEF_TEMPLATE_DEPTH)
			return err_set(e, ERR_INPUT,
				       "the default of {{ %.*s }} refers to itself, or templates "
				       "nest more than %d deep",
				       (int)MIN(len, 100), name, DEF_TEMPLATE_DEPTH);
		/* What the user gave is taken as it is. */
		if (is_arg)
			buf_adds(out, value);
		else if (fill(t, value, value + strlen(value), depth + 1, out, e) < 0)
			return -1;
		p += n;
	}
	return 0;
}

int def_template_line(const struct def_template *t, const char *line, size_t n, struct buf *out,
		      struct err *e)
{
	size_t blank = 0;

	while (blank < n && isspace((unsigned char)line[blank]))
		blank++;
	if (blank < n && line[blank] == '#') {
		buf_add(out, line, n);
		return 0;
	}
	return fill(t, line, line + n, 0, out, e);
}
