/* csv: the fields of a comma-separated line, as Docker and Go's encoding/csv quote them.
 *
 *	char end;
 *	const char *p = text;
 *	do {
 *		auto_free char *field = csv_field(&p, ",\n", &end);
 *		...
 *	} while (end == ',');
 *
 * A field that begins with '"' ends at the next lone '"'; "" inside stands for one. */
#ifndef PLAN_CSV_H
#define PLAN_CSV_H

/* The field at *p, without its quotes (heap string), which ends at one of the characters
 * in ends.  *end is that character and *p stands behind it; at the end of the text *end is
 * '\0', and '"' when a quote was not closed. */
char *csv_field(const char **p, const char *ends, char *end);

#endif
