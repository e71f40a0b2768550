#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpi/keeper.h"
#include "src/base/fd.h"

/* What the keeper saw, written into the descriptor that it was handed. */
struct seen {
	pid_t pid, parent, session;
	int fds;
	char cwd[64];
};

static int fds_open(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = -3; /* ".", ".." and the listing's own */

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int report(void *arg, unsigned which, int fd, struct err *e)
{
	struct seen s = { .pid = getpid(), .parent = getppid(), .session = getsid(0) };

	(void)arg;
	(void)which;
	s.fds = fds_open();
	if (!getcwd(s.cwd, sizeof(s.cwd)) || fd_write(fd, &s, sizeof(s)) < 0)
		return err_sys(e, "report");
	return 0;
}

static int refuse(void *arg, struct err *e)
{
	return err_set(e, ERR_INPUT, "%s is damaged", (const char *)arg);
}

START_TEST(the_keeper_leaves_the_job_behind)
{
	struct keeper_work w = { .serve = report };
	struct err e = { 0 };
	struct seen s = { 0 };
	int sock = -1, pipes[2], stray = dup(0), status;

	ck_assert_int_eq(pipe(pipes), 0);
	ck_ok(keeper_start(&sock, &w, &e), &e);
	ck_assert_int_eq(fd_send(sock, pipes[1]), 0);
	close(pipes[1]);
	ck_assert_int_eq(read(pipes[0], &s, sizeof(s)), sizeof(s));
	/* Its end: the last writer is gone. */
	ck_assert_int_eq(read(pipes[0], &status, 1), 0);
	ck_assert_int_ne(s.parent, getpid());
	ck_assert_int_ne(s.session, getsid(0));
	ck_assert_int_ne(s.session, s.pid);
	ck_assert_str_eq(s.cwd, "/");
	/* 0, 1, 2, the socket, and what was handed over. */
	ck_assert_int_eq(s.fds, 5);
	ck_assert_int_eq(waitpid(-1, &status, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	close(stray);
	close(sock);
}
END_TEST

START_TEST(a_keeper_that_gives_up_says_why)
{
	struct keeper_work w = { .prepare = refuse, .serve = report, .arg = (void *)"a.sif" };
	struct err e = { 0 };
	int sock = -1;

	ck_ok(keeper_start(&sock, &w, &e), &e);
	ck_assert_int_eq(keeper_failure(sock, &e), 1);
	ck_assert_str_eq(e.text, "a.sif is damaged");
	close(sock);
}
END_TEST

static int refuse_late(void *arg, struct err *e)
{
	usleep(100000);
	return refuse(arg, e);
}

START_TEST(the_reason_is_heard_when_the_descriptor_was_sent_already)
{
	struct keeper_work w = { .prepare = refuse_late, .serve = report, .arg = (void *)"a.sif" };
	struct err e = { 0 };
	int sock = -1;

	ck_ok(keeper_start(&sock, &w, &e), &e);
	ck_assert_int_eq(fd_send(sock, 0), 0);
	usleep(300000);
	ck_assert_int_eq(keeper_failure(sock, &e), 1);
	ck_assert_str_eq(e.text, "a.sif is damaged");
	close(sock);
}
END_TEST

START_TEST(a_keeper_that_is_well_reports_no_failure)
{
	struct keeper_work w = { .serve = report };
	struct err e = { 0 };
	int sock = -1;

	ck_ok(keeper_start(&sock, &w, &e), &e);
	ck_assert_int_eq(keeper_failure(sock, &e), 0);
	close(sock);
}
END_TEST

static int hang(void *arg, unsigned which, int fd, struct err *e)
{
	(void)arg;
	(void)which;
	(void)e;
	for (;;)
		if (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 60000) != 0)
			return 0;
}

START_TEST(job_signals_do_not_reach_the_keeper_s_work)
{
	struct keeper_work w = { .serve = hang };
	struct err e = { 0 };
	int sock = -1, pair[2];
	char c;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_ok(keeper_start(&sock, &w, &e), &e);
	ck_assert_int_eq(fd_send(sock, pair[1]), 0);
	close(pair[1]);
	/* A group of its own: a signal for ours does not reach it. */
	signal(SIGTERM, SIG_IGN);
	ck_assert_int_eq(kill(0, SIGTERM), 0);
	ck_assert_int_eq(poll(&(struct pollfd){ .fd = pair[0], .events = POLLIN }, 1, 100), 0);
	ck_assert_int_eq(write(pair[0], "x", 1), 1);
	ck_assert_int_eq(read(pair[0], &c, 1) <= 0, 1);
	close(sock);
}
END_TEST

/* Says which it is, waits for the peer to write, and says that again. */
static int echo(void *arg, unsigned which, int fd, struct err *e)
{
	char c = (char)('a' + which), in;

	(void)arg;
	if (write(fd, &c, 1) != 1 || read(fd, &in, 1) != 1 || write(fd, &in, 1) != 1)
		return err_sys(e, "echo");
	return 0;
}

static void say_done(void *arg)
{
	ck_assert_int_eq(write(*(int *)arg, "!", 1), 1);
}

START_TEST(several_descriptors_are_served_side_by_side_as_they_come)
{
	int sock = -1, pair[3][2], end[2];
	struct keeper_work w = { .serve = echo, .finish = say_done, .nfuse = 3, .arg = &end[1] };
	struct err e = { 0 };
	char c = 0;

	ck_assert_int_eq(pipe(end), 0);
	w.keep = &end[1];
	w.nkeep = 1;
	ck_ok(keeper_start(&sock, &w, &e), &e);
	close(end[1]);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]), 0);
		ck_assert_int_eq(fd_send(sock, pair[i][1]), 0);
		close(pair[i][1]);
		/* It answers before the next one is sent. */
		ck_assert_int_eq(read(pair[i][0], &c, 1), 1);
		ck_assert_int_eq(c, 'a' + i);
	}
	for (int i = 2; i >= 0; i--) {
		ck_assert_int_eq(write(pair[i][0], "x", 1), 1);
		ck_assert_int_eq(read(pair[i][0], &c, 1), 1);
		ck_assert_int_eq(c, 'x');
	}
	ck_assert_int_eq(read(end[0], &c, 1), 1);
	ck_assert_int_eq(c, '!');
	ck_assert_int_eq(read(end[0], &c, 1), 0);
	close(sock);
}
END_TEST

