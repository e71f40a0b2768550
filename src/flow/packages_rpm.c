/* rpm's databases.  sqlite: the table Packages(hnum, blob).  ndb: Packages.db, lib/backend/ndb's
 * rpmpkg.c.  Either holds one header a package: a table of {tag, type, offset, count} and the data
 * that it points into (rpm's docs/manual/format.md), all big-endian. */
#include <stdio.h>
#include <string.h>

#include "src/base/buf.h"
#include "src/base/sqlite.h"
#include "src/flow/packages.h"

#define TAG_NAME    1000
#define TAG_VERSION 1001
#define TAG_RELEASE 1002
#define TAG_EPOCH   1003
#define TAG_ARCH    1022
#define TYPE_INT32  4
#define TYPE_STRING 6
#define TAGS_MAX    65536

static uint32_t be32(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

struct header {
	const char *name, *version, *release, *arch;
	bool has_epoch;
	uint32_t epoch;
};

/* A string that ends before the data does; NULL: it does not. */
static const char *string_at(const char *data, size_t n, uint32_t at)
{
	return at < n && memchr(data + at, '\0', n - at) ? data + at : NULL;
}

static int header_parse(struct header *h, const char *p, size_t n)
{
	uint32_t entries, size;
	const char *data;

	*h = (struct header){ 0 };
	if (n < 8)
		return -1;
	entries = be32(p);
	size = be32(p + 4);
	if (entries > TAGS_MAX || (uint64_t)entries * 16 + size > n - 8)
		return -1;
	data = p + 8 + (size_t)entries * 16;
	for (uint32_t i = 0; i < entries; i++) {
		const char *en = p + 8 + (size_t)i * 16;
		uint32_t tag = be32(en), type = be32(en + 4), at = be32(en + 8);
		const char **to = tag == TAG_NAME      ? &h->name
				  : tag == TAG_VERSION ? &h->version
				  : tag == TAG_RELEASE ? &h->release
				  : tag == TAG_ARCH    ? &h->arch
						       : NULL;

		if (to && type == TYPE_STRING)
			*to = string_at(data, size, at);
		if (tag == TAG_EPOCH && type == TYPE_INT32 && size >= 4 && at <= size - 4) {
			h->has_epoch = true;
			h->epoch = be32(data + at);
		}
	}
	return h->name && h->version ? 0 : -1;
}

/* As rpm -qa names it: [EPOCH:]VERSION[-RELEASE]. */
static int add(struct package_list *out, const char *p, size_t n)
{
	auto_buf struct buf version = { 0 };
	struct header h;

	if (header_parse(&h, p, n) < 0)
		return -1;
	if (h.has_epoch)
		buf_printf(&version, "%u:", h.epoch);
	buf_adds(&version, h.version);
	if (h.release)
		buf_printf(&version, "-%s", h.release);
	return package_add(out, h.name, buf_str(&version), h.arch ? h.arch : "");
}

static int row(void *arg, const struct sqlite_value *v, struct err *e)
{
	if (v[1].kind != SQLITE_BLOB)
		return err_set(e, ERR_INPUT, "a row that holds no package");
	return add(arg, v[1].p, v[1].n);
}

int packages_rpm_sqlite(const char *text, size_t n, struct package_list *out)
{
	struct err ignored;

	return sqlite_rows(text, n, "Packages", 2, row, out, &ignored);
}

#define NDB_PAGE   4096
#define NDB_HEADER 32
#define NDB_SLOT   16
#define NDB_BLOCK  16

int packages_rpm_ndb(const char *text, size_t n, struct package_list *out)
{
	uint64_t slots, room = n; /* no two slots have one blob */

	if (n < NDB_HEADER || memcmp(text, "RpmP", 4) != 0 || le32(text + 4) != 0)
		return -1;
	slots = (uint64_t)le32(text + 12) * NDB_PAGE;
	if (slots > n)
		return -1;
	for (uint64_t at = NDB_HEADER; at + NDB_SLOT <= slots; at += NDB_SLOT) {
		const char *slot = text + at;
		uint64_t off = (uint64_t)le32(slot + 8) * NDB_BLOCK;
		uint32_t len;

		if (memcmp(slot, "Slot", 4) != 0)
			return -1;
		if (!le32(slot + 4) || !off) /* a free one */
			continue;
		if (off + 16 > n || memcmp(text + off, "BlbS", 4) != 0)
			return -1;
		len = le32(text + off + 12);
		if (len > n - off - 16 || len > room)
			return -1;
		room -= len;
		if (add(out, text + off + 16, len) < 0)
			return -1;
	}
	return 0;
}
