#include "src/recipe/def_words.h"

#include <ctype.h>
#include <string.h>

#include "src/base/path.h"

void *def_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size)
{
	void *bigger;

	if (n < *cap)
		return v;
	*cap = *cap * 2 + 4;
	bigger = arena_alloc(a, *cap * size);
	if (n)
		memcpy(bigger, v, n * size);
	return bigger;
}

void def_pairs_add(struct arena *a, struct def_pairs *p, const char *key, const char *value,
		   unsigned line)
{
	p->v = def_grow(a, p->v, p->n, &p->cap, sizeof(*p->v));
	p->v[p->n++] = (struct def_pair){ key, value, line };
}

static const char *skip_blank(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* p[0..n) without blanks at its ends. */
static char *trimmed(struct arena *a, const char *p, size_t n)
{
	while (n && isspace((unsigned char)*p))
		p++, n--;
	while (n && isspace((unsigned char)p[n - 1]))
		n--;
	return arena_strndup(a, p, n);
}

int def_pair_line(struct arena *a, struct def_pairs *p, const char *line, unsigned number, char sep)
{
	const char *at;
	char *key, *value;

	line = skip_blank(line);
	if (!*line || *line == '#')
		return 1;
	if (sep)
		at = strchr(line, sep);
	else
		at = line + strcspn(line, " \t");
	if (!at)
		at = line + strlen(line);
	key = trimmed(a, line, (size_t)(at - line));
	value = *at ? trimmed(a, at + 1, strlen(at + 1)) : arena_strdup(a, "");
	def_pairs_add(a, p, key, value, number);
	return 0;
}

/* One word into plain, and into pattern with glob characters that were quoted escaped.  Returns
 * what follows, NULL when a quote is not closed. */
static const char *take_word(const char *p, struct buf *plain, struct buf *pattern)
{
	char quote = '\0';

	for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
		bool literal = quote;

		if (*p == quote) {
			quote = '\0';
			continue;
		}
		if (!quote && (*p == '"' || *p == '\'')) {
			quote = *p;
			continue;
		}
		if (*p == '\\' && quote != '\'' && p[1]) {
			p++;
			literal = true;
		}
		if (literal && strchr("*?[]{}\\", *p))
			buf_addch(pattern, '\\');
		buf_addch(pattern, *p);
		buf_addch(plain, *p);
	}
	return quote ? NULL : p;
}

/* Does the path, read from the root, lead above it? */
static bool leads_out(const char *p)
{
	long depth = 0;

	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			depth--;
		else if (n && !(n == 1 && *p == '.'))
			depth++;
		if (depth < 0)
			return true;
		p += n;
		while (*p == '/')
			p++;
	}
	return false;
}

static const char *target(struct arena *a, const char *root, const char *dst)
{
	auto_free char *clean = path_clean(root ? root : "/", dst);
	size_t n = strlen(dst);
	bool is_dir = n && (dst[n - 1] == '/' || !strcmp(dst, ".") || str_has_suffix(dst, "/."));

	/* The slash at the end says that a directory is meant. */
	return arena_printf(a, "%s%s", clean, is_dir && strcmp(clean, "/") != 0 ? "/" : "");
}

int def_files_line(struct arena *a, struct def_files *f, const char *line, unsigned number,
		   const char *root, struct err *e)
{
	struct buf words[2] = { 0 }, patterns[2] = { 0 };
	const char *p = skip_blank(line), *dst;
	int n = 0, r = 0;

	for (; *p && *p != '#'; p = skip_blank(p)) {
		if (n == 2) {
			r = err_set(e, ERR_INPUT,
				    "a source and at most one target on a line; put quotes "
				    "around a name with blanks");
			break;
		}
		p = take_word(p, &words[n], &patterns[n]);
		n++;
		if (!p) {
			r = err_set(e, ERR_INPUT, "a quote is not closed");
			break;
		}
	}
	dst = n == 2 ? buf_str(&words[1]) : "./";
	if (r == 0 && n && !words[0].len)
		r = err_set(e, ERR_INPUT, "an empty file name");
	if (r == 0 && n == 2 && leads_out(dst))
		r = err_set(e, ERR_INPUT, "the target %.200s leads out of the image", dst);
	if (r == 0 && n) {
		f->v = def_grow(a, f->v, f->n, &f->cap, sizeof(*f->v));
		f->v[f->n++] = (struct step_item){
			.src = arena_strdup(a, buf_str(&patterns[0])),
			.dst = n == 2 || root ? target(a, root, dst) : NULL,
			.line = number,
		};
	}
	for (int i = 0; i < 2; i++) {
		buf_fini(&words[i]);
		buf_fini(&patterns[i]);
	}
	return r < 0 ? -1 : n ? 0 : 1;
}
