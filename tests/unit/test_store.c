#include "image/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/owner.h"
#include "image/store_turn.h"
#include "src/base/fd.h"
#include "tests/unit/unit.h"

#define SIZE (3u << 20)

static char dir[64];
static struct store *store;
static char *blob;
static struct digest digest;

static void setup(void)
{
	struct err e = { 0 };

	strcpy(dir, "/tmp/berth-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_ok(store_open(&store, dir, &e), &e);
	blob = xmalloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		blob[i] = (char)(i * 2654435761u >> 13);
	digest_of(&digest, DIGEST_SHA256, blob, SIZE);
}

static void teardown(void)
{
	auto_free char *cmd = xasprintf("rm -rf %s", dir);

	store_close(store);
	free(blob);
	ck_assert_int_eq(system(cmd), 0);
}

static int count_parts(void)
{
	auto_free char *tmp = xasprintf("%s/v1/tmp", dir);
	DIR *d = opendir(tmp);
	int n = 0;

	ck_assert_ptr_nonnull(d);
	for (struct dirent *de; (de = readdir(d));)
		n += str_has_suffix(de->d_name, ".part");
	closedir(d);
	return n;
}

static void check_blob(void)
{
	struct err e = { 0 };
	auto_buf struct buf b = { 0 };

	ck_assert_int_eq(store_read(store, &digest, SIZE, &b, &e), 1);
	ck_assert_uint_eq(b.len, SIZE);
	ck_assert_mem_eq(b.data, blob, SIZE);
}

/* What a download does, in pieces of step bytes, up to end. */
static int write_up_to(struct store_put *p, size_t end, size_t step, struct err *e)
{
	while (store_put_have(p) < end) {
		size_t at = store_put_have(p), n = MIN(step, end - at);

		if (store_put_write(p, blob + at, n, e) < 0)
			return -1;
	}
	return 0;
}

START_TEST(a_blob_is_visible_only_once_it_is_whole)
{
	auto_store_put struct store_put *p = NULL;
	struct err e = { 0 };
	int fd;

	ck_ok(store_begin(store, &digest, SIZE, &p, &e), &e);
	ck_assert_uint_eq(store_put_have(p), 0);
	ck_ok(write_up_to(p, SIZE - 1, 10000, &e), &e);
	ck_assert_int_eq(store_find(store, &digest, SIZE, &fd, &e), 0);
	ck_ok(write_up_to(p, SIZE, 10000, &e), &e);
	ck_ok(store_put_commit(p, &e), &e);
	ck_assert_int_eq(count_parts(), 0);
	check_blob();
}
END_TEST

START_TEST(bytes_of_another_digest_are_thrown_away)
{
	auto_store_put struct store_put *p = NULL;
	struct err e = { 0 };
	int fd;

	ck_ok(store_begin(store, &digest, SIZE, &p, &e), &e);
	blob[77] ^= 1;
	ck_ok(write_up_to(p, SIZE, 100000, &e), &e);
	ck_assert_int_eq(store_put_commit(p, &e), -1);
	ck_assert_int_eq(e.kind, ERR_INPUT);
	ck_assert_ptr_nonnull(strstr(e.text, " is damaged: its bytes hash to sha256:"));
	ck_assert_int_eq(store_find(store, &digest, SIZE, &fd, &e), 0);
	ck_assert_int_eq(count_parts(), 0);
}
END_TEST

START_TEST(more_or_fewer_bytes_than_announced_are_errors)
{
	auto_store_put struct store_put *p = NULL;
	struct err e = { 0 };

	ck_ok(store_begin(store, &digest, 1000, &p, &e), &e);
	ck_ok(write_up_to(p, 999, 100, &e), &e);
	ck_assert_int_eq(store_put_write(p, blob, 2, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "larger than the 1000 bytes announced"));
	ck_assert_int_eq(store_put_commit(p, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "has 999 bytes, announced were 1000"));
}
END_TEST

START_TEST(a_dead_writers_part_is_adopted)
{
	auto_store_put struct store_put *p = NULL;
	struct err e = { 0 };
	pid_t pid = fork();

	if (pid == 0) {
		if (store_begin(store, &digest, SIZE, &p, &e) < 0 ||
		    write_up_to(p, SIZE / 2, 4096, &e) < 0)
			_exit(1);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(count_parts(), 1);
	ck_ok(store_begin(store, &digest, SIZE, &p, &e), &e);
	ck_assert_uint_eq(store_put_have(p), SIZE / 2);
	ck_ok(write_up_to(p, SIZE, 50000, &e), &e);
	ck_ok(store_put_commit(p, &e), &e);
	ck_assert_int_eq(count_parts(), 0);
	check_blob();
}
END_TEST

START_TEST(a_put_without_bytes_leaves_no_file)
{
	struct store_put *p = NULL;
	struct err e = { 0 };

	ck_ok(store_begin(store, &digest, SIZE, &p, &e), &e);
	ck_assert_int_eq(count_parts(), 1);
	store_put_free(p);
	ck_assert_int_eq(count_parts(), 0);
	ck_ok(store_begin(store, &digest, SIZE, &p, &e), &e);
	ck_ok(store_put_write(p, blob, 1, &e), &e);
	store_put_free(p);
	ck_assert_int_eq(count_parts(), 1);
}
END_TEST

START_TEST(a_living_writers_part_is_left_alone)
{
	auto_store_put struct store_put *p = NULL;
	struct err e = { 0 };
	int ready[2];
	char c;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (store_begin(store, &digest, SIZE, &p, &e) < 0 ||
		    write_up_to(p, SIZE / 2, 4096, &e) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	ck_ok(store_begin(store, &digest, SIZE, &p, &e), &e);
	ck_assert_uint_eq(store_put_have(p), 0);
	ck_assert_int_eq(count_parts(), 2);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(another_hosts_part_is_copied_only_when_it_is_old)
{
	char hex[DIGEST_TEXT_MAX];
	auto_free char *path =
		xasprintf("%s/v1/tmp/%s.elsewhere-1.77.5.part", dir, digest_hex(&digest, hex));
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct err e = { 0 };

	ck_ok(file_write_atomic(AT_FDCWD, path, blob, 5000, 0600, &e), &e);
	for (int i = 0; i < 2; i++) {
		auto_store_put struct store_put *p = NULL;

		ck_ok(store_begin(store, &digest, SIZE, &p, &e), &e);
		ck_assert_uint_eq(store_put_have(p), i ? 5000 : 0);
		ck_assert_int_eq(count_parts(), i ? 1 : 2);
		ck_ok(store_put_restart(p, &e), &e);
		ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), i ? -1 : 0);
	}
}
END_TEST

START_TEST(eight_writers_at_once_are_all_right)
{
	struct err e = { 0 };
	pid_t pid[8];

	for (int i = 0; i < 8; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		for (int round = 0; round < 5; round++) {
			auto_store_put struct store_put *p = NULL;

			if (store_begin(store, &digest, SIZE, &p, &e) < 0 ||
			    write_up_to(p, SIZE, 70000u + 999u * (unsigned)i, &e) < 0 ||
			    store_put_commit(p, &e) < 0)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < 8; i++) {
		int status;

		waitpid(pid[i], &status, 0);
		ck_assert_int_eq(status, 0);
	}
	check_blob();
	ck_assert_int_eq(count_parts(), 0);
}
END_TEST

static void *download(void *arg)
{
	struct err e = { 0 };

	if (write_up_to(arg, SIZE / 2, 3000, &e) < 0)
		abort();
	usleep(20000);
	if (write_up_to(arg, SIZE, 3000, &e) < 0 || store_put_commit(arg, &e) < 0)
		abort();
	return NULL;
}

START_TEST(readers_follow_a_growing_blob_to_its_end)
{
	auto_store_put struct store_put *p = NULL;
	struct stream *in[2];
	auto_free char *got = xmalloc(SIZE + 1);
	struct err e = { 0 };
	pthread_t t;

	ck_ok(store_begin(store, &digest, SIZE, &p, &e), &e);
	for (int i = 0; i < 2; i++)
		in[i] = store_put_stream(p);
	ck_assert_int_eq(pthread_create(&t, NULL, download, p), 0);
	ck_assert_int_eq(stream_read_full(in[0], got, SIZE + 1, &e), SIZE);
	ck_assert_mem_eq(got, blob, SIZE);
	pthread_join(t, NULL);
	store_put_free(take_ptr(p));
	/* A reader may outlive the put and the blob's time as a part file. */
	ck_assert_int_eq(stream_read_full(in[1], got, SIZE + 1, &e), SIZE);
	stream_close(in[0]);
	stream_close(in[1]);
}
END_TEST

/* Another process writes the blob; it dies in the middle when it is to. */
static pid_t other_writer(size_t until)
{
	pid_t pid = fork();
	auto_store_put struct store_put *p = NULL;
	struct err e = { 0 };

	if (pid)
		return pid;
	if (store_begin(store, &digest, SIZE, &p, &e) < 0 || write_up_to(p, until, 65536, &e) < 0)
		_exit(1);
	if (until < SIZE)
		raise(SIGKILL);
	_exit(store_put_commit(p, &e) < 0);
}

/* NULL: what came is not the blob. */
static void *read_whole(void *put)
{
	auto_stream struct stream *in = store_put_stream(put);
	auto_free char *got = xmalloc(SIZE + 1);
	struct err e = { 0 };

	return stream_read_full(in, got, SIZE + 1, &e) == SIZE && !memcmp(got, blob, SIZE) ? put
											   : NULL;
}

START_TEST(readers_of_a_put_get_what_another_process_brings)
{
	struct store_put *p = store_await(store, &digest, SIZE);
	struct err e = { 0 };
	pthread_t t;
	int status;
	void *ok;

	ck_assert_int_eq(store_put_found(p, &e), 0);
	ck_assert_int_eq(count_parts(), 0);
	ck_assert_int_eq(pthread_create(&t, NULL, read_whole, p), 0);
	ck_assert_int_gt(waitpid(other_writer(SIZE), &status, 0), 0);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(store_put_found(p, &e), 1);
	pthread_join(t, &ok);
	ck_assert_ptr_nonnull(ok);
	store_put_free(p);
	check_blob();
}
END_TEST

START_TEST(a_put_that_waited_goes_on_where_another_process_died)
{
	struct store_put *p = store_await(store, &digest, SIZE);
	struct err e = { 0 };
	int status;

	ck_assert_int_gt(waitpid(other_writer(SIZE / 2), &status, 0), 0);
	ck_assert_uint_eq(store_part_bytes(store, &digest), SIZE / 2);
	ck_assert_int_eq(store_put_found(p, &e), 0);
	ck_ok(store_put_start(p, &e), &e);
	ck_assert_uint_eq(store_put_have(p), SIZE / 2);
	ck_ok(write_up_to(p, SIZE, 65536, &e), &e);
	ck_ok(store_put_commit(p, &e), &e);
	store_put_free(p);
	check_blob();
}
END_TEST

START_TEST(a_finished_put_that_nobody_reads_keeps_no_file_open)
{
	struct store_put *p = NULL;
	struct err e = { 0 };
	auto_stream struct stream *in = NULL;
	int before = dup(0), after;
	char c;

	close(before);
	ck_ok(store_begin(store, &digest, SIZE, &p, &e), &e);
	ck_ok(write_up_to(p, SIZE, 65536, &e), &e);
	ck_ok(store_put_commit(p, &e), &e);
	after = dup(0);
	close(after);
	ck_assert_int_eq(after, before);
	in = store_put_stream(p);
	ck_assert_int_eq((int)stream_read(in, &c, 1, &e), 1);
	ck_assert_int_eq(c, blob[0]);
	store_put_free(p);
}
END_TEST

START_TEST(readers_of_a_failed_put_get_its_error)
{
	auto_store_put struct store_put *p = NULL;
	auto_stream struct stream *in = NULL;
	char c[16];
	struct err e = { 0 }, why;

	ck_ok(store_begin(store, &digest, SIZE, &p, &e), &e);
	in = store_put_stream(p);
	ck_ok(store_put_write(p, blob, 10, &e), &e);
	ck_assert_int_eq(stream_read(in, c, sizeof(c), &e), 10);
	err_set(&why, ERR_NET, "the registry has gone");
	store_put_fail(p, &why);
	ck_assert_int_eq(stream_read(in, c, sizeof(c), &e), -1);
	ck_assert_str_eq(e.text, "the registry has gone");
}
END_TEST

START_TEST(damaged_blobs_are_noticed_and_removed)
{
	char hex[DIGEST_TEXT_MAX];
	auto_free char *path = NULL;
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };
	int fd;

	digest_hex(&digest, hex);
	path = xasprintf("%s/v1/blobs/sha256/%.2s/%s", dir, hex, hex);
	for (int i = 0; i < 3; i++) {
		ck_ok(store_write(store, &digest, blob, SIZE, &e), &e);
		ck_assert_int_eq(store_verify(store, &digest, &e), 1);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		ck_assert_int_eq(fd_pwrite(fd, "XX", 2, i == 2 ? SIZE : 5), 0);
		close(fd);
		if (i == 0)
			ck_assert_int_eq(store_read(store, &digest, 2 * SIZE, &b, &e), 0);
		else if (i == 1)
			ck_assert_int_eq(store_verify(store, &digest, &e), 0);
		else
			ck_assert_int_eq(store_find(store, &digest, SIZE, &fd, &e), 0);
		ck_assert_int_eq(access(path, F_OK), -1);
	}
	ck_assert_uint_eq(b.len, 0);
}
END_TEST

START_TEST(an_image_changed_in_place_is_no_longer_found)
{
	auto_close int fd = -1, d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *path = xasprintf("%s/out.sif", dir);
	auto_buf struct buf found = { 0 };
	struct timespec t[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct err e = { 0 };
	struct stat a, b;

	ck_ok(file_write_atomic(AT_FDCWD, path, blob, SIZE, 0755, &e), &e);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(store_sif_find(store, "key", &found, &e), 0);
	ck_ok(store_sif_put(store, "key", fd, d, "out.sif", &e), &e);
	ck_ok(store_sif_put(store, "key", fd, d, "out.sif", &e), &e);
	ck_assert_int_eq(store_sif_find(store, "key", &found, &e), 1);
	ck_assert_int_eq(stat(path, &a), 0);
	ck_assert_int_eq(stat(buf_str(&found), &b), 0);
	ck_assert_int_eq(a.st_size, b.st_size);
	ck_assert_int_eq(count_parts(), 0);
	if (a.st_ino == b.st_ino) {
		ck_assert_int_eq(utimensat(AT_FDCWD, path, t, 0), 0);
		ck_assert_int_eq(store_sif_find(store, "key", &found, &e), 0);
		ck_assert_int_eq(access(path, F_OK), 0);
	}
}
END_TEST

START_TEST(the_directory_comes_from_the_environment)
{
	static const struct {
		const char *env[4];
		const char *want;
	} t[] = {
		{ { "BERTH_CACHEDIR=/b", "APPTAINER_CACHEDIR=/a", "HOME=/h" }, "/b" },
		{ { "BERTH_CACHEDIR=", "SINGULARITY_CACHEDIR=/s", "APPTAINER_CACHEDIR=/a" }, "/a" },
		{ { "SINGULARITY_CACHEDIR=/s", "HOME=/h" }, "/s" },
		{ { "HOME=/h" }, "/h/.berth/cache" },
	};
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		auto_free char *got = store_default_dir((char *const *)t[i].env, &e);

		ck_assert_str_eq(got, t[i].want);
	}
}
END_TEST

START_TEST(old_parts_of_dead_writers_are_swept)
{
	auto_free char *me = owner_name();
	auto_free char *mine = xasprintf("%s/v1/tmp/aa.%s.part", dir, me);
	auto_free char *theirs = xasprintf("%s/v1/tmp/bb.other-1.5.6.part", dir);
	struct timespec t[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct err e = { 0 };

	ck_ok(file_write_atomic(AT_FDCWD, mine, "x", 1, 0600, &e), &e);
	ck_ok(file_write_atomic(AT_FDCWD, theirs, "x", 1, 0600, &e), &e);
	utimensat(AT_FDCWD, mine, t, 0);
	ck_ok(store_sweep(store, 3600, &e), &e);
	ck_assert_int_eq(count_parts(), 2);
	utimensat(AT_FDCWD, theirs, t, 0);
	ck_ok(store_sweep(store, 3600, &e), &e);
	ck_assert_int_eq(count_parts(), 1);
}
END_TEST

START_TEST(turns_and_copies_of_the_dead_are_swept_at_once)
{
	auto_free char *me = owner_name();
	auto_free char *place = xstrdup(me);
	static const char *const kinds[] = { "turn", "copy" };
	struct err e = { 0 };

	*strrchr(place, '.') = '\0';
	*strrchr(place, '.') = '\0';
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		/* No process has the highest pid and started first. */
		auto_free char *dead =
			xasprintf("%s/v1/tmp/aa.%s.4194303.1.%s", dir, place, kinds[i]);
		auto_free char *mine = xasprintf("%s/v1/tmp/aa.%s.%s", dir, me, kinds[i]);

		auto_free char *image = xasprintf("%s/v1/tmp/.berth-%s.4194303.1.part", dir, place);

		ck_ok(file_write_atomic(AT_FDCWD, dead, "x", 1, 0600, &e), &e);
		ck_ok(file_write_atomic(AT_FDCWD, image, "x", 1, 0600, &e), &e);
		ck_ok(file_write_atomic(AT_FDCWD, mine, "x", 1, 0600, &e), &e);
		ck_ok(store_sweep(store, 3600, &e), &e);
		ck_assert_int_eq(access(dead, F_OK), -1);
		ck_assert_int_eq(access(image, F_OK), -1);
		ck_assert_int_eq(access(mine, F_OK), 0);
	}
}
END_TEST

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static bool always(void *arg)
{
	(void)arg;
	return true;
}

START_TEST(of_many_processes_one_makes_the_image)
{
	auto_free char *made = xasprintf("%s/made", dir);
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };
	pid_t pid[8];

	for (int i = 0; i < 8; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		auto_store_turn struct store_turn *turn = NULL;

		if (store_turn_take(&turn, store, "key", never, NULL, &e) < 0)
			_exit(1);
		if (access(made, F_OK) < 0) {
			int fd = open(made, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

			usleep(50000);
			if (fd_write(fd, "x", 1) < 0)
				_exit(1);
		}
		/* One dies in its turn: the rest goes on. */
		if (i == 3)
			raise(SIGKILL);
		store_turn_end(turn);
		_exit(0);
	}
	for (int i = 0; i < 8; i++) {
		int status;

		waitpid(pid[i], &status, 0);
		ck_assert_int_eq(status, i == 3 ? SIGKILL : 0);
	}
	ck_ok(file_read(AT_FDCWD, made, &b, 100, &e), &e);
	ck_assert_str_eq(buf_str(&b), "x");
}
END_TEST

/* A process that has the turn of "key" and keeps it. */
static pid_t holder_start(void)
{
	struct store_turn *turn;
	struct err e = { 0 };
	int ready[2];
	char c;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (store_turn_take(&turn, store, "key", never, NULL, &e) < 0 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	return pid;
}

START_TEST(who_stands_in_line_is_on_when_the_one_before_dies)
{
	auto_store_turn struct store_turn *turn = NULL;
	struct err e = { 0 };
	pid_t pid = holder_start();
	bool mine;

	ck_ok(store_turn_ask(&turn, store, "key", &e), &e);
	for (int i = 0; i < 5; i++, usleep(10000))
		ck_assert(!store_turn_is_mine(turn));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	mine = store_turn_is_mine(turn);
	ck_assert(mine);
}
END_TEST

START_TEST(waiting_for_a_turn_can_be_stopped)
{
	auto_store_turn struct store_turn *turn = NULL;
	struct err e = { 0 };
	pid_t pid = holder_start();

	ck_assert_int_eq(store_turn_take(&turn, store, "key", always, NULL, &e), -1);
	ck_assert_int_eq(e.kind, ERR_INTR);
	ck_ok(store_turn_take(&turn, store, "other", always, NULL, &e), &e);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(owners_are_told_apart)
{
	auto_free char *me = owner_name();
	auto_free char *reused = xstrdup(me), *gone = NULL, *other = xasprintf("x%s", me);
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	*strrchr(reused, '.') = '\0';
	*strrchr(reused, '.') = '\0';
	gone = xasprintf("%s.%d.1", reused, (int)pid);
	ck_assert_int_eq(owner_state(me), OWNER_SELF);
	ck_assert_int_eq(owner_state(gone), OWNER_GONE);
	ck_assert_int_eq(owner_state(other), OWNER_ELSEWHERE);
	ck_assert_int_eq(owner_state("a.b"), OWNER_ELSEWHERE);
	free(reused);
	/* Our pid with another start time is somebody dead. */
	reused = xasprintf("%s1", me);
	ck_assert_int_eq(owner_state(reused), OWNER_GONE);
}
END_TEST

START_TEST(a_host_without_a_name_goes_by_its_boot)
{
	auto_free char *named = NULL, *nameless = NULL;
	auto_buf struct buf id = { 0 }, start = { 0 };
	struct err e = { 0 };

	/* In a child of libcheck's, whose host name is nobody else's. */
	if (unshare(CLONE_NEWUSER | CLONE_NEWUTS) < 0) {
		perror("not tried, no user namespace");
		return;
	}
	ck_assert_int_eq(sethostname("node7.lab", 9), 0);
	named = owner_name();
	ck_assert(str_has_prefix(named, "node7.lab-40"));
	ck_assert_int_eq(owner_state(named), OWNER_SELF);
	ck_assert_int_eq(sethostname("localhost", 9), 0);
	nameless = owner_name();
	ck_assert_int_eq(file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &id, 64, &e), 0);
	buf_printf(&start, "localhost-%.8s-", buf_str(&id));
	ck_assert(str_has_prefix(nameless, buf_str(&start)));
	ck_assert_int_eq(owner_state(nameless), OWNER_SELF);
	ck_assert_int_eq(owner_state(named), OWNER_ELSEWHERE);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_blob_is_visible_only_once_it_is_whole,
		bytes_of_another_digest_are_thrown_away,
		more_or_fewer_bytes_than_announced_are_errors,
		a_dead_writers_part_is_adopted,
		a_put_without_bytes_leaves_no_file,
		a_living_writers_part_is_left_alone,
		another_hosts_part_is_copied_only_when_it_is_old,
		eight_writers_at_once_are_all_right,
		readers_follow_a_growing_blob_to_its_end,
		readers_of_a_put_get_what_another_process_brings,
		a_put_that_waited_goes_on_where_another_process_died,
		a_finished_put_that_nobody_reads_keeps_no_file_open,
		readers_of_a_failed_put_get_its_error,
		damaged_blobs_are_noticed_and_removed,
		an_image_changed_in_place_is_no_longer_found,
		the_directory_comes_from_the_environment,
		old_parts_of_dead_writers_are_swept,
		turns_and_copies_of_the_dead_are_swept_at_once,
		of_many_processes_one_makes_the_image,
		who_stands_in_line_is_on_when_the_one_before_dies,
		waiting_for_a_turn_can_be_stopped,
		owners_are_told_apart,
		a_host_without_a_name_goes_by_its_boot,
	};
	Suite *suite = suite_create("store");
	TCase *c = tcase_create("store");
	SRunner *r = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(c, tests[i]);
	suite_add_tcase(suite, c);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
