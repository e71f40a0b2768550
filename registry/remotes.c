#include "registry/remotes.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "registry/secret.h"
#include "src/base/buf.h"
#include "src/base/fd.h"

void remote_endpoint_fini(struct remote_endpoint *r)
{
	free(r->name);
	free(r->uri);
	secret_free(r->token);
	*r = (struct remote_endpoint){ 0 };
}

/* One line "  key: value". */
struct line {
	size_t indent;
	char *key, *value;
};

static void unquote(char *s)
{
	size_t n = strlen(s);

	if (n >= 2 && (*s == '"' || *s == '\'') && s[n - 1] == *s) {
		memmove(s, s + 1, n - 2);
		s[n - 2] = '\0';
	}
}

/* Cuts the next line off *text; false at the end. */
static bool next_line(char **text, struct line *l)
{
	while (**text) {
		char *s = *text, *end = s + strcspn(s, "\n"), *colon;

		*text = *end ? end + 1 : end;
		*end = '\0';
		end = s + strlen(s);
		while (end > s && strchr(" \t\r", end[-1]))
			*--end = '\0';
		l->indent = strspn(s, " ");
		s += l->indent;
		colon = strchr(s, ':');
		if (*s == '#' || *s == '-' || !colon || (colon[1] && colon[1] != ' '))
			continue;
		*colon = '\0';
		l->key = s;
		l->value = colon + 1 + strspn(colon + 1, " ");
		unquote(l->key);
		unquote(l->value);
		return true;
	}
	return false;
}

static char *find_active(char *text)
{
	struct line l;

	while (next_line(&text, &l))
		if (!l.indent && !strcmp(l.key, "Active") && *l.value)
			return l.value;
	return NULL;
}

static void take_field(struct remote_endpoint *out, const struct line *l)
{
	if (!strcmp(l->key, "URI") && *l->value && !out->uri)
		out->uri = xasprintf(strstr(l->value, "://") ? "%s" : "https://%s", l->value);
	if (!strcmp(l->key, "Token") && *l->value && !out->token)
		out->token = xstrdup(l->value);
}

int remote_endpoint_parse(struct remote_endpoint *out, const char *text, struct err *e)
{
	auto_secret char *first = xstrdup(text), *second = xstrdup(text);
	char *active = find_active(first), *p = second;
	bool in_remotes = false, in_ours = false;
	size_t level = 0, fields = 0;
	struct line l;

	if (!active)
		return 1;
	while (next_line(&p, &l)) {
		if (!l.indent) {
			in_remotes = !strcmp(l.key, "Remotes");
			level = fields = 0;
			in_ours = false;
			continue;
		}
		if (!in_remotes)
			continue;
		if (!level)
			level = l.indent;
		if (l.indent == level) {
			in_ours = !strcmp(l.key, active);
			fields = 0;
		} else if (in_ours && (!fields || l.indent == fields)) {
			fields = l.indent; /* deeper ones are key servers */
			take_field(out, &l);
		}
	}
	if (!out->uri)
		return err_set(e, ERR_INPUT, "the active remote \"%.100s\" has no URI", active);
	out->name = xstrdup(active);
	return 0;
}

static int try_file(struct remote_endpoint *out, const char *path, struct err *e)
{
	struct buf text = { 0 };
	int r = file_read(AT_FDCWD, path, &text, REMOTES_FILE_MAX, e);

	if (r == 0)
		r = remote_endpoint_parse(out, buf_str(&text), e);
	if (text.data)
		explicit_bzero(text.data, text.len);
	buf_fini(&text);
	return r < 0 ? err_wrap(e, "%s", path) : r;
}

int remote_endpoint_find(struct remote_endpoint *out, struct err *e)
{
	static const char *const system[] = { "/etc/apptainer/remote.yaml",
					      "/usr/local/etc/apptainer/remote.yaml",
					      "/etc/singularity/remote.yaml" };
	const char *config = getenv("APPTAINER_CONFIGDIR"), *home = getenv("HOME");
	auto_strv struct strv paths = { 0 };
	int r = 1;

	if (config && *config)
		strv_addf(&paths, "%s/remote.yaml", config);
	if (home && *home) {
		strv_addf(&paths, "%s/.apptainer/remote.yaml", home);
		strv_addf(&paths, "%s/.singularity/remote.yaml", home);
	}
	for (size_t i = 0; i < ARRAY_LEN(system); i++)
		strv_add(&paths, system[i]);
	for (size_t i = 0; r == 1 && i < paths.n; i++)
		r = try_file(out, paths.v[i], e);
	return r;
}
