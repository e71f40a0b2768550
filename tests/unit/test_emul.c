/* The filter's program run by a small interpreter, the layouts of stat, the table and its file. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/enter/emul_ids.h"
#include "src/enter/emul_calls.h"
#include "src/enter/emul_filter.h"
#include "src/enter/emul_save.h"
#include "src/enter/emul_stat.h"
#include "src/enter/emul_table.h"
#include "tests/unit/unit.h"

#define NOTIFY SECCOMP_RET_USER_NOTIF
#define ALLOW  SECCOMP_RET_ALLOW
#define ZERO   SECCOMP_RET_ERRNO

static const uint32_t all[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64 };

/* What the kernel would do: the subset of classic BPF that the filter uses. */
static uint32_t run(const struct sock_filter *code, size_t n, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &code[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			ck_assert_uint_le(i->k, sizeof(*d) - 4);
			memcpy(&a, (const char *)d + i->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += a & i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			ck_abort_msg("instruction %x", i->code);
		}
	}
	ck_abort_msg("the program runs off its end");
	return 0;
}

static uint32_t ask(const struct emul_filter *f, uint32_t arch, int nr, uint64_t a0, uint64_t a1,
		    uint64_t a2, uint64_t a3)
{
	struct sock_filter code[EMUL_FILTER_MAX];
	struct seccomp_data d = { .nr = nr, .arch = arch, .args = { a0, a1, a2, a3 } };

	return run(code, emul_filter_make(code, f), &d);
}

static const struct emul_filter full = { all, 3, true, true };

START_TEST(each_call_of_each_abi_gets_its_action)
{
	for (size_t k = 0; k < ARRAY_LEN(all); k++) {
		size_t n;
		const struct emul_nr *t = emul_abi_calls(all[k], &n);

		ck_assert_uint_gt(n, 40);
		for (size_t i = 0; i < n; i++) {
			uint32_t got = ask(&full, all[k], t[i].nr, CLONE_NEWNS, 0, 0, 0);

			ck_assert_ptr_eq(emul_call_find(all[k], t[i].nr), &t[i]);
			if (t[i].action == EMUL_ZERO || t[i].action == EMUL_ZERO_SYNC)
				ck_assert_uint_eq(got, ZERO);
			else if (t[i].action == EMUL_ENOSYS)
				ck_assert_uint_eq(got, ZERO | ENOSYS);
			else if (t[i].action < EMUL_NOTIFY_CREATE || t[i].action > EMUL_NOTIFY_KEEP)
				ck_assert_uint_eq(got, NOTIFY);
		}
		ck_assert_uint_eq(ask(&full, all[k], 9999, 0, 0, 0, 0), ALLOW);
	}
}
END_TEST

START_TEST(other_machines_pass_and_x32_does_not)
{
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_ARM, 92, 0, 0, 0, 0), ALLOW);
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_X86_64, 0x40000000 | 92, 0, 0, 0, 0),
			  ZERO | ENOSYS);
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_X86_64, 0x40000000 | 1, 0, 0, 0, 0), ZERO | ENOSYS);
}
END_TEST

START_TEST(only_an_open_that_may_create_is_asked_about)
{
	static const struct {
		int flags;
		uint32_t want;
	} t[] = { { O_WRONLY | O_CREAT | O_TRUNC, NOTIFY },
		  { O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, NOTIFY },
		  { O_RDONLY | O_CLOEXEC, ALLOW },
		  { O_RDWR | O_TMPFILE, ALLOW } };

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		uint64_t f = (uint64_t)t[i].flags;

		ck_assert_uint_eq(ask(&full, AUDIT_ARCH_X86_64, 2, 0, f, 0, 0), t[i].want);
		ck_assert_uint_eq(ask(&full, AUDIT_ARCH_X86_64, 257, 0, 0, f, 0), t[i].want);
		ck_assert_uint_eq(ask(&full, AUDIT_ARCH_I386, 5, 0, f, 0, 0), t[i].want);
		ck_assert_uint_eq(ask(&full, AUDIT_ARCH_AARCH64, 56, 0, 0, f, 0), t[i].want);
	}
}
END_TEST

