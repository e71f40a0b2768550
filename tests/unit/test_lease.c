#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/host/lease.h"
#include "src/host/memlimit.h"
#include "src/host/upperfs.h"

static char dir[64], path[80];

static void place(void)
{
	strcpy(dir, "/tmp/berth-lease-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/lease", dir);
}

/* Nothing else is left in the directory. */
static void place_fini(void)
{
	unlink(path);
	ck_assert_msg(rmdir(dir) == 0, "%s is not empty", dir);
}

static void write_lease(const struct lease_id *id)
{
	FILE *f = fopen(path, "w");

	fprintf(f,
		"berth-lease 1\nhost %s\nmachine %s\nboot %s\npidns %" PRIu64 "\npid %" PRIu64
		"\nstart %" PRIu64 "\n",
		id->host, id->machine, id->boot, id->pidns, id->pid, id->start);
	fclose(f);
}

START_TEST(a_lease_is_taken_once_and_free_after_it_was_dropped)
{
	struct lease a, b;
	struct err e = { 0 };
	int status;

	place();
	ck_ok(lease_take(&a, path, 0, &e), &e);
	if (fork() == 0)
		_exit(lease_take(&b, path, 0, &e) == -1 && e.kind == ERR_EXISTS &&
				      strstr(e.text, "in use by process")
			      ? 0
			      : 1);
	wait(&status);
	ck_assert_int_eq(status, 0);
	lease_drop(&a);
	lease_drop(&a);
	ck_ok(lease_take(&b, path, 0, &e), &e);
	lease_drop(&b);
	place_fini();
}
END_TEST

START_TEST(a_holder_that_is_about_to_end_is_waited_for)
{
	struct lease a, b;
	struct err e = { 0 };
	int status, pipes[2];
	char c;

	place();
	ck_assert_int_eq(pipe(pipes), 0);
	if (fork() == 0) {
		ck_ok(lease_take(&a, path, 0, &e), &e);
		ck_assert_int_eq(write(pipes[1], "x", 1), 1);
		usleep(100000);
		lease_drop(&a);
		_exit(0);
	}
	ck_assert_int_eq(read(pipes[0], &c, 1), 1);
	ck_ok(lease_take(&b, path, 60000, &e), &e);
	lease_drop(&b);
	wait(&status);
	place_fini();
}
END_TEST

START_TEST(a_dead_owner_s_lease_is_broken)
{
	struct lease l;
	struct lease_id id;
	struct err e = { 0 };
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	place();
	ck_ok(lease_self(&id, &e), &e);
	id.pid = (uint64_t)pid;
	write_lease(&id);
	ck_ok(lease_take(&l, path, 0, &e), &e);
	lease_drop(&l);
	/* The number is in use again, by a process that started later. */
	id.pid = (uint64_t)getppid();
	write_lease(&id);
	ck_ok(lease_take(&l, path, 0, &e), &e);
	lease_drop(&l);
	/* Before the last boot. */
	id.pid = (uint64_t)getpid();
	strcpy(id.boot, "11111111-2222");
	write_lease(&id);
	ck_ok(lease_take(&l, path, 0, &e), &e);
	lease_drop(&l);
	place_fini();
}
END_TEST

START_TEST(who_cannot_be_asked_keeps_his_lease_and_is_named)
{
	struct lease l;
	struct lease_id id;
	struct err e = { 0 };

	place();
	ck_ok(lease_self(&id, &e), &e);
	strcpy(id.host, "node17");
	id.pid = 4711;
	write_lease(&id);
	ck_assert_int_eq(lease_take(&l, path, 0, &e), -1);
	ck_assert_int_eq(e.kind, ERR_EXISTS);
	ck_assert_ptr_nonnull(strstr(e.text, "process 4711 on host node17"));
	ck_assert_ptr_nonnull(strstr(e.text, path));
	ck_ok(lease_self(&id, &e), &e);
	id.pidns++;
	write_lease(&id);
	ck_assert_int_eq(lease_take(&l, path, 0, &e), -1);
	ck_ok(lease_self(&id, &e), &e);
	strcpy(id.machine, "another-of-that-name");
	strcpy(id.boot, "other");
	write_lease(&id);
	ck_assert_int_eq(lease_take(&l, path, 0, &e), -1);
	ck_assert_int_eq(truncate(path, 20), 0);
	ck_assert_int_eq(lease_take(&l, path, 0, &e), -1);
	ck_assert_int_eq(e.kind, ERR_INPUT);
	place_fini();
}
END_TEST

/* A dead breaker's right is taken over, and its file goes. */
START_TEST(a_breaker_that_died_over_it_is_no_obstacle)
{
	struct lease l;
	struct lease_id id, breaker;
	struct err e = { 0 };
	char name[160], keep[80];
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	place();
	ck_ok(lease_self(&id, &e), &e);
	breaker = id;
	id.pid = (uint64_t)pid;
	breaker.pid = (uint64_t)pid;
	breaker.start = 1;
	strcpy(keep, path);
	snprintf(name, sizeof(name), "%s.break-%.8s-%" PRIu64 "-%" PRIu64, keep, id.boot, id.pid,
		 id.start);
	write_lease(&breaker);
	ck_assert_int_eq(rename(path, name), 0);
	write_lease(&id);
	ck_ok(lease_take(&l, path, 0, &e), &e);
	lease_drop(&l);
	place_fini();
}
END_TEST

