#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/globals.h"
#include "src/cli/run_opts.h"
#include "src/plan/request.h"

static int parse(struct run_req *r, struct err *e, const char *words)
{
	static char store[512];
	char *argv[24];
	int argc = 0, used;

	*r = (struct run_req){ 0 };
	snprintf(store, sizeof(store), "%s", words);
	for (char *w = strtok(store, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	return opt_parse(run_opts, r, argc, argv, &used, e);
}

static void accepts(const char *words)
{
	struct run_req r;
	struct err e = { 0 };

	ck_assert_msg(parse(&r, &e, words) == 0, "%s: %s", words, e.text);
	opt_release(run_opts, &r);
}

START_TEST(old_scripts_words_are_understood)
{
	static const char *const words[] = {
		"-u",
		"--userns",
		"--unsquash",
		"--tmp-sandbox",
		"--no-tmp-sandbox",
		"--sif-fuse",
		"--underlay",
		"--runscript-timeout 5m",
		"--no-nv",
		"--no-rocm",
		"--containlibs /a,/b",
		"--no-oci",
		"--keep-layers",
		"--oci",
		"--no-compat",
		"--compat",
		"--tmpdir /x",
		"--docker-host unix:///x",
		"--authfile /x",
		"--docker-username u",
		"--docker-password p",
		"--no-https",
		"--disable-cache",
		"--no-env A,B",
		"--env A=1 --env-file /x",
		"--no-eval -e",
		"--no-umask",
		"--shell /bin/zsh",
		"-s /bin/x",
		"-B /a -H /b --no-home --cwd /c --pwd /d",
		"-c -C --no-mount tmp,dev",
		"--no-pid --no-init",
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		accepts(words[i]);
}
END_TEST

START_TEST(what_would_be_a_lie_to_accept_is_refused_with_the_way_out)
{
	static const struct {
		const char *words, *text;
	} t[] = {
		{ "--passphrase", "encrypted images are not opened" },
		{ "--pem-path /k", "encrypted images are not opened" },
		{ "--dmtcp-launch x", "dmtcp_launch" },
		{ "--dmtcp-restart x", "dmtcp_restart" },
		{ "--fusemount container:x", "inside the container" },
		{ "--data a:b", "image-src=/" },
		{ "--boot", "instances" },
	};
	struct run_req r;
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		ck_assert_int_eq(parse(&r, &e, t[i].words), -1);
		ck_assert_int_eq(e.kind, ERR_UNSUPPORTED);
		ck_assert_msg(strstr(e.text, t[i].text) != NULL, "%s", e.text);
		ck_assert_int_eq(strncmp(e.text, t[i].words, 5), 0);
	}
}
END_TEST

START_TEST(no_two_rows_share_a_name_or_a_letter)
{
	for (const struct opt *a = run_opts; a->kind != OPT_KIND_END; a++) {
		for (const struct opt *b = a + 1; b->kind != OPT_KIND_END; b++) {
			ck_assert_str_ne(a->name, b->name);
			ck_assert_msg(!a->short_name || a->short_name != b->short_name,
				      "-%c is --%s and --%s", a->short_name, a->name, b->name);
		}
	}
}
END_TEST

START_TEST(compat_stands_for_five_others)
{
	struct run_req r;
	struct err e = { 0 };

	ck_ok(parse(&r, &e, "--compat"), &e);
	request_settle(&r);
	ck_assert(r.contain && r.containall && r.cleanenv && r.pid && r.ipc);
	ck_assert(r.no_init && r.no_umask && r.no_eval && r.writable_tmpfs);
	ck_ok(parse(&r, &e, "--containall --no-pid"), &e);
	request_settle(&r);
	ck_assert(r.contain && r.cleanenv && r.ipc && !r.pid && !r.writable_tmpfs && !r.no_eval);
	ck_ok(parse(&r, &e, "--oci --no-compat"), &e);
	request_settle(&r);
	ck_assert(r.oci_compat && !r.contain);
}
END_TEST

START_TEST(libraries_of_the_user_are_bound_where_the_loader_looks)
{
	struct run_req r;
	struct err e = { 0 };

	ck_ok(parse(&r, &e, "--containlibs /usr/lib/libx.so.1,/opt/liby.so"), &e);
	request_settle(&r);
	ck_assert_uint_eq(r.binds.n, 2);
	ck_assert_str_eq(r.binds.v[1], "/opt/liby.so:/.singularity.d/libs/liby.so:ro");
	opt_release(run_opts, &r);
}
END_TEST

static void told(const struct opt *opts, const char *name, const char *help, const char *man)
{
	for (const struct opt *o = opts; o->kind != OPT_KIND_END; o++) {
		auto_free char *option = xasprintf("--%s", o->name);
		auto_buf struct buf page = { 0 };

		if (o->flags & OPT_HIDDEN)
			continue;
		ck_assert_msg(*o->help, "%s: --%s has no line of help", name, o->name);
		ck_assert_msg(strstr(help, option) != NULL, "%s: --%s", name, o->name);
		/* roff's hyphens */
		for (const char *p = option; *p; p++)
			buf_printf(&page, *p == '-' ? "\\-" : "%c", *p);
		ck_assert_msg(strstr(man, buf_str(&page)) != NULL, "%s: --%s", name, o->name);
	}
}

START_TEST(every_option_has_a_line_of_help_and_stands_in_its_page)
{
	for (const struct cmd *const *c = commands;; c++) {
		auto_buf struct buf help = { 0 }, man = { 0 };

		/* Without a brief: for programs, not for people. */
		if (*c && !*(*c)->brief)
			continue;
		cmd_help_text(*c, &help);
		cmd_man_text(*c, &man);
		told(*c ? (*c)->opts : global_opts, *c ? (*c)->name : "berth", buf_str(&help),
		     buf_str(&man));
		if (!*c)
			break;
	}
}
END_TEST

START_TEST(what_has_an_effect_is_not_hidden)
{
	static const char *const inner[] = { "hand-over", "share-any", "save-as", "netns-path",
					     "oom-kill-disable" };

	for (const struct opt *o = run_opts; o->kind != OPT_KIND_END; o++) {
		bool known = !(o->flags & OPT_HIDDEN) || o->flags & (OPT_IGNORED | OPT_REFUSED);

		/* Another name of a row that is shown. */
		for (const struct opt *p = run_opts; p->kind != OPT_KIND_END; p++)
			known |= !(p->flags & OPT_HIDDEN) && p->offset == o->offset;
		for (size_t i = 0; i < ARRAY_LEN(inner); i++)
			known |= !strcmp(inner[i], o->name);
		ck_assert_msg(known, "--%s", o->name);
	}
}
END_TEST

UNIT(run_opts, every_option_has_a_line_of_help_and_stands_in_its_page,
     what_has_an_effect_is_not_hidden, old_scripts_words_are_understood,
     what_would_be_a_lie_to_accept_is_refused_with_the_way_out,
     no_two_rows_share_a_name_or_a_letter, compat_stands_for_five_others,
     libraries_of_the_user_are_bound_where_the_loader_looks)
