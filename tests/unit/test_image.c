#include "image/image.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/meta_script.h"
#include "image/sif.h"
#include "src/base/fd.h"
#include "src/base/path.h"
#include "tests/unit/unit.h"

static char dir[64];

static void setup(void)
{
	strcpy(dir, "/tmp/berth-image-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static void teardown(void)
{
	auto_free char *cmd = xasprintf("rm -rf %s", dir);

	ck_assert_int_eq(system(cmd), 0);
}

static void put(const char *path, const void *p, size_t n)
{
	auto_free char *parent = path_dir(path);
	struct err e = { 0 };

	ck_ok(dir_make_all(AT_FDCWD, parent, 0755, &e), &e);
	ck_ok(file_write_atomic(AT_FDCWD, path, p, n, 0755, &e), &e);
}

/* A file of 4096 bytes with text at offset. */
static void put_at(const char *path, const char *text, size_t n, size_t at)
{
	char page[4096] = { 0 };

	memcpy(page + at, text, n);
	put(path, page, sizeof(page));
}

static void make_sif(const char *path, int32_t type, int32_t fs, int32_t part, const char *oci)
{
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	auto_sif_writer struct sif_writer *w = NULL;
	struct sif_write_opts opts = { .deterministic = true, .launch = SIF_LAUNCH };
	struct sif_object o = { .type = type, .group = 1, .fs = fs, .part = part, .arch = "04" };
	struct err e = { 0 };

	ck_ok(sif_write_begin(&w, fd, &opts, &e), &e);
	if (oci)
		ck_ok(sif_write_object(w, SIF_JSON, IMAGE_OCI_NAME, oci, strlen(oci), &e), &e);
	if (type)
		ck_ok(sif_write_like(w, &o, "hsqs", 4, &e), &e);
	ck_ok(sif_write_end(w, &e), &e);
}

START_TEST(a_sif_says_where_its_system_lies_and_what_it_is)
{
	auto_image struct image *im = NULL;
	struct err e = { 0 };

	make_sif("a.sif", SIF_PARTITION, SIF_FS_SQUASH, SIF_PART_PRIMARY, "{\"Cmd\":[\"x\"]}");
	ck_ok(image_open(&im, "a.sif", &e), &e);
	ck_assert_int_eq(im->kind, IMAGE_SIF);
	ck_assert_int_eq(im->off % 4096, 0);
	ck_assert_int_eq(im->size, 4);
	ck_assert_str_eq(im->arch, "arm64");
	ck_assert_str_eq(im->oci->cmd.v[0], "x");
}
END_TEST

START_TEST(squashfs_is_known_by_its_magic_also_behind_a_launch_line)
{
	static const char old[] = "#!/usr/bin/env run-singularity\nhsqs";
	auto_image struct image *a = NULL, *b = NULL;
	struct err e = { 0 };

	put_at("a.sqfs", "hsqs", 4, 0);
	put_at("b.img", old, strlen(old), 0);
	ck_ok(image_open(&a, "a.sqfs", &e), &e);
	ck_ok(image_open(&b, "b.img", &e), &e);
	ck_assert_int_eq(a->kind, IMAGE_SQUASHFS);
	ck_assert_int_eq(a->off, 0);
	ck_assert_int_eq(b->off, 31);
	ck_assert_int_eq(b->size, 4096 - 31);
	ck_assert_str_eq(b->arch, "");
}
END_TEST

START_TEST(what_cannot_run_is_refused_with_the_way_out)
{
	static const struct {
		int32_t type, fs, part;
		enum err_kind kind;
		const char *text;
	} sifs[] = {
		{ 0, 0, 0, ERR_INPUT, "the SIF holds no objects" },
		{ SIF_PARTITION, SIF_FS_SQUASH, SIF_PART_DATA, ERR_INPUT,
		  "the SIF has no primary system partition" },
		{ SIF_PARTITION, SIF_FS_EXT3, SIF_PART_PRIMARY, ERR_UNSUPPORTED,
		  "its system is an ext3 file system; rebuild it as SquashFS" },
		{ SIF_PARTITION, SIF_FS_LUKS, SIF_PART_PRIMARY, ERR_UNSUPPORTED,
		  "it is encrypted; decrypt it first" },
		{ SIF_PARTITION, SIF_FS_GOCRYPTFS, SIF_PART_PRIMARY, ERR_UNSUPPORTED,
		  "it is encrypted; decrypt it first" },
		{ SIF_PARTITION, SIF_FS_RAW, SIF_PART_PRIMARY, ERR_UNSUPPORTED,
		  "its system is no SquashFS file system" },
		{ SIF_OCI_INDEX, 0, 0, ERR_UNSUPPORTED, "it is an OCI-SIF" },
	};

	for (size_t i = 0; i < ARRAY_LEN(sifs); i++) {
		struct image *im = NULL;
		struct err e = { 0 };

		make_sif("a.sif", sifs[i].type, sifs[i].fs, sifs[i].part, NULL);
		ck_assert_int_eq(image_open(&im, "a.sif", &e), -1);
		ck_assert_int_eq(e.kind, sifs[i].kind);
		ck_assert_msg(strstr(e.text, sifs[i].text) != NULL, "%s", e.text);
		ck_assert(str_has_prefix(e.text, "image a.sif: "));
	}
}
END_TEST

START_TEST(other_files_are_told_apart)
{
	struct image *im = NULL;
	struct err e = { 0 };

	put("short", "hsqs", 4);
	ck_assert_int_eq(image_open(&im, "short", &e), -1);
	ck_assert_str_eq(e.text, "image short: it is no image: a file of 4 bytes");
	put_at("ext3", "\x53\xef", 2, 1080);
	ck_assert_int_eq(image_open(&im, "ext3", &e), -1);
	ck_assert_int_eq(e.kind, ERR_UNSUPPORTED);
	put_at("text", "hello", 5, 0);
	ck_assert_int_eq(image_open(&im, "text", &e), -1);
	ck_assert_str_eq(e.text, "image text: it is no SIF, SquashFS or directory");
	ck_assert_int_eq(image_open(&im, "absent", &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_str_eq(e.text, "image absent: no such file");
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_int_eq(image_open(&im, "fifo", &e), -1);
	ck_assert_str_eq(e.text, "image fifo: it is neither a file nor a directory");
}
END_TEST

START_TEST(a_directory_is_read_without_leaving_it)
{
	auto_image struct image *im = NULL;
	auto_buf struct buf b = { 0 }, run = { 0 };
	auto_strv struct strv ep = { 0 }, cmd = { 0 };
	struct err e = { 0 };

	strv_add(&cmd, "echo");
	meta_runscript(&run, &ep, &cmd);
	put("tree/.singularity.d/env/90-environment.sh", "export A=1\n", 11);
	put("tree/.singularity.d/env/10-docker2singularity.sh", "export B=1\n", 11);
	put("tree/.singularity.d/env/.hidden.sh", "no", 2);
	put("tree/.singularity.d/env/notes.txt", "no", 2);
	put("tree/.singularity.d/runscript", run.data, run.len);
	put("tree/usr/bin/dash", "", 0);
	ck_assert_int_eq(mkdir("tree/bin", 0755), 0);
	ck_assert_int_eq(symlink("/usr/bin/dash", "tree/bin/sh"), 0);
	ck_assert_int_eq(symlink("../../../../etc/passwd", "tree/escape"), 0);
	ck_ok(image_open(&im, "tree", &e), &e);
	ck_assert_int_eq(im->kind, IMAGE_DIR);
	ck_ok(image_load_scripts(im, NULL, &e), &e);
	ck_assert_uint_eq(im->nenv, 2);
	ck_assert_str_eq(im->env[0].path, "/.singularity.d/env/10-docker2singularity.sh");
	ck_assert_str_eq(im->env[1].text, "export A=1\n");
	ck_assert(im->has_sh && im->has_singularity_d);
	ck_assert_str_eq(im->oci->cmd.v[0], "echo");
	ck_assert_int_eq(image_read_file(im, NULL, "/escape", 1 << 20, &b, &e), 1);
	ck_assert_int_eq(image_read_file(im, NULL, "/bin", 1 << 20, &b, &e), 1);
}
END_TEST

START_TEST(foreign_machines_are_told)
{
	ck_assert(image_arch_runs("amd64", "amd64"));
	ck_assert(image_arch_runs("386", "amd64"));
	ck_assert(image_arch_runs("arm", "arm64"));
	ck_assert(image_arch_runs("", "amd64"));
	ck_assert(!image_arch_runs("arm64", "amd64"));
	ck_assert(!image_arch_runs("amd64", "386"));
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_sif_says_where_its_system_lies_and_what_it_is,
		squashfs_is_known_by_its_magic_also_behind_a_launch_line,
		what_cannot_run_is_refused_with_the_way_out,
		other_files_are_told_apart,
		a_directory_is_read_without_leaving_it,
		foreign_machines_are_told,
	};
	Suite *suite = suite_create("image");
	TCase *c = tcase_create("image");
	SRunner *r = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(c, tests[i]);
	suite_add_tcase(suite, c);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
