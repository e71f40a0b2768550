#include "registry/manifest.h"

#include <stdio.h>
#include <string.h>

#include "src/base/buf.h"
#include "tests/unit/unit.h"

#define H64    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA    "sha256:" H64
#define OCI    "application/vnd.oci.image.manifest.v1+json"
#define INDEX  "application/vnd.oci.image.index.v1+json"
#define LIST   "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER "application/vnd.docker.distribution.manifest.v2+json"
#define CONFIG                                                                          \
	"{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"" SHA \
	"\",\"size\":7}"
#define LAYER                                                                              \
	"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"" SHA \
	"\",\"size\":100}"
#define DESC(type, digest, size) "{\"mediaType\":" type ",\"digest\":" digest ",\"size\":" size "}"

static int parse(struct manifest *m, const char *text, struct err *e)
{
	return manifest_parse(m, text, strlen(text), NULL, e);
}

START_TEST(a_manifest_gives_config_and_layers_in_order)
{
	static const char text[] = "{\"schemaVersion\":2,\"mediaType\":\"" OCI
				   "\",\"config\":" CONFIG ",\"layers\":[" LAYER "," LAYER "]}";
	auto_manifest struct manifest m = { 0 };
	char dg[DIGEST_TEXT_MAX];
	struct err e = { 0 };

	ck_ok(parse(&m, text, &e), &e);
	ck_assert_str_eq(m.media_type, OCI);
	ck_assert_uint_eq(m.config.size, 7);
	ck_assert_uint_eq(m.nlayers, 2);
	ck_assert_uint_eq(m.total, 200);
	ck_assert_str_eq(digest_text(&m.layers[1].digest, dg), SHA);
	ck_ok(manifest_check_image(&m, &e), &e);
}
END_TEST

START_TEST(the_type_is_what_server_and_document_agree_on)
{
	static const struct {
		const char *body, *said, *want; /* want NULL: refused */
	} rows[] = {
		{ "{\"mediaType\":\"" OCI "\"}", OCI "; charset=utf-8", OCI },
		{ "{\"mediaType\":\"" OCI "\"}", NULL, OCI },
		{ "{\"mediaType\":\"" DOCKER "\"}", "application/json", DOCKER },
		{ "{\"mediaType\":\"" DOCKER "\"}", "text/plain; charset=utf-8", DOCKER },
		{ "{}", INDEX, INDEX },
		{ "{\"manifests\":[]}", NULL, INDEX },
		{ "{\"layers\":[]}", "application/octet-stream", OCI },
		{ "{\"mediaType\":\"" OCI "\"}", DOCKER, NULL },
		{ "{\"mediaType\":\"" OCI "\"}", INDEX, NULL },
		{ "{\"mediaType\":7}", OCI, NULL },
		{ "{\"mediaType\":\"a/b\"}", NULL, NULL },
		{ "{\"manifests\":[],\"layers\":[]}", INDEX, NULL },
		{ "{\"manifests\":[],\"config\":{}}", OCI, NULL },
		{ "[]", OCI, NULL },
		{ "null", OCI, NULL },
		{ "", OCI, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *type = NULL;
		struct err e = { 0 };
		int r = manifest_type(&type, rows[i].body, strlen(rows[i].body), rows[i].said, &e);

		if (rows[i].want) {
			ck_ok(r, &e);
			ck_assert_str_eq(type, rows[i].want);
		} else {
			ck_assert_msg(r == -1, "%s", rows[i].body);
			ck_assert_ptr_null(strchr(e.text, '\n'));
		}
	}
}
END_TEST

START_TEST(schema_1_is_refused_with_what_to_do)
{
	const char *type;
	struct err e = { 0 };

	ck_assert_int_eq(manifest_type(&type, "{\"schemaVersion\":1}", 19,
				       "application/vnd.docker.distribution.manifest.v1+prettyjws",
				       &e),
			 -1);
	ck_assert_int_eq(e.kind, ERR_UNSUPPORTED);
	ck_assert_str_eq(e.text, "the image has the obsolete manifest schema 1; push it again with "
				 "a current tool");
}
END_TEST

START_TEST(hostile_manifests_are_refused_by_the_member_at_fault)
{
#define WITH(config, layers) "{\"schemaVersion\":2,\"config\":" config ",\"layers\":" layers "}"
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ WITH(CONFIG, "{}"), "manifest: \"layers\" is no list" },
		{ WITH(CONFIG, "null"), "manifest: \"layers\" is no list" },
		{ WITH(CONFIG, "[7]"), "manifest: layer 1 of 1 is no JSON object" },
		{ WITH(CONFIG, "[" LAYER ",null]"), "manifest: layer 2 of 2 is no JSON object" },
		{ WITH("[]", "[]"), "manifest: config is no JSON object" },
		{ WITH(DESC("7", "\"" SHA "\"", "1"), "[]"), "manifest: config has no mediaType" },
		{ WITH(DESC("\"\"", "\"" SHA "\"", "1"), "[]"),
		  "manifest: config has no mediaType" },
		{ WITH(DESC("\"a\"", "7", "1"), "[]"), "manifest: config has no digest" },
		{ WITH(DESC("\"a\"", "\"sha256:../../x\"", "1"), "[]"),
		  "manifest: config has \"sha256:../../x\" for a digest" },
		{ WITH(DESC("\"a\"", "\"md5:00\\n\"", "1"), "[]"),
		  "manifest: config has \"md5:00\\x0a\" for a digest" },
		{ WITH(DESC("\"a\"", "\"" SHA "\"", "-1"), "[]"),
		  "manifest: config has no believable size" },
		{ WITH(DESC("\"a\"", "\"" SHA "\"", "1e3"), "[]"),
		  "manifest: config has no believable size" },
		{ WITH(DESC("\"a\"", "\"" SHA "\"", "\"1\""), "[]"),
		  "manifest: config has no believable size" },
		{ WITH(DESC("\"a\"", "\"" SHA "\"", "18446744073709551615"), "[]"),
		  "manifest: config has no believable size" },
		{ WITH(DESC("\"a\"", "\"" SHA "\"", "1125899906842625"), "[]"),
		  "manifest: config has no believable size" },
		{ "{\"schemaVersion\":1,\"layers\":[]}", "manifest: schemaVersion is not 2" },
		{ "{\"layers\":[]}", "manifest: schemaVersion is not 2" },
		{ "{\"manifests\":[]}", "an index stands where a manifest was expected" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_manifest struct manifest m = { 0 };
		struct err e = { 0 };

		ck_assert_msg(parse(&m, rows[i].text, &e) == -1, "%s", rows[i].text);
		ck_assert_str_eq(e.text, rows[i].why);
	}
}
END_TEST

