/* sqlite: the rows of one table of an SQLite database, read from its bytes.
 *
 *	sqlite_rows(p, n, "Packages", 2, row, arg, e);
 *	static int row(void *arg, const struct sqlite_value *v, struct err *e)   // v[0], v[1]
 *
 * Rowid tables only; no index, no journal, no write-ahead log is looked at.  Every offset and
 *length is checked, and no page is visited twice, so that what a stranger wrote costs time in
 *proportion to its size.  sqlite.org/fileformat2.html. */
#ifndef BASE_SQLITE_H
#define BASE_SQLITE_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

#define SQLITE_MAX_COLUMNS 16

enum sqlite_kind { SQLITE_NULL, SQLITE_INT, SQLITE_REAL, SQLITE_BLOB, SQLITE_TEXT };
struct sqlite_value {
	enum sqlite_kind kind;
	int64_t i;
	const char *p; /* of a blob or text, while the call lasts */
	size_t n;
};

typedef int sqlite_row(void *arg, const struct sqlite_value *v, struct err *e);

/* Calls f with the first ncolumns values of each row; columns that a row lacks are NULL.  Stops at
 * f != 0 and returns that.  ERR_INPUT when p is no database or is damaged; ERR_NOTFOUND when there
 * is no such table. */
int sqlite_rows(const char *p, size_t n, const char *table, size_t ncolumns, sqlite_row *f,
		void *arg, struct err *e);

#endif
