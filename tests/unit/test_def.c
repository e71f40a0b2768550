#include <string.h>

#include "src/base/json.h"
#include "src/recipe/def.h"
#include "src/recipe/def_app.h"
#include "src/recipe/step.h"
#include "tests/unit/unit.h"

static struct err e;
static const char post[] = "%post";

static struct def *parse(const char *text)
{
	const struct def_opts o = { .name = "app.def" };
	struct def *d = NULL;

	ck_ok(def_parse(&d, text, strlen(text), &o, &e), &e);
	return d;
}

static const char *refused(const char *text, const struct strv *args)
{
	const struct def_opts o = { .name = "app.def", .args = args };
	struct def *d = NULL;

	ck_assert_int_eq(def_parse(&d, text, strlen(text), &o, &e), -1);
	return e.text;
}

START_TEST(header_keys_are_read_whatever_their_case)
{
	auto_def struct def *d = parse("# a comment\n\nBOOTSTRAP : docker  # what else\n"
				       "From: debian:12\ninclude: a \\\n  b\n");

	ck_assert_uint_eq(d->nstages, 1);
	ck_assert_str_eq(def_header(&d->stages[0], "bootstrap"), "docker");
	ck_assert_str_eq(def_header(&d->stages[0], "from"), "debian:12");
	ck_assert_str_eq(def_header(&d->stages[0], "include"), "a    b");
	ck_assert_ptr_null(def_header(&d->stages[0], "stage"));
}
END_TEST

START_TEST(every_script_section_is_kept_as_it_is)
{
	static const char *const names[DEF_SCRIPTS] = { "help",	       "pre",	      "setup",
							"post",	       "environment", "runscript",
							"startscript", "test" };

	for (size_t i = 0; i < DEF_SCRIPTS; i++) {
		auto_free char *text = xasprintf(
			"Bootstrap: scratch\n%%%s  -x y\n  echo \"%%d\"\n\n# c\n%%%% \n", names[i]);
		auto_def struct def *d = parse(text);

		ck_assert_str_eq(d->stages[0].script[i].text, "  echo \"%d\"\n\n# c\n%% \n");
		ck_assert_str_eq(d->stages[0].script[i].args, "-x y");
		ck_assert_uint_eq(d->stages[0].script[i].line, 2);
	}
}
END_TEST

START_TEST(repeated_sections_are_one_behind_the_other)
{
	auto_def struct def *d = parse("Bootstrap: scratch\n%post -e\na\n%labels\nX 1\n%post\nb\n");

	ck_assert_str_eq(d->stages[0].script[DEF_POST].text, "a\nb\n");
	ck_assert_str_eq(d->stages[0].script[DEF_POST].args, "-e");
}
END_TEST

START_TEST(labels_split_at_the_first_blank)
{
	auto_def struct def *d =
		parse("Bootstrap: scratch\n%labels\n  Author  A. B.\n# no\n\n  Empty\n\tK\tv w\n");
	const struct def_pairs *l = &d->stages[0].labels;

	ck_assert_uint_eq(l->n, 3);
	ck_assert_str_eq(l->v[0].key, "Author");
	ck_assert_str_eq(l->v[0].value, "A. B.");
	ck_assert_str_eq(l->v[1].value, "");
	ck_assert_str_eq(l->v[2].value, "v w");
}
END_TEST

START_TEST(files_take_quotes_and_globs_and_a_default_target)
{
	auto_def struct def *d = parse("Bootstrap: scratch\n%files\n  a b/\n  \"x y\" 'p q'\n"
				       "  *.c /src/\n  \"*\" lit # comment\n  /etc/hosts\n"
				       "  a\\ b /c/../d\n");
	const struct def_files *f = &d->stages[0].files[0];

	ck_assert_uint_eq(f->n, 6);
	ck_assert_str_eq(f->v[0].dst, "/b/");
	ck_assert_str_eq(f->v[1].src, "x y");
	ck_assert_str_eq(f->v[1].dst, "/p q");
	ck_assert_str_eq(f->v[2].src, "*.c");
	ck_assert_str_eq(f->v[3].src, "\\*");
	ck_assert_str_eq(f->v[3].dst, "/lit");
	ck_assert_str_eq(f->v[4].src, "/etc/hosts");
	ck_assert_ptr_null(f->v[4].dst);
	ck_assert_str_eq(f->v[5].src, "a b");
	ck_assert_str_eq(f->v[5].dst, "/d");
}
END_TEST

#define TWO "Bootstrap: docker\nFrom: a\nStage: build\n%post\n make\nBootstrap: docker\nFrom: b\n"