START_TEST(large_and_deep_documents_are_refused_before_they_cost_anything)
{
	auto_free char *big = xmalloc(MANIFEST_MAX + 2);
	auto_buf struct buf deep = { 0 }, many = { 0 };
	auto_manifest struct manifest m = { 0 };
	struct err e = { 0 };

	memset(big, ' ', MANIFEST_MAX + 1);
	big[MANIFEST_MAX + 1] = '\0';
	ck_assert_int_eq(parse(&m, big, &e), -1);
	ck_assert_int_eq(e.kind, ERR_LIMIT);
	for (int i = 0; i < 100000; i++)
		buf_adds(&deep, "[");
	ck_assert_int_eq(parse(&m, buf_str(&deep), &e), -1);
	ck_assert_int_eq(e.kind, ERR_LIMIT);
	buf_adds(&many, "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[");
	for (int i = 0; i <= MANIFEST_MAX_LAYERS; i++)
		buf_printf(&many, "%s%s", i ? "," : "", LAYER);
	buf_adds(&many, "]}");
	ck_assert_int_eq(parse(&m, buf_str(&many), &e), -1);
	ck_assert_str_eq(e.text, "manifest: 1025 layers, the limit is 1024");
}
END_TEST

START_TEST(what_is_no_container_image_is_named_by_its_media_type)
{
	static const char sif[] = "{\"schemaVersion\":2,\"config\":" DESC(
		"\"application/vnd.sylabs.sif.config.v1+json\"", "\"" SHA "\"",
		"2") ",\"layers\":[]}";
	static const char odd[] = "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[" LAYER
				  "," DESC("\"a/b\\u001b\"", "\"" SHA "\"", "2") "]}";
	auto_manifest struct manifest a = { 0 }, b = { 0 };
	struct err e = { 0 };

	ck_ok(parse(&a, sif, &e), &e);
	ck_assert_int_eq(manifest_check_image(&a, &e), -1);
	ck_assert_str_eq(e.text, "the config has the unknown media type "
				 "\"application/vnd.sylabs.sif.config.v1+json\"");
	ck_ok(parse(&b, odd, &e), &e);
	ck_assert_int_eq(manifest_check_image(&b, &e), -1);
	ck_assert_str_eq(e.text, "layer 2 of 2 has the unknown media type \"a/b\\x1b\"");
	ck_assert_int_eq(e.kind, ERR_UNSUPPORTED);
}
END_TEST

/* An index with an entry a word: "linux/amd64", "-" without platform, "?" an
 * attestation, "artifact".  Its digest ends in the entry's number. */