/* Six processes find a dead lease at once, again and again: never two inside. */
START_TEST(of_many_that_find_a_dead_lease_one_has_it)
{
	struct lease_id id;
	struct err e = { 0 };
	pid_t dead = fork(), pids[6];
	char inside[96];
	int status, taken = 0;

	if (dead == 0)
		_exit(0);
	waitpid(dead, NULL, 0);
	place();
	snprintf(inside, sizeof(inside), "%s/inside", dir);
	ck_ok(lease_self(&id, &e), &e);
	id.pid = (uint64_t)dead;
	for (int round = 0; round < 15; round++) {
		write_lease(&id);
		for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
			pids[i] = fork();
			if (pids[i])
				continue;
			struct lease l;

			if (lease_take(&l, path, 0, &e) < 0)
				_exit(e.kind == ERR_EXISTS ? 0 : 3);
			if (mkdir(inside, 0700) < 0)
				_exit(2);
			usleep(200);
			rmdir(inside);
			lease_drop(&l);
			_exit(1);
		}
		for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
			waitpid(pids[i], &status, 0);
			ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
			taken += WEXITSTATUS(status);
		}
	}
	ck_assert_int_ge(taken, 15);
	place_fini();
}
END_TEST

static void file_put(int root, const char *name, const char *text)
{
	auto_free char *copy = xstrdup(name);
	struct err e = { 0 };

	*strrchr(copy, '/') = '\0';
	ck_ok(dir_make_all(root, copy, 0755, &e), &e);
	ck_ok(file_write_atomic(root, name, text, strlen(text), 0644, &e), &e);
}

START_TEST(the_smallest_limit_on_the_way_up_counts_and_is_named)
{
	char root[] = "/tmp/berth-limit-XXXXXX";
	auto_memory_limit struct memory_limit v2 = { 0 }, v1 = { 0 }, none = { 0 };
	int fd, r;

	ck_assert_ptr_nonnull(mkdtemp(root));
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	file_put(fd, "proc/self/cgroup", "0::/slurm/job_7/step_0\n");
	file_put(fd, "proc/self/mountinfo",
		 "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
	file_put(fd, "sys/fs/cgroup/slurm/job_7/step_0/memory.max", "max\n");
	file_put(fd, "sys/fs/cgroup/slurm/job_7/memory.max", "4294967296\n");
	file_put(fd, "sys/fs/cgroup/slurm/memory.max", "8589934592\n");
	memory_limit_find(&v2, fd);
	ck_assert_int_eq((int64_t)v2.bytes, 4294967296);
	ck_assert_str_eq(v2.from, "/sys/fs/cgroup/slurm/job_7/memory.max");
	file_put(fd, "proc/self/cgroup", "5:cpu,cpuacct:/x\n9:memory:/slurm/uid_1/job_8\n");
	file_put(fd, "proc/self/mountinfo",
		 "31 20 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
		 "33 20 0:29 /slurm /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n");
	file_put(fd, "sys/fs/cgroup/memory/uid_1/job_8/memory.limit_in_bytes", "1073741824\n");
	file_put(fd, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	memory_limit_find(&v1, fd);
	ck_assert_int_eq((int64_t)v1.bytes, 1073741824);
	ck_assert_str_eq(v1.from, "/sys/fs/cgroup/memory/uid_1/job_8/memory.limit_in_bytes");
	file_put(fd, "proc/self/cgroup", "0::/\n");
	memory_limit_find(&none, fd);
	ck_assert(none.bytes == UINT64_MAX && !none.from);
	close(fd);
	auto_free char *rm = xasprintf("rm -rf %s", root);

	r = system(rm);
	ck_assert_int_eq(r, 0);
}
END_TEST

START_TEST(a_file_system_without_device_files_cannot_be_an_upper_layer)
{
	struct err e = { 0 };
	char text[32];

	ck_assert_int_eq(upper_fs_check("/proc/self", &e), -1);
	ck_assert_str_eq(fs_name("/dev/shm", text, sizeof(text)), "tmpfs");
	place();
	ck_ok(upper_fs_check(dir, &e), &e);
	place_fini();
}
END_TEST

UNIT(lease, a_holder_that_is_about_to_end_is_waited_for,
     a_lease_is_taken_once_and_free_after_it_was_dropped, a_dead_owner_s_lease_is_broken,
     who_cannot_be_asked_keeps_his_lease_and_is_named, a_breaker_that_died_over_it_is_no_obstacle,
     of_many_that_find_a_dead_lease_one_has_it,
     the_smallest_limit_on_the_way_up_counts_and_is_named,
     a_file_system_without_device_files_cannot_be_an_upper_layer)
