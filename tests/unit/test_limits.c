#include <stdio.h>
#include <string.h>

#include "src/plan/limits.h"
#include "tests/unit/unit.h"

/* The files with blanks between, or the error's text. */
static const char *made(const struct run_req *req, const char *toml)
{
	static struct err e;
	static char text[1024];
	auto_strv struct strv files = { 0 };

	e = (struct err){ 0 };
	static const struct fact_device devices[] = {
		{ .path = "/dev/sda", .major = 8, .is_block = true },
		{ .path = "/dev/disk:1", .major = 8, .minor = 17, .is_block = true },
		{ .path = "/dev/null", .major = 1, .minor = 3 },
		{ .path = "/dev/none", .error = 2 },
	};
	struct facts f = { .limits = toml, .devices = devices, .ndevices = ARRAY_LEN(devices) };

	if (limits_make(&files, req, &f, &e) < 0)
		return e.text;
	text[0] = '\0';
	for (size_t i = 0; i < files.n; i++) {
		strcat(text, i ? "; " : "");
		strcat(text, files.v[i]);
	}
	return text;
}

#define MADE(...) made(&(struct run_req){ __VA_ARGS__ }, NULL)

START_TEST(sizes_become_bytes)
{
	ck_assert_str_eq(MADE(.memory = "512m"), "memory.max=536870912");
	ck_assert_str_eq(MADE(.memory = "2G"), "memory.max=2147483648");
	ck_assert_str_eq(MADE(.memory = "-1"), "memory.max=max");
	ck_assert(strstr(MADE(.memory = "0"), "a size is digits"));
	ck_assert(strstr(MADE(.memory = "1gb"), "a size is digits"));
	ck_assert(strstr(MADE(.memory = "99999999999999999999"), "a size is digits"));
	ck_assert(strstr(MADE(.memory = "18446744073709551615t"), "a size is digits"));
	ck_assert_str_eq(MADE(.memory_reservation = "1k"), "memory.low=1024");
}
END_TEST

START_TEST(swap_is_what_is_beyond_memory)
{
	ck_assert_str_eq(MADE(.memory = "1g", .memory_swap = "3g"),
			 "memory.max=1073741824; memory.swap.max=2147483648");
	ck_assert_str_eq(MADE(.memory = "1g", .memory_swap = "-1"),
			 "memory.max=1073741824; memory.swap.max=max");
	ck_assert(strstr(MADE(.memory_swap = "1g"), "give --memory, too"));
	ck_assert(strstr(MADE(.memory = "2g", .memory_swap = "1g"), "cannot be less"));
}
END_TEST

START_TEST(processors_shares_and_weights_are_converted)
{
	ck_assert_str_eq(MADE(.cpus = "1.5"), "cpu.max=150000 100000");
	ck_assert_str_eq(MADE(.cpus = "2"), "cpu.max=200000 100000");
	ck_assert_str_eq(MADE(.cpus = "0.01"), "cpu.max=1000 100000");
	ck_assert(strstr(MADE(.cpus = "0"), "--cpus 0:"));
	ck_assert(strstr(MADE(.cpus = ".5"), "--cpus .5:"));
	ck_assert(strstr(MADE(.cpus = "-1"), "--cpus -1:"));
	ck_assert(strstr(MADE(.cpus = "1e3"), "--cpus 1e3:"));
	ck_assert_str_eq(MADE(.cpu_shares = "2"), "cpu.weight=1");
	ck_assert_str_eq(MADE(.cpu_shares = "1024"), "cpu.weight=39");
	ck_assert_str_eq(MADE(.cpu_shares = "262144"), "cpu.weight=10000");
	ck_assert(strstr(MADE(.cpu_shares = "1"), "from 2 to 262144"));
	ck_assert_str_eq(MADE(.blkio_weight = "10"), "io.weight=1");
	ck_assert_str_eq(MADE(.blkio_weight = "1000"), "io.weight=10000");
	ck_assert_str_eq(MADE(.pids_limit = "50"), "pids.max=50");
	ck_assert_str_eq(MADE(.pids_limit = "-1"), "pids.max=max");
	ck_assert_str_eq(MADE(.cpuset_cpus = "0-3,8"), "cpuset.cpus=0-3,8");
	ck_assert(strstr(MADE(.cpuset_mems = "x"), "--cpuset-mems x:"));
	ck_assert(strstr(MADE(.oom_kill_disable = true), "no such switch"));
}
END_TEST

static const char *weights(const char *words)
{
	static char text[1024];
	struct run_req req = { .blkio_weight = "500" };

	strv_add(&req.blkio_weight_device, words);
	snprintf(text, sizeof(text), "%s", made(&req, NULL));
	strv_fini(&req.blkio_weight_device);
	return text;
}

START_TEST(a_device_has_a_weight_of_its_own)
{
	ck_assert_str_eq(weights("/dev/sda:10"), "io.weight=4950; io.weight=8:0 1");
	ck_assert_str_eq(weights("/dev/sda:1000,/dev/disk:1:500"),
			 "io.weight=4950; io.weight=8:0 10000; io.weight=8:17 4950");
	ck_assert(strstr(weights("/dev/sda"), "write PATH:N"));
	ck_assert(strstr(weights("sda:10"), "write PATH:N"));
	ck_assert(strstr(weights("/dev/sda:9"), "from 10 to 1000"));
	ck_assert_str_eq(weights("/dev/null:10"),
			 "--blkio-weight-device /dev/null: it is no block device");
	ck_assert_str_eq(weights("/dev/none:10"),
			 "--blkio-weight-device /dev/none: No such file or directory");
}
END_TEST

START_TEST(a_toml_file_says_the_same_and_options_win)
{
	static const char toml[] =
		"[memory]\nlimit = 1048576\nswap = \"2m\"\n[cpu]\nquota = 50000\n"
		"shares = 1024\ncpus = \"0\"\n[pids]\nlimit = 7\n[unified]\n"
		"\"memory.high\" = \"9\"\n[[hugepageLimits]]\npageSize = \"2MB\"\n"
		"limit = 0\n";
	struct run_req req = { .apply_cgroups = "f" };

	ck_assert_str_eq(made(&req, toml),
			 "memory.max=1048576; memory.swap.max=1048576; cpu.weight=39; pids.max=7; "
			 "cpu.max=50000 100000; cpuset.cpus=0; hugetlb.2MB.max=0; memory.high=9");
	req.pids_limit = "8";
	ck_assert(strstr(made(&req, toml), "pids.max=8"));
	ck_assert(!strstr(made(&req, toml), "pids.max=7"));
	ck_assert_str_eq(made(&req, ""), "pids.max=8");
	ck_assert(
		strstr(made(&req, "[pids]\nlimit = \"many\"\n"), "--apply-cgroups f: pids.limit"));
	ck_assert(strstr(made(&req, "[unified]\n\"../x.y\" = \"1\"\n"), "unified:"));
	ck_assert(strstr(made(&req, "[unified]\n\"cgroup.procs\" = \"1\"\n"), "unified:"));
	ck_assert(strstr(made(&req, "[[devices]]\nallow = true\n"), "device rules take root"));
}
END_TEST

UNIT(limits, sizes_become_bytes, swap_is_what_is_beyond_memory,
     processors_shares_and_weights_are_converted, a_toml_file_says_the_same_and_options_win,
     a_device_has_a_weight_of_its_own)
