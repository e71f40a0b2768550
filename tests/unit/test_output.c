#include "src/flow/output.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/flow/interrupt.h"
#include "tests/unit/unit.h"

static char dir[64];

static void setup(void)
{
	strcpy(dir, "/tmp/berth-output-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static void teardown(void)
{
	output_remove_tree(AT_FDCWD, dir);
	ck_assert_int_eq(access(dir, F_OK), -1);
}

/* The names in the directory, sorted and joined. */
static char *names(void)
{
	auto_strv struct strv v = { 0 };
	auto_buf struct buf b = { 0 };
	DIR *d = opendir(".");

	for (struct dirent *de; (de = readdir(d));)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			strv_add(&v, de->d_name);
	closedir(d);
	strv_sort(&v);
	for (size_t i = 0; i < v.n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", v.v[i]);
	return xstrdup(buf_str(&b));
}
#define check_names(want)                         \
	do {                                      \
		auto_free char *names_ = names(); \
		ck_assert_str_eq(names_, want);   \
	} while (0)

static void check_text(const char *path, const char *want)
{
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(file_read(AT_FDCWD, path, &b, 1000, &e), 0);
	ck_assert_str_eq(buf_str(&b), want);
}

static void put(const char *path, const char *text)
{
	struct err e = { 0 };

	ck_ok(file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644, &e), &e);
}

START_TEST(a_file_appears_under_its_name_when_it_is_whole)
{
	auto_output struct output o = { 0 };
	struct err e = { 0 };
	struct stat st;

	umask(022);
	ck_ok(output_check(&o, "a.sif", false, &e), &e);
	ck_ok(output_create(&o, &e), &e);
	ck_assert_int_eq(fd_write(o.fd, "new", 3), 0);
	ck_assert_int_eq(access("a.sif", F_OK), -1);
	ck_ok(output_publish(&o, &e), &e);
	check_names("a.sif");
	check_text("a.sif", "new");
	ck_assert_int_eq(stat("a.sif", &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0755);
}
END_TEST

START_TEST(what_is_not_published_leaves_nothing)
{
	struct output o = { 0 };
	struct err e = { 0 };

	put("a.sif", "old");
	ck_ok(output_check(&o, "a.sif", true, &e), &e);
	ck_ok(output_create(&o, &e), &e);
	ck_assert_int_eq(fd_write(o.fd, "new", 3), 0);
	output_fini(&o);
	check_names("a.sif");
	check_text("a.sif", "old");
}
END_TEST

START_TEST(an_existing_file_is_replaced_only_when_asked)
{
	auto_output struct output o = { 0 }, force = { 0 };
	struct err e = { 0 };

	put("a.sif", "old");
	ck_assert_int_eq(output_check(&o, "a.sif", false, &e), -1);
	ck_assert_int_eq(e.kind, ERR_EXISTS);
	ck_assert_str_eq(e.text, "output a.sif exists already; -F replaces it");
	ck_ok(output_check(&force, "a.sif", true, &e), &e);
	ck_ok(output_create(&force, &e), &e);
	ck_ok(output_publish(&force, &e), &e);
	check_names("a.sif");
	check_text("a.sif", "");
}
END_TEST

START_TEST(a_file_that_appears_meanwhile_is_not_replaced)
{
	struct output o = { 0 };
	struct err e = { 0 };

	ck_ok(output_check(&o, "a.sif", false, &e), &e);
	ck_ok(output_create(&o, &e), &e);
	put("a.sif", "theirs");
	ck_assert_int_eq(output_publish(&o, &e), -1);
	ck_assert_int_eq(e.kind, ERR_EXISTS);
	output_fini(&o);
	check_names("a.sif");
	check_text("a.sif", "theirs");
}
END_TEST

START_TEST(names_that_are_no_files_are_refused)
{
	static const struct {
		const char *path, *text;
	} t[] = {
		{ "sub", "output sub is a directory: name a file in it" },
		{ "fifo", "output fifo is a device, a pipe or a socket: an image must be written "
			  "to a file" },
		{ "stdout", "output stdout is a device, a pipe or a socket: an image must be "
			    "written to a file" },
		{ "..", "output .. names no file" },
		{ "none/a.sif", "output directory none is not there: make it first" },
	};

	ck_assert_int_eq(mkdir("sub", 0755), 0);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_int_eq(symlink("/dev/null", "stdout"), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		auto_output struct output o = { 0 };
		struct err e = { 0 };

		ck_assert_int_eq(output_check(&o, t[i].path, true, &e), -1);
		ck_assert_str_eq(e.text, t[i].text);
	}
}
END_TEST

START_TEST(the_next_run_removes_what_a_killed_one_left)
{
	auto_output struct output o = { 0 };
	struct err e = { 0 };
	pid_t pid = fork();

	if (pid == 0) {
		struct output mine = { 0 };
		auto_free char *store = NULL;

		if (output_check(&mine, "a.sif", false, &e) < 0 || output_create(&mine, &e) < 0)
			_exit(1);
		store = output_private_dir(&mine);
		if (mkdir(store, 0700) < 0 || chdir(store) < 0 || mkdir("deep", 0700) < 0 ||
		    symlink("/etc/passwd", "deep/link") < 0)
			_exit(1);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	put(".berth-other-1.5.6.part", "a living host's");
	put(".berth-notes", "a user's own");
	ck_ok(output_check(&o, "b.sif", false, &e), &e);
	check_names(".berth-notes .berth-other-1.5.6.part");
	ck_assert_int_eq(access("/etc/passwd", F_OK), 0);
}
END_TEST

static int stopped;

static void stop(void *arg)
{
	*(int *)arg = 1;
}

START_TEST(a_signal_calls_stop_once_and_the_process_lives)
{
	struct interrupt *in = interrupt_begin(stop, &stopped);

	ck_assert_int_eq(interrupt_signal(in), 0);
	raise(SIGTERM);
	for (int i = 0; i < 1000 && !*(volatile int *)&stopped; i++)
		usleep(1000);
	ck_assert_int_eq(stopped, 1);
	ck_assert_int_eq(interrupt_signal(in), SIGTERM);
	interrupt_end(in);
}
END_TEST

START_TEST(without_a_signal_stop_is_not_called)
{
	stopped = 0;
	interrupt_end(interrupt_begin(stop, &stopped));
	ck_assert_int_eq(stopped, 0);
}
END_TEST

START_TEST(a_second_signal_ends_the_process)
{
	struct interrupt *in;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		in = interrupt_begin(stop, &stopped);
		raise(SIGINT);
		raise(SIGINT);
		interrupt_end(in);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_file_appears_under_its_name_when_it_is_whole,
		what_is_not_published_leaves_nothing,
		an_existing_file_is_replaced_only_when_asked,
		a_file_that_appears_meanwhile_is_not_replaced,
		names_that_are_no_files_are_refused,
		the_next_run_removes_what_a_killed_one_left,
		a_signal_calls_stop_once_and_the_process_lives,
		without_a_signal_stop_is_not_called,
		a_second_signal_ends_the_process,
	};
	Suite *suite = suite_create("output");
	TCase *c = tcase_create("output");
	SRunner *r = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(c, tests[i]);
	suite_add_tcase(suite, c);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
