#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/base/arena.h"
#include "src/base/buf.h"
#include "src/base/digest.h"
#include "src/base/err.h"
#include "src/base/path.h"
#include "src/base/progress.h"
#include "src/base/stream.h"

START_TEST(a_wrapped_error_reads_outside_in)
{
	struct err e = { 0 };

	errno = ENOSPC;
	ck_assert_int_eq(err_sys(&e, "write %s", "pull.sif"), -1);
	err_wrap(&e, "layer sha256:%s", "4f");
	err_wrap(&e, "pull debian:12");
	ck_assert_str_eq(
		e.text, "pull debian:12: layer sha256:4f: write pull.sif: No space left on device");
	ck_assert_int_eq(e.kind, ERR_SPACE);
	ck_assert_int_eq(e.sys, ENOSPC);
}
END_TEST

START_TEST(an_error_longer_than_its_room_is_cut_not_lost)
{
	struct err e = { 0 };
	char big[4096];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&e, ERR_INPUT, "%s", big);
	err_wrap(&e, "start");
	ck_assert_int_eq(strncmp(e.text, "start: xxx", 10), 0);
	ck_assert_uint_lt(strlen(e.text), sizeof(e.text));
}
END_TEST

START_TEST(an_arena_keeps_small_and_large_objects_apart_and_zeroed)
{
	auto_arena struct arena a = { 0 };
	char *small = arena_strdup(&a, "small");
	char *large = arena_alloc(&a, 1 << 20);
	char *next = arena_printf(&a, "%d-%s", 7, "x");

	ck_assert_int_eq(large[0], 0);
	ck_assert_msg(!memcmp(large, large + 1, (1 << 20) - 1), "not zeroed");
	memset(large, 1, 1 << 20);
	ck_assert_str_eq(small, "small");
	ck_assert_str_eq(next, "7-x");
	ck_assert_uint_eq((uintptr_t)next % 16, 0);
}
END_TEST

START_TEST(control_bytes_and_bad_utf8_are_escaped)
{
	auto_buf struct buf b = { 0 };
	static const char text[] = "a\033[31m\n\xc3\xa4\xff\xc2\x9b";

	buf_add_escaped(&b, text, sizeof(text) - 1);
	ck_assert_str_eq(buf_str(&b), "a\\x1b[31m\\x0a\xc3\xa4\\xff\\xc2\\x9b");
}
END_TEST

START_TEST(an_environment_list_replaces_and_removes)
{
	auto_strv struct strv env = { 0 };

	strv_env_set(&env, "A", "1");
	strv_env_set(&env, "AB", "2");
	strv_env_set(&env, "A", "3");
	ck_assert_str_eq(strv_env_get(&env, "A"), "3");
	strv_env_set(&env, "A", NULL);
	ck_assert_ptr_null(strv_env_get(&env, "A"));
	ck_assert_str_eq(strv_env_get(&env, "AB"), "2");
	ck_assert_uint_eq(env.n, 1);
	ck_assert_ptr_null(strv_list(&env)[1]);
}
END_TEST

START_TEST(a_variable_may_be_set_to_a_part_of_itself)
{
	auto_strv struct strv env = { 0 };

	strv_env_set(&env, "PATH", "/opt/bin:/bin");
	strv_env_set(&env, "PATH", strchr(strv_env_get(&env, "PATH"), ':') + 1);
	ck_assert_str_eq(strv_env_get(&env, "PATH"), "/bin");
}
END_TEST

/* All that a terminal of 5 rows was sent. */
static void draw_bars(struct buf *out)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), fd;
	struct winsize ws = { .ws_row = 5, .ws_col = 60 };
	struct progress *p;
	ssize_t n;

	ck_assert_int_ge(terminal, 0);
	ck_assert_int_eq(grantpt(terminal) | unlockpt(terminal), 0);
	fd = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ioctl(fd, TIOCSWINSZ, &ws), 0);
	p = progress_new(fd);
	for (int i = 0; i < 10; i++) {
		auto_free char *label = xasprintf("layer %d", i);
		struct bar *b = progress_bar(p, label, 10);

		if (i < 3)
			bar_done(b, "done");
	}
	usleep(250000);
	progress_free(p);
	buf_reserve(out, 65536);
	while ((n = read(terminal, out->data + out->len, 65536 - out->len)) > 0)
		out->len += (size_t)n;
	out->data[out->len] = '\0';
	close(fd);
	close(terminal);
}