START_TEST(only_one_limit_and_one_option_are_asked_about)
{
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_X86_64, 302, 0, 15, 0, 0), NOTIFY);
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_X86_64, 302, 0, 7, 0, 0), ALLOW);
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_AARCH64, 164, 15, 0, 0, 0), NOTIFY);
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_I386, 75, 3, 0, 0, 0), ALLOW);
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_X86_64, 157, 8, 1, 0, 0), NOTIFY);
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_X86_64, 157, 38, 1, 0, 0), ALLOW);
}
END_TEST

START_TEST(threads_and_children_are_not_asked_about)
{
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_X86_64, 56, CLONE_VM | CLONE_THREAD, 0, 0, 0),
			  ALLOW);
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_X86_64, 272, CLONE_FS, 0, 0, 0), ALLOW);
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_X86_64, 272, CLONE_NEWUSER, 0, 0, 0), NOTIFY);
}
END_TEST

START_TEST(light_emulation_leaves_stat_alone_and_syncs_are_real_unless_asked)
{
	const struct emul_filter light = { all, 3, false, false };

	ck_assert_uint_eq(ask(&light, AUDIT_ARCH_X86_64, 4, 0, 0, 0, 0), ALLOW);
	ck_assert_uint_eq(ask(&light, AUDIT_ARCH_X86_64, 332, 0, 0, 0, 0), ALLOW);
	ck_assert_uint_eq(ask(&light, AUDIT_ARCH_X86_64, 92, 0, 0, 0, 0), NOTIFY);
	ck_assert_uint_eq(ask(&light, AUDIT_ARCH_X86_64, 74, 0, 0, 0, 0), ALLOW);
	ck_assert_uint_eq(ask(&full, AUDIT_ARCH_X86_64, 74, 0, 0, 0, 0), ZERO);
}
END_TEST

START_TEST(a_native_stat_is_written_as_the_kernel_writes_it)
{
	unsigned char out[EMUL_STAT_MAX];
	struct stat real;
	struct statx st;

	ck_assert_int_eq(stat("/", &real), 0);
	ck_assert_int_eq(statx(AT_FDCWD, "/", 0, EMUL_KEY_MASK, &st), 0);
	ck_assert_uint_eq(emul_stat_encode(out, emul_host_arches[0], EMUL_NATIVE, &st),
			  sizeof(real));
	/* The access time may have moved in between. */
	memcpy(out + offsetof(struct stat, st_atim), &real.st_atim, sizeof(real.st_atim));
	ck_assert_mem_eq(out, &real, sizeof(real));
}
END_TEST

START_TEST(an_i386_stat64_has_its_fields_where_i386_looks)
{
	const struct statx st = { .stx_ino = 0x1122334455667788,
				  .stx_mode = S_IFREG | 0640,
				  .stx_uid = 33,
				  .stx_gid = 70000,
				  .stx_size = 5,
				  .stx_nlink = 2,
				  .stx_mtime = { .tv_sec = 77 } };
	unsigned char out[EMUL_STAT_MAX];
	uint32_t v;
	uint16_t w;

	ck_assert_uint_eq(emul_stat_encode(out, AUDIT_ARCH_I386, EMUL_STAT64, &st), 96);
	memcpy(&v, out + 12, 4);
	ck_assert_uint_eq(v, 0x55667788);
	memcpy(&v, out + 24, 4);
	ck_assert_uint_eq(v, 33);
	memcpy(&v, out + 28, 4);
	ck_assert_uint_eq(v, 70000);
	memcpy(&v, out + 72, 4);
	ck_assert_uint_eq(v, 77);
	ck_assert_uint_eq(emul_stat_encode(out, AUDIT_ARCH_I386, EMUL_STAT32, &st), 64);
	memcpy(&w, out + 14, 2);
	ck_assert_uint_eq(w, 65534); /* 70000 does not fit */
}
END_TEST

