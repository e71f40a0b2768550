#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/enter/switches.h"

struct file {
	const char *path, *text;
};

static const struct file healthy[] = {
	{ "proc/sys/user/max_pid_namespaces", "63000\n" },
	{ "proc/sys/user/max_ipc_namespaces", "63000\n" },
	{ "proc/sys/user/max_uts_namespaces", "63000\n" },
	{ "proc/sys/user/max_net_namespaces", "63000\n" },
	{ "proc/self/mountinfo",
	  "22 1 0:20 / /proc rw - proc proc rw\n"
	  "30 22 0:31 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n" },
	{ "proc/self/status", "Name:\tberth\nSeccomp:\t0\nSeccomp_filters:\t0\n" },
	{ "proc/filesystems", "nodev\tproc\nnodev\toverlay\n" },
	{ NULL, NULL },
};

/* A host that is healthy but for one file. */
static void host(struct switches *s, const char *path, const char *text)
{
	char dir[] = "/tmp/berth-switches.XXXXXX";
	auto_close int root = -1;
	auto_free char *clean = NULL;
	struct err e = { 0 };
	const struct file own[] = { { path, text }, { NULL, NULL } };
	const struct file *const sets[] = { healthy, own };

	ck_assert_ptr_nonnull(mkdtemp(dir));
	clean = xasprintf("rm -r %s", dir);
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		for (const struct file *f = sets[i]; f->path; f++) {
			auto_free char *up = path_dir(f->path);

			ck_ok(dir_make_all(root, up, 0755, &e), &e);
			ck_ok(file_write_atomic(root, f->path, f->text, strlen(f->text), 0644, &e),
			      &e);
		}
	switches_probe(s, dir);
	ck_assert_int_eq(system(clean), 0);
}

static void add(void *arg, const char *what, const char *text)
{
	buf_printf(arg, "%s: %s\n", what, text);
}

/* The report must be one line with each of the words; NULL: no line. */
static void reports(const char *path, const char *text, const char *a, const char *b)
{
	auto_buf struct buf out = { 0 };
	struct switches s;

	host(&s, path, text);
	switches_report(&s, add, &out);
	if (!a) {
		ck_assert_str_eq(buf_str(&out), "");
		return;
	}
	ck_assert_ptr_eq(strchr(buf_str(&out), '\n'), buf_str(&out) + out.len - 1);
	ck_assert_msg(strstr(buf_str(&out), a) && strstr(buf_str(&out), b), "%s", buf_str(&out));
}

START_TEST(a_host_with_everything_has_nothing_to_report)
{
	reports(NULL, NULL, NULL, NULL);
	reports("proc/sys/kernel/yama/ptrace_scope", "0\n", NULL, NULL);
	reports("sys/fs/selinux/enforce", "1\n", NULL, NULL);
}
END_TEST

START_TEST(each_setting_is_reported_with_effect_and_remedy)
{
	reports("proc/sys/user/max_pid_namespaces", "0\n",
		"PID namespaces: ", "sysctl -w user.max_pid_namespaces=65536");
	reports("proc/sys/user/max_ipc_namespaces", "0\n", "--ipc",
		"sysctl -w user.max_ipc_namespaces=65536");
	reports("proc/sys/user/max_uts_namespaces", "0\n", "--hostname",
		"sysctl -w user.max_uts_namespaces=65536");
	reports("proc/sys/user/max_net_namespaces", "0\n", "--net",
		"sysctl -w user.max_net_namespaces=65536");
	reports("proc/sys/kernel/yama/ptrace_scope", "1\n", "MPI",
		"sysctl -w kernel.yama.ptrace_scope=0");
	reports("proc/sys/kernel/yama/ptrace_scope", "3\n", "debuggers", "next boot");
	reports("proc/self/status", "Name:\tx\nSeccomp:\t2\n", "seccomp: ", "outer container");
}
END_TEST

START_TEST(selinux_is_named_where_its_policy_knows_user_namespaces)
{
	struct switches s;
	auto_buf struct buf out = { 0 };

	host(&s, "sys/fs/selinux/class/user_namespace/index", "99\n");
	ck_assert(s.selinux_has_userns);
	s.selinux = 1;
	switches_report(&s, add, &out);
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "user_namespace create"));
}
END_TEST

START_TEST(a_namespace_that_is_switched_off_is_the_cause_only_when_it_is_wanted)
{
	struct switches s;
	struct err e = { 0 };

	host(&s, "proc/sys/user/max_net_namespaces", "0\n");
	ck_ok(switches_namespaces(&s, CLONE_NEWPID | CLONE_NEWIPC, &e), &e);
	ck_assert_int_eq(switches_namespaces(&s, CLONE_NEWPID | CLONE_NEWNET, &e), -1);
	ck_assert_int_eq(e.kind, ERR_HOST);
	ck_assert_ptr_nonnull(strstr(e.text, "user.max_net_namespaces = 0"));
}
END_TEST

START_TEST(what_was_tried_and_failed_names_its_cause)
{
	struct switches s;
	struct err e = { 0 };

	host(&s, "proc/self/mountinfo",
	     "22 1 0:20 / /proc rw - proc proc rw\n"
	     "23 22 0:21 / /proc/kcore rw - tmpfs tmpfs rw\n");
	ck_assert_str_eq(s.proc_over, "/proc/kcore");
	ck_assert_int_eq(switches_proc(&s, EPERM, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/proc/kcore is mounted over"));
	ck_assert_int_eq(switches_overlay(&s, ENODEV, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "modprobe overlay"));
	ck_assert_int_eq(switches_overlay(&s, EPERM, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "Linux 5.11"));
	ck_assert_int_eq(switches_tmpfs_xattr(EOPNOTSUPP, &e), -1);
	ck_assert_int_eq(e.sys, EOPNOTSUPP);
}
END_TEST

UNIT(switches, a_host_with_everything_has_nothing_to_report,
     each_setting_is_reported_with_effect_and_remedy,
     selinux_is_named_where_its_policy_knows_user_namespaces,
     a_namespace_that_is_switched_off_is_the_cause_only_when_it_is_wanted,
     what_was_tried_and_failed_names_its_cause)
