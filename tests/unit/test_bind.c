#include <string.h>

#include "src/base/buf.h"
#include "src/plan/bind.h"
#include "src/plan/mount_option.h"
#include "tests/unit/unit.h"

static void bind_print(struct buf *out, const struct bind *b, size_t i)
{
	buf_printf(out, "%s%s|%s|%s", i ? " " : "", b->src, b->dst, b->ro ? "ro" : "rw");
	if (b->inner)
		buf_printf(out, "|%s#%u", b->inner, b->id);
	buf_adds(out, b->nonested ? "|nonested" : "");
}

static char *parsed(const char *text)
{
	auto_binds struct binds b = { 0 };
	struct err e = { 0 };
	struct buf out = { 0 };

	if (binds_parse(&b, text, "--bind", "/cwd", &e) < 0)
		return xstrdup(e.text);
	for (size_t i = 0; i < b.n; i++)
		bind_print(&out, &b.v[i], i);
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
	{ "/a:/b:r0", "--bind /a:/b: \"r0\" is not an option (use ro, rw, image-src=PATH or "
		      "id=N)" },
	{ "/a:/b:ro:x", "--bind /a:/b:ro:x: too many colons (write \"\\:\" for one in a name)" },
	{ "/a.sif:/b:image-src=/x/../y/", "/a.sif|/b|rw|/y#0" },
	{ "a.sqfs:/b:image-src=y\\,\\:z,ro,/c", "/cwd/a.sqfs|/b|ro|/y,:z#0 /c|/c|rw" },
	{ "/a.sif:/b:id=3", "/a.sif|/b|rw|/#3" },
	{ "/a.sif:/b:id=3,image-src=/x,/c:/d:ro", "/a.sif|/b|rw|/x#3 /c|/d|ro" },
	{ "/a:/b:image-src=", "--bind /a:/b: image-src names no path" },
	{ "/a:/b:id=0", "--bind /a:/b: id=0 is no descriptor (a number from 1 on)" },
	{ "/a:/b:id=4x", "--bind /a:/b: id=4x is no descriptor (a number from 1 on)" },
};

START_TEST(binds_read_as_apptainer_reads_them)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *got = parsed(cases[i].text);

		ck_assert_str_eq(got, cases[i].want);
	}
}
END_TEST

static char *mount_parsed(const char *text)
{
	auto_binds struct binds b = { 0 };
	struct err e = { 0 };
	struct buf out = { 0 };

	if (mount_option_parse(&b, text, "--mount", "/cwd", &e) < 0)
		return xstrdup(e.text);
	for (size_t i = 0; i < b.n; i++)
		bind_print(&out, &b.v[i], i);
	return out.data ? buf_take(&out) : xstrdup("");
}

static const struct {
	const char *text, *want;
} mounts[] = {
	{ "type=bind,source=/a,destination=/b", "/a|/b|rw" },
	{ "src=a,dst=/b,ro", "/cwd/a|/b|ro" },
	{ "dst=/b,readonly=true,src=/a", "/a|/b|ro" },
	{ "src=/a,target=/b,ro=false", "/a|/b|rw" },
	{ "type=bind,\"src=/with,comma\",\"dst=/a \"\"quote\"\"\"", "/with,comma|/a \"quote\"|rw" },
	{ "src=/a:b,dst=/c:d", "/a:b|/c:d|rw" },
	{ "src=/a=b,dst=/c", "/a=b|/c|rw" },
	{ "src=/a.sif,dst=/b,image-src=/x", "/a.sif|/b|rw|/x#0" },
	{ "src=/a.sif,dst=/b,id=2", "/a.sif|/b|rw|/#2" },
	{ "src=/a,dst=/b,nonested", "/a|/b|rw|nonested" },
	{ "\nsrc=/a,dst=/b\r\n\nsrc=/c,dst=/d,ro\n", "/a|/b|rw /c|/d|ro" },
	{ "", "" },
	{ "src=/a", "--mount src=/a: a mount needs a destination" },
	{ "dst=/a", "--mount dst=/a: a mount needs a source" },
	{ "src=,dst=/a", "--mount: src needs a value" },
	{ "src=/a,dst=b", "--mount src=/a,dst=b: the destination must start with /" },
	{ "type=tmpfs,dst=/a",
	  "--mount: type=tmpfs: only type=bind is known (for an empty directory "
	  "use --scratch)" },
	{ "src=/a,dst=/b,bind-propagation=rshared",
	  "--mount: bind-propagation cannot be chosen: what the host mounts later appears, nothing "
	  "goes "
	  "the other way" },
	{ "src=/a,dst=/b,rw", "--mount: \"rw\" is not a key (use type, source, destination, ro, "
			      "image-src, id or nonested)" },
	{ "src=/a,dst=/b,ro=maybe", "--mount: ro=maybe: write ro, or ro=true" },
	{ "\"src=/a,dst=/b", "--mount: a quote is not closed" },
};

START_TEST(mounts_read_as_docker_writes_them)
{
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
		auto_free char *got = mount_parsed(mounts[i].text);

		ck_assert_str_eq(got, mounts[i].want);
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

UNIT(bind, binds_read_as_apptainer_reads_them, mounts_read_as_docker_writes_them,
     a_relative_source_needs_a_directory_to_start_from)
