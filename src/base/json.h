/* json: reading and writing JSON.  The one user of json-c.
 *
 * Reading is bounded before it is trusted: the caller states the largest
 * document, nesting is limited to 64, its values to about 48 MiB of memory, and text
 * behind the document is refused.
 *
 *	auto_json struct json *doc = NULL;
 *	if (json_parse(&doc, p, n, 4 << 20, e) < 0) ...
 *	const char *type = json_str(json_get(doc, "mediaType"));  // NULL: absent or no string
 *	json_each(json_get(doc, "layers"), i, layer) ...
 *
 * struct json is a borrowed view into the document, except for the one that
 * json_parse() made.
 *
 * Writing gives stable text: what is written first comes first.
 *
 *	struct jw w = { .out = &buf, .indent = 2 };
 *	jw_obj(&w, NULL); jw_str(&w, "name", "x"); jw_end(&w); */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/buf.h"
#include "src/base/err.h"

struct json; /* json-c's json_object, never dereferenced outside json.c */

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Parses n bytes.  ERR_LIMIT when n > max, there are too many values or nesting is
 * too deep, ERR_INPUT with the offset when it is not JSON. */
int json_parse(struct json **out, const char *p, size_t n, size_t max, struct err *e);
void json_free(struct json *j);
static inline void json_free_p_(struct json **j)
{
	json_free(*j);
}
#define auto_json auto_(json_free_p_)

/* All of these take NULL and then say JSON_NULL, NULL, 0, false. */
enum json_kind json_kind(const struct json *j);
/* Member of an object; NULL when absent, null or j is no object. */
const struct json *json_get(const struct json *j, const char *key);
/* NULL unless j is a string without NUL bytes. */
const char *json_str(const struct json *j);
/* 0 done, 1 j is no integer or does not fit. */
int json_i64(const struct json *j, int64_t *out);
size_t json_len(const struct json *j);			    /* members or elements */
const struct json *json_at(const struct json *j, size_t i); /* element of an array */
#define json_each(arr, i, el) \
	for (size_t i = 0; i < json_len(arr) && ((el) = json_at((arr), i), 1); i++)
/* Calls f for each member of an object in the document's order; stops at f != 0
 * and returns that. */
int json_members(const struct json *j, int (*f)(void *arg, const char *key, const struct json *v),
		 void *arg);
/* Adds j as compact JSON text. */
void json_dump(const struct json *j, struct buf *out);

struct jw {
	struct buf *out;
	int indent; /* spaces a level, 0 compact, -1 one tab a level */
	bool html;  /* escape < > & as \u003c: what Go's encoder does */
	int depth_; /* private from here on */
	bool need_comma_;
	uint64_t array_; /* bit d: level d is an array */
};

/* key is NULL inside arrays and for the outermost value. */
void jw_obj(struct jw *w, const char *key);
void jw_arr(struct jw *w, const char *key);
void jw_end(struct jw *w); /* closes the innermost object or array */
void jw_str(struct jw *w, const char *key, const char *v); /* NULL writes null */
void jw_int(struct jw *w, const char *key, int64_t v);
void jw_bool(struct jw *w, const char *key, bool v);

#endif
