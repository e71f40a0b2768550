#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/plan/script.h"
#include "tests/unit/unit.h"

/* Exported variables as lines, in the order in which they were set. */
static char *exported(const struct shvars *v)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < v->exported.n; i++)
		buf_printf(&b, "%s\n", v->exported.v[i]);
	return buf_take(&b);
}

static const struct {
	const char *text, *want;
} understood[] = {
	{ "", "" },
	{ "#!/bin/sh\n# nothing\n\n", "" },
	{ "export A=1\nexport B=2", "A=1\nB=2\n" },
	{ "A=1; export A", "A=1\n" },
	{ "A=1\n", "" },
	{ "export A; A=1", "A=1\n" },
	{ "export A=1 B=2 # both\n", "A=1\nB=2\n" },
	{ "export A='a b'\"c d\"e\\ f", "A=a bc de f\n" },
	{ "export A=\"x\"\nexport B=\"$A:${A}y\"", "A=x\nB=x:xy\n" },
	{ "export PATH=/bin\nexport PATH=$PATH:/x", "PATH=/bin:/x\n" },
	{ "export A=\"${A:-\"d\"}\"", "A=d\n" },
	{ "export A=\"${A:-\"d \\\"q\\\" \\$x \\`b\\` \\\\\"}\"", "A=d \"q\" $x `b` \\\n" },
	{ "export A=\nexport B=\"${A:-d}${A-e}${A:+f}${A+g}${C+h}\"", "A=\nB=dg\n" },
	{ "export A=\"${X:-${Y:-${Z:-deep}}}\"", "A=deep\n" },
	{ "export A=\"${N:-}\"", "A=\n" },
	{ "export A=\"${X:-{}}\"", "A={}\n" },
	{ "export A=\"two\nlines\"", "A=two\nlines\n" },
	{ "export A=a\\\nb", "A=ab\n" },
	{ "export A=1; unset A; export B=2", "B=2\n" },
	{ "export A=\"cost 5$ or $ 5$\"", "A=cost 5$ or $ 5$\n" },
	{ "export A=\"it's\"", "A=it's\n" },
	{ "export A=*.c B=[a]", "A=*.c\nB=[a]\n" },
	{ "export A=a#b", "A=a#b\n" },
	{ "if [ -z \"$A\" ]; then\n\texport A=set\nelse\n\texport A=\"$A:more\"\nfi", "A=set\n" },
	{ "export A=1\nif [ -z \"$A\" ]; then\n A=set\nelse\n A=\"$A:more\"\nfi", "A=1:more\n" },
	{ "if test -n \"${A:-}\"; then export B=1; elif [ x = x ]; then export C=1; else export "
	  "D=1; fi",
	  "C=1\n" },
	{ "if [ \"a\" = \"b\" ]; then\n if [ -d /x ]; then for i in a b; do . /f; done; fi\n"
	  " echo 'fi' \"else\" # fi\nfi\nexport E=1",
	  "E=1\n" },
	{ ":\ntrue\nexport A=1", "A=1\n" },
};

START_TEST(simple_scripts_are_read)
{
	auto_shvars struct shvars v = { 0 };
	auto_free char *got = NULL;

	ck_assert_int_eq(script_run(&v, understood[_i].text, NULL), 0);
	got = exported(&v);
	ck_assert_str_eq(got, understood[_i].want);
}
END_TEST

/* The same texts through a real shell give the same variables. */
START_TEST(a_shell_reads_them_alike)
{
	char name[] = "/tmp/berth-script-XXXXXX";
	auto_close int fd = mkstemp(name);
	auto_free char *cmd = xasprintf("env -i bash -c '. %s; env' | grep -v "
					"'^\\(PWD\\|SHLVL\\|_\\)='; rm %s",
					name, name);
	auto_shvars struct shvars v = { 0 };
	auto_strv struct strv got = { 0 }, want = { 0 };
	auto_free char *text = NULL;
	char out[4096];
	size_t n;
	FILE *p;

	ck_assert_int_eq(fd_write(fd, understood[_i].text, strlen(understood[_i].text)), 0);
	p = popen(cmd, "r");
	ck_assert_ptr_nonnull(p);
	n = fread(out, 1, sizeof(out) - 1, p);
	out[n] = '\0';
	pclose(p);
	script_run(&v, understood[_i].text, NULL);
	text = exported(&v);
	strv_split(&got, out, '\n');
	strv_split(&want, text, '\n');
	strv_sort(&got);
	strv_sort(&want);
	/* bash gives itself a PATH where there is none */
	ck_assert_uint_eq(got.n, want.n);
	for (size_t i = 0; i < got.n; i++)
		ck_assert_str_eq(got.v[i], want.v[i]);
}
END_TEST

