#include <string.h>

#include "src/base/json.h"
#include "src/recipe/docker.h"
#include "src/recipe/docker_ignore.h"
#include "tests/unit/unit.h"

static struct err e;

struct built {
	struct dockerfile *f;
	struct arena a;
	struct steps s;
	struct docker_config c;
};

static void built_fini(struct built *b)
{
	dockerfile_free(b->f);
	arena_fini(&b->a);
	docker_config_fini(&b->c);
}

static int build(struct built *b, const char *text, const char *base, const struct strv *args)
{
	struct docker_opts o = { .arch = "amd64", .args = args };

	b->s.arena = &b->a;
	if (base)
		ck_ok(docker_config_parse(&b->c, base, &e), &e);
	if (dockerfile_parse(&b->f, text, strlen(text), "Dockerfile", &e) < 0)
		return -1;
	return dockerfile_steps(&b->s, &b->c, b->f, b->f->nstages - 1, &o, &e);
}

#define auto_built auto_(built_fini) struct built

START_TEST(a_run_in_shell_form_goes_through_the_shell)
{
	auto_built b = { 0 };

	ck_ok(build(&b,
		    "FROM x\nRUN echo $A \\\n  # why\n\n  && true\nSHELL [\"/bin/bash\",\"-ec\"]\n"
		    "RUN two\nRUN [\"a\", \"b c\"]\n",
		    NULL, NULL),
	      &e);
	ck_assert_uint_eq(b.s.n, 3);
	ck_assert_str_eq(b.s.v[0].argv[0], "/bin/sh");
	ck_assert_str_eq(b.s.v[0].argv[2], "echo $A   && true");
	ck_assert_str_eq(b.s.v[1].argv[0], "/bin/bash");
	ck_assert_str_eq(b.s.v[1].argv[1], "-ec");
	ck_assert_str_eq(b.s.v[2].argv[1], "b c");
	ck_assert_ptr_null(b.s.v[2].argv[2]);
}
END_TEST

START_TEST(heredocs_are_scripts_and_files)
{
	auto_built b = { 0 };

	ck_ok(build(&b,
		    "FROM x\nENV V=1\nRUN <<EOF\necho a\n  echo $V\nEOF\n"
		    "RUN cat <<-'E' >/f && true\n\tx\n\tE\nCOPY <<A <<\"B\" /d/\n$V\nA\n$V\nB\n",
		    NULL, NULL),
	      &e);
	ck_assert_uint_eq(b.s.n, 3);
	ck_assert_str_eq(b.s.v[0].argv[2], "echo a\n  echo $V\n");
	ck_assert_str_eq(b.s.v[1].argv[2], "cat <<-'E' >/f && true\nx\nE\n");
	ck_assert_str_eq(b.s.v[2].items[0].data, "1\n");
	ck_assert_str_eq(b.s.v[2].items[0].dst, "/d/A");
	ck_assert_str_eq(b.s.v[2].items[1].data, "$V\n");
}
END_TEST

