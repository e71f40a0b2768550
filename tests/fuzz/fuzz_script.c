/* An image's environment script, runscript and name tables. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/arena.h"
#include "src/host/names.h"
#include "src/plan/bind.h"
#include "src/plan/command.h"
#include "src/plan/inject.h"
#include "src/plan/mount_option.h"
#include "src/plan/names.h"
#include "src/plan/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void script(const char *text)
{
	auto_shvars struct shvars v = { 0 };
	auto_buf struct buf out = { 0 };
	auto_strv struct strv words = { 0 }, ep = { 0 }, cmd = { 0 };
	unsigned line;

	shvars_set(&v, "A", "1", true);
	if (script_run(&v, text, &line)) {
		check(v.exported.n == 1 && !v.local.n); /* a refused script changes nothing */
	} else {
		for (size_t i = 0; i < v.exported.n; i++)
			check(shell_name_is_valid(v.exported.v[i], strcspn(v.exported.v[i], "=")));
	}
	script_expand(&v, text, &out);
	script_words(text, &words);
	command_from_runscript(&ep, &cmd, text);
}

static void tables(const char *text)
{
	static const struct fact_group groups[] = { { 1000, "ada" }, { 4, NULL }, { 27, "sudo" } };
	struct facts f = { .uid = 1000, .gid = 1000, .user = "ada", .groups = groups, .ngroups = 3 };
	auto_buf struct buf passwd = { 0 }, group = { 0 };
	auto_arena struct arena a = { 0 };
	struct passwd_entry pw;

	names_passwd(&passwd, text, &f, "/home/ada");
	names_group(&group, text, &f);
	/* What we write, the host's reader finds. */
	check(passwd_find(&pw, &a, buf_str(&passwd), 1000));
	check(!strcmp(pw.name, "ada"));
	check(!strcmp(group_find(&a, buf_str(&group), 27), "sudo"));
}

static void env_file(const char *text)
{
	const struct fact_file file = { "f", text, 0 };
	const struct run_req req = { .verb = RUN_EXEC };
	const struct facts f = { .env_files = &file, .nenv_files = 1 };
	auto_inject struct inject in = { 0 };
	auto_strv struct strv notes = { 0 };
	struct err e;

	if (inject_collect(&in, &req, &f, &notes, &e) == 0)
		for (size_t i = 0; i < in.n; i++)
			check(shell_name_is_valid(in.v[i].key, strlen(in.v[i].key)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	auto_binds struct binds b = { 0 };
	struct err e;

	script(text);
	tables(text);
	env_file(text);
	binds_parse(&b, text, "-B", "/cwd", &e);
	mount_option_parse(&b, text, "--mount", "/cwd", &e);
	for (size_t i = 0; i < b.n; i++)
		if (b.v[i].src && b.v[i].dst)
			check(b.v[i].src[0] == '/' && b.v[i].dst[0] == '/');
	return 0;
}