static const char *const refused[] = {
	"echo hello",
	"export A=$(date)",
	"export A=`date`",
	"A=1 env",
	"export A=1 && export B=2",
	"export A=1 | cat",
	"export A=~/x",
	"export A={a,b}",
	"export A=$1",
	"export A=$$",
	"export A=${#B}",
	"export A=${B%%x}",
	"export A=\"${B:?no}\"",
	"export A=$((1+1))",
	"export A=$'x'",
	"export A=\"unfinished",
	"export A='unfinished",
	"export A=\"${B:-unfinished\"",
	"export -n A",
	"export 1A=x",
	"export A+=x",
	"set -a",
	". /other.sh",
	"source /other.sh",
	"case $A in x) ;; esac",
	"for i in a; do export A=$i; done",
	"f() { export A=1; }",
	"if [ -d /x ]; then export A=1; fi",
	"if [ -n $A ]; then export B=1; fi",
	"if [ -z \"\" ]; then export A=1",
	"if [ -n \"\" ]; then export A=1",
	"if [ -n \"\" ]; then cat <<fi\nfi\nfi",
	"fi",
	"else",
	"then",
	"export A=1;; export B=1",
	"cat <<EOF\nexport A=1\nEOF",
	"export A=1 >/dev/null",
	"export A=1 &",
	"if test -n(\"x\"; then export A=1; fi",
	"if [ a = b ; then export A=1; fi",
};

START_TEST(anything_else_is_left_to_a_shell)
{
	auto_shvars struct shvars v = { 0 };
	auto_free char *got = NULL;

	shvars_set(&v, "KEEP", "1", true);
	ck_assert_msg(script_run(&v, refused[_i], NULL) == 1, "%s", refused[_i]);
	got = exported(&v);
	ck_assert_str_eq(got, "KEEP=1\n");
}
END_TEST

START_TEST(the_line_that_needs_a_shell_is_known)
{
	auto_shvars struct shvars v = { 0 };
	unsigned line = 0;

	ck_assert_int_eq(script_run(&v, "export A=1\n\nexport B=$(x)\n", &line), 1);
	ck_assert_uint_eq(line, 3);
}
END_TEST

START_TEST(values_that_double_without_end_are_refused)
{
	auto_shvars struct shvars v = { 0 };
	auto_buf struct buf b = { 0 };

	buf_adds(&b, "A=aaaaaaaaaaaaaaaa\n");
	for (int i = 0; i < 60; i++)
		buf_adds(&b, "A=\"$A$A\"\n");
	ck_assert_int_eq(script_run(&v, buf_str(&b), NULL), 1);
}
END_TEST

START_TEST(many_long_values_are_refused)
{
	auto_shvars struct shvars v = { 0 };
	auto_buf struct buf text = { 0 };

	buf_printf(&text, "A=%0100000d\n", 0);
	for (int i = 0; i < 30; i++)
		buf_printf(&text, "B%d=$A\n", i);
	ck_assert_int_eq(script_run(&v, buf_str(&text), NULL), 0);
	for (int i = 0; i < 30; i++)
		buf_printf(&text, "C%d=$A\n", i);
	ck_assert_int_eq(script_run(&v, buf_str(&text), NULL), 1);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
	auto_shvars struct shvars v = { 0 };
	auto_buf struct buf b = { 0 };

	buf_adds(&b, "A=\"");
	for (int i = 0; i < 100000; i++)
		buf_adds(&b, "${X:-");
	ck_assert_int_eq(script_run(&v, buf_str(&b), NULL), 1);
}
END_TEST

START_TEST(injected_values_expand_as_in_double_quotes)
{
	auto_shvars struct shvars v = { 0 };
	auto_buf struct buf b = { 0 };

	shvars_set(&v, "A", "x y", true);
	ck_assert_int_eq(script_expand(&v, "$A \"q\" 'q' ~ * \\$A ${B:-z}", &b), 0);
	ck_assert_str_eq(buf_str(&b), "x y \"q\" 'q' ~ * $A z");
	ck_assert_int_eq(script_expand(&v, "$(id)", &b), 1);
	ck_assert_str_eq(buf_str(&b), "x y \"q\" 'q' ~ * $A z");
}
END_TEST

START_TEST(words_split_like_a_command_line)
{
	auto_strv struct strv w = { 0 };

	ck_assert_int_eq(script_words("\"/bin/x\" '-a b' c\\ d", &w), 0);
	ck_assert_uint_eq(w.n, 3);
	ck_assert_str_eq(w.v[1], "-a b");
	ck_assert_str_eq(w.v[2], "c d");
	ck_assert_int_eq(script_words("a $B", &w), 1);
	ck_assert_int_eq(script_words("a; b", &w), 1);
	ck_assert_int_eq(script_words("a *", &w), 1);
	ck_assert_uint_eq(w.n, 3);
}
END_TEST

START_TEST(quoted_text_survives_any_shell)
{
	auto_buf struct buf b = { 0 };

	script_quote(&b, "it's $x");
	ck_assert_str_eq(buf_str(&b), "'it'\\''s $x'");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("script");
	TCase *c = tcase_create("script");
	SRunner *r;
	int failed;

	tcase_add_loop_test(c, simple_scripts_are_read, 0, ARRAY_LEN(understood));
	tcase_add_loop_test(c, a_shell_reads_them_alike, 0, ARRAY_LEN(understood));
	tcase_add_loop_test(c, anything_else_is_left_to_a_shell, 0, ARRAY_LEN(refused));
	tcase_add_test(c, the_line_that_needs_a_shell_is_known);
	tcase_add_test(c, values_that_double_without_end_are_refused);
	tcase_add_test(c, many_long_values_are_refused);
	tcase_add_test(c, deep_nesting_is_refused);
	tcase_add_test(c, injected_values_expand_as_in_double_quotes);
	tcase_add_test(c, words_split_like_a_command_line);
	tcase_add_test(c, quoted_text_survives_any_shell);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
