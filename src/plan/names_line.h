/* names_line: a line of /etc/passwd or /etc/group, cut at its colons.
 *
 *	struct names_line l;
 *	for (const char *p = text; names_line_next(&p, &l);)
 *		if (names_line_is(&l, 0, "ada", 3)) ...
 *
 * Fields point into the text.  A line may have any number of them. */
#ifndef PLAN_NAMES_LINE_H
#define PLAN_NAMES_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/mem.h"

#define NAMES_FIELDS 7 /* a passwd line's; the last one takes what is left */

struct names_line {
	const char *text;
	size_t len; /* without the newline */
	const char *field[NAMES_FIELDS];
	size_t flen[NAMES_FIELDS];
	size_t n;
};

/* The next line of *p, which may be NULL; false at the end. */
bool names_line_next(const char **p, struct names_line *l);
bool names_line_is(const struct names_line *l, size_t i, const char *text, size_t len);
/* As the C library reads ids: leading zeros are nothing. */
bool names_line_is_id(const struct names_line *l, size_t i, uint32_t id);
/* False when the field is no id. */
bool names_line_id(const struct names_line *l, size_t i, uint32_t *id);
/* Heap copy of a field; NULL when the line has none such. */
char *names_line_take(const struct names_line *l, size_t i);

/* An id as it is written; 4294967295 is none (chown's "unchanged"). */
bool names_id_parse(uint32_t *id, const char *text, size_t len);

#endif
