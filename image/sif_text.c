#include "image/sif_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "image/sif_format.h"

#define RULE "------------------------------------------------------------------------------\n"

const char *sif_type_text(int32_t type)
{
	static const char *const names[] = {
		"Def.FILE",  "Env.Vars",      "JSON.Labels", "FS",
		"Signature", "JSON.Generic",  "Generic/Raw", "Cryptographic Message",
		"SBOM",	     "OCI.RootIndex", "OCI.Blob",
	};

	if (type < SIF_DEFFILE || type > SIF_OCI_BLOB)
		return "Unknown";
	return names[type - SIF_DEFFILE];
}

static const char *fs_text(int32_t fs)
{
	static const char *const names[] = {
		"Squashfs", "Ext3", "Archive", "Raw", "Encrypted squashfs", "Gocryptfs squashfs"
	};

	return fs >= 1 && fs <= (int32_t)ARRAY_LEN(names) ? names[fs - 1] : "Unknown";
}

static const char *part_text(int32_t part)
{
	static const char *const names[] = { "System", "*System", "Data", "Overlay" };

	return part >= 1 && part <= (int32_t)ARRAY_LEN(names) ? names[part - 1] : "Unknown";
}

static const char *hash_text(const struct sif_object *o)
{
	static const char *const names[] = { "SHA-256", "SHA-384", "SHA-512", "BLAKE2s-256",
					     "BLAKE2b-256" };
	uint64_t h = sif_get(o->extra, 4);

	return h >= 1 && h <= ARRAY_LEN(names) ? names[h - 1] : "Unknown";
}

static const char *sbom_text(const struct sif_object *o)
{
	static const char *const names[] = { "cyclonedx-json", "cyclonedx-xml", "github-json",
					     "spdx-json",      "spdx-rdf",	"spdx-tag-value",
					     "spdx-yaml",      "syft-json" };
	uint64_t v = sif_get(o->extra, 4);

	return v >= 1 && v <= ARRAY_LEN(names) ? names[v - 1] : "unknown format";
}

static const char *format_text(const struct sif_object *o)
{
	uint64_t f = sif_get(o->extra, 4);

	return f == 1 ? "OpenPGP" : f == 2 ? "PEM" : "Unknown";
}

static const char *message_text(const struct sif_object *o)
{
	uint64_t m = sif_get(o->extra + 4, 4);

	return m == 0x100 ? "Clear Signature" : m == 0x200 ? "RSA-OAEP" : "Unknown";
}

/* Binary units without a fraction, as the reference tool rounds. */
static void add_bytes(struct buf *out, int64_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double v = (double)n;
	size_t u = 0;

	while (v >= 1024 && u + 1 < ARRAY_LEN(units))
		v /= 1024, u++;
	buf_printf(out, "%.0f %s", v, units[u]);
}

static void add_time(struct buf *out, int64_t t)
{
	time_t when = (time_t)t;
	char text[64];
	struct tm tm;

	if (!gmtime_r(&when, &tm)) {
		buf_printf(out, "%" PRId64, t);
		return;
	}
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S +0000 UTC", &tm);
	buf_adds(out, text);
}

/* One column of labels, padded to the widest. */
struct table_text {
	struct buf *out;
	const char *indent;
	int width;
};

static void row(struct table_text *t, const char *label, const char *value)
{
	buf_printf(t->out, "%s%-*s%s\n", t->indent, t->width, label, value);
}

static void row_number(struct table_text *t, const char *label, int64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, v);
	row(t, label, text);
}

static void row_bytes(struct table_text *t, const char *label, int64_t v)
{
	auto_buf struct buf b = { 0 };

	add_bytes(&b, v);
	row(t, label, buf_str(&b));
}

static void row_time(struct table_text *t, const char *label, int64_t v)
{
	auto_buf struct buf b = { 0 };

	/* The zero time of a deterministic image says nothing. */
	if (v == SIF_ZERO_TIME)
		return;
	add_time(&b, v);
	row(t, label, buf_str(&b));
}

static void row_escaped(struct table_text *t, const char *label, const char *s)
{
	auto_buf struct buf b = { 0 };

	buf_add_escaped(&b, s, strlen(s));
	row(t, label, buf_str(&b));
}

static bool is_nil(const uint8_t *id)
{
	static const uint8_t nil[16];

	return !memcmp(id, nil, 16);
}

static void row_id(struct table_text *t, const uint8_t *u)
{
	char text[40];

	if (is_nil(u))
		return;
	snprintf(text, sizeof(text),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
		 u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
		 u[15]);
	row(t, "ID:", text);
}

