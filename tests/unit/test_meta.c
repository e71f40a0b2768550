#include "image/meta.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/json.h"
#include "tests/unit/unit.h"

static const char config[] =
	"{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2025-01-02T10:01:02Z\","
	"\"config\":{\"Env\":[\"A=b\"],\"Cmd\":[\"bash\"],\"Labels\":{\"z\":\"<&>\","
	"\"org.opencontainers.image.created\":\"mine\","
	"\"org.opencontainers.image.base.digest\":\"sha256:old\"}}}";

static struct meta *make(const char *text)
{
	auto_oci struct oci_config *c = NULL;
	struct meta *m = NULL;
	struct digest d;
	struct err e = { 0 };

	ck_ok(oci_parse_image(&c, text, strlen(text), &e), &e);
	digest_of(&d, DIGEST_SHA256, "", 0);
	meta_for_oci(&m, c, &d);
	return m;
}

static const struct flatten_node *find(const struct meta *m, const char *path)
{
	for (size_t i = 0; i < m->nnodes; i++)
		if (!strcmp(m->nodes[i].path, path))
			return &m->nodes[i];
	return NULL;
}

START_TEST(a_root_file_system_gets_what_apptainer_adds)
{
	static const struct {
		const char *path;
		mode_t mode;
		bool replace;
	} want[] = {
		{ "/.singularity.d/env/10-docker2singularity.sh", S_IFREG | 0755, true },
		{ "/.singularity.d/env/90-environment.sh", S_IFREG | 0755, false },
		{ "/.singularity.d/env/99-base.sh", S_IFREG | 0755, true },
		{ "/.singularity.d/runscript", S_IFREG | 0755, true },
		{ "/.singularity.d/labels.json", S_IFREG | 0644, true },
		{ "/.singularity.d/actions/exec", S_IFREG | 0755, true },
		{ "/.singularity.d/libs", S_IFDIR | 0755, false },
		{ "/singularity", S_IFLNK | 0777, false },
		{ "/environment", S_IFLNK | 0777, false },
		{ "/tmp", S_IFDIR | 01777, false },
		{ "/etc/resolv.conf", S_IFREG | 0644, false },
	};
	auto_meta struct meta *m = make(config);

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const struct flatten_node *n = find(m, want[i].path);

		ck_assert_msg(n != NULL, "%s", want[i].path);
		ck_assert_int_eq(n->mode, want[i].mode);
		ck_assert_int_eq(n->replace, want[i].replace);
		ck_assert_int_eq(n->mtime, 1735812062);
	}
	ck_assert_str_eq(find(m, "/singularity")->data, ".singularity.d/runscript");
	/* No recipe: it would name the registry. */
	ck_assert_ptr_null(find(m, "/.singularity.d/Singularity"));
}
END_TEST

START_TEST(parents_come_before_what_lies_in_them)
{
	auto_meta struct meta *m = make(config);

	for (size_t i = 0; i < m->nnodes; i++)
		for (size_t k = 0; k < i; k++) {
			size_t n = strlen(m->nodes[i].path);

			ck_assert(strncmp(m->nodes[k].path, m->nodes[i].path, n) != 0 ||
				  m->nodes[k].path[n] != '/');
		}
}
END_TEST

START_TEST(labels_are_the_images_own_and_the_builds)
{
	auto_meta struct meta *m = make(config);

	ck_assert_str_eq(
		find(m, "/.singularity.d/labels.json")->data,
		"{\n"
		"\t\"org.label-schema.build-arch\": \"amd64\",\n"
		"\t\"org.label-schema.build-date\": \"Thursday_2_January_2025_10:1:2_UTC\",\n"
		"\t\"org.label-schema.schema-version\": \"1.0\",\n"
		"\t\"org.opencontainers.image.architecture\": \"amd64\",\n"
		"\t\"org.opencontainers.image.base.digest\": "
		"\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\n"
		"\t\"org.opencontainers.image.created\": \"mine\",\n"
		"\t\"z\": \"\\u003c\\u0026\\u003e\"\n"
		"}");
}
END_TEST

START_TEST(the_inspect_object_has_apptainers_shape)
{
	auto_meta struct meta *m = make(config);
	auto_json struct json *doc = NULL;
	const struct json *at;
	struct err e = { 0 };

	ck_ok(json_parse(&doc, m->inspect.data, m->inspect.len, 1 << 20, &e), &e);
	ck_assert_str_eq(json_str(json_get(doc, "type")), "container");
	at = json_get(json_get(doc, "data"), "attributes");
	ck_assert_str_eq(json_str(json_get(json_get(at, "environment"),
					   "/.singularity.d/env/10-docker2singularity.sh")),
			 "#!/bin/sh\nexport A=\"${A:-\"b\"}\"\n");
	ck_assert_str_eq(json_str(json_get(json_get(at, "labels"), "z")), "<&>");
	ck_assert_str_eq(json_str(json_get(at, "runscript")),
			 find(m, "/.singularity.d/runscript")->data);
	ck_assert_ptr_null(json_get(at, "deffile"));
}
END_TEST

START_TEST(the_same_config_gives_the_same_bytes)
{
	auto_meta struct meta *a = make(config), *b = make(config);

	ck_assert_uint_eq(a->nnodes, b->nnodes);
	for (size_t i = 0; i < a->nnodes; i++) {
		ck_assert_str_eq(a->nodes[i].path, b->nodes[i].path);
		ck_assert_str_eq(a->nodes[i].data, b->nodes[i].data);
	}
	ck_assert_str_eq(buf_str(&a->inspect), buf_str(&b->inspect));
}
END_TEST

START_TEST(a_config_without_anything_still_makes_an_image)
{
	auto_meta struct meta *m = make("{}");

	ck_assert_int_eq(find(m, "/tmp")->mtime, 0);
	ck_assert_ptr_null(strstr(find(m, "/.singularity.d/labels.json")->data, "build-date"));
}
END_TEST

UNIT(meta, a_root_file_system_gets_what_apptainer_adds, parents_come_before_what_lies_in_them,
     labels_are_the_images_own_and_the_builds, the_inspect_object_has_apptainers_shape,
     the_same_config_gives_the_same_bytes, a_config_without_anything_still_makes_an_image)
