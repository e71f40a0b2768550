/* What the Slurm plugin makes of its options. */
#include "tests/unit/unit.h"

#include <string.h>

#include "mpi/spank/options.h"

static const char *lookup(const char *key, void *arg)
{
	const char *kv = arg;
	size_t n = strlen(key);

	return kv && !strncmp(kv, key, n) && kv[n] == '=' ? kv + n + 1 : NULL;
}

static void say(const char *name, const char *arg)
{
	for (size_t i = 0; i < option_nrows; i++)
		if (!strcmp(option_rows[i].name, name))
			option_set(i, arg);
}

static char *words(char *kv)
{
	auto_strv struct strv w = { 0 };
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };
	int r = engine_words(&w, lookup, kv, &e);

	for (size_t i = 0; r == 0 && i < w.n; i++)
		buf_printf(&text, "%s%s", i ? " " : "", w.v[i]);
	options_clear();
	return r < 0 ? xstrdup(e.text) : buf_take(&text);
}

#define check_words(kv, want)                    \
	do {                                     \
		auto_free char *is_ = words(kv); \
		ck_assert_str_eq(is_, want);     \
	} while (0)

START_TEST(mounts_become_binds)
{
	say("container-mounts", "/a:/b,/c:/d:ro+rprivate,/e,./f:/g:rw,tmpfs:/t,umount:/sys");
	check_words(NULL, "exec --no-eval --bind /a:/b --bind /c:/d:ro --bind /e:/e --bind ./f:/g "
			  "--scratch /t --no-mount /sys");
}
END_TEST

START_TEST(a_bad_mount_is_named)
{
	say("container-mounts", "/a:/b,c");
	check_words(NULL, "--container-mounts=c: SRC:DST[:FLAGS] with an absolute DST is what a "
			  "mount looks like");
	say("container-mounts", "/a:b");
	check_words(NULL, "--container-mounts=/a:b: SRC:DST[:FLAGS] with an absolute DST is what a "
			  "mount looks like");
	say("container-mounts", ":/b");
	check_words(NULL, "--container-mounts=:/b: SRC:DST[:FLAGS] with an absolute DST is what a "
			  "mount looks like");
	say("container-mounts", "/a:/b:ro+exec");
	check_words(NULL, "--container-mounts=/a:/b:ro+exec: the flag exec is not known; ro and rw "
			  "are");
}
END_TEST

START_TEST(the_last_word_and_the_option_count)
{
	say("container-remap-root", NULL);
	check_words(NULL, "exec --no-eval --fakeroot --emulation none");
	say("container-remap-root", NULL);
	say("no-container-remap-root", NULL);
	check_words((char *)(uintptr_t) "PYXIS_CONTAINER_REMAP_ROOT=1", "exec --no-eval");
	check_words((char *)(uintptr_t) "PYXIS_CONTAINER_REMAP_ROOT=yes",
		    "exec --no-eval --fakeroot --emulation none");
	check_words((char *)(uintptr_t) "PYXIS_CONTAINER_ENTRYPOINT=1", "run --no-eval");
	check_words((char *)(uintptr_t) "PYXIS_CONTAINER_MOUNT_HOME=0", "exec --no-eval --no-home");
}
END_TEST

START_TEST(a_working_directory_is_absolute)
{
	say("container-workdir", "/w");
	check_words(NULL, "exec --no-eval --pwd /w");
	say("container-workdir", "w");
	check_words(NULL, "--container-workdir=w: an absolute path is needed");
}
END_TEST

UNIT(spank, mounts_become_binds, a_bad_mount_is_named, the_last_word_and_the_option_count,
     a_working_directory_is_absolute)
