/* Devices.  The GPUs that a job may use are named by NVIDIA_VISIBLE_DEVICES in four ways: by index,
 * by UUID, and a MIG instance of one by "gpu:instance" or by UUID.  Which capability node belongs
 * to which MIG instance is in /proc/driver/nvidia/capabilities when the UUID has the old form with
 * gi and ci.  Only NVML knows the new form and "gpu:instance"; but the same directory tells which
 * GPUs are cut into instances at all and which nodes belong to instances (others let MIG be
 * configured), and open(2) tells which of these the scheduler's cgroup gave to this job. */
#include "bindings/nvidia.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "src/base/fd.h"
#include "src/base/path.h"

#define GPUS "/proc/driver/nvidia/gpus"
#define CAPS "/dev/nvidia-caps"
#define IMEX "/dev/nvidia-caps-imex-channels"

/* The value behind "key:" at the start of a line. */
static void field(const char *text, const char *key, char *out, size_t n)
{
	const char *p = strstr(text, key);
	size_t len;

	out[0] = '\0';
	if (!p)
		return;
	p += strlen(key);
	p += strspn(p, ": \t");
	len = strcspn(p, "\n");
	while (len && isspace((unsigned char)p[len - 1]))
		len--;
	snprintf(out, n, "%.*s", (int)len, p);
}

static struct nvidia_gpu *gpu_add(struct nvidia_gpus *g)
{
	xgrow(&g->v, &g->cap, g->n + 1, sizeof(*g->v));
	g->v[g->n] = (struct nvidia_gpu){ 0 };
	return &g->v[g->n++];
}

void nvidia_gpus_find(struct nvidia_gpus *out, const struct lend_host *host)
{
	auto_strv struct strv buses = { 0 }, nodes = { 0 };

	lend_list(host, GPUS, &buses);
	for (size_t i = 0; i < buses.n; i++) {
		auto_free char *path = xasprintf(GPUS "/%s/information", buses.v[i]);
		auto_buf struct buf text = { 0 };
		struct nvidia_gpu *g;
		char minor[16];

		if (lend_read(host, path, &text))
			continue;
		g = gpu_add(out);
		snprintf(g->bus, sizeof(g->bus), "%s", buses.v[i]);
		field(buf_str(&text), "GPU UUID", g->uuid, sizeof(g->uuid));
		field(buf_str(&text), "Model", g->model, sizeof(g->model));
		field(buf_str(&text), "Device Minor", minor, sizeof(minor));
		g->minor = minor[0] ? atoi(minor) : (int)i;
	}
	if (out->n)
		return;
	lend_list(host, "/dev", &nodes);
	for (size_t i = 0; i < nodes.n; i++)
		if (str_has_prefix(nodes.v[i], "nvidia") && isdigit((unsigned char)nodes.v[i][6]))
			gpu_add(out)->minor = atoi(nodes.v[i] + 6);
}

static const struct nvidia_gpu *gpu_named(const struct nvidia_gpus *gpus, const char *word)
{
	size_t n = strspn(word, "0123456789");
	unsigned long index;

	for (size_t i = 0; i < gpus->n; i++) {
		const char *uuid = gpus->v[i].uuid;

		/* "MIG-GPU-<uuid>/gi/ci" begins with its GPU's. */
		if (uuid[0] && (str_has_prefix(word, uuid) ||
				(str_has_prefix(word, "MIG-") && str_has_prefix(word + 4, uuid))))
			return &gpus->v[i];
		if (uuid[0] && str_has_prefix(word, "GPU-") && str_has_prefix(uuid, word))
			return &gpus->v[i];
	}
	if (!n || (word[n] && word[n] != ':'))
		return NULL;
	index = strtoul(word, NULL, 10);
	return index < gpus->n ? &gpus->v[index] : NULL;
}

/* probe: only if this process may open it. */
static void capability_node(struct lent *out, const struct lend_host *host, const char *access,
			    bool probe)
{
	auto_buf struct buf text = { 0 };
	auto_close int fd = -1;
	char minor[16];

	if (lend_read(host, access, &text))
		return;
	field(buf_str(&text), "DeviceFileMinor", minor, sizeof(minor));
	auto_free char *node = xasprintf(CAPS "/nvidia-cap%s", minor);

	if (lent_has(out, node))
		return;
	if (probe) {
		fd = host_open(host->rootfd, node, O_RDONLY | O_NONBLOCK | O_NOCTTY);
		if (fd < 0) {
			lent_verdict(out, LENT_SKIPPED, "nv", node, "this job may not open it: %s",
				     strerror(errno));
			return;
		}
	}
	lend_device(out, host, "nv", node);
}