START_TEST(each_bootstrap_line_begins_a_stage)
{
	auto_def struct def *d =
		parse(TWO "Stage: final\n%files from build\n /x\n%files from 0\n/y\n");

	ck_assert_uint_eq(d->nstages, 2);
	ck_assert_str_eq(d->stages[0].script[DEF_POST].text, " make\n");
	ck_assert_str_eq(d->stages[1].name, "final");
	ck_assert_str_eq(d->stages[1].files[0].from, "build");
	ck_assert_int_eq(def_find_stage(d, "final", 2), 1);
	ck_assert_int_eq(def_find_stage(d, "final", 1), -1);
}
END_TEST

START_TEST(steps_come_in_apptainers_order)
{
	static const char *const titles[] = { "%files from build", "%setup", "%files", "%post" };
	auto_def struct def *d = parse(TWO "%post\np\n%files\nh\n%setup\ns\n%pre\nq\n"
					   "%files from build\n/f\n");
	auto_arena struct arena a = { 0 };
	struct steps s = { .arena = &a };

	def_steps(&s, &d->stages[1]);
	ck_assert_uint_eq(s.n, ARRAY_LEN(titles));
	for (size_t i = 0; i < s.n; i++)
		ck_assert_str_eq(s.v[i].title, titles[i]);
	ck_assert_int_eq(s.v[0].rules, COPY_STAGE);
	ck_assert_int_eq(s.v[1].kind, STEP_HOST);
	ck_assert_int_eq(s.v[3].kind, STEP_RUN);
}
END_TEST

START_TEST(apps_become_files_and_a_tail_of_post)
{
	auto_def struct def *d =
		parse("Bootstrap: scratch\n%appinstall foo\ntouch x\n"
		      "%apprun foo\nexec foo \"$@\"\n%appenv foo\nA=1\n"
		      "%applabels foo\nV 2\n%apphelp foo\nhelp\n%appfiles foo\n"
		      "f.txt\ng.txt sub/g\n%apptest foo\ntrue\n%appstart foo\nx\n");
	auto_arena struct arena a = { 0 };
	struct steps s = { .arena = &a };
	auto_buf struct buf json = { 0 };
	struct jw w = { .out = &json };

	ck_assert_uint_eq(d->stages[0].napps, 1);
	def_steps(&s, &d->stages[0]);
	steps_json(&s, &w, NULL);
	ck_assert_ptr_nonnull(strstr(json.data, "/scif/apps/foo/scif/runscript\""));
	ck_assert_ptr_nonnull(strstr(json.data, "\"dst\":\"/scif/apps/foo/sub/g\""));
	ck_assert_ptr_nonnull(strstr(json.data, "\"dst\":\"/scif/apps/foo/\""));
	ck_assert_ptr_nonnull(strstr(json.data, "/scif/data/foo/output"));
	ck_assert_ptr_nonnull(strstr(s.v[s.n - 1].script, "cd /scif/apps/foo\ntouch x\n"));
}
END_TEST

START_TEST(a_scripts_first_line_may_name_its_interpreter)
{
	auto_buf struct buf a = { 0 }, b = { 0 };

	def_script_file("\n#!/usr/bin/python3\nprint(1)\n", "", &a);
	ck_assert_str_eq(a.data, "#!/usr/bin/python3\n\nprint(1)\n");
	def_script_file("echo", "-e # why", &b);
	ck_assert_str_eq(b.data, "#!/bin/sh -e\n\necho\n");
}
END_TEST

START_TEST(section_arguments_become_the_interpreters)
{
	auto_strv struct strv plain = { 0 }, c = { 0 }, bad = { 0 };

	ck_ok(step_script_argv(post, "", "/s", &plain, &e), &e);
	ck_assert_uint_eq(plain.n, 3);
	ck_assert_str_eq(plain.v[2], "/s");
	ck_ok(step_script_argv(post, "-c /bin/bash -x # c", "/s", &c, &e), &e);
	ck_assert_uint_eq(c.n, 4);
	ck_assert_str_eq(c.v[2], "-c");
	ck_assert_str_eq(c.v[3], "/bin/bash -x /s");
	ck_assert_int_eq(step_script_argv(post, "-c", "/s", &bad, &e), -1);
}
END_TEST

START_TEST(templates_come_from_build_arguments_and_defaults)
{
	static const char text[] = "Bootstrap: docker\nFrom: {{ OS }}:{{VER}}\n%arguments\n"
				   "OS=debian\nVER={{ MAJOR }}\nMAJOR=12\n%post\n"
				   "# {{ nothing }} here\necho '{{.State}}' {{ WHO }}\n";
	auto_strv struct strv args = { 0 };
	struct def_opts o = { .name = "t", .args = &args };
	auto_def struct def *d = NULL;

	strv_add(&args, "WHO={{ OS }}");
	strv_add(&args, "MAJOR=13");
	strv_add(&args, "NOBODY=1");
	ck_ok(def_parse(&d, text, strlen(text), &o, &e), &e);
	ck_assert_str_eq(def_header(&d->stages[0], "from"), "debian:13");
	/* What the user gives is no template. */
	ck_assert_str_eq(d->stages[0].script[DEF_POST].text,
			 "# {{ nothing }} here\necho '{{.State}}' {{ OS }}\n");
	ck_assert_uint_eq(d->unused.n, 1);
	ck_assert_str_eq(d->unused.v[0], "NOBODY=1");
	ck_assert_ptr_nonnull(strstr(d->text, "From: debian:13\n"));
}
END_TEST

