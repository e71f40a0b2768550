#include "src/plan/csv.h"

#include <stdbool.h>
#include <string.h>

#include "src/base/buf.h"

char *csv_field(const char **p, const char *ends, char *end)
{
	struct buf b = { 0 };
	const char *s = *p;
	bool quoted = *s == '"';

	for (s += quoted; *s; s++) {
		if (quoted && s[0] == '"' && s[1] == '"')
			s++;
		else if (quoted && *s == '"') {
			quoted = false;
			continue;
		} else if (!quoted && strchr(ends, *s))
			break;
		buf_addch(&b, *s);
	}
	*end = quoted ? '"' : *s;
	*p = *s ? s + 1 : s;
	return buf_take(&b);
}