START_TEST(a_launcher_that_dies_between_two_descriptors_leaves_no_keeper)
{
	int sock = -1, pair[2], end[2];
	struct keeper_work w = { .serve = echo, .finish = say_done, .nfuse = 2, .arg = &end[1] };
	struct err e = { 0 };
	char c = 0;

	ck_assert_int_eq(pipe(end), 0);
	w.keep = &end[1];
	w.nkeep = 1;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_ok(keeper_start(&sock, &w, &e), &e);
	close(end[1]);
	ck_assert_int_eq(fd_send(sock, pair[1]), 0);
	close(pair[1]);
	close(sock);
	ck_assert_int_eq(write(pair[0], "x", 1), 1);
	ck_assert_int_eq(read(end[0], &c, 1), 1);
	ck_assert_int_eq(c, '!');
	ck_assert_int_eq(read(end[0], &c, 1), 0);
}
END_TEST

UNIT(keeper, several_descriptors_are_served_side_by_side_as_they_come,
     a_launcher_that_dies_between_two_descriptors_leaves_no_keeper,
     the_keeper_leaves_the_job_behind, a_keeper_that_gives_up_says_why,
     the_reason_is_heard_when_the_descriptor_was_sent_already,
     a_keeper_that_is_well_reports_no_failure, job_signals_do_not_reach_the_keeper_s_work)
