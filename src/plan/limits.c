/* Conversions from version 1 are those that runc and crun make, so the same options give the same
 * weights. */
#include "src/plan/limits.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/json.h"
#include "src/base/toml.h"

#define PERIOD	 100000 /* us; the kernel's default */
#define FILE_LEN 256

struct limits {
	struct strv *out; /* FILE=VALUE */
	const struct facts *facts;
	int64_t memory; /* as given; 0 none, -1 no limit */
};

static int bad(struct err *e, const char *from, const char *value, const char *want)
{
	return err_set(e, ERR_USAGE, "%s %s: %s", from, value, want);
}

static void put(struct limits *l, const char *file, const char *value)
{
	strv_env_set(l->out, file, value);
}

static void put_number(struct limits *l, const char *file, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	put(l, file, n < 0 ? "max" : text);
}

/* "512m", "2G", "1073741824", "-1". */
static int size_read(int64_t *out, const char *from, const char *s, struct err *e)
{
	static const char units[] = "bkmgt";
	static const char want[] = "a size is digits with an optional k, m, g or t, or -1 for none";
	unsigned long long n;
	const char *unit;
	char *end;

	*out = -1;
	if (!strcmp(s, "-1"))
		return 0;
	if (!isdigit((unsigned char)*s) || strlen(s) > 20)
		return bad(e, from, s, want);
	n = strtoull(s, &end, 10);
	unit = *end ? strchr(units, tolower((unsigned char)*end)) : units;
	if (!unit || (*end && end[1]) || n > (unsigned long long)INT64_MAX >> 10 * (unit - units))
		return bad(e, from, s, want);
	*out = (int64_t)(n << 10 * (unit - units));
	return *out ? 0 : bad(e, from, s, want);
}

static int whole(int64_t *out, const char *from, const char *s, int64_t least, int64_t most,
		 struct err *e)
{
	char *end, want[80];
	long long n = strtoll(s, &end, 10);

	snprintf(want, sizeof(want), "a number from %lld to %lld is asked for", (long long)least,
		 (long long)most);
	if (!(isdigit((unsigned char)s[0]) || s[0] == '-') || *end || n < least || n > most)
		return bad(e, from, s, want);
	*out = n;
	return 0;
}

/* "1.5" processors for each period. */
static int set_cpus(struct limits *l, const char *s, struct err *e)
{
	static const char want[] = "processors are a number such as 2 or 1.5, at least 0.01";
	uint64_t n = 0, unit = PERIOD;
	char text[48];
	size_t i = 0;

	for (; isdigit((unsigned char)s[i]) && i < 6; i++)
		n = n * 10 + (uint64_t)(s[i] - '0');
	n *= PERIOD;
	if (i && s[i] == '.')
		for (i++; isdigit((unsigned char)s[i]) && unit > 1; i++)
			n += (uint64_t)(s[i] - '0') * (unit /= 10);
	if (!isdigit((unsigned char)s[0]) || s[i] || n < PERIOD / 100)
		return bad(e, "--cpus", s, want);
	snprintf(text, sizeof(text), "%llu %d", (unsigned long long)n, PERIOD);
	put(l, "cpu.max", text);
	return 0;
}

static int set_shares(struct limits *l, const char *from, const char *s, struct err *e)
{
	int64_t n;

	if (whole(&n, from, s, 2, 262144, e) < 0)
		return -1;
	put_number(l, "cpu.weight", 1 + (n - 2) * 9999 / 262142);
	return 0;
}

static int set_list(struct limits *l, const char *file, const char *from, const char *s,
		    struct err *e)
{
	if (!isdigit((unsigned char)*s) || s[strspn(s, "0123456789,-")])
		return bad(e, from, s, "a list is numbers and ranges such as 0-3,8");
	put(l, file, s);
	return 0;
}

static int set_weight(struct limits *l, const char *from, const char *s, struct err *e)
{
	int64_t n;

	if (whole(&n, from, s, 10, 1000, e) < 0)
		return -1;
	put_number(l, "io.weight", 1 + (n - 10) * 9999 / 990);
	return 0;
}

static const struct fact_device *device_find(const struct limits *l, const char *path)
{
	for (size_t i = 0; i < l->facts->ndevices; i++)
		if (!strcmp(l->facts->devices[i].path, path))
			return &l->facts->devices[i];
	return NULL;
}

/* "/dev/sda:500".  Each device is a write of its own to the same file; weights of devices stand
 * behind the one for all. */
