#include <string.h>

#include "src/base/buf.h"
#include "src/plan/bind.h"
#include "tests/unit/unit.h"

static char *parsed(const char *text)
{
	auto_binds struct binds b = { 0 };
	struct err e = { 0 };
	struct buf out = { 0 };

	if (binds_parse(&b, text, "--bind", "/cwd", &e) < 0)
		return xstrdup(e.text);
	for (size_t i = 0; i < b.n; i++)
		buf_printf(&out, "%s%s|%s|%s", i ? " " : "", b.v[i].src, b.v[i].dst,
			   b.v[i].ro ? "ro" : "rw");
	return buf_take(&out);
}

static const struct {
	const char *text, *want;
} cases[] = {
	{ "/a", "/a|/a|rw" },
	{ "/a:/b", "/a|/b|rw" },
	{ "/a:/b:ro", "/a|/b|ro" },
	{ "/a:/b:rw", "/a|/b|rw" },
	{ "/a:/b:ro,rw", "/a|/b|rw" },
	{ "/a,/b:/c,/d:/e:ro", "/a|/a|rw /b|/c|rw /d|/e|ro" },
	{ "/a:/b:ro,/c", "/a|/b|ro /c|/c|rw" },
	{ "/a:/b:ro,/c:/d:ro", "/a|/b|ro /c|/d|ro" },
	{ "/a:/b:ro,ro:/d", "/a|/b|ro /cwd/ro|/d|rw" },
	{ "/a:/b,ro", "/a|/b|rw /cwd/ro|/cwd/ro|rw" },
	{ "/a::ro", "/a|/a|ro" },
	{ "/a:", "/a|/a|rw" },
	{ "/a:/b:", "/a|/b|rw" },
	{ "x/../y:/b/./c//d/", "/cwd/y|/b/c/d|rw" },
	{ ".", "/cwd|/cwd|rw" },
	{ "/with\\,comma:/and\\:colon", "/with,comma|/and:colon|rw" },
	{ "/back\\slash", "/back\\slash|/back\\slash|rw" },
	{ "", "--bind: a source is empty" },
	{ ":/b", "--bind :/b: a source is empty" },
	{ "/a,", "--bind /a,: a source is empty" },
	{ "/a:b", "--bind /a:b: the destination must start with /" },
	{ "/a:/", "--bind /a:/: the root of the container cannot be replaced" },
	{ "/a:/b:r0", "--bind /a:/b: \"r0\" is not an option (use ro or rw)" },
	{ "/a:/b:ro:x", "--bind /a:/b:ro:x: too many colons (write \"\\:\" for one in a name)" },
	{ "/a:/b:image-src=/x", "--bind /a:/b: binding from inside an image is not supported" },
};

START_TEST(binds_read_as_apptainer_reads_them)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *got = parsed(cases[i].text);

		ck_assert_str_eq(got, cases[i].want);
	}
}
END_TEST

START_TEST(a_relative_source_needs_a_directory_to_start_from)
{
	auto_binds struct binds b = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(binds_parse(&b, "x", "APPTAINER_BIND", NULL, &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert_str_eq(e.text, "APPTAINER_BIND x: the source must start with / here");
}
END_TEST

UNIT(bind, binds_read_as_apptainer_reads_them, a_relative_source_needs_a_directory_to_start_from)
