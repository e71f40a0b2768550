#include "registry/saved.h"

#include <string.h>

#include "tests/unit/unit.h"

#define D(c) "sha256:" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define ENTRY(name, digest)                                                                  \
	"{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"" digest \
	"\",\"size\":5,\"annotations\":{\"org.opencontainers.image.ref.name\":\"" name "\"}}"

static const char two[] = "{\"schemaVersion\":2,\"manifests\":[" ENTRY("1.0", D("0a")) "," ENTRY(
	"docker.io/library/box:2.0", D("0b")) "]}";

static const char *choose(const char *index, const char *ref)
{
	static char text[DIGEST_TEXT_MAX];
	static struct err e;
	auto_descriptor struct descriptor d = { 0 };
	struct platform p;

	ck_ok(platform_parse(&p, "amd64", &e), &e);
	if (layout_choose(&d, index, strlen(index), ref, &p, &e) < 0)
		return e.text;
	return digest_text(&d.digest, text);
}

START_TEST(an_entry_is_found_by_tag_by_full_name_and_by_digest)
{
	ck_assert_str_eq(choose(two, "1.0"), D("0a"));
	ck_assert_str_eq(choose(two, "2.0"), D("0b"));
	ck_assert_str_eq(choose(two, "box:2.0"), D("0b"));
	ck_assert_str_eq(choose(two, D("0b")), D("0b"));
	ck_assert_str_eq(choose(two, "3"),
			 "no image \"3\" in it; tags there: 1.0, docker.io/library/box:2.0");
	ck_assert_str_eq(choose(two, "0"), "no image \"0\" in it; tags there: 1.0, "
					   "docker.io/library/box:2.0");
}
END_TEST

START_TEST(the_only_entry_needs_no_name)
{
	ck_assert_str_eq(choose("{\"manifests\":[" ENTRY("x", D("0c")) "]}", NULL), D("0c"));
	ck_assert_str_eq(choose("{\"manifests\":[]}", NULL), "no image in it");
	ck_assert_str_eq(choose("{}", NULL), "index.json: \"manifests\" is no list");
}
END_TEST

static const char saved[] =
	"[{\"Config\":\"a.json\",\"RepoTags\":[\"box:1\"],\"Layers\":[\"l1/layer.tar\"]},"
	"{\"Config\":\"b.json\",\"RepoTags\":null,\"Layers\":[\"l1/layer.tar\",\"l2/layer.tar\"]}]";

static const char *save(const char *text, const char *ref)
{
	static struct buf out;
	static struct err e;
	auto_docker_save struct docker_save s = { 0 };

	if (docker_save_choose(&s, text, strlen(text), ref, &e) < 0)
		return e.text;
	buf_clear(&out);
	buf_printf(&out, "%s %zu", s.config, s.layers.n);
	return buf_str(&out);
}

START_TEST(an_image_of_docker_save_is_found_by_name_or_number)
{
	ck_assert_str_eq(save(saved, "box:1"), "a.json 1");
	ck_assert_str_eq(save(saved, "docker.io/library/box:1"), "a.json 1");
	ck_assert_str_eq(save(saved, "@1"), "b.json 2");
	ck_assert_str_eq(save(saved, NULL), "several images are in it: say which, as FILE:NAME:TAG "
					    "or FILE:@0 (there: box:1)");
	ck_assert_str_eq(save(saved, "box:2"), "no image \"box:2\" in it; there: box:1");
}
END_TEST

START_TEST(names_that_lead_out_of_the_archive_are_refused)
{
	ck_assert_str_eq(save("[{\"Config\":\"../x\",\"Layers\":[]}]", NULL),
			 "manifest.json: the image has no Config");
	ck_assert_str_eq(save("[{\"Config\":\"c\",\"Layers\":[\"/etc/passwd\"]}]", NULL),
			 "manifest.json: layer 1 has no name");
	ck_assert_str_eq(save("{}", NULL), "manifest.json lists no images");
}
END_TEST

UNIT(saved, an_entry_is_found_by_tag_by_full_name_and_by_digest, the_only_entry_needs_no_name,
     an_image_of_docker_save_is_found_by_name_or_number,
     names_that_lead_out_of_the_archive_are_refused)