START_TEST(a_table_keeps_a_hundred_thousand_and_forgets_what_is_dropped)
{
	auto_emul_table struct emul_table *t = emul_table_new();

	for (uint64_t i = 1; i <= 100000; i++)
		emul_table_put(t, &(struct emul_key){ 1, i, 5, 0 })->uid = (uint32_t)i;
	for (uint64_t i = 1; i <= 100000; i += 2)
		emul_table_drop(t, &(struct emul_key){ 1, i, 5, 0 });
	ck_assert_uint_eq(emul_table_count(t), 50000);
	for (uint64_t i = 1; i <= 100000; i++) {
		const struct emul_rec *r = emul_table_get(t, &(struct emul_key){ 1, i, 5, 0 });

		ck_assert((r != NULL) == (i % 2 == 0));
		if (r)
			ck_assert_uint_eq(r->uid, i);
	}
}
END_TEST

START_TEST(a_number_that_is_used_again_is_another_file)
{
	auto_emul_table struct emul_table *t = emul_table_new();
	const struct emul_key old = { 1, 7, 100, 11 }, later = { 1, 7, 101, 12 },
			      same_tick = { 1, 7, 100, 12 };

	emul_table_put(t, &old)->uid = 33;
	ck_assert_ptr_nonnull(emul_table_get(t, &old));
	ck_assert_ptr_null(emul_table_get(t, &later));
	ck_assert_ptr_null(emul_table_get(t, &same_tick));
	emul_table_put(t, &same_tick)->uid = 44;
	ck_assert_uint_eq(emul_table_count(t), 1);
	ck_assert_ptr_null(emul_table_get(t, &old));
}
END_TEST

static char dir[] = "/tmp/berth-emul-XXXXXX";

static void own(struct emul_table *t, const char *path, uint32_t uid)
{
	struct emul_key k;

	ck_assert_int_eq(emul_key_at(&k, NULL, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW), 0);
	emul_table_put(t, &k)->uid = uid;
}

static uint32_t owner(const struct emul_table *t, const char *path)
{
	const struct emul_rec *r;
	struct emul_key k;

	ck_assert_int_eq(emul_key_at(&k, NULL, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW), 0);
	r = emul_table_get(t, &k);
	return r ? r->uid : 0;
}