START_TEST(variables_expand_as_buildkit_does)
{
	static const struct {
		const char *word, *want;
	} t[] = {
		{ "$A", "a/b/a" },	  { "${A}x", "a/b/ax" },      { "'$A'", "$A" },
		{ "\"$A\"", "a/b/a" },	  { "\\$A", "$A" },	      { "${N:-d}", "d" },
		{ "${E:-d}", "d" },	  { "${E-d}", "" },	      { "${A:+y}", "y" },
		{ "${N+y}", "" },	  { "${A#a/}", "b/a" },	      { "${A##*/}", "a" },
		{ "${A%/*}", "a/b" },	  { "${A%%/*}", "a" },	      { "${A/a/z}", "z/b/a" },
		{ "${A//a/z}", "z/b/z" }, { "${N:-${A}}", "a/b/a" },  { "$", "$" },
		{ "a\\ b", "a b" },	  { "${N:-\"q q\"}", "q q" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		auto_free char *text =
			xasprintf("FROM x\nENV A=a/b/a E=\"\"\nENV R=%s\n", t[i].word);
		auto_built b = { 0 };

		ck_ok(build(&b, text, NULL, NULL), &e);
		ck_assert_msg(!strcmp(strv_env_get(&b.c.env, "R"), t[i].want), "%s gives %s",
			      t[i].word, strv_env_get(&b.c.env, "R"));
	}
}
END_TEST

START_TEST(env_builds_on_the_bases)
{
	auto_built b = { 0 };

	ck_ok(build(&b,
		    "FROM x\nENV PATH=/new:$PATH OLD=$PATH\nENV legacy form  is one\nRUN env\n"
		    "LABEL a=b \"c d\"=\"e f\"\nENTRYPOINT [\"/e\"]\nUSER app\nWORKDIR w\n"
		    "WORKDIR v\nEXPOSE 80 53/udp\nVOLUME [\"/d\"]\nSTOPSIGNAL SIGINT\n"
		    "HEALTHCHECK --interval=1m30s --retries=2 CMD curl x\n",
		    "{\"Env\":[\"PATH=/bin\"],\"Cmd\":[\"sh\"],\"WorkingDir\":\"/base\","
		    "\"Labels\":{\"z\":\"1\"},\"OnBuild\":[\"RUN trigger\"]}",
		    NULL),
	      &e);
	ck_assert_str_eq(strv_env_get(&b.c.env, "PATH"), "/new:/bin");
	ck_assert_str_eq(strv_env_get(&b.c.env, "OLD"), "/bin");
	ck_assert_str_eq(strv_env_get(&b.c.env, "legacy"), "form  is one");
	ck_assert_str_eq(b.s.v[0].argv[2], "trigger");
	ck_assert_str_eq(b.s.v[1].argv[2], "env");
	ck_assert_str_eq(b.s.v[2].dir, "/base/w");
	ck_assert_str_eq(b.s.v[3].dir, "/base/w/v");
	ck_assert_uint_eq(b.c.cmd.n, 0);
	ck_assert_str_eq(strv_env_get(&b.c.labels, "c d"), "e f");
	ck_assert_str_eq(b.c.user, "app");
	ck_assert(strv_has(&b.c.ports, "80/tcp") && strv_has(&b.c.ports, "53/udp"));
	ck_assert_int_eq(b.c.interval, 90000000000);
	ck_assert_str_eq(b.c.health.v[0], "CMD-SHELL");
	ck_assert_uint_eq(b.c.onbuild.n, 0);
}
END_TEST

START_TEST(a_config_survives_its_json)
{
	static const char json[] =
		"{\"User\":\"u\",\"ExposedPorts\":{\"1/tcp\":{}},\"Env\":[\"A=1\"],"
		"\"Entrypoint\":[\"e\"],\"Cmd\":[\"c\"],\"Healthcheck\":{\"Test\":[\"NONE\"],"
		"\"Interval\":5},\"Volumes\":{\"/v\":{}},\"WorkingDir\":\"/w\","
		"\"OnBuild\":[\"RUN x\"],\"Labels\":{\"l\":\"m=n\"},\"StopSignal\":\"9\","
		"\"Shell\":[\"s\"]}";
	auto_docker_config struct docker_config c = { 0 };
	auto_buf struct buf out = { 0 };

	ck_ok(docker_config_parse(&c, json, &e), &e);
	docker_config_json(&c, &out);
	ck_assert_str_eq(buf_str(&out), json);
}
END_TEST

START_TEST(arguments_have_scopes)
{
	static const char text[] = "ARG V=12\nARG U\nFROM debian:$V AS a\nARG V\nARG W=w\n"
				   "RUN echo $V $W\nENV W=env\nRUN again\n";
	auto_strv struct strv args = { 0 };
	bool used[2] = { false, false };
	struct docker_opts o = { .arch = "amd64", .args = &args, .used = used };
	auto_built b = { 0 };
	const char *base;

	strv_add(&args, "V=13");
	strv_add(&args, "NOBODY=1");
	b.s.arena = &b.a;
	ck_ok(dockerfile_parse(&b.f, text, strlen(text), "D", &e), &e);
	ck_ok(dockerfile_base(b.f, 0, &o, &base, &e), &e);
	ck_assert_str_eq(base, "debian:13");
	ck_ok(dockerfile_steps(&b.s, &b.c, b.f, 0, &o, &e), &e);
	ck_assert_str_eq(b.s.v[0].env[0], "V=13");
	ck_assert_str_eq(b.s.v[0].env[1], "W=w");
	ck_assert_str_eq(b.s.v[1].env[1], "W=env");
	ck_assert(used[0] && !used[1]);
}
END_TEST

START_TEST(copy_has_flags_and_targets)
{
	auto_built b = { 0 };

	ck_ok(build(&b,
		    "FROM a AS build\nFROM b\nWORKDIR /w\n"
		    "COPY --from=build --chown=1:2 --chmod=755 /a b c/\nCOPY x .\n"
		    "ADD [\"a b.tar\", \"/t\"]\nCOPY --from=0 /q /r\n",
		    NULL, NULL),
	      &e);
	ck_assert_uint_eq(b.s.n, 5);
	ck_assert_str_eq(b.s.v[1].from, "build");
	ck_assert_str_eq(b.s.v[1].chown, "1:2");
	ck_assert_str_eq(b.s.v[1].chmod, "755");
	ck_assert_uint_eq(b.s.v[1].nitems, 2);
	ck_assert_str_eq(b.s.v[1].items[1].dst, "/w/c/");
	ck_assert_str_eq(b.s.v[2].items[0].dst, "/w/");
	ck_assert_str_eq(b.s.v[3].items[0].src, "a b.tar");
	ck_assert_int_eq(b.s.v[3].rules, COPY_ADD);
	ck_assert_int_eq(dockerfile_find_stage(b.f, "BUILD", 1), 0);
}
END_TEST

START_TEST(run_takes_mounts)
{
	auto_built b = { 0 };
	const struct step_mount *m;

	ck_ok(build(&b,
		    "FROM a AS s\nFROM b\nWORKDIR /w\nRUN --mount=type=cache,target=c,id=k "
		    "--mount=type=bind,from=s,source=/x,target=/y,rw --mount=type=tmpfs,dst=/t "
		    "--mount=type=secret,id=pw,required true\n",
		    NULL, NULL),
	      &e);
	m = b.s.v[1].mounts;
	ck_assert_uint_eq(b.s.v[1].nmounts, 4);
	ck_assert_str_eq(m[0].target, "/w/c");
	ck_assert_str_eq(m[0].id, "k");
	ck_assert(!m[0].ro);
	ck_assert(!m[1].ro && m[1].type == STEP_MOUNT_BIND);
	ck_assert_str_eq(m[3].target, "/run/secrets/pw");
	ck_assert(m[3].required && m[3].ro);
}
END_TEST

START_TEST(another_escape_character_is_taken)
{
	auto_built b = { 0 };

	ck_ok(build(&b, "# escape=`\nFROM x\nRUN a `\n b\nENV P=c:\\d\n", NULL, NULL), &e);
	ck_assert_str_eq(b.s.v[0].argv[2], "a  b");
	ck_assert_str_eq(strv_env_get(&b.c.env, "P"), "c:\\d");
}
END_TEST

START_TEST(mistakes_in_a_dockerfile_are_named)
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{ "", "there is no FROM" },
		{ "RUN x\n", "Dockerfile:1: before the first FROM only ARG may stand: \"RUN x\"" },
		{ "FROM x\nRUNN y\n", "unknown instruction RUNN (did you mean RUN?)" },
		{ "FROM x\nCOPY --form=y a b\n", "COPY has no flag --form; it has from chown" },
		{ "FROM x\nCOPY a\n", "Dockerfile:2: COPY needs a source and a target" },
		{ "FROM x\nCOPY a b c\n", "target that ends with /" },
		{ "FROM x\nRUN <<EOF\nx\n", "here-document EOF has no end" },
		{ "FROM x y\n", "FROM image AS name" },
		{ "FROM x AS a\nFROM y AS A\n", "two stages are called A" },
		{ "FROM x\nENV A=${B\n", "${ without its }" },
		{ "FROM x\nENV A=${B:?'no B here'}\n", "B: no B here" },
		{ "FROM x\nENV A=${B^^}\n", "unknown modifier" },
		{ "FROM x\nRUN --mount=type=ssh x\n", "ssh is not supported" },
		{ "FROM x\nRUN --mount=type=bind,form=a,target=/b x\n",
		  "no field form (did you mean" },
		{ "FROM x\nRUN --network=some x\n", "it is default, host or none" },
		{ "FROM x\nADD --checksum=sha256:0 f /x\n", "goes with ADD of one URL" },
		{ "FROM x\nADD https://a.org/b.git /x\n", "git is not spoken" },
		{ "FROM x\nSHELL a\n", "SHELL takes the form" },
		{ "FROM x\nONBUILD FROM y\n", "ONBUILD cannot hold FROM" },
		{ "FROM x\nHEALTHCHECK --interval=x CMD y\n", "no time as 30s" },
		{ "FROM x\nENV A\n", "ENV is NAME=VALUE" },
		{ "# escape=x\nFROM y\n", "escape is" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		auto_built b = { 0 };

		ck_assert_int_eq(build(&b, t[i].text, NULL, NULL), -1);
		ck_assert_msg(strstr(e.text, t[i].says), "%s: %s", t[i].text, e.text);
	}
}
END_TEST

