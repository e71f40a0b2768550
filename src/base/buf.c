#include "src/base/buf.h"

#include <stdio.h>
#include <string.h>

void buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void buf_reserve(struct buf *b, size_t n)
{
	xgrow(&b->data, &b->cap, b->len + n + 1, 1);
	b->data[b->len + n] = '\0';
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	buf_reserve(b, n);
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_addch(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n <= 0)
		return;
	buf_reserve(b, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
	char *s = b->data ? b->data : xstrdup("");

	*b = (struct buf){ 0 };
	return s;
}

void strv_fini(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv){ 0 };
}

void strv_take(struct strv *s, char *str)
{
	xgrow(&s->v, &s->cap, s->n + 2, sizeof(*s->v));
	s->v[s->n++] = str;
	s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *str)
{
	strv_take(s, xstrdup(str));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_take(s, xvasprintf(fmt, ap));
	va_end(ap);
}

void strv_split(struct strv *s, const char *str, char sep)
{
	while (*str) {
		const char *end = strchrnul(str, sep);

		if (end > str)
			strv_take(s, xstrndup(str, (size_t)(end - str)));
		str = *end ? end + 1 : end;
	}
}

bool strv_has(const struct strv *s, const char *str)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i], str))
			return true;
	return false;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *s)
{
	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), by_bytes);
}

char *const *strv_list(const struct strv *s)
{
	static char *const none[1];

	return s->v ? s->v : none;
}

static size_t env_find(const struct strv *s, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < s->n; i++)
		if (!strncmp(s->v[i], key, len) && s->v[i][len] == '=')
			return i;
	return s->n;
}

const char *strv_env_get(const struct strv *s, const char *key)
{
	size_t i = env_find(s, key);

	return i < s->n ? s->v[i] + strlen(key) + 1 : NULL;
}

void strv_env_set(struct strv *s, const char *key, const char *value)
{
	size_t i = env_find(s, key);
	auto_free char *old = NULL; /* freed last: value may lie in it */

	if (i == s->n) {
		if (value)
			strv_addf(s, "%s=%s", key, value);
		return;
	}
	old = s->v[i];
	if (value) {
		s->v[i] = xasprintf("%s=%s", key, value);
		return;
	}
	memmove(s->v + i, s->v + i + 1, (s->n - i) * sizeof(*s->v));
	s->n--;
}

bool str_has_prefix(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool str_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

bool str_is_u32(const char *s, size_t n, uint32_t v)
{
	uint64_t got = 0;

	if (!n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9' || got > UINT32_MAX)
			return false;
		got = got * 10 + (uint64_t)(s[i] - '0');
	}
	return got == v;
}

/* Length of the valid UTF-8 sequence at s, 0 when there is none.  C1 controls
 * count as invalid: some terminals obey them. */
static size_t utf8_len(const unsigned char *s, size_t n)
{
	size_t len;
	unsigned long c;

	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2, c = s[0] & 0x1f;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3, c = s[0] & 0x0f;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4, c = s[0] & 0x07;
	else
		return 0;
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if ((len == 3 && c < 0x800) || (len == 4 && c < 0x10000) || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff) || (c >= 0x80 && c < 0xa0))
		return 0;
	return len;
}

void buf_add_escaped(struct buf *b, const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	for (size_t i = 0; i < n;) {
		size_t len = u[i] >= 0x20 && u[i] < 0x7f ? 1 : utf8_len(u + i, n - i);

		if (len)
			buf_add(b, s + i, len);
		else
			buf_printf(b, "\\x%02x", u[i]), len = 1;
		i += len;
	}
}
