#include "src/recipe/docker_ignore.h"

#include <ctype.h>
#include <string.h>

#include "src/base/path.h"

void docker_ignore_parse(struct strv *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n"), len = n;
		const char *p = text;
		auto_free char *raw = NULL, *clean = NULL;
		bool not ;

		text += n + (text[n] == '\n');
		while (len && isspace((unsigned char)*p))
			p++, len--;
		while (len && isspace((unsigned char)p[len - 1]))
			len--;
		if (!len || *p == '#')
			continue;
		not = *p == '!';
		raw = xstrndup(p + not, len - not );
		clean = path_clean("/", raw);
		if (clean[1])
			strv_addf(out, "%s%s", not ? "!" : "", clean + 1);
	}
}

/* [a-z], [^x] at p; what follows it, NULL when c is not in it. */
static const char *in_class(const char *p, char c)
{
	bool not = false, hit = false;

	p++;
	if (*p == '^' || *p == '!')
		not = true, p++;
	for (bool first = true; *p && (first || *p != ']'); first = false) {
		char lo, hi;

		if (*p == '\\' && p[1])
			p++;
		lo = hi = *p++;
		if (*p == '-' && p[1] && p[1] != ']') {
			p++;
			if (*p == '\\' && p[1])
				p++;
			hi = *p++;
		}
		if (lo <= c && c <= hi)
			hit = true;
	}
	return *p == ']' && hit != not ? p + 1 : NULL;
}

/* steps bounds the backtracking that a hostile pattern can ask for. */
static bool match(const char *p, const char *s, unsigned *steps)
{
	for (; *p; s++) {
		if (!*steps)
			return false;
		--*steps;
		if (p[0] == '*' && p[1] == '*') {
			const char *rest = p + 2;

			rest += *rest == '/';
			for (;; s++) {
				if (match(rest, s, steps))
					return true;
				s = strchr(s, '/');
				if (!s)
					return !*rest;
			}
		}
		if (*p == '*') {
			for (p++;; s++) {
				if (match(p, s, steps))
					return true;
				if (!*s || *s == '/')
					return false;
			}
		}
		if (!*s)
			return false;
		if (*p == '[') {
			if (*s == '/' || !(p = in_class(p, *s)))
				return false;
			continue;
		}
		if (*p == '?') {
			if (*s == '/')
				return false;
		} else {
			if (*p == '\\' && p[1])
				p++;
			if (*p != *s)
				return false;
		}
		p++;
	}
	return !*s;
}

bool docker_match(const char *pattern, const char *path)
{
	unsigned steps = 100000;

	return match(pattern, path, &steps);
}

/* The path itself, or one of the directories that it lies in. */
static bool matches_or_above(const char *pattern, const char *path)
{
	auto_free char *part = xstrdup(path);

	for (;;) {
		char *slash;

		if (docker_match(pattern, part))
			return true;
		slash = strrchr(part, '/');
		if (!slash)
			return false;
		*slash = '\0';
	}
}

bool docker_ignored(const struct strv *patterns, const char *path)
{
	bool ignored = false;

	for (size_t i = 0; i < patterns->n; i++) {
		const char *p = patterns->v[i];
		bool not = *p == '!';

		if (ignored == not &&matches_or_above(p + not, path))
			ignored = !not ;
	}
	return ignored;
}

bool docker_ignore_has_exceptions(const struct strv *patterns)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (*patterns->v[i] == '!')
			return true;
	return false;
}
