#include "image/sif.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/sif_format.h"
#include "src/base/fd.h"
#include "tests/unit/unit.h"

static int memory_file(void)
{
	int fd = memfd_create("sif", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void put(int fd, off_t off, const void *p, size_t n)
{
	ck_assert_int_eq(fd_pwrite(fd, p, n, off), 0);
}
#define PUT(fd, off, ...) \
	put(fd, off, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

#define ZERO_TIME 0x00, 0x09, 0x6e, 0x88, 0xf1, 0xff, 0xff, 0xff

/* A descriptor's fields as the reference library stores them for deterministic images. */
static void put_descriptor(int fd, int slot, uint8_t type, uint8_t group, uint8_t link_group,
			   uint16_t off, uint16_t size, uint16_t padded)
{
	off_t at = 0x1000 + slot * 585;

	PUT(fd, at, type, 0x40, 0, 0, 1, (uint8_t)(slot + 1), 0, 0, 0, group, 0, 0, 0xf0,
	    link_group, 0, 0, link_group ? 0xf0 : 0);
	PUT(fd, at + 17, (uint8_t)off, (uint8_t)(off >> 8));
	PUT(fd, at + 25, (uint8_t)size, (uint8_t)(size >> 8));
	PUT(fd, at + 33, (uint8_t)padded, (uint8_t)(padded >> 8));
	PUT(fd, at + 41, ZERO_TIME, ZERO_TIME);
}

/* The signed image with two partitions of the format notes, 42008 bytes. */
static int worked_example(void)
{
	int fd = memory_file();

	ck_assert_int_eq(ftruncate(fd, 42008), 0);
	PUT(fd, 0x20, 'S', 'I', 'F', '_', 'M', 'A', 'G', 'I', 'C', 0, '0', '1', 0, '0', '1', 0);
	PUT(fd, 0x40, ZERO_TIME, ZERO_TIME);
	PUT(fd, 0x50, 0x2d, 0, 0, 0, 0, 0, 0, 0, 0x30);
	PUT(fd, 0x60, 0, 0x10, 0, 0, 0, 0, 0, 0, 0xb0, 0x6d);
	PUT(fd, 0x70, 0xb0, 0x7d, 0, 0, 0, 0, 0, 0, 0x68, 0x26);
	put_descriptor(fd, 0, 4, 1, 0, 0x8000, 4, 0x254);
	PUT(fd, 0x10c9, 4, 0, 0, 0, 1, 0, 0, 0, '0', '1', 0);
	put_descriptor(fd, 1, 4, 1, 0, 0x9000, 0x1000, 0x1ffc);
	PUT(fd, 0x1312, 1, 0, 0, 0, 2, 0, 0, 0, '0', '1', 0);
	put_descriptor(fd, 2, 5, 0, 1, 0xa000, 0x418, 0x418);
	PUT(fd, 0x155b, 1, 0, 0, 0, 0x12, 0x04, 0x5c, 0x8c, 0x0b, 0x10, 0x04, 0xd0, 0x58, 0xde,
	    0x4b, 0xed, 0xa2, 0x0c, 0x27, 0xee, 0x7f, 0xf7, 0xba, 0x84);
	return fd;
}

START_TEST(the_worked_example_is_read_field_by_field)
{
	auto_close int fd = worked_example();
	auto_sif struct sif *s = NULL;
	struct err e = { 0 };
	const struct sif_object *o;

	ck_ok(sif_read(&s, fd, &e), &e);
	ck_assert_uint_eq(s->n, 3);
	ck_assert_str_eq(s->arch, "01");
	ck_assert_int_eq(s->ctime, SIF_ZERO_TIME);
	ck_assert_int_eq(s->data_size, 0x2668);
	o = sif_primary(s);
	ck_assert_ptr_eq(o, &s->obj[1]);
	ck_assert_int_eq(o->off, 0x9000);
	ck_assert_int_eq(o->size, 0x1000);
	ck_assert_int_eq(o->fs, SIF_FS_SQUASH);
	ck_assert_uint_eq(o->group, 1);
	ck_assert_str_eq(sif_arch_name(o->arch), "386");
	o = sif_find(s, SIF_SIGNATURE, NULL);
	ck_assert_uint_eq(o->group, 0);
	ck_assert_uint_eq(o->link, SIF_GROUP_BIT | 1);
	ck_assert_uint_eq(o->extra[4], 0x12);
	ck_assert_ptr_null(sif_find(s, SIF_DEFFILE, NULL));
}
END_TEST

START_TEST(the_worked_example_is_written_byte_for_byte)
{
	auto_close int want = worked_example(), fd = memory_file();
	auto_sif_writer struct sif_writer *w = NULL;
	struct sif_write_opts opts = { .deterministic = true };
	struct sif_object raw = { .type = SIF_PARTITION,
				  .group = 1,
				  .fs = SIF_FS_RAW,
				  .part = SIF_PART_SYSTEM,
				  .arch = "01" };
	struct sif_object sig = { .type = SIF_SIGNATURE,
				  .link = SIF_GROUP_BIT | 1,
				  .extra = { 1,	   0,	 0,    0,    0x12, 0x04, 0x5c, 0x8c,
					     0x0b, 0x10, 0x04, 0xd0, 0x58, 0xde, 0x4b, 0xed,
					     0xa2, 0x0c, 0x27, 0xee, 0x7f, 0xf7, 0xba, 0x84 } };
	static const char zeros[0x1000];
	auto_free char *a = xmalloc(42008), *b = xmalloc(42008);
	struct err e = { 0 };
	off_t off;

	ck_ok(sif_write_begin(&w, fd, &opts, &e), &e);
	ck_ok(sif_write_like(w, &raw, zeros, 4, &e), &e);
	ck_ok(sif_write_partition_begin(w, &off, &e), &e);
	ck_assert_int_eq(off, 0x9000);
	put(fd, off, zeros, sizeof(zeros));
	ck_ok(sif_write_partition_end(w, SIF_FS_SQUASH, SIF_PART_PRIMARY, "01", 0x1000, &e), &e);
	ck_ok(sif_write_like(w, &sig, zeros, 0x418, &e), &e);
	ck_ok(sif_write_end(w, &e), &e);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 42008);
	ck_assert_int_eq(fd_pread(fd, a, 42008, 0), 0);
	ck_assert_int_eq(fd_pread(want, b, 42008, 0), 0);
	ck_assert_mem_eq(a, b, 42008);
}
END_TEST

START_TEST(a_file_cut_before_the_header_is_no_sif)
{
	auto_close int fd = memory_file();
	auto_sif_writer struct sif_writer *w = NULL;
	struct sif_write_opts opts = { .launch = SIF_LAUNCH, .arch = "02" };
	auto_sif struct sif *s = NULL;
	struct err e = { 0 };

	ck_ok(sif_write_begin(&w, fd, &opts, &e), &e);
	ck_ok(sif_write_object(w, SIF_JSON, "a.json", "{}", 2, &e), &e);
	ck_assert_int_eq(sif_read(&s, fd, &e), 1);
	ck_ok(sif_write_end(w, &e), &e);
	ck_assert_int_eq(sif_read(&s, fd, &e), 0);
	ck_assert_str_eq(s->launch, SIF_LAUNCH);
	ck_assert_ptr_null(sif_primary(s));
	ck_assert_int_ne(s->uuid[6] >> 4, 0);
}
END_TEST

START_TEST(objects_are_read_by_name_and_within_a_limit)
{
	auto_close int fd = memory_file();
	auto_sif_writer struct sif_writer *w = NULL;
	struct sif_write_opts opts = { .deterministic = true };
	auto_sif struct sif *s = NULL;
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	ck_ok(sif_write_begin(&w, fd, &opts, &e), &e);
	ck_ok(sif_write_object(w, SIF_JSON, "a.json", "{}", 2, &e), &e);
	ck_ok(sif_write_object(w, SIF_JSON, "b.json", "[12]", 4, &e), &e);
	ck_ok(sif_write_end(w, &e), &e);
	ck_ok(sif_read(&s, fd, &e), &e);
	ck_ok(sif_object_read(s, fd, sif_find(s, SIF_JSON, "b.json"), &b, 4, &e), &e);
	ck_assert_str_eq(buf_str(&b), "[12]");
	ck_assert_int_eq(sif_object_read(s, fd, sif_find(s, SIF_JSON, "b.json"), &b, 3, &e), -1);
	ck_assert_str_eq(e.text, "SIF object 2 of 4 bytes is larger than the limit of 3");
}
END_TEST

/* One field of the worked example overwritten, and what is said of it. */
static const struct {
	off_t at;
	uint8_t bytes[9];
	int n, result;
	const char *text;
} hostile[] = {
	{ 0x20, { 'X' }, 1, 1, NULL },
	{ 0x2a, { '0', '2' }, 2, -1, "SIF format version other than 01" },
	{ 0x58,
	  { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	  8,
	  -1,
	  "SIF header: -1 descriptors (limit 16384)" },
	{ 0x58, { 0x31 }, 1, -1, "SIF header: table of 28080 bytes for 49 descriptors" },
	{ 0x60,
	  { 0, 0, 1 },
	  3,
	  -1,
	  "SIF header: descriptor table lies outside the file (truncated?)" },
	{ 0x60,
	  { 0, 0, 0, 0, 0, 0, 0, 0x80 },
	  8,
	  -1,
	  "SIF header: descriptor table lies outside the file (truncated?)" },
	{ 0x60,
	  { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	  8,
	  -1,
	  "SIF header: descriptor table lies outside the file (truncated?)" },
	{ 0x70, { 0, 0, 0, 0, 0, 0, 0, 0x80 }, 8, -1, "SIF header: negative data section" },
	{ 0x1249 + 17,
	  { 0x19, 0xa4 },
	  2,
	  -1,
	  "SIF object 2 (offset 42009, size 4096) lies outside the file of 42008 bytes "
	  "(truncated?)" },
	{ 0x1249 + 25,
	  { 0, 0, 0, 0, 0, 0, 0, 0x80 },
	  8,
	  -1,
	  "SIF object 2 (offset 36864, size -9223372036854775808) lies outside the file of 42008 "
	  "bytes (truncated?)" },
	{ 0x1249 + 25,
	  { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	  8,
	  -1,
	  "SIF object 2 (offset 36864, size 9223372036854775807) lies outside the file of 42008 "
	  "bytes (truncated?)" },
	{ 0x1249 + 17, { 0, 0 }, 2, -1, "SIF object 2 overlaps the header or the table" },
	{ 0x1249 + 17, { 0, 0x20 }, 2, -1, "SIF object 2 overlaps the header or the table" },
	{ 0x1249 + 17, { 0, 0x94 }, 2, -1, "SIF objects 2 and 3 overlap" },
	{ 0x10c9 + 4, { 2 }, 1, -1, "SIF has 2 primary system partitions" },
};

START_TEST(hostile_fields_are_refused_by_name)
{
	auto_close int fd = worked_example();
	auto_sif struct sif *s = NULL;
	struct err e = { 0 };

	put(fd, hostile[_i].at, hostile[_i].bytes, (size_t)hostile[_i].n);
	ck_assert_int_eq(sif_read(&s, fd, &e), hostile[_i].result);
	ck_assert_ptr_null(s);
	if (hostile[_i].text)
		ck_assert_str_eq(e.text, hostile[_i].text);
}
END_TEST

START_TEST(every_cut_of_the_file_is_refused_or_no_sif)
{
	for (off_t n = 0; n < 42008; n += 97) {
		auto_close int fd = worked_example();
		auto_sif struct sif *s = NULL;
		struct err e = { 0 };

		ck_assert_int_eq(ftruncate(fd, n), 0);
		ck_assert_int_ne(sif_read(&s, fd, &e), 0);
	}
}
END_TEST

START_TEST(architectures_have_two_digits)
{
	ck_assert_str_eq(sif_arch_code("amd64"), "02");
	ck_assert_str_eq(sif_arch_code("loong64"), "13");
	ck_assert_str_eq(sif_arch_code("vax"), "00");
	ck_assert_str_eq(sif_arch_name("04"), "arm64");
	ck_assert_str_eq(sif_arch_name("99"), "unknown");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sif");
	TCase *c = tcase_create("sif");
	SRunner *r = srunner_create(suite);
	int failed;

	tcase_add_test(c, the_worked_example_is_read_field_by_field);
	tcase_add_test(c, the_worked_example_is_written_byte_for_byte);
	tcase_add_test(c, a_file_cut_before_the_header_is_no_sif);
	tcase_add_test(c, objects_are_read_by_name_and_within_a_limit);
	tcase_add_loop_test(c, hostile_fields_are_refused_by_name, 0, ARRAY_LEN(hostile));
	tcase_add_test(c, every_cut_of_the_file_is_refused_or_no_sif);
	tcase_add_test(c, architectures_have_two_digits);
	suite_add_tcase(suite, c);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
