#include "bindings/module_file.h"

#include <ctype.h>
#include <string.h>

#include "src/base/buf.h"

#define BLANKS " \t\r"

enum form { TEXT, YES_NO, FAMILY, NAMES, PATH, VARIABLE, ASSIGNMENT, BIND, LIBRARY };

static const struct {
	const char *word;
	enum module_key key;
	enum form form;
} keys[] = {
	{ "summary", MODULE_SUMMARY, TEXT },
	{ "default", MODULE_DEFAULT, YES_NO },
	{ "conflicts", MODULE_CONFLICTS, NAMES },
	{ "requires", MODULE_REQUIRES, NAMES },
	{ "mpi", MODULE_MPI, FAMILY },
	{ "when exists", MODULE_WHEN_EXISTS, PATH },
	{ "when env", MODULE_WHEN_ENV, TEXT },
	{ "when image has", MODULE_WHEN_IMAGE_HAS, TEXT },
	{ "when image lacks", MODULE_WHEN_IMAGE_LACKS, TEXT },
	{ "bind", MODULE_BIND, BIND },
	{ "optional bind", MODULE_OPTIONAL_BIND, BIND },
	{ "lib", MODULE_LIB, LIBRARY },
	{ "optional lib", MODULE_OPTIONAL_LIB, LIBRARY },
	{ "device", MODULE_DEVICE, PATH },
	{ "env", MODULE_ENV, ASSIGNMENT },
	{ "prepend", MODULE_PREPEND, ASSIGNMENT },
	{ "append", MODULE_APPEND, ASSIGNMENT },
	{ "unset", MODULE_UNSET, VARIABLE },
};

static bool name_is_valid(const char *s)
{
	if (!isalnum((unsigned char)s[0]))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._+-", *s))
			return false;
	return true;
}

static bool variable_is_valid(const char *s, size_t n)
{
	if (!n || isdigit((unsigned char)s[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	return true;
}

/* What is wrong with a value, NULL: nothing. */
static const char *wrong(enum form form, const char *value)
{
	const char *eq = strchr(value, '=');
	auto_strv struct strv names = { 0 };

	switch (form) {
	case TEXT:
		return *value ? NULL : "it has no value";
	case YES_NO:
		return !strcmp(value, "yes") || !strcmp(value, "no") ? NULL : "write yes or no";
	case FAMILY:
		return !strcmp(value, "openmpi") || !strcmp(value, "mpich") || !strcmp(value, "abi")
			       ? NULL
			       : "write openmpi, mpich or abi";
	case NAMES:
		strv_split(&names, value, ',');
		for (size_t i = 0; i < names.n; i++)
			if (!name_is_valid(names.v[i]))
				return "write names of modules, with commas";
		return names.n ? NULL : "write names of modules, with commas";
	case PATH:
		return value[0] == '/' ? NULL : "write an absolute path";
	case VARIABLE:
		return variable_is_valid(value, strlen(value)) ? NULL
							       : "write the name of a variable";
	case ASSIGNMENT:
		return eq && variable_is_valid(value, (size_t)(eq - value)) ? NULL
									    : "write NAME=VALUE";
	case BIND:
		return value[0] == '/' || value[0] == '$' ? NULL : "write SRC[:DST[:ro]]";
	case LIBRARY:
		return strstr(value, ".so") ? NULL : "write a library's name or path [as NAME]";
	}
	return NULL;
}

static void trim(char **s)
{
	size_t n;

	*s += strspn(*s, BLANKS);
	for (n = strlen(*s); n && strchr(BLANKS, (*s)[n - 1]);)
		(*s)[--n] = '\0';
}

/* "when   exists" is "when exists". */
static void squeeze(char *s)
{
	char *to = s;

	for (; *s; s++)
		if (!strchr(BLANKS, *s) || (s[1] && !strchr(BLANKS, s[1])))
			*to++ = strchr(BLANKS, *s) ? ' ' : *s;
	*to = '\0';
}

static int header(struct modules *out, const char *file, char *line, unsigned number, struct err *e)
{
	char *end = strchr(line, ']');

	if (!end || end[1])
		return err_set(e, ERR_INPUT, "%s: line %u: write [NAME]", file, number);
	*end = '\0';
	line++;
	trim(&line);
	if (!name_is_valid(line))
		return err_set(e, ERR_INPUT,
			       "%s: line %u: \"%s\" is no name (letters, digits and . _ + -)", file,
			       number, line);
	if (modules_find(out, line))
		return err_set(e, ERR_INPUT, "%s: line %u: there is a module %s already, in %s",
			       file, number, line, modules_find(out, line)->file);
	xgrow(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
	out->v[out->n++] = (struct module){ .name = xstrdup(line), .file = xstrdup(file) };
	return 0;
}

static int setting(struct module *m, const char *file, char *line, unsigned number, struct err *e)
{
	char *value = strchr(line, '=');
	const char *bad;
	size_t i = 0;

	if (!value)
		return err_set(e, ERR_INPUT, "%s: line %u: write KEY = VALUE", file, number);
	*value++ = '\0';
	trim(&line);
	trim(&value);
	squeeze(line);
	while (i < ARRAY_LEN(keys) && strcmp(keys[i].word, line) != 0)
		i++;
	if (i == ARRAY_LEN(keys))
		return err_set(e, ERR_INPUT,
			       "%s: line %u: \"%s\" is no key of a module (docs/modules.md lists "
			       "them)",
			       file, number, line);
	bad = wrong(keys[i].form, value);
	if (bad)
		return err_set(e, ERR_INPUT, "%s: line %u: %s: %s", file, number, line, bad);
	xgrow(&m->v, &m->cap, m->n + 1, sizeof(*m->v));
	m->v[m->n++] = (struct module_line){ keys[i].key, xstrdup(value), number };
	return 0;
}

int modules_parse(struct modules *out, const char *file, const char *text, struct err *e)
{
	size_t first = out->n;
	unsigned number = 0;

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		auto_free char *copy = xstrndup(p, n);
		char *line = copy;
		int r = 0;

		p += n + (p[n] == '\n');
		number++;
		trim(&line);
		if (!line[0] || line[0] == '#')
			continue;
		if (line[0] == '[')
			r = header(out, file, line, number, e);
		else if (out->n == first)
			r = err_set(e, ERR_INPUT, "%s: line %u: a module begins with [NAME]", file,
				    number);
		else
			r = setting(&out->v[out->n - 1], file, line, number, e);
		if (r < 0)
			return -1;
	}
	return 0;
}

const struct module *modules_find(const struct modules *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].name, name))
			return &m->v[i];
	return NULL;
}

bool module_is_default(const struct module *m)
{
	bool yes = false;

	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].key == MODULE_DEFAULT)
			yes = !strcmp(m->v[i].value, "yes");
	return yes;
}

void modules_fini(struct modules *m)
{
	for (size_t i = 0; i < m->n; i++) {
		for (size_t k = 0; k < m->v[i].n; k++)
			free(m->v[i].v[k].value);
		free(m->v[i].v);
		free(m->v[i].name);
		free(m->v[i].file);
	}
	free(m->v);
	*m = (struct modules){ 0 };
}