START_TEST(mistakes_are_named_with_line_text_and_remedy)
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{ "", "nothing in it" },
		{ "From: x\n", "app.def:1: there is no Bootstrap: line" },
		{ "Bootstrap: dokcer\nFrom: x\n", "agent \"dokcer\" (did you mean docker?)" },
		{ "Bootstrap: docker\n", "Bootstrap: docker needs a line \"From: ...\"" },
		{ "Bootstrap: scratch\nFrmo: x\n",
		  "app.def:2: unknown header key \"frmo\" (did you mean from?): \"Frmo: x\"" },
		{ "Bootstrap: scratch\n%psot\n",
		  "app.def:2: unknown section %psot (did you mean %post?)" },
		{ "Bootstrap: scratch\nwhat\n", "app.def:2: a line of the header is" },
		{ "Bootstrap: scratch\n%appinstall\n", "%appinstall needs the name of an app" },
		{ "Bootstrap: scratch\n%apprun a/b\n", "needs the name of an app" },
		{ "Bootstrap: scratch\n%files\na b c\n", "app.def:3: a source and at most one" },
		{ "Bootstrap: scratch\n%files\n\"a\n", "a quote is not closed" },
		{ "Bootstrap: scratch\n%files\na ../../etc/x\n", "leads out of the image" },
		{ "Bootstrap: scratch\n%files from me\na\n", "no earlier stage is called me" },
		{ "Bootstrap: scratch\n%files of me\na\n", "%files takes nothing" },
		{ "Bootstrap: scratch\nStage: me\n%files from me\na\n", "no earlier stage" },
		{ "Bootstrap: scratch\nStage: a\nBootstrap: scratch\nStage: a\n",
		  "two stages are called a" },
		{ "Bootstrap: scratch\nFrom: a\nfrom: b\n", "from stands twice" },
		{ "Bootstrap: scratch\n%arguments\nA\n", "NAME=VALUE" },
		{ "Bootstrap: {{ X }}\n", "app.def:1: {{ X }} has no value; give --build-arg X=" },
		{ "Bootstrap: {{ X }}\n%arguments\nX={{ Y }}\nY={{ X }}\n", "refers to itself" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		ck_assert_msg(strstr(refused(t[i].text, NULL), t[i].says), "%s: %s", t[i].text,
			      e.text);
	ck_assert_int_eq(def_parse(&(struct def *){ 0 }, "a\0b", 3,
				   &(struct def_opts){ .name = "n" }, &e),
			 -1);
	ck_assert_ptr_nonnull(strstr(e.text, "NUL byte"));
}
END_TEST

START_TEST(a_percent_sign_in_a_script_is_no_section)
{
	auto_def struct def *d =
		parse("Bootstrap: scratch\n%post\n  %define x 1\n%\n%1\n  %labels\n"
		      "A b\n");

	ck_assert_str_eq(d->stages[0].script[DEF_POST].text, "  %define x 1\n%\n%1\n");
	ck_assert_uint_eq(d->stages[0].labels.n, 1);
}
END_TEST

START_TEST(argument_files_have_comments_and_assignments)
{
	auto_strv struct strv v = { 0 };

	ck_assert_int_eq(def_argument_line(" A = b c ", 9, &v), 0);
	ck_assert_int_eq(def_argument_line("# no", 4, &v), 0);
	ck_assert_int_eq(def_argument_line("nothing", 7, &v), 1);
	ck_assert_int_eq(def_argument_line("=x", 2, &v), 1);
	ck_assert_uint_eq(v.n, 1);
	ck_assert_str_eq(v.v[0], "A=b c");
}
END_TEST

UNIT(def, header_keys_are_read_whatever_their_case, every_script_section_is_kept_as_it_is,
     repeated_sections_are_one_behind_the_other, labels_split_at_the_first_blank,
     files_take_quotes_and_globs_and_a_default_target, each_bootstrap_line_begins_a_stage,
     steps_come_in_apptainers_order, apps_become_files_and_a_tail_of_post,
     a_scripts_first_line_may_name_its_interpreter, section_arguments_become_the_interpreters,
     templates_come_from_build_arguments_and_defaults, mistakes_are_named_with_line_text_and_remedy,
     a_percent_sign_in_a_script_is_no_section, argument_files_have_comments_and_assignments)