START_TEST(the_last_ignore_pattern_that_matches_decides)
{
	auto_strv struct strv p = { 0 };

	docker_ignore_parse(&p,
			    "# c\n*.o\n  /node_modules/ \n!keep.o\n**/tmp\ndoc/**/*.md\n[ab]?\n");
	ck_assert(docker_ignored(&p, "x.o"));
	ck_assert(!docker_ignored(&p, "keep.o"));
	ck_assert(!docker_ignored(&p, "sub/x.o"));
	ck_assert(docker_ignored(&p, "node_modules/a/b"));
	ck_assert(docker_ignored(&p, "tmp"));
	ck_assert(docker_ignored(&p, "a/b/tmp/c"));
	ck_assert(docker_ignored(&p, "doc/x/y/z.md"));
	ck_assert(docker_ignored(&p, "b1"));
	ck_assert(!docker_ignored(&p, "c1"));
	ck_assert(docker_ignore_has_exceptions(&p));
}
END_TEST

UNIT(docker, a_run_in_shell_form_goes_through_the_shell, heredocs_are_scripts_and_files,
     variables_expand_as_buildkit_does, env_builds_on_the_bases, a_config_survives_its_json,
     arguments_have_scopes, copy_has_flags_and_targets, run_takes_mounts,
     another_escape_character_is_taken, mistakes_in_a_dockerfile_are_named,
     the_last_ignore_pattern_that_matches_decides)