void sif_text_header(const struct sif *s, struct buf *out)
{
	bool arch = strcmp(s->arch, "00") != 0;
	struct table_text t = { out, "", arch ? 22 : 20 };
	auto_free char *launch = xstrndup(s->launch, strcspn(s->launch, "\n"));

	if (*launch)
		row_escaped(&t, "Launch Script:", launch);
	row(&t, "Version:", SIF_VERSION);
	if (arch)
		row(&t, "Primary Architecture:", sif_arch_name(s->arch));
	row_id(&t, s->uuid);
	row_time(&t, "Created At:", s->ctime);
	row_time(&t, "Modified At:", s->mtime);
	row_number(&t, "Descriptors Free:", s->total - (int64_t)s->n);
	row_number(&t, "Descriptors Total:", s->total);
	row_number(&t, "Descriptors Offset:", s->table_off);
	row_bytes(&t, "Descriptors Size:", s->total * SIF_DESC_SIZE);
	row_number(&t, "Data Offset:", s->data_off);
	row_bytes(&t, "Data Size:", s->data_size);
}

static void add_link(struct buf *out, uint32_t link, int width)
{
	if (!link)
		buf_adds(out, "NONE");
	else if ((link & SIF_GROUP_BIT) == SIF_GROUP_BIT)
		buf_printf(out, "%-*u (G)", width, link & ~SIF_GROUP_BIT);
	else
		buf_printf(out, "%u", link);
}

static void add_type(struct buf *out, const struct sif_object *o)
{
	buf_adds(out, sif_type_text(o->type));
	if (o->type == SIF_PARTITION)
		buf_printf(out, " (%s/%s/%s)", fs_text(o->fs), part_text(o->part),
			   sif_arch_name(o->arch));
	else if (o->type == SIF_SIGNATURE)
		buf_printf(out, " (%s)", hash_text(o));
	else if (o->type == SIF_CRYPTO)
		buf_printf(out, " (%s/%s)", format_text(o), message_text(o));
	else if (o->type == SIF_SBOM)
		buf_printf(out, " (%s)", sbom_text(o));
}

void sif_text_list(const struct sif *s, struct buf *out)
{
	buf_adds(out, RULE);
	buf_adds(out, "ID   |GROUP   |LINK    |SIF POSITION (start-end)  |TYPE\n");
	buf_adds(out, RULE);
	for (size_t i = 0; i < s->n; i++) {
		const struct sif_object *o = &s->obj[i];
		auto_buf struct buf group = { 0 }, link = { 0 }, where = { 0 };

		if (o->group)
			buf_printf(&group, "%u", o->group);
		add_link(&link, o->link, 3);
		buf_printf(&where, "%" PRId64 "-%" PRId64, o->off, o->off + o->size);
		buf_printf(out, "%-4u |%-7s |%-7s |%-25s |", o->id,
			   group.len ? buf_str(&group) : "NONE", buf_str(&link), buf_str(&where));
		add_type(out, o);
		buf_addch(out, '\n');
	}
}

static void row_entity(struct table_text *t, const struct sif_object *o)
{
	char text[41];

	for (int i = 0; i < 20; i++)
		snprintf(text + 2 * i, 3, "%02X", o->extra[4 + i]);
	row(t, "Entity:", text);
}

void sif_text_info(const struct sif_object *o, struct buf *out)
{
	bool zero = o->ctime == SIF_ZERO_TIME && o->mtime == SIF_ZERO_TIME;
	int width = o->type == SIF_PARTITION ? 18 : o->type == SIF_CRYPTO ? 15 : zero ? 12 : 14;
	struct table_text t = { out, "  ", width };
	auto_buf struct buf group = { 0 }, link = { 0 };

	if (o->group)
		buf_printf(&group, "%u", o->group);
	add_link(&link, o->link, 1);
	row(&t, "Data Type:", sif_type_text(o->type));
	row_number(&t, "ID:", o->id);
	row(&t, "Group ID:", group.len ? buf_str(&group) : "NONE");
	row(&t, "Linked ID:", buf_str(&link));
	row_number(&t, "Offset:", o->off);
	row_number(&t, "Size:", o->size);
	row_time(&t, "Created At:", o->ctime);
	row_time(&t, "Modified At:", o->mtime);
	if (*o->name)
		row_escaped(&t, "Name:", o->name);
	if (o->type == SIF_PARTITION) {
		row(&t, "Filesystem Type:", fs_text(o->fs));
		row(&t, "Partition Type:", part_text(o->part));
		row(&t, "Architecture:", sif_arch_name(o->arch));
	} else if (o->type == SIF_SIGNATURE) {
		row(&t, "Hash Type:", hash_text(o));
		row_entity(&t, o);
	} else if (o->type == SIF_CRYPTO) {
		row(&t, "Format Type:", format_text(o));
		row(&t, "Message Type:", message_text(o));
	} else if (o->type == SIF_SBOM) {
		row(&t, "Format:", sbom_text(o));
	}
}
