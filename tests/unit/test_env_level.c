#include "tests/unit/unit.h"

#include <string.h>

#include "src/plan/env_level.h"

static bool passes(enum env_level l, const char *name)
{
	return env_level_passes(l, name, strlen(name));
}

START_TEST(clean_keeps_foreign_code_out_and_the_job_in)
{
	static const char *const out[] = {
		"LD_PRELOAD",  "PYTHONPATH",   "PYTHONHOME", "PERL5LIB",
		"R_LIBS_USER", "CONDA_PREFIX", "_CE_CONDA",  "CLASSPATH",
		"VIRTUAL_ENV", "BASH_ENV",     "RUBYLIB",    "MODULEPATH"
	};
	static const char *const in[] = {
		"SLURM_JOB_ID",		"PMI_RANK", "PMI2_FD", "PMIX_RANK", "OMPI_COMM_WORLD_RANK",
		"CUDA_VISIBLE_DEVICES", "EDITOR",   "LANG",    "MY_OWN",    "OMP_NUM_THREADS"
	};

	for (size_t i = 0; i < ARRAY_LEN(out); i++) {
		ck_assert_msg(!passes(ENV_CLEAN, out[i]), "%s", out[i]);
		ck_assert_msg(!passes(ENV_STRICT, out[i]), "%s", out[i]);
		ck_assert(passes(ENV_DROPIN, out[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		ck_assert_msg(passes(ENV_CLEAN, in[i]), "%s", in[i]);
}
END_TEST

START_TEST(strict_takes_only_what_it_names)
{
	ck_assert(passes(ENV_STRICT, "SLURM_PROCID") && passes(ENV_STRICT, "PMI_FD"));
	ck_assert(passes(ENV_STRICT, "TERM") && passes(ENV_STRICT, "LC_ALL"));
	ck_assert(!passes(ENV_STRICT, "EDITOR") && !passes(ENV_STRICT, "TERMINAL"));
	ck_assert(!passes(ENV_STRICT, "MY_OWN"));
}
END_TEST

START_TEST(an_unknown_level_names_the_known)
{
	enum env_level l = ENV_STRICT;
	struct err e = { 0 };

	ck_ok(env_level_parse(&l, NULL, &e), &e);
	ck_assert_int_eq(l, ENV_DROPIN);
	ck_ok(env_level_parse(&l, "clean", &e), &e);
	ck_assert_int_eq(l, ENV_CLEAN);
	ck_assert_str_eq(env_level_adds(l)[0], "PYTHONNOUSERSITE=1");
	ck_assert_int_eq(env_level_parse(&l, "tidy", &e), -1);
	ck_assert_str_eq(e.text, "--env-level tidy: there are dropin, clean and strict");
}
END_TEST

UNIT(env_level, clean_keeps_foreign_code_out_and_the_job_in, strict_takes_only_what_it_names,
     an_unknown_level_names_the_known)
