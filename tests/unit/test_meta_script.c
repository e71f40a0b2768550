#include "image/meta_script.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static void list(struct strv *out, const char *const *words)
{
	for (; *words; words++)
		strv_add(out, *words);
}
#define LIST(name, ...)                     \
	auto_strv struct strv name = { 0 }; \
	list(&name, (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

START_TEST(environment_is_written_as_apptainer_writes_it)
{
	auto_buf struct buf b = { 0 };
	LIST(env, "PATH=/bin:$HOME", "A=b", "Q=a\"b`c\\d$e'f", "EMPTY=", "BARE", "1X=no", "a-b=no",
	     "=no", "_ok1=x=y", "NL=a\nb");

	meta_env_script(&b, &env);
	ck_assert_str_eq(buf_str(&b), "#!/bin/sh\n"
				      "export PATH=\"/bin:\\$HOME\"\n"
				      "export A=\"${A:-\"b\"}\"\n"
				      "export Q=\"${Q:-\"a\\\"b\\`c\\\\d\\$e'f\"}\"\n"
				      "export EMPTY=\"${EMPTY:-\"\"}\"\n"
				      "export BARE=\"${BARE:-}\"\n"
				      "export _ok1=\"${_ok1:-\"x=y\"}\"\n"
				      "export NL=\"${NL:-\"a\nb\"}\"\n");
}
END_TEST

START_TEST(the_runscript_keeps_both_lists_and_the_mark)
{
	auto_buf struct buf b = { 0 };
	LIST(ep, "/bin/e p", "it's");
	LIST(cmd, "$x");

	meta_runscript(&b, &ep, &cmd);
	ck_assert(str_has_prefix(buf_str(&b), "#!/bin/sh\n"
					      "OCI_ENTRYPOINT='\"/bin/e p\" \"it'\"'\"'s\"'\n"
					      "OCI_CMD='\"\\$x\"'\n"));
	ck_assert_ptr_nonnull(strstr(buf_str(&b), "\neval \"set ${SINGULARITY_OCI_RUN}\"\n"));
}
END_TEST

START_TEST(empty_lists_are_empty_quotes)
{
	auto_buf struct buf b = { 0 };
	struct strv none = { 0 };

	meta_runscript(&b, &none, &none);
	ck_assert(str_has_prefix(buf_str(&b), "#!/bin/sh\nOCI_ENTRYPOINT=''\nOCI_CMD=''\n"));
}
END_TEST

START_TEST(odd_words_survive_the_way_there_and_back)
{
	auto_buf struct buf b = { 0 };
	auto_strv struct strv ep2 = { 0 }, cmd2 = { 0 };
	LIST(ep, "a b", "", "it's", "q\"q", "back\\slash", "new\nline", "`x`", "$y", "'\"'\"'");
	LIST(cmd, "-c", "echo \"$(date)\"");

	meta_runscript(&b, &ep, &cmd);
	ck_assert_int_eq(meta_runscript_parse(buf_str(&b), &ep2, &cmd2), 0);
	ck_assert_uint_eq(ep2.n, ep.n);
	for (size_t i = 0; i < ep.n; i++)
		ck_assert_str_eq(ep2.v[i], ep.v[i]);
	ck_assert_uint_eq(cmd2.n, 2);
	ck_assert_str_eq(cmd2.v[1], cmd.v[1]);
}
END_TEST

START_TEST(other_runscripts_are_left_to_a_shell)
{
	static const char mark[] = "eval \"set ${SINGULARITY_OCI_RUN}\"";
	static const char *const texts[] = {
		"#!/bin/sh\nexec python3 \"$@\"\n",
		"OCI_ENTRYPOINT=''\nOCI_CMD=''\n",		/* no mark */
		"OCI_ENTRYPOINT='\"$HOME\"'\nOCI_CMD=''\n%s\n", /* wants expanding */
		"OCI_ENTRYPOINT='\"`x`\"'\nOCI_CMD=''\n%s\n",
		"OCI_ENTRYPOINT='\"a\n%s\n",
		"OCI_ENTRYPOINT='a'\nOCI_CMD=''\n%s\n",
		"OCI_ENTRYPOINT=''x\nOCI_CMD=''\n%s\n",
		"OCI_CMD=''\n%s\n",
		"",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		auto_strv struct strv ep = { 0 }, cmd = { 0 };
		auto_buf struct buf b = { 0 };
		const char *p = strstr(texts[i], "%s");

		buf_add(&b, texts[i], p ? (size_t)(p - texts[i]) : strlen(texts[i]));
		if (p)
			buf_printf(&b, "%s\n", mark);
		ck_assert_int_eq(meta_runscript_parse(buf_str(&b), &ep, &cmd), 1);
		ck_assert_uint_eq(ep.n + cmd.n, 0);
	}
}
END_TEST

/* Runs the script as a shell would and compares what it prints. */
static void check_run(const struct strv *ep, const struct strv *cmd, const char *before,
		      const char *args, const char *want)
{
	auto_buf struct buf b = { 0 };
	char path[] = "/tmp/berth-run-XXXXXX", got[256] = "";
	auto_free char *line = NULL;
	FILE *f;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	meta_runscript(&b, ep, cmd);
	ck_assert_int_eq(write(fd, b.data, b.len), (ssize_t)b.len);
	close(fd);
	line = xasprintf("%s sh %s %s", before, path, args);
	f = popen(line, "r");
	ck_assert_ptr_nonnull(f);
	got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
	pclose(f);
	unlink(path);
	ck_assert_str_eq(got, want);
}

START_TEST(a_shell_runs_the_script_as_the_table_says)
{
	struct strv none = { 0 };
	LIST(ep, "printf", "<%s>");
	LIST(cmd, "$HOME", "it's");
	LIST(all, "printf", "<%s>", "a b");
	static const char no_eval[] = "SINGULARITY_NO_EVAL=1 V=v";

	check_run(&ep, &cmd, "V=v", "", "<$HOME><it's>");
	check_run(&ep, &cmd, no_eval, "", "<$HOME><it's>");
	check_run(&ep, &cmd, "V=v", "'x y' '$V'", "<x y><v>");
	check_run(&ep, &cmd, no_eval, "'x y' '$V'", "<x y><$V>");
	check_run(&none, &all, "V=v", "", "<a b>");
	check_run(&none, &all, "V=v", "printf '[%s]' '$V'", "[v]");
	check_run(&none, &all, no_eval, "printf '[%s]' '$V'", "[$V]");
	check_run(&all, &none, no_eval, "c", "<a b><c>");
}
END_TEST

UNIT(meta_script, environment_is_written_as_apptainer_writes_it,
     the_runscript_keeps_both_lists_and_the_mark, empty_lists_are_empty_quotes,
     odd_words_survive_the_way_there_and_back, other_runscripts_are_left_to_a_shell,
     a_shell_runs_the_script_as_the_table_says)