static void make_index(struct buf *out, const char *const *entries)
{
	buf_adds(out, "{\"schemaVersion\":2,\"mediaType\":\"" INDEX "\",\"manifests\":[");
	for (size_t i = 0; entries[i]; i++) {
		auto_strv struct strv p = { 0 };

		strv_split(&p, entries[i], '/');
		buf_printf(out,
			   "%s{\"mediaType\":\"" OCI "\",\"size\":9,\"digest\":\"sha256:%064zu\"",
			   i ? "," : "", i);
		if (!strcmp(entries[i], "?"))
			buf_adds(out,
				 ",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}");
		else if (!strcmp(entries[i], "artifact"))
			buf_adds(out, ",\"artifactType\":\"a/sbom\",\"platform\":{\"os\":\"linux\","
				      "\"architecture\":\"amd64\"}");
		else if (strcmp(entries[i], "-") != 0)
			buf_printf(out,
				   ",\"platform\":{\"os\":\"%s\",\"architecture\":\"%s\","
				   "\"variant\":\"%s\"}",
				   p.v[0], p.v[1], p.n > 2 ? p.v[2] : "");
		buf_adds(out, "}");
	}
	buf_adds(out, "]}");
}

START_TEST(an_index_gives_the_entry_for_the_platform)
{
	static const struct {
		const char *want, *entries[8];
		int chosen; /* -1: none */
	} rows[] = {
		{ "amd64", { "linux/arm64", "linux/amd64" }, 1 },
		{ "amd64", { "linux/amd64", "linux/amd64" }, 0 },
		{ "amd64", { "windows/amd64", "?", "artifact", "linux/amd64/v1" }, 3 },
		{ "amd64", { "linux/amd64/v3", "linux/amd64" }, 1 },
		{ "amd64/v3", { "linux/amd64", "linux/amd64/v4", "linux/amd64/v2" }, 2 },
		{ "arm64", { "linux/arm/v7", "linux/arm64/v8" }, 1 },
		{ "arm/v7", { "linux/arm/v5", "linux/arm/v6", "linux/arm64/v8" }, 1 },
		{ "arm64", { "-", "linux/amd64" }, 0 },
		{ "amd64", { "-", "-" }, -1 },
		{ "amd64", { "?", "artifact" }, -1 },
		{ "s390x", { "linux/amd64" }, -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf text = { 0 };
		auto_descriptor struct descriptor d = { 0 };
		struct platform want;
		struct err e = { 0 };
		int r;

		make_index(&text, rows[i].entries);
		ck_ok(platform_parse(&want, rows[i].want, &e), &e);
		r = index_choose(&d, buf_str(&text), text.len, &want, &e);
		ck_assert_msg((r == 0) == (rows[i].chosen >= 0), "row %zu: %s", i, e.text);
		if (r == 0) /* the last hexadecimal digit is the entry's number */
			ck_assert_int_eq(d.digest.raw[31], rows[i].chosen);
		else
			ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	}
}
END_TEST

START_TEST(no_match_lists_the_platforms_on_offer_once_each)
{
	static const char *const entries[] = { "linux/arm64/v8", "windows/amd64",  "?",
					       "linux/arm64/v8", "linux/s390\x1b", NULL };
	auto_buf struct buf text = { 0 };
	auto_descriptor struct descriptor d = { 0 };
	struct platform want = { "linux", "amd64", "" };
	struct err e = { 0 };

	make_index(&text, entries);
	/* a raw control byte is no JSON; written as an escape it is */
	ck_assert_int_eq(index_choose(&d, buf_str(&text), text.len, &want, &e), -1);
	buf_clear(&text);
	make_index(&text, (const char *const[]){ entries[0], entries[1], "?", entries[3],
						 "linux/s390\\u001b", NULL });
	ck_assert_int_eq(index_choose(&d, buf_str(&text), text.len, &want, &e), -1);
	ck_assert_str_eq(e.text, "no image for linux/amd64; on offer: linux/arm64/v8, "
				 "windows/amd64, linux/s390\\x1b (choose with --arch)");
}
END_TEST

START_TEST(a_hostile_index_is_refused)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "{\"manifests\":{}}", "index: \"manifests\" is no list" },
		{ "{\"manifests\":[]}", "no image for linux/amd64; on offer: none (choose with "
					"--arch)" },
		{ "{\"manifests\":[1,null,\"x\",[]]}",
		  "no image for linux/amd64; on offer: none (choose with --arch)" },
		{ "{\"manifests\":[{}]}", "manifest: the index entry has no mediaType" },
		{ "{\"manifests\":[{\"platform\":{\"os\":[],\"architecture\":{}}}]}",
		  "manifest: the index entry has no mediaType" },
	};
	struct platform want = { "linux", "amd64", "" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_descriptor struct descriptor d = { 0 };
		struct err e = { 0 };

		ck_assert_int_eq(index_choose(&d, rows[i].text, strlen(rows[i].text), &want, &e),
				 -1);
		ck_assert_str_eq(e.text, rows[i].why);
	}
}
END_TEST

UNIT(manifest, a_manifest_gives_config_and_layers_in_order,
     the_type_is_what_server_and_document_agree_on, schema_1_is_refused_with_what_to_do,
     hostile_manifests_are_refused_by_the_member_at_fault,
     large_and_deep_documents_are_refused_before_they_cost_anything,
     what_is_no_container_image_is_named_by_its_media_type,
     an_index_gives_the_entry_for_the_platform, no_match_lists_the_platforms_on_offer_once_each,
     a_hostile_index_is_refused)
