/* buf: bytes that grow; always followed by a NUL that len does not count.
 *
 *	auto_buf struct buf b = { 0 };
 *	buf_printf(&b, "%s=%s", k, v);
 *	puts(buf_str(&b));
 *
 * strv: a NULL-terminated list of owned strings, as execve() wants it. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/mem.h"

struct buf {
	char *data; /* NULL while nothing was added */
	size_t len;
	size_t cap;
};

void buf_fini(struct buf *b);
#define auto_buf auto_(buf_fini)
void buf_add(struct buf *b, const void *p, size_t n);
void buf_addch(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more bytes; the caller fills data[len..] and adds to len. */
void buf_reserve(struct buf *b, size_t n);
void buf_clear(struct buf *b);
/* The text, "" when nothing was added.  Lives until the next change. */
const char *buf_str(const struct buf *b);
/* The text as a heap string; the buffer is empty afterwards. */
char *buf_take(struct buf *b);

struct strv {
	char **v; /* v[n] == NULL once anything was added; use strv_list() to pass on */
	size_t n;
	size_t cap;
};

void strv_fini(struct strv *s);
#define auto_strv auto_(strv_fini)
void strv_add(struct strv *s, const char *str);
void strv_addf(struct strv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes ownership of a heap string. */
void strv_take(struct strv *s, char *str);
/* Adds the pieces of str between separators sep; empty pieces are left out. */
void strv_split(struct strv *s, const char *str, char sep);
bool strv_has(const struct strv *s, const char *str);
/* Sorts by strcmp, so that output is stable. */
void strv_sort(struct strv *s);
/* Never NULL: the NULL-terminated list. */
char *const *strv_list(const struct strv *s);

/* Environment lists: entries are "K=V". */
/* The value of key, or NULL. */
const char *strv_env_get(const struct strv *s, const char *key);
/* Replaces or adds key; value NULL removes it. */
void strv_env_set(struct strv *s, const char *key, const char *value);

bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);
/* True when s[0..n) is v in decimal digits (leading zeros are fine). */
bool str_is_u32(const char *s, size_t n, uint32_t v);
/* Adds s with control bytes and invalid UTF-8 as \xNN, for terminals and logs. */
void buf_add_escaped(struct buf *b, const char *s, size_t n);

#endif
