#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/cli/opt.h"

struct req {
	bool force, quiet;
	const char *arch, *dir, *user;
	unsigned parallel;
	uint64_t size;
	struct strv bind, env;
};

static const struct opt opts[] = {
	OPT_FLAG('F', "force", "TFORCE", struct req, force, "replace an existing file"),
	OPT_FLAG('q', "quiet", NULL, struct req, quiet, "say less"),
	OPT_STR(0, "arch", "ARCH", "TARCH,TARCH_OLD", struct req, arch, "platform"),
	OPT_STR('d', "dir", "DIR", NULL, struct req, dir, "where to"),
	OPT_UINT(0, "parallel", "N", "TPARALLEL", struct req, parallel, "how many"),
	OPT_SIZE(0, "size", "SIZE", NULL, struct req, size, "how large"),
	OPT_LIST('B', "bind", "SPEC", "TBIND", struct req, bind, 0, "bind a path"),
	OPT_LIST(0, "env", "K=V", NULL, struct req, env, OPT_COMMAS, "set a variable"),
	OPT_NOOP('U', "allow-unsigned"),
	OPT_NOOP_STR("tmpdir"),
	OPT_REFUSE(0, "boot", "needs root"),
	OPT_REFUSE_STR("data", "bind it"),
	OPT_STR_BARE(0, "user", "USER", "TUSER", struct req, user, "who"),
	OPT_ALIAS_STR("arch-too", struct req, arch),
	OPT_END,
};

