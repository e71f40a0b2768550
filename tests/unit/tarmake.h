/* tarmake: tar archives for tests, field by field, so that wrong ones can be made too.
 *
 *	auto_buf struct buf b = { 0 };
 *	tarmake_pax(&b, 'x', "path", "caf\xe9", 4);
 *	tarmake(&b, (struct tarmake){ .path = "x", .data = "hello", .len = 5 });
 *	tarmake_end(&b);
 */
#ifndef TESTS_UNIT_TARMAKE_H
#define TESTS_UNIT_TARMAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "src/base/buf.h"

struct tarmake {
	const char *path, *link, *prefix;
	const void *data;
	size_t len;
	char type; /* 0: '0' */
	unsigned mode, uid, gid, major, minor;
	long long mtime;
	unsigned long long size; /* 0: len */
	bool gnu, v7, unpadded;
	const void *raw; /* over the header from raw_at on */
	size_t raw_at, raw_len;
};

__attribute__((unused)) static void tarmake_sum(unsigned char *h)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
}

__attribute__((unused)) static void tarmake_pad(struct buf *b)
{
	while (b->len % 512)
		buf_addch(b, '\0');
}

__attribute__((unused)) static void tarmake(struct buf *b, struct tarmake t)
{
	unsigned char h[513] = { 0 };
	unsigned long long size = t.size ? t.size : t.len;

	memcpy(h, t.path, MIN(strlen(t.path), 100));
	snprintf((char *)h + 100, 8, "%07o", t.mode ? t.mode & 07777 : 0644);
	snprintf((char *)h + 108, 8, "%07o", t.uid & 07777777);
	snprintf((char *)h + 116, 8, "%07o", t.gid & 07777777);
	snprintf((char *)h + 124, 12, "%011llo", size & 077777777777);
	snprintf((char *)h + 136, 12, "%011llo", (unsigned long long)t.mtime & 077777777777);
	h[156] = (unsigned char)(t.type ? t.type : '0');
	if (t.link)
		memcpy(h + 157, t.link, MIN(strlen(t.link), 100));
	if (!t.v7)
		memcpy(h + 257, t.gnu ? "ustar  " : "ustar\00000", 8);
	snprintf((char *)h + 329, 8, "%07o", t.major & 07777777);
	snprintf((char *)h + 337, 8, "%07o", t.minor & 07777777);
	if (t.prefix)
		memcpy(h + 345, t.prefix, MIN(strlen(t.prefix), 155));
	if (t.raw)
		memcpy(h + t.raw_at, t.raw, t.raw_len);
	tarmake_sum(h);
	buf_add(b, h, 512);
	if (t.len)
		buf_add(b, t.data, t.len);
	if (!t.unpadded)
		tarmake_pad(b);
}

/* One record; value may hold any byte. */
__attribute__((unused)) static void tarmake_record(struct buf *b, const char *key,
						   const void *value, size_t n)
{
	size_t body = strlen(key) + n + 3, len = body;
	char num[24];

	while (len != body + (size_t)snprintf(num, sizeof(num), "%zu", len))
		len = body + strlen(num);
	buf_printf(b, "%zu %s=", len, key);
	buf_add(b, value, n);
	buf_addch(b, '\n');
}

__attribute__((unused)) static void tarmake_pax(struct buf *b, char type, const char *key,
						const void *value, size_t n)
{
	auto_buf struct buf rec = { 0 };

	tarmake_record(&rec, key, value, n);
	tarmake(b,
		(struct tarmake){ .path = "pax", .type = type, .data = rec.data, .len = rec.len });
}

__attribute__((unused)) static void tarmake_end(struct buf *b)
{
	static const char zero[1024];

	buf_add(b, zero, sizeof(zero));
}

#endif
