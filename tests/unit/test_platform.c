#include "registry/platform.h"

#include <string.h>

#include "tests/unit/unit.h"

static struct platform parse(const char *text)
{
	struct platform p;
	struct err e = { 0 };

	ck_ok(platform_parse(&p, text, &e), &e);
	return p;
}

START_TEST(architectures_are_known_by_all_their_names)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "amd64", "linux/amd64" },	 { "x86_64", "linux/amd64" },
		{ "aarch64", "linux/arm64" },	 { "arm64/v8", "linux/arm64/v8" },
		{ "arm64v8", "linux/arm64/v8" }, { "linux/arm/v6", "linux/arm/v6" },
		{ "armhf", "linux/arm/v7" },	 { "armel", "linux/arm/v6" },
		{ "arm/7", "linux/arm/v7" },	 { "arm32v5", "linux/arm/v5" },
		{ "i686", "linux/386" },	 { "AMD64", "linux/amd64" },
		{ "ppc64le", "linux/ppc64le" },	 { "linux/amd64/v3", "linux/amd64/v3" },
	};
	char buf[PLATFORM_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct platform p = parse(rows[i].in);

		ck_assert_str_eq(platform_text(&p, buf), rows[i].out);
	}
}
END_TEST

START_TEST(nothing_asked_for_is_this_machine)
{
	struct platform a = parse(NULL), b = parse("");

	ck_assert_str_eq(a.os, "linux");
	ck_assert_int_gt((int)strlen(a.arch), 0);
	ck_assert_str_eq(a.arch, b.arch);
}
END_TEST

START_TEST(unknown_words_are_refused_with_the_known_ones)
{
	static const char *const rows[] = { "x87",	  "amd64/", "windows/amd64",
					    "amd64/v3/x", "/",	    "arm/vx",
					    "arm/v123",	  "linux",  "amd64\n" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct platform p;
		struct err e = { 0 };
		int r = platform_parse(&p, rows[i], &e);

		if (!strcmp(rows[i], "amd64/")) { /* an empty piece counts for nothing */
			ck_assert_int_eq(r, 0);
			continue;
		}
		ck_assert_msg(r == -1, "%s", rows[i]);
		ck_assert_int_eq(e.kind, ERR_USAGE);
		ck_assert_ptr_nonnull(strstr(e.text, "known are amd64, arm64"));
	}
}
END_TEST

START_TEST(the_best_variant_that_runs_here_wins)
{
	/* want, then what is offered from best to worst, then what never fits */
	static const struct {
		const char *want, *order[6], *never[5];
	} rows[] = {
		{ "arm/v7", { "arm/v7", "arm/v6", "arm/v5" }, { "arm/v8", "arm64", "amd64" } },
		{ "arm/v6", { "arm/v6", "arm/v5" }, { "arm/v7", "arm/v8" } },
		{ "arm64", { "arm64", "arm64/v8" }, { "arm64/v9", "arm/v7", "amd64" } },
		{ "arm64/v8", { "arm64/v8", "arm64" }, { "arm64/v9" } },
		{ "amd64", { "amd64", "amd64/v1" }, { "amd64/v2", "amd64/v3", "386" } },
		{ "amd64/v3", { "amd64/v3", "amd64/v2", "amd64" }, { "amd64/v4" } },
		{ "ppc64le", { "ppc64le" }, { "amd64", "s390x" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct platform want = parse(rows[i].want);
		int last = -1;

		for (size_t k = 0; k < 6 && rows[i].order[k]; k++) {
			struct platform p = parse(rows[i].order[k]);
			int rank = platform_rank(&want, &p);

			ck_assert_msg(rank > last, "%s on %s", rows[i].order[k], rows[i].want);
			last = rank;
		}
		for (size_t k = 0; k < 5 && rows[i].never[k]; k++) {
			struct platform p = parse(rows[i].never[k]);

			ck_assert_msg(platform_rank(&want, &p) < 0, "%s on %s", rows[i].never[k],
				      rows[i].want);
		}
	}
}
END_TEST

START_TEST(an_image_for_arm_without_a_level_is_the_last_choice)
{
	struct platform want = parse("arm/v7"), v5 = parse("arm/v5");
	struct platform none = { "linux", "arm", "" }, odd = { "linux", "arm", "vfoo" };

	ck_assert_int_gt(platform_rank(&want, &none), platform_rank(&want, &v5));
	ck_assert_int_eq(platform_rank(&want, &odd), -1);
}
END_TEST

UNIT(platform, architectures_are_known_by_all_their_names, nothing_asked_for_is_this_machine,
     unknown_words_are_refused_with_the_known_ones, the_best_variant_that_runs_here_wins,
     an_image_for_arm_without_a_level_is_the_last_choice)