static int open_tree(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void touch(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

START_TEST(what_is_saved_is_loaded_also_from_a_copy)
{
	auto_emul_table struct emul_table *t = emul_table_new(), *u = emul_table_new(),
					  *w = emul_table_new();
	struct emul_load_stat st;
	struct err e = { 0 };
	auto_close int tree = -1, copy = -1;
	struct emul_key k;
	struct emul_rec *r;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(mkdir("t", 0755) | mkdir("t/a dir", 0755), 0);
	touch("t/a dir/new\nline\\");
	touch("t/plain");
	touch("t/null");
	ck_assert_int_eq(symlink("nowhere", "t/link"), 0);
	own(t, "t/a dir/new\nline\\", 33);
	own(t, "t/link", 44);
	own(t, "t", 55);
	ck_assert_int_eq(emul_key_at(&k, NULL, AT_FDCWD, "t/null", 0), 0);
	r = emul_table_put(t, &k);
	r->type = S_IFCHR;
	r->dev_major = 1;
	r->dev_minor = 3;
	emul_rec_xattr_set(t, r, "trusted.x", "\0v", 2);
	tree = open_tree("t");
	ck_ok(emul_save(t, tree, &e), &e);
	ck_ok(emul_load(u, tree, &st, &e), &e);
	ck_assert_uint_eq(st.loaded, 4);
	ck_assert(!st.moved && !emul_table_is_dirty(u));
	ck_assert_uint_eq(owner(u, "t/a dir/new\nline\\"), 33);
	ck_assert_uint_eq(owner(u, "t/link"), 44);
	ck_assert_uint_eq(owner(u, "t"), 55);
	ck_assert_uint_eq(emul_table_get(u, &k)->dev_minor, 3);
	ck_assert_uint_eq(emul_rec_xattr(emul_table_get(u, &k), "trusted.x")->len, 2);
	ck_assert_int_eq(system("cp -a t copy && rm t/null && : >t/null"), 0);
	copy = open_tree("copy");
	ck_ok(emul_load(w, copy, &st, &e), &e);
	ck_assert(st.moved);
	ck_assert_uint_eq(st.loaded, 4);
	ck_assert_uint_eq(owner(w, "copy/link"), 44);
	/* The file that was made anew is nobody's any more. */
	ck_ok(emul_load(u, tree, &st, &e), &e);
	ck_assert_uint_eq(st.dropped, 1);
	ck_assert_int_eq(system("rm -rf t copy"), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

static int ignore(void *arg, const struct emul_line *line, struct err *e)
{
	(void)line, (void)e;
	++*(int *)arg;
	return 0;
}

START_TEST(a_broken_file_is_refused_by_line)
{
	static const char *const bad[] = {
		"",
		"berth-owners 2\nroot 1 1\nend 0\n",
		"berth-owners 1\nroot 1 1\n",
		"berth-owners 1\nroot 1 1\nend 1\n",
		"berth-owners 1\nroot 1 1\nf 1 1 1 0 0 /etc\nend 1\n",
		"berth-owners 1\nroot 1 1\nf 1 1 1 0 0 a/../b\nend 1\n",
		"berth-owners 1\nroot 1 1\nf 1 1 1 0 0 a//b\nend 1\n",
		"berth-owners 1\nroot 1 1\nf 1 1 1 4294967295 0 a\nend 1\n",
		"berth-owners 1\nroot 1 1\nf 1 1 1 0 0 a\\400\nend 1\n",
		"berth-owners 1\nroot 1 1\nf 1 1 1 0 0 a\\000b\nend 1\n",
		"berth-owners 1\nroot 1 1\nc 1 1 1 0 0 a\nend 1\n",
		"berth-owners 1\nroot 1 1\nx user.a 00\nend 0\n",
		"berth-owners 1\nroot 1 1\nf 1 1 1 0 0 a\nx user.a 0\nend 1\n",
		"berth-owners 1\nroot 1 1\nend 0\nf 1 1 1 0 0 a\n",
		"berth-owners 1\nroot 1 1\nf 18446744073709551616 1 1 0 0 a\nend 1\n",
	};
	static const char fine[] = "berth-owners 1\nroot 1 1\nf 1 1 1 33 0 a\\040b\nx user.a 00ff\n"
				   "c 2 1 1 0 0 1:3 dev/null\nend 2\n";
	struct emul_key root;
	struct err e = { 0 };
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_msg(emul_save_parse(bad[i], strlen(bad[i]), &root, ignore, &n, &e) < 0,
			      "%s", bad[i]);
		ck_assert_int_eq(e.kind, ERR_INPUT);
	}
	n = 0;
	ck_ok(emul_save_parse(fine, strlen(fine), &root, ignore, &n, &e), &e);
	ck_assert_int_eq(n, 2);
	ck_assert_int_eq(
		emul_save_parse("berth-owners 1\nroot 1 1\nz\n", 26, &root, ignore, &n, &e), -1);
	ck_assert_str_eq(e.text, "line 3 is not one of a table of owners; remove the file, and all "
				 "belongs to root");
}
END_TEST

#define KEEP UINT32_MAX

static long set(struct emul_ids *ids, enum emul_call call, uint32_t a, uint32_t b, uint32_t c)
{
	return emul_ids_set(ids, call, (const uint32_t[3]){ a, b, c });
}

START_TEST(ids_change_by_the_kernels_rules)
{
	struct emul_ids i;

	emul_ids_init(&i, 0, 0);
	ck_assert(emul_ids_root(&i));
	/* As su does: the group first, then for good. */
	ck_assert_int_eq(set(&i, EMUL_SETGID, 50, 0, 0), 0);
	ck_assert_int_eq(set(&i, EMUL_SETUID, 33, 0, 0), 0);
	ck_assert_int_eq(set(&i, EMUL_SETUID, 0, 0, 0), -EPERM);
	ck_assert_int_eq(set(&i, EMUL_SETRESUID, KEEP, 0, KEEP), -EPERM);
	ck_assert_int_eq(set(&i, EMUL_SETGID, 0, 0, 0), -EPERM);
	ck_assert_int_eq(set(&i, EMUL_SETUID, 33, 0, 0), 0);
	ck_assert_uint_eq(i.uid[3], 33);
	ck_assert_uint_eq(i.gid[3], 50);
	/* As setpriv does: capabilities stay, so that the user may come before the group. */
	emul_ids_init(&i, 0, 0);
	i.keep = true;
	ck_assert_int_eq(set(&i, EMUL_SETRESUID, 33, 33, 33), 0);
	ck_assert_int_eq(set(&i, EMUL_SETRESGID, 50, 50, 50), 0);
	ck_assert(!emul_ids_root(&i));
	/* For a while only: the saved id leads back. */
	emul_ids_init(&i, 0, 0);
	ck_assert_int_eq(set(&i, EMUL_SETRESUID, KEEP, 7, KEEP), 0);
	ck_assert(!emul_ids_root(&i));
	ck_assert_int_eq(set(&i, EMUL_SETRESUID, 8, KEEP, KEEP), -EPERM);
	ck_assert_int_eq(set(&i, EMUL_SETREUID, KEEP, 0, 0), 0);
	ck_assert(emul_ids_root(&i));
	ck_assert_int_eq(set(&i, EMUL_SETREUID, 9, 9, 0), 0);
	ck_assert_uint_eq(i.uid[2], 9);
	/* setfsuid() returns the old one, whatever happens. */
	ck_assert_int_eq(set(&i, EMUL_SETFSUID, 0, 0, 0), 9);
	ck_assert_int_eq(set(&i, EMUL_SETFSUID, KEEP, 0, 0), 9);
	ck_assert_int_eq(set(&i, EMUL_SETUID, KEEP, 0, 0), -EINVAL);
}
END_TEST

START_TEST(who_is_not_root_gives_away_only_to_his_groups)
{
	struct emul_ids i;

	emul_ids_init(&i, 0, 0);
	ck_assert(emul_ids_may_chown(&i, 5, 6, 7, 8));
	emul_ids_init(&i, 5, 6);
	i.groups[i.ngroups++] = 60;
	ck_assert(emul_ids_may_chown(&i, 5, 1, 5, 60));
	ck_assert(emul_ids_may_chown(&i, 5, 1, 5, 6));
	ck_assert(!emul_ids_may_chown(&i, 5, 1, 5, 61));
	ck_assert(!emul_ids_may_chown(&i, 5, 6, 4, 6));
	ck_assert(!emul_ids_may_chown(&i, 4, 6, 4, 60));
}
END_TEST

START_TEST(a_set_of_ids_has_one_number)
{
	struct emul_idsets *s = emul_idsets_new();
	struct emul_ids i;
	size_t n;

	emul_ids_init(&i, 0, 0);
	ck_assert_uint_eq(emul_idsets_put(s, &i), 0);
	ck_assert_uint_eq(emul_idsets_count(s), 1);
	emul_ids_init(&i, 33, 33);
	n = emul_idsets_put(s, &i);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(emul_idsets_put(s, &i), n);
	ck_assert_uint_eq(emul_idsets_get(s, n)->uid[1], 33);
	ck_assert(emul_ids_root(emul_idsets_get(s, 77)));
	emul_idsets_free(s);
}
END_TEST

UNIT(emul, ids_change_by_the_kernels_rules, who_is_not_root_gives_away_only_to_his_groups,
     a_set_of_ids_has_one_number, each_call_of_each_abi_gets_its_action,
     other_machines_pass_and_x32_does_not, only_an_open_that_may_create_is_asked_about,
     only_one_limit_and_one_option_are_asked_about, threads_and_children_are_not_asked_about,
     light_emulation_leaves_stat_alone_and_syncs_are_real_unless_asked,
     a_native_stat_is_written_as_the_kernel_writes_it,
     an_i386_stat64_has_its_fields_where_i386_looks,
     a_table_keeps_a_hundred_thousand_and_forgets_what_is_dropped,
     a_number_that_is_used_again_is_another_file, what_is_saved_is_loaded_also_from_a_copy,
     a_broken_file_is_refused_by_line)