static int set_device(struct limits *l, const char *item, struct err *e)
{
	static const char from[] = "--blkio-weight-device";
	const char *colon = strrchr(item, ':');
	auto_free char *path = colon ? xstrndup(item, (size_t)(colon - item)) : NULL;
	const struct fact_device *d = path ? device_find(l, path) : NULL;
	int64_t n;

	if (!path || path[0] != '/')
		return bad(e, from, item, "write PATH:N, as in /dev/sda:500");
	if (whole(&n, from, colon + 1, 10, 1000, e) < 0)
		return -1;
	if (!d || d->error)
		return err_set(e, ERR_NOTFOUND, "%s %s: %s", from, path,
			       strerror(d ? d->error : ENOENT));
	if (!d->is_block)
		return bad(e, from, path, "it is no block device");
	strv_addf(l->out, "io.weight=%u:%u %lld", d->major, d->minor,
		  (long long)(1 + (n - 10) * 9999 / 990));
	return 0;
}

static int set_devices(struct limits *l, const struct strv *words, struct err *e)
{
	for (size_t i = 0; i < words->n; i++) {
		auto_strv struct strv items = { 0 };

		strv_split(&items, words->v[i], ',');
		for (size_t k = 0; k < items.n; k++)
			if (set_device(l, items.v[k], e) < 0)
				return -1;
	}
	return 0;
}

void limits_devices(struct strv *out, const struct run_req *req)
{
	for (size_t i = 0; i < req->blkio_weight_device.n; i++) {
		auto_strv struct strv items = { 0 };

		strv_split(&items, req->blkio_weight_device.v[i], ',');
		for (size_t k = 0; k < items.n; k++) {
			const char *colon = strrchr(items.v[k], ':');

			if (colon)
				strv_take(out, xstrndup(items.v[k], (size_t)(colon - items.v[k])));
		}
	}
}

static int set_pids(struct limits *l, const char *from, const char *s, struct err *e)
{
	int64_t n;

	if (whole(&n, from, s, -1, 4194304, e) < 0)
		return -1;
	put_number(l, "pids.max", n ? n : -1);
	return 0;
}

static int set_memory(struct limits *l, const char *from, const char *s, struct err *e)
{
	if (size_read(&l->memory, from, s, e) < 0)
		return -1;
	put_number(l, "memory.max", l->memory);
	return 0;
}

static int set_reservation(struct limits *l, const char *from, const char *s, struct err *e)
{
	int64_t n;

	if (size_read(&n, from, s, e) < 0)
		return -1;
	put_number(l, "memory.low", n);
	return 0;
}

/* Version 1 counts memory and swap together, version 2 swap alone. */
static int set_swap(struct limits *l, const char *from, const char *s, struct err *e)
{
	int64_t n;

	if (size_read(&n, from, s, e) < 0)
		return -1;
	if (n >= 0 && l->memory <= 0)
		return bad(e, from, s, "memory and swap together; give --memory, too");
	if (n >= 0 && n < l->memory)
		return bad(e, from, s, "memory and swap together cannot be less than memory");
	put_number(l, "memory.swap.max", n < 0 ? -1 : n - l->memory);
	return 0;
}

/* "unified": a file's name and what is written to it. */
static int set_file(void *arg, const char *key, const struct json *v)
{
	struct limits *l = arg;
	size_t n = strlen(key);

	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)key[i]) && !isdigit((unsigned char)key[i]) &&
		    !strchr("._MGKB", key[i]))
			return -1;
	if (!n || n > FILE_LEN || key[0] == '.' || !strchr(key, '.') ||
	    str_has_prefix(key, "cgroup.") || !json_str(v) || strchr(json_str(v), '\n'))
		return -1;
	put(l, key, json_str(v));
	return 0;
}

/* The value as text: numbers come as such, sizes maybe as strings.  NULL: absent. */
static const char *value_of(const struct json *table, const char *key, struct buf *text)
{
	const struct json *v = json_get(table, key);
	int64_t n;

	buf_clear(text);
	if (json_str(v))
		return json_str(v);
	if (json_i64(v, &n) != 0)
		return NULL;
	buf_printf(text, "%lld", (long long)n);
	return buf_str(text);
}

static const struct {
	const char *table, *key, *from;
	int (*set)(struct limits *l, const char *from, const char *s, struct err *e);
} keys[] = {
	{ "memory", "limit", "memory.limit", set_memory },
	{ "memory", "reservation", "memory.reservation", set_reservation },
	{ "memory", "swap", "memory.swap", set_swap },
	{ "cpu", "shares", "cpu.shares", set_shares },
	{ "pids", "limit", "pids.limit", set_pids },
	{ "blockIO", "weight", "blockIO.weight", set_weight },
};

