#include "image/sif_text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/sif_edit.h"
#include "image/sif_format.h"
#include "src/base/fd.h"
#include "tests/unit/unit.h"

/* The signed image with two partitions, byte for byte by the format's description. */
static int worked_example(void)
{
	char name[] = "/tmp/test_sif_text.XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);
	static const struct {
		uint32_t type, group, link;
		int64_t off, size;
		const char *extra;
		size_t n;
	} rows[] = {
		{ 0x4004, 0xF0000001, 0, 0x8000, 4,
		  "\4\0\0\0\1\0\0\0"
		  "01",
		  10 },
		{ 0x4004, 0xF0000001, 0, 0x9000, 0x1000,
		  "\1\0\0\0\2\0\0\0"
		  "01",
		  10 },
		{ 0x4005, 0xF0000000, 0xF0000001, 0xa000, 0x418,
		  "\1\0\0\0\x12\x04\x5c\x8c\x0b\x10\x04\xd0\x58\xde\x4b\xed\xa2\x0c\x27\xee\x7f\xf7"
		  "\xba\x84",
		  24 },
	};
	uint8_t h[SIF_HEADER_SIZE] = { 0 }, d[SIF_DESC_SIZE];

	ck_assert_int_ge(fd, 0);
	unlink(name);
	memcpy(h + 32,
	       "SIF_MAGIC\0"
	       "01\0"
	       "01\0",
	       16);
	for (int i = 0; i < 2; i++)
		sif_set(h + 64 + 8 * i, 8, (uint64_t)SIF_ZERO_TIME);
	sif_set(h + 80, 8, 45);
	sif_set(h + 88, 8, 48);
	sif_set(h + 96, 8, 4096);
	sif_set(h + 104, 8, 28080);
	sif_set(h + 112, 8, 32176);
	sif_set(h + 120, 8, 0x2668);
	ck_assert_int_eq(ftruncate(fd, 42008), 0);
	ck_assert_int_eq(fd_pwrite(fd, h, sizeof(h), 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memset(d, 0, sizeof(d));
		sif_set(d, 4, rows[i].type);
		d[4] = 1;
		sif_set(d + 5, 4, i + 1);
		sif_set(d + 9, 4, rows[i].group);
		sif_set(d + 13, 4, rows[i].link);
		sif_set(d + 17, 8, (uint64_t)rows[i].off);
		sif_set(d + 25, 8, (uint64_t)rows[i].size);
		for (int k = 0; k < 2; k++)
			sif_set(d + 41 + 8 * k, 8, (uint64_t)SIF_ZERO_TIME);
		memcpy(d + 201, rows[i].extra, rows[i].n);
		ck_assert_int_eq(fd_pwrite(fd, d, sizeof(d), 4096 + 585 * (off_t)i), 0);
	}
	return fd;
}

static struct sif *read_sif(int fd)
{
	struct sif *s;
	struct err e = { 0 };

	ck_ok(sif_read(&s, fd, &e), &e);
	return s;
}

static const char *list(int fd)
{
	static struct buf out;
	auto_sif struct sif *s = read_sif(fd);

	buf_clear(&out);
	sif_text_list(s, &out);
	return buf_str(&out);
}

#define HEAD                                                                               \
	"------------------------------------------------------------------------------\n" \
	"ID   |GROUP   |LINK    |SIF POSITION (start-end)  |TYPE\n"                        \
	"------------------------------------------------------------------------------\n"

START_TEST(the_list_has_the_form_of_siftool)
{
	auto_close int fd = worked_example();

	ck_assert_str_eq(
		list(fd), HEAD
		"1    |1       |NONE    |32768-32772               |FS (Raw/System/386)\n"
		"2    |1       |NONE    |36864-40960               |FS (Squashfs/*System/386)\n"
		"3    |NONE    |1   (G) |40960-42008               |Signature (SHA-256)\n");
}
END_TEST

START_TEST(header_and_objects_have_the_form_of_siftool)
{
	auto_close int fd = worked_example();
	auto_sif struct sif *s = read_sif(fd);
	auto_buf struct buf out = { 0 };

	sif_text_header(s, &out);
	ck_assert_str_eq(buf_str(&out), "Version:              01\n"
					"Primary Architecture: 386\n"
					"Descriptors Free:     45\n"
					"Descriptors Total:    48\n"
					"Descriptors Offset:   4096\n"
					"Descriptors Size:     27 KiB\n"
					"Data Offset:          32176\n"
					"Data Size:            10 KiB\n");
	buf_clear(&out);
	sif_text_info(&s->obj[1], &out);
	ck_assert_str_eq(buf_str(&out), "  Data Type:        FS\n"
					"  ID:               2\n"
					"  Group ID:         1\n"
					"  Linked ID:        NONE\n"
					"  Offset:           36864\n"
					"  Size:             4096\n"
					"  Filesystem Type:  Squashfs\n"
					"  Partition Type:   *System\n"
					"  Architecture:     386\n");
	buf_clear(&out);
	sif_text_info(&s->obj[2], &out);
	ck_assert_str_eq(buf_str(&out), "  Data Type:  Signature\n"
					"  ID:         3\n"
					"  Group ID:   NONE\n"
					"  Linked ID:  1 (G)\n"
					"  Offset:     40960\n"
					"  Size:       1048\n"
					"  Hash Type:  SHA-256\n"
					"  Entity:     12045C8C0B1004D058DE4BEDA20C27EE7FF7BA84\n");
}
END_TEST

START_TEST(a_message_and_an_sbom_name_their_format)
{
	static const struct {
		struct sif_object o;
		const char *list, *info;
	} rows[] = {
		{ { .id = 1,
		    .type = 0x4008,
		    .off = 32176,
		    .size = 9,
		    .ctime = SIF_ZERO_TIME,
		    .mtime = SIF_ZERO_TIME,
		    .extra = { 2, 0, 0, 0, 0, 2 } },
		  "1    |NONE    |NONE    |32176-32185               |Cryptographic Message "
		  "(PEM/RSA-OAEP)\n",
		  "  Data Type:     Cryptographic Message\n"
		  "  ID:            1\n"
		  "  Group ID:      NONE\n"
		  "  Linked ID:     NONE\n"
		  "  Offset:        32176\n"
		  "  Size:          9\n"
		  "  Format Type:   PEM\n"
		  "  Message Type:  RSA-OAEP\n" },
		{ { .id = 2,
		    .type = 0x4009,
		    .group = 1,
		    .off = 32176,
		    .size = 1,
		    .name = "sbom",
		    .extra = { 4 } },
		  "2    |1       |NONE    |32176-32177               |SBOM (spdx-json)\n",
		  "  Data Type:    SBOM\n"
		  "  ID:           2\n"
		  "  Group ID:     1\n"
		  "  Linked ID:    NONE\n"
		  "  Offset:       32176\n"
		  "  Size:         1\n"
		  "  Created At:   1970-01-01 00:00:00 +0000 UTC\n"
		  "  Modified At:  1970-01-01 00:00:00 +0000 UTC\n"
		  "  Name:         sbom\n"
		  "  Format:       spdx-json\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sif_object o = rows[i].o;
		struct sif s = { .n = 1, .obj = &o };
		auto_buf struct buf text = { 0 }, info = { 0 };

		sif_text_list(&s, &text);
		ck_assert_str_eq(buf_str(&text) + strlen(HEAD), rows[i].list);
		sif_text_info(&o, &info);
		ck_assert_str_eq(buf_str(&info), rows[i].info);
	}
}
END_TEST

START_TEST(objects_are_added_behind_the_last_and_into_the_first_free_slot)
{
	auto_close int fd = worked_example();
	auto_close int data = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
	struct sif_object like = { .type = SIF_GENERIC, .group = 2, .name = "note" };
	struct err e = { 0 };

	ck_ok(sif_edit_delete(fd, 1, &e), &e);
	ck_assert_int_eq(sif_edit_delete(fd, 1, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_ok(sif_edit_add(fd, &like, data, 0, &e), &e);
	ck_assert_ptr_nonnull(strstr(list(fd), "1    |2       |NONE    |42008-"));
}
END_TEST

START_TEST(the_primary_partition_changes_and_the_architecture_follows)
{
	auto_close int fd = worked_example();
	struct err e = { 0 };

	ck_ok(sif_edit_primary(fd, 1, &e), &e);
	ck_assert_ptr_nonnull(strstr(list(fd), "FS (Raw/*System/386)"));
	ck_assert_ptr_nonnull(strstr(list(fd), "FS (Squashfs/System/386)"));
	ck_assert_int_eq(sif_edit_primary(fd, 3, &e), -1);
	ck_assert_str_eq(e.text, "object 3 is no system partition");
}
END_TEST

UNIT(sif_text, the_list_has_the_form_of_siftool, header_and_objects_have_the_form_of_siftool,
     a_message_and_an_sbom_name_their_format,
     objects_are_added_behind_the_last_and_into_the_first_free_slot,
     the_primary_partition_changes_and_the_architecture_follows)