START_TEST(more_bars_than_rows_leave_out_the_ended_ones)
{
	auto_buf struct buf got = { 0 };
	const char *last;

	draw_bars(&got);
	ck_assert_ptr_nonnull(strstr(buf_str(&got), "\033[4A"));
	ck_assert_ptr_null(strstr(buf_str(&got), "\033[10A"));
	last = strrchr(buf_str(&got), 'A');
	ck_assert_ptr_nonnull(last);
	ck_assert_ptr_null(strstr(last, "layer 2"));
	ck_assert_ptr_nonnull(strstr(last, "layer 3"));
	ck_assert_ptr_nonnull(strstr(last, "layer 6"));
	ck_assert_ptr_null(strstr(last, "layer 7"));
}
END_TEST

START_TEST(paths_are_cleaned_without_leaving_the_root)
{
	static const struct {
		const char *base, *in, *out;
	} t[] = {
		{ "/", "/", "/" },	     { "/a", "b", "/a/b" },
		{ "/a", "../b", "/b" },	     { "/a", "../../../b", "/b" },
		{ "/", "//x/./y/", "/x/y" }, { "/a/b", "", "/a/b" },
		{ "/a", "/..", "/" },	     { "/a", "b/../..", "/" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		auto_free char *p = path_clean(t[i].base, t[i].in);

		ck_assert_str_eq(p, t[i].out);
		ck_assert(path_is_clean(p));
	}
	ck_assert(!path_is_clean("/a/"));
	ck_assert(!path_is_clean("/a//b"));
	ck_assert(!path_is_clean("/a/../b"));
	ck_assert(!path_is_clean("a"));
	ck_assert(path_is_clean("/..a/b.."));
	ck_assert(path_is_below("/a/b", "/a"));
	ck_assert(path_is_below("/a", "/a"));
	ck_assert(!path_is_below("/ab", "/a"));
	ck_assert(path_is_below("/ab", "/"));
}
END_TEST

START_TEST(a_digest_survives_its_text_form)
{
	struct digest d, of;
	struct err e = { 0 };
	char text[DIGEST_TEXT_MAX];
	static const char empty[] =
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

	ck_ok(digest_parse(&d, empty, &e), &e);
	digest_of(&of, DIGEST_SHA256, "", 0);
	ck_assert(digest_equal(&d, &of));
	ck_assert_str_eq(digest_text(&of, text), empty);
	ck_assert_int_eq(digest_parse(&d, "sha256:E3", &e), -1);
	ck_assert_int_eq(digest_parse(&d, "md5:d41d8cd98f00b204e9800998ecf8427e", &e), -1);
	ck_assert_str_eq(e.text, "\"md5:d41d8cd98f00b204e9800998ecf8427e\" is no digest "
				 "(sha256:<64 hex digits>)");
}
END_TEST

START_TEST(a_stacked_stream_hashes_what_passes)
{
	struct err e = { 0 };
	struct digest got, want;
	char back[16];
	auto_digest_ctx struct digest_ctx *ctx = digest_begin(DIGEST_SHA512);
	auto_stream struct stream *s = stream_tee(stream_mem("hello world", 11), ctx);

	ck_assert_int_eq(stream_read_full(s, back, sizeof(back), &e), 11);
	ck_assert_int_eq(memcmp(back, "hello world", 11), 0);
	digest_end(ctx, &got);
	digest_of(&want, DIGEST_SHA512, "hello world", 11);
	ck_assert(digest_equal(&got, &want));
}
END_TEST

UNIT(base, a_wrapped_error_reads_outside_in, an_error_longer_than_its_room_is_cut_not_lost,
     an_arena_keeps_small_and_large_objects_apart_and_zeroed,
     control_bytes_and_bad_utf8_are_escaped, an_environment_list_replaces_and_removes,
     a_variable_may_be_set_to_a_part_of_itself, more_bars_than_rows_leave_out_the_ended_ones,
     paths_are_cleaned_without_leaving_the_root, a_digest_survives_its_text_form,
     a_stacked_stream_hashes_what_passes)
