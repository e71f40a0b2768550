#include "src/flow/table.h"

#include <stdarg.h>
#include <string.h>

#define GAP 4

void table_add(struct table *t, const char *text)
{
	strv_add(&t->cells, text);
}

void table_addf(struct table *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_take(&t->cells, xvasprintf(fmt, ap));
	va_end(ap);
}

static size_t width(const struct table *t, size_t column)
{
	size_t most = 0;

	for (size_t i = column; i < t->cells.n; i += t->columns)
		most = MAX(most, strlen(t->cells.v[i]));
	return most + GAP;
}

void table_print(const struct table *t, struct buf *out)
{
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t column = i % t->columns;

		if (column + 1 == t->columns)
			buf_printf(out, "%s\n", t->cells.v[i]);
		else
			buf_printf(out, "%-*s", (int)width(t, column), t->cells.v[i]);
	}
}
