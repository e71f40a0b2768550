#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/enter/enter.h"
#include "src/enter/state.h"

static struct plan_mount gpfs = {
	.kind = PLAN_BIND,
	.src = (char *)"/gpfs",
	.dst = (char *)"/data",
	.flags = PLAN_RO | PLAN_REC | PLAN_IS_DIR,
};

static int explain(enum fault_step step, int sys, struct err *e)
{
	struct plan_file passwd = { .path = (char *)"/etc/passwd", .mode = S_IFREG | 0644 };
	struct plan p = { .image = (char *)"/images/a.sif",
			  .mounts = &gpfs,
			  .nmounts = 1,
			  .files = &passwd,
			  .nfiles = 1 };
	struct fault f = { .step = step, .sys = sys };
	int r;

	strv_add(&p.argv, "hello");
	strv_add(&p.cwd, "/work");
	r = fault_explain(&f, &p, e);
	strv_fini(&p.argv);
	strv_fini(&p.cwd);
	return r;
}

START_TEST(a_fault_becomes_a_sentence_of_the_plan)
{
	static const struct {
		enum fault_step step;
		int sys;
		const char *text;
	} table[] = {
		{ FAULT_SOURCE, EACCES, "bind /gpfs on /data (ro): Permission denied" },
		{ FAULT_TARGET, ENOENT,
		  "bind /gpfs on /data (ro): there is no /data to mount on; create it, for what it "
		  "lies in "
		  "cannot be added to" },
		{ FAULT_ATTACH, EINVAL,
		  "bind /gpfs on /data (ro): one of them is a directory, the other is not" },
		{ FAULT_CWD, ENOENT,
		  "working directory /work in the container: No such file or directory" },
		{ FAULT_FILE, ENOSPC, "supply /etc/passwd: No space left on device" },
		{ FAULT_IMAGE, EACCES, "bind /images/a.sif on /: Permission denied" },
		{ FAULT_KEEPER, EPIPE, "the process that serves /images/a.sif ended: Broken pipe" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err e = { 0 };

		ck_assert_int_eq(explain(table[i].step, table[i].sys, &e), -1);
		ck_assert_str_eq(e.text, table[i].text);
	}
}
END_TEST

START_TEST(the_program_s_own_faults_are_126_and_127)
{
	struct err e = { 0 };

	ck_assert_int_eq(explain(FAULT_NOT_FOUND, ENOENT, &e), 127);
	ck_assert_str_eq(e.text, "hello: executable file not found in $PATH of the container");
	ck_assert_int_eq(explain(FAULT_EXEC, EACCES, &e), 126);
	ck_assert_str_eq(e.text, "hello: cannot start: Permission denied");
	ck_assert_int_eq(explain(FAULT_EXEC, ENOENT, &e), 126);
	ck_assert_str_eq(e.text, "hello: cannot start: its interpreter or dynamic loader is not in "
				 "the image");
	ck_assert_int_eq(explain(FAULT_EXEC, E2BIG, &e), 126);
	ck_assert_str_eq(e.text, "hello: cannot start: one argument or variable is longer than "
				 "128 KiB, or all together than a quarter of the stack limit "
				 "(ulimit -s)");
}
END_TEST

/* An image directory with links, for the mount points that it lacks. */
static char *image_make(void)
{
	char *dir = xstrdup("/tmp/berth-enter.XXXXXX");
	struct err e = { 0 };
	auto_close int root = -1, fd = -1;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_ok(dir_make_all(root, "etc", 0755, &e), &e);
	ck_ok(dir_make_all(root, "run", 0755, &e), &e);
	ck_ok(dir_make_all(root, "var", 0755, &e), &e);
	ck_ok(file_write_atomic(root, "etc/passwd", "x", 1, 0644, &e), &e);
	ck_assert_int_eq(symlinkat("../run", root, "var/run"), 0);
	ck_assert_int_eq(symlinkat("/gpfs/scratch", root, "scratch"), 0);
	ck_assert_int_eq(symlinkat("../../../etc/shadow", root, "etc/up"), 0);
	ck_assert_int_eq(symlinkat("loop", root, "loop"), 0);
	return dir;
}

static void image_remove(char *dir)
{
	auto_free char *cmd = xasprintf("rm -r %s", dir);

	ck_assert_int_eq(system(cmd), 0);
	free(dir);
}

static int missing_of(char *image, const char *dst, unsigned flags, char *out, size_t n)
{
	struct plan_mount m = { .src = (char *)"/x", .dst = (char *)dst, .flags = flags };
	struct plan p = { .root = PLAN_ROOT_DIR, .image = image, .mounts = &m, .nmounts = 1 };
	auto_enter struct enter *x = NULL;
	struct err e = { 0 };

	if (enter_new(&x, &p, &e) < 0) {
		snprintf(out, n, "%.*s", (int)n - 1, e.text);
		return -1;
	}
	snprintf(out, n, "%s", x->nmissing ? x->missing[0].path : "");
	return (int)x->nmissing;
}

START_TEST(mount_points_are_found_through_links_of_the_image)
{
	static const struct {
		const char *dst, *made;
		unsigned flags;
	} table[] = {
		{ "/etc/passwd", "", 0 },
		{ "/var/run", "", PLAN_IS_DIR },
		{ "/var/run/sock", "/run/sock", 0 },
		{ "/scratch", "/gpfs/scratch", PLAN_IS_DIR },
		{ "/scratch/a/b", "/gpfs/scratch/a/b", PLAN_IS_DIR },
		{ "/etc/up", "/etc/shadow", 0 },
		{ "/new", "/new", PLAN_IS_DIR },
		{ "/a/b/c/d", "/a/b/c/d", PLAN_IS_DIR },
		/* The name itself, not what it leads to: */
		{ "/scratch", "/scratch", PLAN_IS_DIR | PLAN_HIDE },
		{ "/var/run", "/var/run", PLAN_IS_DIR | PLAN_HIDE },
		{ "/etc/passwd", "", PLAN_HIDE },
	};
	char *dir = image_make(), text[512];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int r = missing_of(dir, table[i].dst, table[i].flags, text, sizeof(text));

		ck_assert_int_eq(r, table[i].made[0] != '\0');
		ck_assert_str_eq(text, table[i].made);
	}
	ck_assert_int_eq(missing_of(dir, "/loop", PLAN_IS_DIR, text, sizeof(text)), -1);
	ck_assert_int_eq(strncmp(text, "/tmp/berth-enter.", 17), 0);
	ck_assert_ptr_nonnull(strstr(
		text, ": mount point /loop in the image: Too many levels of symbolic links"));
	image_remove(dir);
}
END_TEST

