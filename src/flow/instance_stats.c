/* From the instance's own cgroup when it has one, else summed over its processes as /proc has
 * them: no cgroup is needed to be told what an instance uses. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/base/log.h"
#include "src/flow/instance.h"
#include "src/flow/instances.h"
#include "src/flow/table.h"
#include "src/host/process.h"

struct sample {
	uint64_t wall, cpu; /* ns */
	uint64_t memory, limit, read, write, pids;
};

/* The text of a small file; "" when it is not there. */
static const char *text_of(struct buf *b, const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	struct err ignored;

	buf_clear(b);
	if (file_read(AT_FDCWD, path, b, 64 << 10, &ignored) != 0)
		buf_clear(b);
	return buf_str(b);
}

/* The number behind each "key" of a text, added up. */
static uint64_t sum_of(const char *text, const char *key)
{
	uint64_t sum = 0;

	for (const char *p = text; (p = strstr(p, key)); p++)
		sum += strtoull(p + strlen(key), NULL, 10);
	return sum;
}

static void from_cgroup(struct sample *s, const char *dir)
{
	auto_buf struct buf b = { 0 };
	const char *max;

	s->cpu = sum_of(text_of(&b, dir, "cpu.stat"), "usage_usec ") * 1000;
	s->memory = strtoull(text_of(&b, dir, "memory.current"), NULL, 10);
	max = text_of(&b, dir, "memory.max");
	if (*max && strncmp(max, "max", 3) != 0)
		s->limit = MIN(s->limit, strtoull(max, NULL, 10));
	s->pids = strtoull(text_of(&b, dir, "pids.current"), NULL, 10);
	text_of(&b, dir, "io.stat");
	s->read = sum_of(buf_str(&b), "rbytes=");
	s->write = sum_of(buf_str(&b), "wbytes=");
}

static void add_process(struct sample *s, const char *dir)
{
	static uint64_t tick;
	auto_buf struct buf b = { 0 };
	const char *p = strrchr(text_of(&b, dir, "stat"), ')');
	unsigned long long user = 0, sys = 0;

	if (!tick)
		tick = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	if (!p ||
	    sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &sys) != 2)
		return;
	s->cpu += (user + sys) * tick;
	s->memory += sum_of(text_of(&b, dir, "status"), "VmRSS:") * 1024;
	text_of(&b, dir, "io");
	s->read += sum_of(buf_str(&b), "\nread_bytes: ");
	s->write += sum_of(buf_str(&b), "\nwrite_bytes: ");
	s->pids++;
}

static void from_processes(struct sample *s, pid_t init)
{
	auto_free char *own = xasprintf("/proc/%ld/ns/pid", (long)init);
	struct stat ns, st;
	DIR *d = stat(own, &ns) == 0 ? opendir("/proc") : NULL;

	for (struct dirent *de; d && (de = readdir(d));) {
		auto_free char *dir = xasprintf("/proc/%s", de->d_name);
		auto_free char *path = xasprintf("%s/ns/pid", dir);

		if (de->d_name[0] >= '1' && de->d_name[0] <= '9' && stat(path, &st) == 0 &&
		    st.st_ino == ns.st_ino && st.st_dev == ns.st_dev)
			add_process(s, dir);
	}
	if (d)
		closedir(d);
}

static void sample_take(struct sample *s, const struct instance *i)
{
	struct sysinfo host;

	sysinfo(&host);
	*s = (struct sample){ .wall = now_ns(), .limit = (uint64_t)host.totalram * host.mem_unit };
	if (i->cgroup)
		from_cgroup(s, i->cgroup);
	if (!s->pids)
		from_processes(s, i->pid);
}

/* "12.5MiB", as Docker and Apptainer write it: four digits, powers of 1024. */
static void size_text(char out[24], uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 1024 && u + 1 < ARRAY_LEN(units))
		v /= 1024, u++;
	snprintf(out, 24, "%.4g%s", v, units[u]);
}

static void print_text(struct buf *out, const struct instance *i, const struct sample *s,
		       double cpu)
{
	static const char *const head[] = { "INSTANCE NAME", "CPU USAGE", "MEM USAGE / LIMIT",
					    "MEM %",	     "BLOCK I/O", "PIDS" };
	auto_table struct table t = { .columns = ARRAY_LEN(head) };
	char used[24], limit[24], read[24], written[24];

	size_text(used, s->memory);
	size_text(limit, s->limit);
	size_text(read, s->read);
	size_text(written, s->write);
	for (size_t k = 0; k < ARRAY_LEN(head); k++)
		table_add(&t, head[k]);
	table_add(&t, i->name);
	table_addf(&t, "%.2f%%", cpu);
	table_addf(&t, "%s / %s", used, limit);
	table_addf(&t, "%.2f%%", s->limit ? 100.0 * (double)s->memory / (double)s->limit : 0.0);
	table_addf(&t, "%s / %s", read, written);
	table_addf(&t, "%llu", (unsigned long long)s->pids);
	table_print(&t, out);
}

static void print_json(struct buf *out, const struct instance *i, const struct sample *s,
		       double cpu)
{
	struct jw w = { .out = out, .indent = -1 };

	jw_obj(&w, NULL);
	jw_str(&w, "instance", i->name);
	jw_int(&w, "pid", i->pid);
	jw_int(&w, "cpu_usage_ns", (int64_t)s->cpu);
	jw_int(&w, "cpu_permille", (int64_t)(cpu * 10));
	jw_int(&w, "memory_usage", (int64_t)s->memory);
	jw_int(&w, "memory_limit", (int64_t)s->limit);
	jw_int(&w, "block_read", (int64_t)s->read);
	jw_int(&w, "block_write", (int64_t)s->write);
	jw_int(&w, "pids", (int64_t)s->pids);
	jw_end(&w);
	buf_addch(out, '\n');
}

/* Use per second needs two looks, a second apart; an instance that ends meanwhile ends this. */
int flow_instance_stats(const struct instance_stats_req *req,
			int (*print)(const struct buf *text, struct err *e), struct err *e)
{
	auto_instances struct instances found = { 0 };
	bool once = req->no_stream || req->json;
	bool screen = !once && isatty(STDOUT_FILENO);
	struct sample was, is;

	if (instance_find(&found, req->name, e) < 0)
		return -1;
	if (req->json && !req->no_stream)
		log_verbose("--json shows one point in time (--no-stream)");
	sample_take(&was, &found.v[0]);
	while (!process_wait(found.v[0].pidfd, 1000)) {
		auto_buf struct buf text = { 0 };
		double cpu;

		sample_take(&is, &found.v[0]);
		cpu = 100.0 * ((double)is.cpu - (double)was.cpu) / (double)(is.wall - was.wall);
		buf_adds(&text, screen ? "\033[2J\033[H" : "");
		(req->json ? print_json : print_text)(&text, &found.v[0], &is, MAX(cpu, 0.0));
		if (print(&text, e) < 0)
			return -1;
		if (once)
			return 0;
		was = is;
	}
	return once ? err_set(e, ERR_NOTFOUND, "instance %s has just ended", req->name) : 0;
}