static int parse(struct req *r, int *used, struct err *e, const char *words)
{
	static char store[512];
	char *argv[16];
	int argc = 0;

	memset(r, 0, sizeof(*r));
	snprintf(store, sizeof(store), "%s", words);
	for (char *w = strtok(store, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	return opt_parse(opts, r, argc, argv, used, e);
}

START_TEST(options_stop_at_the_first_operand)
{
	struct req r;
	struct err e = { 0 };
	int used;

	ck_ok(parse(&r, &used, &e, "-Fq --arch=arm64 image.sif --force -x"), &e);
	ck_assert_int_eq(used, 2);
	ck_assert(r.force && r.quiet);
	ck_assert_str_eq(r.arch, "arm64");
	ck_ok(parse(&r, &used, &e, "-F -- --image"), &e);
	ck_assert_int_eq(used, 2);
	ck_ok(parse(&r, &used, &e, "- x"), &e);
	ck_assert_int_eq(used, 0);
}
END_TEST

START_TEST(values_may_be_joined_or_apart)
{
	struct req r;
	struct err e = { 0 };
	int used;

	ck_ok(parse(&r, &used, &e,
		    "-B/a:/b -B /c --bind=/d --bind /e --env A=1,B=2 --parallel 7 "
		    "--size 20G"),
	      &e);
	ck_assert_uint_eq(r.size, 20ull << 30);
	ck_assert_uint_eq(r.bind.n, 4);
	ck_assert_str_eq(r.bind.v[0], "/a:/b");
	ck_assert_str_eq(r.bind.v[3], "/e");
	ck_assert_uint_eq(r.env.n, 2);
	ck_assert_str_eq(r.env.v[1], "B=2");
	ck_assert_uint_eq(r.parallel, 7);
	opt_release(opts, &r);
}
END_TEST

START_TEST(a_wrong_word_is_named_with_the_nearest_known)
{
	static const struct {
		const char *words, *text;
	} t[] = {
		{ "--forse x", "unknown option --forse (did you mean --force?)" },
		{ "--nothing=5", "unknown option --nothing" },
		{ "-Fz", "unknown option -z in -Fz" },
		{ "--arch", "--arch needs a value: --arch ARCH" },
		{ "--size 5X", "--size: \"5X\" is not a size (such as 20G)" },
		{ "--size 99999999999G", "--size: \"99999999999G\" is not a size (such as 20G)" },
		{ "--parallel many", "--parallel: \"many\" is not a whole number" },
		{ "--parallel -1", "--parallel: \"-1\" is not a whole number" },
		{ "--force=perhaps", "--force: \"perhaps\" is neither true nor false" },
	};
	struct req r;
	struct err e = { 0 };
	int used;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		ck_assert_int_eq(parse(&r, &used, &e, t[i].words), -1);
		ck_assert_str_eq(e.text, t[i].text);
		ck_assert_int_eq(e.kind, ERR_USAGE);
	}
}
END_TEST

START_TEST(the_environment_fills_what_the_words_left_alone)
{
	struct req r;
	struct err e = { 0 };
	int used;

	setenv("SINGULARITY_TARCH", "from-s", 1);
	setenv("APPTAINER_TARCH", "from-a", 1);
	setenv("APPTAINER_TFORCE", "True", 1);
	setenv("BERTH_TBIND", "/env", 1);
	ck_ok(parse(&r, &used, &e, "-B /word"), &e);
	ck_assert_str_eq(r.arch, "from-a");
	ck_assert(r.force);
	ck_assert_uint_eq(r.bind.n, 2);
	opt_release(opts, &r);
	setenv("BERTH_TARCH", "from-b", 1);
	ck_ok(parse(&r, &used, &e, ""), &e);
	ck_assert_str_eq(r.arch, "from-b");
	opt_release(opts, &r);
	ck_ok(parse(&r, &used, &e, "--arch word"), &e);
	ck_assert_str_eq(r.arch, "word");
	opt_release(opts, &r);
	setenv("BERTH_TPARALLEL", "x", 1);
	ck_assert_int_eq(parse(&r, &used, &e, ""), -1);
	ck_assert_str_eq(e.text, "BERTH_TPARALLEL: \"x\" is not a whole number");
	opt_release(opts, &r);
}
END_TEST

static char said[512];

static void listen(enum log_level l, const char *line)
{
	(void)l;
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", line);
}

START_TEST(only_twins_that_disagree_are_spoken_of)
{
	const char *environment[] = { "SINGULARITY_TARCH=same",
				      "APPTAINER_TARCH=same",
				      "BERTH_TARCH=",
				      "TUSER=bare",
				      NULL,
				      NULL };
	bool given[ARRAY_LEN(opts)] = { false };
	struct err e = { 0 };
	struct req r = { 0 };

	log_set_printer(listen);
	ck_ok(opt_from_env(opts, &r, given, (char *const *)(uintptr_t)environment, &e), &e);
	ck_assert_str_eq(r.arch, "same");
	ck_assert_str_eq(r.user, "bare");
	ck_assert_str_eq(said, "");
	environment[4] = "SINGULARITY_TUSER=s";
	environment[1] = "APPTAINER_TARCH=other";
	ck_ok(opt_from_env(opts, &r, given, (char *const *)(uintptr_t)environment, &e), &e);
	ck_assert_str_eq(r.arch, "other");
	ck_assert_str_eq(r.user, "s");
	ck_assert_str_eq(said,
			 "APPTAINER_TARCH and SINGULARITY_TARCH differ; APPTAINER_TARCH is used\n");
	log_set_printer(NULL);
}
END_TEST

START_TEST(an_alias_on_the_line_keeps_the_environment_out)
{
	struct req r;
	struct err e = { 0 };
	int used;

	setenv("APPTAINER_TARCH", "env", 1);
	ck_ok(parse(&r, &used, &e, "--arch-too line --tmpdir /x image"), &e);
	ck_assert_str_eq(r.arch, "line");
	ck_assert_int_eq(used, 4);
	unsetenv("APPTAINER_TARCH");
}
END_TEST

START_TEST(a_refused_option_says_why)
{
	struct req r;
	struct err e = { 0 };
	int used;

	ck_assert_int_eq(parse(&r, &used, &e, "--boot x"), -1);
	ck_assert_int_eq(e.kind, ERR_UNSUPPORTED);
	ck_assert_str_eq(e.text, "--boot: needs root");
	ck_assert_int_eq(parse(&r, &used, &e, "--data=a:b x"), -1);
	ck_assert_str_eq(e.text, "--data: bind it");
}
END_TEST

START_TEST(help_is_asked_for_and_lists_every_shown_option)
{
	auto_buf struct buf b = { 0 };
	struct req r;
	struct err e = { 0 };
	int used;

	ck_assert_int_eq(parse(&r, &used, &e, "-F --help"), 1);
	opt_help(opts, &b);
	ck_assert_ptr_nonnull(strstr(buf_str(&b), "  -B, --bind SPEC               bind a path\n"));
	ck_assert_ptr_null(strstr(buf_str(&b), "allow-unsigned"));
}
END_TEST

UNIT(opt, options_stop_at_the_first_operand, values_may_be_joined_or_apart,
     a_wrong_word_is_named_with_the_nearest_known, the_environment_fills_what_the_words_left_alone,
     only_twins_that_disagree_are_spoken_of, an_alias_on_the_line_keeps_the_environment_out,
     a_refused_option_says_why, help_is_asked_for_and_lists_every_shown_option)