static int toml_cpu(struct limits *l, const struct json *cpu, struct err *e)
{
	auto_buf struct buf text = { 0 }, both = { 0 };
	int64_t quota, period = PERIOD;
	const char *s = value_of(cpu, "period", &text);

	if (s && whole(&period, "cpu.period", s, 1000, 1000000, e) < 0)
		return -1;
	if ((s = value_of(cpu, "quota", &text))) {
		if (whole(&quota, "cpu.quota", s, -1, 1000000000, e) < 0)
			return -1;
		buf_printf(&both, "%lld %lld", (long long)quota, (long long)period);
		if (quota <= 0) {
			buf_clear(&both);
			buf_printf(&both, "max %lld", (long long)period);
		}
		put(l, "cpu.max", buf_str(&both));
	}
	if ((s = value_of(cpu, "cpus", &text)) && set_list(l, "cpuset.cpus", "cpu.cpus", s, e) < 0)
		return -1;
	if ((s = value_of(cpu, "mems", &text)) && set_list(l, "cpuset.mems", "cpu.mems", s, e) < 0)
		return -1;
	return 0;
}

static int toml_hugepages(struct limits *l, const struct json *list, struct err *e)
{
	const struct json *page;

	json_each (list, i, page) {
		auto_buf struct buf text = { 0 };
		const char *size = json_str(json_get(page, "pageSize"));
		const char *limit = value_of(page, "limit", &text);
		int64_t n;

		if (!size || strlen(size) > 16 || size[strspn(size, "0123456789KMGB")] || !limit)
			return err_set(e, ERR_USAGE, "hugepageLimits: pageSize (2MB) and limit");
		if (whole(&n, "hugepageLimits.limit", limit, -1, INT64_MAX, e) < 0)
			return -1;
		auto_free char *file = xasprintf("hugetlb.%s.max", size);

		put_number(l, file, n);
	}
	return 0;
}

static int from_toml(struct limits *l, const char *toml, struct err *e)
{
	auto_json struct json *doc = NULL;
	auto_buf struct buf text = { 0 };

	if (toml_parse(&doc, toml, strlen(toml), LIMITS_TOML_MAX, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *s = value_of(json_get(doc, keys[i].table), keys[i].key, &text);

		if (s && keys[i].set(l, keys[i].from, s, e) < 0)
			return -1;
	}
	if (json_get(doc, "devices"))
		return err_set(e, ERR_UNSUPPORTED, "devices: device rules take root");
	if (toml_cpu(l, json_get(doc, "cpu"), e) < 0 ||
	    toml_hugepages(l, json_get(doc, "hugepageLimits"), e) < 0)
		return -1;
	if (json_members(json_get(doc, "unified"), set_file, l))
		return err_set(e, ERR_USAGE,
			       "unified: names of cgroup files (\"memory.high\") and texts");
	return 0;
}

static int from_options(struct limits *l, const struct run_req *r, struct err *e)
{
	if (r->oom_kill_disable)
		return err_set(e, ERR_UNSUPPORTED,
			       "--oom-kill-disable: cgroup version 2 has no such switch");
	if ((r->memory && set_memory(l, "--memory", r->memory, e) < 0) ||
	    (r->memory_reservation &&
	     set_reservation(l, "--memory-reservation", r->memory_reservation, e) < 0) ||
	    (r->memory_swap && set_swap(l, "--memory-swap", r->memory_swap, e) < 0) ||
	    (r->cpus && set_cpus(l, r->cpus, e) < 0) ||
	    (r->cpu_shares && set_shares(l, "--cpu-shares", r->cpu_shares, e) < 0) ||
	    (r->pids_limit && set_pids(l, "--pids-limit", r->pids_limit, e) < 0) ||
	    (r->blkio_weight && set_weight(l, "--blkio-weight", r->blkio_weight, e) < 0))
		return -1;
	if ((r->cpuset_cpus &&
	     set_list(l, "cpuset.cpus", "--cpuset-cpus", r->cpuset_cpus, e) < 0) ||
	    (r->cpuset_mems && set_list(l, "cpuset.mems", "--cpuset-mems", r->cpuset_mems, e) < 0))
		return -1;
	return set_devices(l, &r->blkio_weight_device, e);
}

int limits_make(struct strv *out, const struct run_req *req, const struct facts *f, struct err *e)
{
	struct limits l = { .out = out, .facts = f };

	if (f->limits && from_toml(&l, f->limits, e) < 0)
		return err_wrap(e, "--apply-cgroups %s", req->apply_cgroups);
	return from_options(&l, req, e);
}
