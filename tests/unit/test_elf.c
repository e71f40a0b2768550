#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/base/elf.h"
#include "src/base/fd.h"
#include "tests/unit/elf_bytes.h"

/* Made by tests/lab/elfstub.py. */
#define STUBS TEST_STUBS

static int stub_open(const char *name)
{
	auto_free char *path = xasprintf("%s/%s", STUBS, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "no %s", path);
	return fd;
}

START_TEST(a_library_says_its_name_and_its_needs)
{
	auto_close int fd = stub_open("lib64.so");
	auto_elf struct elf f = { 0 };
	struct err e;

	ck_ok(elf_read_fd(&f, fd, &e), &e);
	ck_assert(elf_runs_with(&f, 64, EM_X86_64));
	ck_assert_str_eq(f.soname, "libcuda.so.1");
	ck_assert_uint_eq(f.nneeded, 2);
	ck_assert_str_eq(f.needed[1], "libm.so.6");
	ck_assert_str_eq(f.runpath, "$ORIGIN/x");
	ck_assert_uint_eq(f.nverneed, 3);
	ck_assert_str_eq(f.verneed[0].file, "libc.so.6");
	ck_assert_str_eq(f.verneed[0].version, "GLIBC_2.14");
	ck_assert(!f.verneed[0].weak && f.verneed[1].weak);
	ck_assert_str_eq(f.verneed[2].file, "libm.so.6");
	ck_assert_uint_eq(f.nverdef, 1);
	ck_assert(elf_offers(&f, "LIBCUDA_1") && !elf_offers(&f, "libcuda.so.1"));
}
END_TEST

START_TEST(thirty_two_bits_and_the_other_byte_order_are_told_apart)
{
	auto_close int fd = stub_open("lib32.so"), big = stub_open("big.so");
	auto_elf struct elf f = { 0 }, b = { 0 };
	struct err e;

	ck_ok(elf_read_fd(&f, fd, &e), &e);
	ck_assert(elf_runs_with(&f, 32, EM_386));
	ck_assert_str_eq(f.soname, "libcuda.so.1");
	ck_assert_str_eq(f.verneed[0].version, "GLIBC_2.0");
	ck_ok(elf_read_fd(&b, big, &e), &e);
	ck_assert(b.foreign && b.machine == EM_PPC64 && !elf_runs_with(&b, 64, EM_PPC64));
}
END_TEST

START_TEST(symbols_are_found_through_either_hash_table)
{
	static const char *const cuda[] = { "cuInit", "cuNot", "cuMem" };
	static const char *const libc[] = { "printf", "no_such_function_in_libc" };
	auto_close int fd = stub_open("lib64.so"), c = open(TEST_LIBC, O_RDONLY | O_CLOEXEC);
	struct elf_source src = elf_source_fd(&fd), csrc = elf_source_fd(&c);
	auto_elf struct elf f = { 0 };
	bool found[3];
	struct err e;

	ck_ok(elf_defines(found, &src, cuda, 3, &e), &e);
	ck_assert(found[0] && !found[1] && found[2]);
	ck_assert_msg(c >= 0, "no " TEST_LIBC);
	ck_ok(elf_read_fd(&f, c, &e), &e);
	ck_assert_str_eq(f.soname, "libc.so.6");
	ck_assert(elf_offers(&f, "GLIBC_2.17"));
	ck_ok(elf_defines(found, &csrc, libc, 2, &e), &e);
	ck_assert(found[0] && !found[1]);
}
END_TEST

START_TEST(texts_are_read_by_symbol_and_by_mark)
{
	auto_close int c = open(TEST_LIBC, O_RDONLY | O_CLOEXEC), fd = stub_open("prog");
	struct elf_source src = elf_source_fd(&c), none = elf_source_fd(&fd);
	char text[24];
	struct err e;

	ck_assert_int_eq(elf_text_after(text, sizeof(text), &src, "GNU C Library "), 0);
	ck_assert_msg(text[0] == '(', "%s", text);
	ck_assert_uint_lt(strlen(text), sizeof(text));
	ck_assert_int_eq(elf_text_after(text, sizeof(text), &none, "GNU C Library "), 1);
	ck_assert_int_eq(elf_symbol_text(text, sizeof(text), &src, "no_such_symbol", &e), 1);
	/* A function is no text for long, and never more than there is room for. */
	ck_assert_int_ge(elf_symbol_text(text, sizeof(text), &src, "printf", &e), 0);
	ck_assert_uint_lt(strlen(text), sizeof(text));
}
END_TEST

START_TEST(a_program_names_its_loader)
{
	auto_close int fd = stub_open("prog"), self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	auto_elf struct elf f = { 0 }, s = { 0 };
	struct err e;

	ck_ok(elf_read_fd(&f, fd, &e), &e);
	ck_assert_str_eq(f.interp, "/lib/ld-musl-x86_64.so.1");
	ck_ok(elf_read_fd(&s, self, &e), &e);
	ck_assert_int_eq(s.machine, elf_own_machine());
	ck_assert_int_eq(s.bits, elf_own_bits());
	ck_assert_ptr_nonnull(s.interp);
}
END_TEST

START_TEST(what_is_no_elf_file_is_an_outcome)
{
	struct elf_bytes b = { "#!/bin/sh\n", 10 }, none = { "", 0 };
	struct elf_source src = { elf_bytes_read, &b }, empty = { elf_bytes_read, &none };
	struct elf f;
	struct err e;

	ck_assert_int_eq(elf_read(&f, &src, &e), 1);
	ck_assert_int_eq(elf_read(&f, &empty, &e), 1);
}
END_TEST

/* Every prefix of a library ends with a sentence, and so does every flipped byte. */
START_TEST(a_cut_or_damaged_library_is_an_error_with_a_name)
{
	auto_close int fd = stub_open("lib64.so");
	auto_buf struct buf all = { 0 };
	struct err e;
	bool found;

	ck_ok(fd_read_all(fd, &all, 1 << 20, "stub", &e), &e);
	for (size_t n = 16; n < all.len; n++) {
		struct elf_bytes b = { all.data, n };
		struct elf_source src = { elf_bytes_read, &b };
		struct elf f;

		ck_assert_int_eq(elf_read(&f, &src, &e), -1);
		ck_assert_int_eq(e.kind, ERR_INPUT);
		ck_assert_msg(str_has_prefix(e.text, "damaged ELF file: "), "%s", e.text);
	}
	for (size_t i = 0; i < all.len; i++) {
		struct elf_bytes b = { all.data, all.len };
		struct elf_source src = { elf_bytes_read, &b };
		struct elf f;

		all.data[i] = (char)~all.data[i];
		if (elf_read(&f, &src, &e) == 0)
			elf_fini(&f);
		elf_defines(&found, &src, (const char *[]){ "cuInit" }, 1, &e);
		all.data[i] = (char)~all.data[i];
	}
}
END_TEST

UNIT(elf, a_library_says_its_name_and_its_needs,
     thirty_two_bits_and_the_other_byte_order_are_told_apart,
     symbols_are_found_through_either_hash_table, a_program_names_its_loader,
     texts_are_read_by_symbol_and_by_mark, what_is_no_elf_file_is_an_outcome,
     a_cut_or_damaged_library_is_an_error_with_a_name)
