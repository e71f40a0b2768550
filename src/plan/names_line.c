#include "src/plan/names_line.h"

#include <string.h>

#include "src/base/buf.h"

bool names_line_next(const char **p, struct names_line *l)
{
	const char *s = *p, *end;

	if (!s || !*s)
		return false;
	end = strchrnul(s, '\n');
	*l = (struct names_line){ .text = s, .len = (size_t)(end - s) };
	for (;;) {
		const char *stop = memchr(s, ':', (size_t)(end - s));

		if (!stop || l->n == NAMES_FIELDS - 1)
			stop = end;
		l->field[l->n] = s;
		l->flen[l->n++] = (size_t)(stop - s);
		if (stop == end)
			break;
		s = stop + 1;
	}
	*p = *end ? end + 1 : end;
	return true;
}

bool names_line_is(const struct names_line *l, size_t i, const char *text, size_t len)
{
	return i < l->n && l->flen[i] == len && !memcmp(l->field[i], text, len);
}

bool names_line_is_id(const struct names_line *l, size_t i, uint32_t id)
{
	return i < l->n && str_is_u32(l->field[i], l->flen[i], id);
}

bool names_line_id(const struct names_line *l, size_t i, uint32_t *id)
{
	return i < l->n && names_id_parse(id, l->field[i], l->flen[i]);
}

char *names_line_take(const struct names_line *l, size_t i)
{
	return i < l->n ? xstrndup(l->field[i], l->flen[i]) : NULL;
}

bool names_id_parse(uint32_t *id, const char *text, size_t len)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' ||
		    (v = v * 10 + (uint64_t)(text[i] - '0')) >= UINT32_MAX)
			return false;
	}
	*id = (uint32_t)v;
	return len > 0;
}