/* The nodes of all instances of one GPU.  False: it is not cut into any. */
static bool mig_of_gpu(struct lent *out, const struct lend_host *host, const struct nvidia_gpu *g)
{
	auto_free char *mig = xasprintf("/proc/driver/nvidia/capabilities/gpu%d/mig", g->minor);
	auto_strv struct strv instances = { 0 };

	lend_list(host, mig, &instances);
	for (size_t i = 0; i < instances.n; i++) {
		auto_free char *gi = path_join(mig, instances.v[i]), *whole = NULL;
		auto_strv struct strv parts = { 0 };

		whole = path_join(gi, "access");
		capability_node(out, host, whole, true);
		lend_list(host, gi, &parts);
		for (size_t k = 0; k < parts.n; k++) {
			auto_free char *part = xasprintf("%s/%s/access", gi, parts.v[k]);

			capability_node(out, host, part, true);
		}
	}
	return instances.n > 0;
}

/* The two nodes of "MIG-GPU-<uuid>/gi/ci".  False for another form. */
static bool mig_by_instance(struct lent *out, const struct lend_host *host,
			    const struct nvidia_gpu *g, const char *word)
{
	const char *slash = strchr(word, '/');
	unsigned gi, ci;

	if (!slash || sscanf(slash, "/%u/%u", &gi, &ci) != 2)
		return false;
	auto_free char *dir =
		xasprintf("/proc/driver/nvidia/capabilities/gpu%d/mig/gi%u", g->minor, gi);
	auto_free char *whole = path_join(dir, "access");
	auto_free char *part = xasprintf("%s/ci%u/access", dir, ci);

	capability_node(out, host, whole, false);
	capability_node(out, host, part, false);
	return true;
}

static void device_dir(struct lent *out, const struct lend_host *host, const char *dir)
{
	auto_strv struct strv names = { 0 };

	lend_list(host, dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = path_join(dir, names.v[i]);

		lend_device(out, host, "nv", path);
	}
}

static void gpu_node(struct lent *out, const struct lend_host *host, const struct nvidia_gpu *g)
{
	auto_free char *path = xasprintf("/dev/nvidia%d", g->minor);
	auto_free char *dri = xasprintf("/sys/bus/pci/devices/%s/drm", g->bus);
	auto_strv struct strv names = { 0 };

	if (lent_has(out, path))
		return;
	lend_device(out, host, "nv", path);
	if (g->bus[0])
		lend_list(host, dri, &names);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *node = xasprintf("/dev/dri/%s", names.v[i]);

		lend_device(out, host, "nv", node);
	}
}

/* "MIG-<uuid>", which may be of any GPU that is cut up.  False: nothing is known of any. */
static bool mig_somewhere(struct lent *out, const struct lend_host *host,
			  const struct nvidia_gpus *gpus)
{
	bool known = false;

	for (size_t k = 0; k < gpus->n; k++)
		if (mig_of_gpu(out, host, &gpus->v[k])) {
			gpu_node(out, host, &gpus->v[k]);
			known = true;
		}
	for (size_t k = 0; k < gpus->n && !known; k++)
		gpu_node(out, host, &gpus->v[k]);
	return known;
}

static int visible_devices(struct lent *out, const struct lend_host *host,
			   const struct lend_config *c, const struct nvidia_gpus *gpus,
			   const char *visible, struct err *e)
{
	auto_strv struct strv words = { 0 };
	bool all_caps = false;

	strv_split(&words, visible, ',');
	for (size_t i = 0; i < words.n; i++) {
		const char *word = words.v[i];
		const struct nvidia_gpu *g = gpu_named(gpus, word);

		if (!g && str_has_prefix(word, "MIG-")) {
			all_caps |= !mig_somewhere(out, host, gpus);
			continue;
		}
		if (!g) {
			if (lend_absent(out, c, e, "nv", word,
					"NVIDIA_VISIBLE_DEVICES names it, this host has %zu GPUs "
					"and none of this name",
					gpus->n) < 0)
				return -1;
			continue;
		}
		gpu_node(out, host, g);
		if (strchr(word, ':') ||
		    (str_has_prefix(word, "MIG-") && !mig_by_instance(out, host, g, word)))
			all_caps |= !mig_of_gpu(out, host, g);
	}
	if (all_caps)
		device_dir(out, host, CAPS);
	if (!c->own_dev && words.n < gpus->n)
		strv_addf(&out->notes,
			  "NVIDIA_VISIBLE_DEVICES=%s: /dev is the host's, so all its GPUs can be "
			  "opened; use --contain, or CUDA_VISIBLE_DEVICES",
			  visible);
	return 0;
}

int nvidia_devices(struct lent *out, const struct lend_host *host, const struct lend_config *c,
		   const struct nvidia_gpus *gpus, const char *visible, struct err *e)
{
	static const char *const common[] = { "/dev/nvidiactl", "/dev/nvidia-uvm",
					      "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset",
					      "/dev/nvidia-nvswitchctl" };

	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		lend_device(out, host, "nv", common[i]);
	device_dir(out, host, IMEX);
	if (visible && strcmp(visible, "all") != 0)
		return visible_devices(out, host, c, gpus, visible, e);
	for (size_t i = 0; i < gpus->n; i++)
		gpu_node(out, host, &gpus->v[i]);
	device_dir(out, host, CAPS);
	return 0;
}
