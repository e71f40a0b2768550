#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>

#include "src/base/fd.h"
#include "src/host/ldcache.h"

static void load(struct buf *out, const char *name)
{
	auto_free char *path = xasprintf(TEST_LEND "/caches/%s", name);
	struct err e;

	ck_assert_msg(file_read(AT_FDCWD, path, out, 1 << 20, &e) == 0, "no %s", path);
}

static void check_entries(const char *file)
{
	auto_buf struct buf b = { 0 };
	auto_ldcache struct ldcache c = { 0 };
	struct err e;
	size_t i;

	load(&b, file);
	ck_ok(ldcache_parse(&c, b.data, b.len, &e), &e);
	ck_assert_uint_eq(c.n, 3);
	i = ldcache_first(&c, "libcuda.so.1");
	ck_assert_uint_lt(i, c.n);
	ck_assert_str_eq(c.v[i].path, "/lib64/libcuda.so.1");
	ck_assert_int_eq(c.v[i].bits, 64);
	i = ldcache_next(&c, i);
	ck_assert_str_eq(c.v[i].path, "/lib/libcuda.so.1");
	ck_assert_int_eq(c.v[i].bits, 32);
	ck_assert_uint_eq(ldcache_next(&c, i), c.n);
	ck_assert_uint_eq(ldcache_first(&c, "libnone.so"), c.n);
}

START_TEST(a_cache_of_either_format_names_every_class_of_a_library)
{
	check_entries("new");
	check_entries("compat");
}
END_TEST

START_TEST(a_cut_or_damaged_cache_is_an_error)
{
	static const char *const files[] = { "new", "compat" };

	for (size_t f = 0; f < ARRAY_LEN(files); f++) {
		auto_buf struct buf b = { 0 };
		struct err e;

		load(&b, files[f]);
		for (size_t n = 0; n < b.len; n++) {
			auto_free char *copy = xmemdup(b.data, n + 1);
			auto_ldcache struct ldcache c = { 0 };

			/* A compat cache that is cut before its newer table is an older cache. */
			if (ldcache_parse(&c, copy, n, &e) == 0)
				ck_assert_str_eq(files[f], "compat");
			else
				ck_assert_msg(str_has_prefix(e.text, "damaged ld.so.cache: "), "%s",
					      e.text);
		}
		for (size_t i = 0; i < b.len; i++) {
			auto_ldcache struct ldcache c = { 0 };

			b.data[i] = (char)~b.data[i];
			ldcache_parse(&c, b.data, b.len, &e);
			b.data[i] = (char)~b.data[i];
		}
	}
}
END_TEST

UNIT(ldcache, a_cache_of_either_format_names_every_class_of_a_library,
     a_cut_or_damaged_cache_is_an_error)
