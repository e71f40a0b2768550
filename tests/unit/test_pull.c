/* Pulls by digest of what a store has: the whole way but the network. */
#include "src/flow/pull.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "image/squash.h"
#include "image/store.h"
#include "src/base/fd.h"
#include "src/flow/inspect.h"
#include "src/flow/output.h"
#include "src/flow/pull_source.h"
#include "tests/unit/unit.h"

#define OCI "application/vnd.oci.image."

static char dir[64];
static struct store *store;

static void setup(void)
{
	struct err e = { 0 };

	strcpy(dir, "/tmp/berth-pull-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_ok(store_open(&store, "cache", &e), &e);
}

static void teardown(void)
{
	store_close(store);
	output_remove_tree(AT_FDCWD, dir);
}

/* Puts a blob into the store; text gets its digest. */
static const char *put_blob(const void *p, size_t n, char text[static DIGEST_TEXT_MAX])
{
	struct err e = { 0 };
	struct digest d;

	digest_of(&d, DIGEST_SHA256, p, n);
	ck_ok(store_write(store, &d, p, n, &e), &e);
	return digest_text(&d, text);
}

/* An archive of one file (POSIX.1-1988 ustar). */
static void make_tar(char tar[static 10240], const char *name, const char *body)
{
	unsigned sum = 0;

	memset(tar, 0, 10240);
	snprintf(tar, 100, "%s", name);
	snprintf(tar + 100, 8, "%07o", 0644);
	snprintf(tar + 108, 8, "%07o", 0);
	snprintf(tar + 116, 8, "%07o", 0);
	snprintf(tar + 124, 12, "%011o", (unsigned)strlen(body) & 07777);
	snprintf(tar + 136, 12, "%011o", 1000);
	memcpy(tar + 257, "ustar\00000", 8);
	tar[156] = '0';
	memset(tar + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)tar[i];
	snprintf(tar + 148, 7, "%06o", sum);
	memcpy(tar + 512, body, strlen(body));
}

struct made {
	char uri[256];
	char layer[DIGEST_TEXT_MAX];
};

/* An image of one layer; platform: the config's first members; diff: NULL for the true one. */
static struct made make_image(const char *platform, const char *diff)
{
	struct made m;
	char tar[10240], config_digest[DIGEST_TEXT_MAX], manifest_digest[DIGEST_TEXT_MAX];
	auto_free char *config = NULL, *manifest = NULL;

	make_tar(tar, "hello", "world\n");
	put_blob(tar, sizeof(tar), m.layer);
	config = xasprintf("{%s,\"created\":\"2025-01-02T10:11:12Z\",\"config\":{\"Env\":"
			   "[\"A=b\"],\"Cmd\":[\"/hello\"],\"Labels\":{\"k\":\"v\"}},"
			   "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[%s%s%s]}}",
			   platform, diff && !*diff ? "" : "\"", diff ? diff : m.layer,
			   diff && !*diff ? "" : "\"");
	put_blob(config, strlen(config), config_digest);
	manifest =
		xasprintf("{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\","
			  "\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"%s\","
			  "\"size\":%zu},\"layers\":[{\"mediaType\":\"" OCI "layer.v1.tar\","
			  "\"digest\":\"%s\",\"size\":%zu}]}",
			  config_digest, strlen(config), m.layer, sizeof(tar));
	put_blob(manifest, strlen(manifest), manifest_digest);
	/* .invalid never resolves (RFC 6761): the network would be an error. */
	snprintf(m.uri, sizeof(m.uri), "docker://registry.invalid/lab/x@%s", manifest_digest);
	return m;
}

#define AMD64 "\"architecture\":\"amd64\",\"os\":\"linux\""

static int pull(const struct made *m, struct pull_req r, struct err *e)
{
	auto_buf struct buf path = { 0 };

	r.uri = m->uri;
	r.cachedir = "cache";
	if (!r.arch)
		r.arch = "amd64";
	return flow_pull(&r, &path, e);
}

static void check_same(const char *a, const char *b)
{
	auto_buf struct buf x = { 0 }, y = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(file_read(AT_FDCWD, a, &x, 1 << 20, &e), 0);
	ck_assert_int_eq(file_read(AT_FDCWD, b, &y, 1 << 20, &e), 0);
	ck_assert_uint_eq(x.len, y.len);
	ck_assert_mem_eq(x.data, y.data, x.len);
}

/* How many entries the working directory has, "cache" not counted. */
static int count_files(void)
{
	DIR *d = opendir(".");
	int n = 0;

	for (struct dirent *de; (de = readdir(d));)
		n += strcmp(de->d_name, ".") && strcmp(de->d_name, "..") &&
		     strcmp(de->d_name, "cache");
	closedir(d);
	return n;
}

START_TEST(an_image_by_digest_is_made_without_the_network)
{
	struct made m = make_image(AMD64, NULL);
	auto_image struct image *im = NULL;
	struct squash *sq = NULL;
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };
	struct stat st;

	umask(022);
	ck_ok(pull(&m, (struct pull_req){ .out = "a.sif" }, &e), &e);
	ck_assert_int_eq(stat("a.sif", &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0755);
	ck_assert_int_eq(count_files(), 1);
	ck_ok(image_open(&im, "a.sif", &e), &e);
	ck_assert_str_eq(im->arch, "amd64");
	ck_assert_str_eq(im->oci->cmd.v[0], "/hello");
	ck_ok(squash_open(&sq, im->fd, im->off, im->size, NULL, &e), &e);
	ck_assert_int_eq(squash_read_file(sq, "/hello", &text, 100, &e), 0);
	ck_assert_str_eq(buf_str(&text), "world\n");
	ck_ok(image_load_scripts(im, sq, &e), &e);
	ck_assert_uint_eq(im->nenv, 6);
	squash_close(sq);
}
END_TEST

START_TEST(the_bytes_depend_on_the_manifest_and_the_compression_only)
{
	struct made m = make_image(AMD64, NULL);
	struct err e = { 0 };

	ck_ok(pull(&m, (struct pull_req){ .out = "a.sif", .threads = 1 }, &e), &e);
	ck_ok(pull(&m, (struct pull_req){ .out = "b.sif" }, &e), &e);
	check_same("a.sif", "b.sif");
	output_remove_tree(AT_FDCWD, "cache/v1/sif");
	ck_assert_int_eq(mkdir("cache/v1/sif", 0700), 0);
	ck_ok(pull(&m, (struct pull_req){ .out = "c.sif", .threads = 3 }, &e), &e);
	check_same("a.sif", "c.sif");
	ck_ok(pull(&m, (struct pull_req){ .out = "d.sif", .compress = "gzip" }, &e), &e);
}
END_TEST

START_TEST(two_outputs_are_two_files)
{
	struct made m = make_image(AMD64, NULL);
	struct err e = { 0 };
	struct stat a, b;

	ck_ok(pull(&m, (struct pull_req){ .out = "a.sif" }, &e), &e);
	ck_ok(pull(&m, (struct pull_req){ .out = "b.sif" }, &e), &e);
	ck_ok(pull(&m, (struct pull_req){ .out = "b.sif", .force = true }, &e), &e);
	ck_assert_int_eq(stat("a.sif", &a) | stat("b.sif", &b), 0);
	ck_assert_uint_ne(a.st_ino, b.st_ino);
	ck_assert_int_eq(count_files(), 2);
}
END_TEST

START_TEST(an_image_for_the_store_is_made_once)
{
	struct made m = make_image(AMD64, NULL);
	struct pull_req r = {
		.uri = m.uri, .cachedir = "cache", .arch = "amd64", .into_store = true
	};
	auto_buf struct buf a = { 0 }, b = { 0 };
	auto_image struct image *im = NULL;
	struct err e = { 0 };

	ck_ok(flow_pull(&r, &a, &e), &e);
	ck_ok(flow_pull(&r, &b, &e), &e);
	ck_assert_str_eq(buf_str(&a), buf_str(&b));
	ck_ok(image_open(&im, buf_str(&a), &e), &e);
	ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(what_does_not_agree_is_refused_and_leaves_nothing)
{
	static const struct {
		const char *platform, *diff, *arch, *text;
		enum err_kind kind;
	} t[] = {
		{ AMD64, "", NULL, "the manifest has 1 layers, the config 0", ERR_INPUT },
		{ AMD64, NULL, "arm64",
		  "no image for linux/arm64: the only platform on offer is linux/amd64",
		  ERR_NOTFOUND },
		{ "\"architecture\":\"amd64\",\"os\":\"windows\"", NULL, NULL,
		  "the image is made for windows/amd64, not for Linux", ERR_UNSUPPORTED },
		{ AMD64, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		  NULL, "layer sha256:", ERR_INPUT },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct made m = make_image(t[i].platform, t[i].diff);
		struct err e = { 0 };

		ck_assert_int_eq(
			pull(&m, (struct pull_req){ .out = "a.sif", .arch = t[i].arch }, &e), -1);
		ck_assert_msg(strstr(e.text, t[i].text) != NULL, "%s", e.text);
		ck_assert_int_eq(e.kind, t[i].kind);
		ck_assert_int_eq(count_files(), 0);
	}
}
END_TEST

START_TEST(an_existing_output_is_refused_before_all_else)
{
	struct made m = { .uri = "docker://registry.invalid/x" };
	struct err e = { 0 };

	ck_ok(file_write_atomic(AT_FDCWD, "a.sif", "old", 3, 0644, &e), &e);
	ck_assert_int_eq(pull(&m, (struct pull_req){ .out = "a.sif" }, &e), -1);
	ck_assert_str_eq(e.text, "output a.sif exists already; -F replaces it");
	ck_assert_int_eq(pull(&m, (struct pull_req){ .out = "b.sif", .compress = "lzo" }, &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
}
END_TEST

START_TEST(inspect_prints_what_the_image_says)
{
	struct made m = make_image(AMD64, NULL);
	auto_buf struct buf labels = { 0 }, json = { 0 };
	struct inspect_req r = { .image = "a.sif" };
	struct err e = { 0 };

	ck_ok(pull(&m, (struct pull_req){ .out = "a.sif" }, &e), &e);
	ck_ok(flow_inspect(&r, &labels, &e), &e);
	ck_assert(str_has_prefix(buf_str(&labels), "k: v\norg.label-schema.build-arch: amd64\n"));
	r.json = true;
	r.what = INSPECT_ENV;
	ck_ok(flow_inspect(&r, &json, &e), &e);
	ck_assert_str_eq(buf_str(&json),
			 "{\n"
			 "\t\"data\": {\n"
			 "\t\t\"attributes\": {\n"
			 "\t\t\t\"environment\": {\n"
			 "\t\t\t\t\"/.singularity.d/env/10-docker2singularity.sh\": "
			 "\"#!/bin/sh\\nexport A=\\\"${A:-\\\"b\\\"}\\\"\\n\",\n"
			 "\t\t\t\t\"/.singularity.d/env/90-environment.sh\": "
			 "\"#!/bin/sh\\n# Environment that the image's author adds.\\n\"\n"
			 "\t\t\t}\n"
			 "\t\t}\n"
			 "\t},\n"
			 "\t\"type\": \"container\"\n"
			 "}\n");
}
END_TEST

START_TEST(inspect_names_the_image_that_is_broken)
{
	auto_buf struct buf text = { 0 };
	char bytes[4096] = "hsqs";
	struct err e = { 0 };

	ck_ok(file_write_atomic(AT_FDCWD, "bad.sqfs", bytes, sizeof(bytes), 0644, &e), &e);
	ck_assert_int_eq(flow_inspect(&(struct inspect_req){ .image = "bad.sqfs" }, &text, &e), -1);
	ck_assert_msg(str_has_prefix(e.text, "image bad.sqfs: "), "%s", e.text);
}
END_TEST

START_TEST(a_store_that_cannot_be_made_is_done_without)
{
	struct made m = make_image(AMD64, NULL);
	struct pull_req r = {
		.uri = m.uri, .cachedir = "/proc/none", .arch = "amd64", .out = "a.sif"
	};
	auto_buf struct buf path = { 0 };
	struct err e = { 0 };

	/* The blobs are in the other store, so it ends at the network, having left nothing. */
	ck_assert_int_eq(flow_pull(&r, &path, &e), -1);
	ck_assert_msg(strstr(e.text, "registry.invalid") != NULL, "%s", e.text);
	ck_assert_int_eq(count_files(), 0);
	r.into_store = true;
	ck_assert_int_eq(flow_pull(&r, &path, &e), -1);
	ck_assert_msg(strstr(e.text, "image store (BERTH_CACHEDIR moves it): ") != NULL, "%s",
		      e.text);
}
END_TEST

START_TEST(file_names_follow_the_reference)
{
	static const struct {
		const char *ref, *want;
	} t[] = {
		{ "debian:12", "debian_12.sif" },
		{ "debian", "debian_latest.sif" },
		{ "localhost:5000/a/b/tools:2.1", "tools_2.1.sif" },
		{ "x@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		  "x_sha256-e3b0c44298fc.sif" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct pull_req req = { .uri = t[i].ref };
		auto_source struct source s = { 0 };
		auto_free char *got = NULL;
		struct err e = { 0 };

		ck_ok(source_init(&s, &req, &e), &e);
		got = source_file_name(&s);
		ck_assert_str_eq(got, t[i].want);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		an_image_by_digest_is_made_without_the_network,
		the_bytes_depend_on_the_manifest_and_the_compression_only,
		two_outputs_are_two_files,
		an_image_for_the_store_is_made_once,
		what_does_not_agree_is_refused_and_leaves_nothing,
		an_existing_output_is_refused_before_all_else,
		inspect_prints_what_the_image_says,
		inspect_names_the_image_that_is_broken,
		a_store_that_cannot_be_made_is_done_without,
		file_names_follow_the_reference,
	};
	Suite *suite = suite_create("pull");
	TCase *c = tcase_create("pull");
	SRunner *r = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(c, tests[i]);
	suite_add_tcase(suite, c);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
