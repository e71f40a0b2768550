#include "src/host/cpus.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/base/path.h"

#define MAX_CPUS 16384 /* the kernel's own limit is 8192 */

static unsigned cpus_by_affinity(void)
{
	size_t size = CPU_ALLOC_SIZE(MAX_CPUS);
	cpu_set_t *set = CPU_ALLOC(MAX_CPUS);
	int n = 0;

	if (set && sched_getaffinity(0, size, set) == 0)
		n = CPU_COUNT_S(size, set);
	CPU_FREE(set);
	if (n < 1)
		n = (int)sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : (unsigned)n;
}

static char *read_text(const char *path)
{
	auto_buf struct buf b = { 0 };
	struct err ignored;

	return file_read(AT_FDCWD, path, &b, 65536, &ignored) == 0 ? buf_take(&b) : NULL;
}

/* CPUs that quota of period stands for, at most limit. */
static unsigned apply(long long quota, long long period, unsigned limit)
{
	long long n;

	if (quota <= 0 || period <= 0)
		return limit;
	n = (quota + period - 1) / period;
	return n < limit ? (unsigned)n : limit;
}

static unsigned quota_v2(const char *dir, unsigned limit)
{
	auto_free char *path = path_join(dir, "cpu.max");
	auto_free char *text = read_text(path);
	long long quota, period;

	/* "max 100000" does not scan. */
	if (!text || sscanf(text, "%lld %lld", &quota, &period) != 2)
		return limit;
	return apply(quota, period, limit);
}

static unsigned quota_v1(const char *dir, unsigned limit)
{
	auto_free char *quota_path = path_join(dir, "cpu.cfs_quota_us");
	auto_free char *period_path = path_join(dir, "cpu.cfs_period_us");
	auto_free char *quota = read_text(quota_path), *period = read_text(period_path);

	if (!quota || !period)
		return limit;
	return apply(strtoll(quota, NULL, 10), strtoll(period, NULL, 10), limit);
}

/* The cgroup at path of the hierarchy mounted at mount, and all above it: any may have a
 * quota.  In a container the path may not exist below the mount; then only its root counts. */
static unsigned walk_up(const char *mount, const char *path, int version, unsigned limit)
{
	auto_free char *at = path_clean("/", path);

	for (;;) {
		auto_free char *dir = path_join(mount, at + 1);
		char *up;

		limit = version == 2 ? quota_v2(dir, limit) : quota_v1(dir, limit);
		if (!strcmp(at, "/"))
			return limit;
		up = path_dir(at);
		free(at);
		at = up;
	}
}

/* One line of /proc/self/cgroup (cgroups(7)): "0::/a/b" or "4:cpu,cpuacct:/a/b". */
static unsigned read_line(const char *root, char *line, unsigned limit)
{
	char *controllers = strchr(line, ':'), *path, *word, *save;
	auto_free char *v2 = path_join(root, "sys/fs/cgroup");
	auto_free char *v1 = path_join(root, "sys/fs/cgroup/cpu");

	if (!controllers)
		return limit;
	path = strchr(++controllers, ':');
	if (!path)
		return limit;
	*path++ = '\0';
	if (!*controllers)
		return walk_up(v2, path, 2, limit);
	for (word = strtok_r(controllers, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (!strcmp(word, "cpu"))
			return walk_up(v1, path, 1, limit);
	return limit;
}

unsigned cpus_usable(const char *root)
{
	auto_free char *path = path_join(root, "proc/self/cgroup");
	auto_free char *text = read_text(path);
	unsigned n = cpus_by_affinity();
	char *line, *save;

	if (!text)
		return n;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		n = read_line(root, line, n);
	return n ? n : 1;
}
