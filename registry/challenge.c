/* The grammar is ambiguous on purpose: after a comma comes either the next
 * parameter or the next scheme.  A word followed by '=' is a parameter, any other
 * word is a scheme; a token68 ("Negotiate YII=") then reads as a harmless
 * parameter of a scheme that is not ours. */
#include "registry/challenge.h"

#include <string.h>
#include <strings.h>

#include "src/base/buf.h"

/* Longer values come from nobody who means well. */
#define VALUE_MAX 4096

static bool is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

static const char *take_value(const char *p, struct buf *out)
{
	buf_clear(out);
	if (*p != '"') {
		size_t n = strcspn(p, ", \t");

		buf_add(out, p, n);
		return p + n;
	}
	for (p++; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
		buf_addch(out, *p);
	}
	return *p ? p + 1 : p;
}

static void set_param(struct challenge *c, const char *key, size_t n, const char *value)
{
	const struct {
		const char *key;
		char **to;
	} known[] = {
		{ "realm", &c->realm },
		{ "service", &c->service },
		{ "scope", &c->scope },
		{ "error", &c->error },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strlen(known[i].key) == n && !strncasecmp(known[i].key, key, n) &&
		    !*known[i].to)
			*known[i].to = xstrdup(value);
}

void challenge_add(struct challenge *c, const char *p)
{
	auto_buf struct buf value = { 0 };
	bool ours = false; /* the parameters that follow belong to the first Bearer */

	for (;;) {
		const char *word;
		size_t n = 0;

		p += strspn(p, " \t,");
		if (!*p)
			return;
		word = p;
		while (is_token(word[n]))
			n++;
		p = skip_blanks(word + n);
		if (!n) {
			p += strcspn(p, ",");
		} else if (*p == '=') {
			p = take_value(skip_blanks(p + 1), &value);
			if (ours && value.len <= VALUE_MAX)
				set_param(c, word, n, buf_str(&value));
		} else {
			ours = n == 6 && !strncasecmp(word, "bearer", 6) && !c->bearer;
			c->bearer |= ours;
			c->basic |= n == 5 && !strncasecmp(word, "basic", 5);
		}
	}
}

void challenge_fini(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	free(c->error);
	*c = (struct challenge){ 0 };
}
