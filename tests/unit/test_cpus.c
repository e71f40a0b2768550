#include "src/host/cpus.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "tests/unit/unit.h"

static char root[64];

static void put(const char *path, const char *text)
{
	auto_free char *full = path_join(root, path), *dir = path_dir(full);
	struct err e = { 0 };

	ck_ok(dir_make_all(AT_FDCWD, dir, 0755, &e), &e);
	ck_ok(file_write_atomic(AT_FDCWD, full, text, strlen(text), 0644, &e), &e);
}

static void make_root(void)
{
	strcpy(root, "/tmp/berth-cpus-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static unsigned all(void)
{
	return cpus_usable("/nonexistent");
}

static void remove_root(void)
{
	auto_free char *cmd = xasprintf("rm -rf %s", root);

	ck_assert_int_eq(system(cmd), 0);
}

START_TEST(a_quota_of_half_a_cpu_is_one_thread)
{
	make_root();
	put("proc/self/cgroup", "0::/user/job\n");
	put("sys/fs/cgroup/user/job/cpu.max", "50000 100000\n");
	ck_assert_uint_eq(cpus_usable(root), 1);
	remove_root();
}
END_TEST

START_TEST(the_quota_of_an_ancestor_counts)
{
	make_root();
	put("proc/self/cgroup", "0::/user/job/step\n");
	put("sys/fs/cgroup/user/job/step/cpu.max", "max 100000\n");
	put("sys/fs/cgroup/user/cpu.max", "100000 100000\n");
	ck_assert_uint_eq(cpus_usable(root), 1);
	remove_root();
}
END_TEST

START_TEST(version_one_is_read_too)
{
	make_root();
	put("proc/self/cgroup", "5:memory:/x\n4:cpuacct,cpu:/job\n0::/\n");
	put("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "100000\n");
	put("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
	ck_assert_uint_eq(cpus_usable(root), 1);
	remove_root();
}
END_TEST

START_TEST(no_quota_leaves_the_affinity_mask)
{
	make_root();
	put("proc/self/cgroup", "4:cpu:/job\n0::/../../x\nnonsense\n");
	put("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n");
	put("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
	put("sys/fs/cgroup/cpu.max", "max 100000\n");
	ck_assert_uint_eq(cpus_usable(root), all());
	ck_assert_uint_ge(all(), 1);
	remove_root();
}
END_TEST

START_TEST(the_affinity_mask_counts)
{
	cpu_set_t one;
	int cpu = sched_getcpu();

	CPU_ZERO(&one);
	CPU_SET(cpu < 0 ? 0 : cpu, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	ck_assert_uint_eq(all(), 1);
}
END_TEST

UNIT(cpus, a_quota_of_half_a_cpu_is_one_thread, the_quota_of_an_ancestor_counts,
     version_one_is_read_too, no_quota_leaves_the_affinity_mask, the_affinity_mask_counts)