START_TEST(an_empty_directory_can_be_filled_without_an_overlay)
{
	char *dir = image_make();
	struct plan_mount m[] = {
		{ .src = (char *)"/x", .dst = (char *)"/run/user/1000", .flags = PLAN_IS_DIR },
		{ .src = (char *)"/y", .dst = (char *)"/etc/new", .flags = PLAN_IS_DIR },
		{ .src = (char *)"/z", .dst = (char *)"/z" },
	};
	struct plan p = { .root = PLAN_ROOT_DIR, .image = dir, .mounts = m, .nmounts = 3 };
	auto_enter struct enter *x = NULL;
	struct err e = { 0 };

	ck_ok(enter_new(&x, &p, &e), &e);
	ck_assert_uint_eq(x->nmissing, 3);
	ck_assert(x->missing[0].base_empty);
	ck_assert_uint_eq(x->missing[0].base, strlen("/run"));
	ck_assert(!x->missing[1].base_empty);
	ck_assert(!x->missing[2].base_empty);
	image_remove(dir);
}
END_TEST

START_TEST(a_mount_point_below_another_mount_is_not_the_image_s)
{
	char *dir = image_make();
	struct plan_mount m[] = {
		{ .src = (char *)"/x", .dst = (char *)"/etc", .flags = PLAN_IS_DIR },
		{ .src = (char *)"/y", .dst = (char *)"/etc/new", .flags = PLAN_IS_DIR },
	};
	struct plan p = { .root = PLAN_ROOT_DIR, .image = dir, .mounts = m, .nmounts = 2 };
	auto_enter struct enter *x = NULL;
	struct err e = { 0 };

	ck_ok(enter_new(&x, &p, &e), &e);
	ck_assert_uint_eq(x->nmissing, 0);
	image_remove(dir);
}
END_TEST

START_TEST(engine_files_replace_or_fill_in)
{
	char *dir = image_make();
	struct plan_file files[] = {
		{ .path = (char *)"/etc/passwd", .mode = S_IFREG | 0644, .replace = true },
		{ .path = (char *)"/etc/passwd", .mode = S_IFREG | 0644 },
		{ .path = (char *)"/etc/hosts", .mode = S_IFREG | 0644 },
		{ .path = (char *)"/opt/site", .mode = S_IFDIR | 0755 },
	};
	struct plan p = { .root = PLAN_ROOT_DIR, .image = dir, .files = files, .nfiles = 4 };
	auto_enter struct enter *x = NULL;
	struct err e = { 0 };

	ck_ok(enter_new(&x, &p, &e), &e);
	ck_assert(x->want_file[0]);
	ck_assert(!x->want_file[1]);
	ck_assert(x->want_file[2]);
	ck_assert(!x->want_file[3]);
	ck_assert_uint_eq(x->nmissing, 2);
	ck_assert_str_eq(x->missing[0].path, "/etc/hosts");
	ck_assert_str_eq(x->missing[1].path, "/opt/site");
	ck_assert(x->missing[1].is_dir);
	image_remove(dir);
}
END_TEST

START_TEST(an_image_directory_that_is_not_there_is_named)
{
	struct plan p = { .root = PLAN_ROOT_DIR, .image = (char *)"/nowhere/img" };
	auto_enter struct enter *x = NULL;
	struct err e = { 0 };

	ck_assert_int_eq(enter_new(&x, &p, &e), -1);
	ck_assert_str_eq(e.text, "open /nowhere/img: No such file or directory");
}
END_TEST

UNIT(enter, a_fault_becomes_a_sentence_of_the_plan, the_program_s_own_faults_are_126_and_127,
     mount_points_are_found_through_links_of_the_image,
     an_empty_directory_can_be_filled_without_an_overlay,
     a_mount_point_below_another_mount_is_not_the_image_s, engine_files_replace_or_fill_in,
     an_image_directory_that_is_not_there_is_named)
