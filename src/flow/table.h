/* table: text in columns, four blanks apart, nothing behind the last one.
 *
 *	auto_table struct table t = { .columns = 2 };
 *	table_add(&t, "NAME"); table_add(&t, "SIZE");
 *	table_print(&t, &out); */
#ifndef FLOW_TABLE_H
#define FLOW_TABLE_H

#include "src/base/buf.h"

struct table {
	size_t columns;
	struct strv cells; /* row by row */
};

static inline void table_fini(struct table *t)
{
	strv_fini(&t->cells);
}
#define auto_table auto_(table_fini)
void table_add(struct table *t, const char *text);
void table_addf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_print(const struct table *t, struct buf *out);

#endif
