/* nvidia: the parts of --nv.  Private to bindings/. */
#ifndef BINDINGS_NVIDIA_H
#define BINDINGS_NVIDIA_H

#include "bindings/lend.h"

enum nvidia_cap {
	NV_COMPUTE = 1,
	NV_UTILITY = 2,
	NV_GRAPHICS = 4,
	NV_VIDEO = 8,
	NV_DISPLAY = 16,
	NV_NGX = 32,
	NV_COMPAT32 = 64,
	NV_ALL = 127
};

/* "compute,utility", "all"; ERR_USAGE for an unknown word. */
int nvidia_caps_parse(unsigned *caps, const char *text, struct err *e);
/* What the library called name serves; NV_ALL when it is not known. */
unsigned nvidia_lib_caps(const char *name);

/* "550.54.14" out of /proc/driver/nvidia/version or /sys/module/nvidia/version. */
bool nvidia_version_parse(char *out, size_t n, const char *text);
/* The newest CUDA that this driver runs: "12.4"; NULL for one older than 418. */
const char *nvidia_cuda_of(const char *driver);

/* What NVIDIA_REQUIRE_* is compared with; NULL: not known, and counts as met. */
struct nvidia_facts {
	const char *driver, *cuda, *brand, *arch;
};
/* expr: "cuda>=11.0 brand=tesla,driver>=450": blanks are or, commas are and. */
bool nvidia_require_met(const char *expr, const struct nvidia_facts *f);
/* "tesla" for "NVIDIA A100-SXM4-40GB". */
const char *nvidia_brand_of(const char *model);

struct nvidia_gpu {
	char bus[32];  /* "0000:3b:00.0" */
	char uuid[64]; /* "GPU-..." */
	char model[96];
	int minor; /* /dev/nvidia<minor> */
};

struct nvidia_gpus {
	struct nvidia_gpu *v; /* in the order in which the driver counts them: by bus */
	size_t n, cap;
};

/* Out of /proc/driver/nvidia/gpus, else /dev/nvidia<n>. */
void nvidia_gpus_find(struct nvidia_gpus *out, const struct lend_host *host);

/* Device nodes for what visible names (NULL: all). */
int nvidia_devices(struct lent *out, const struct lend_host *host, const struct lend_config *c,
		   const struct nvidia_gpus *gpus, const char *visible, struct err *e);

#endif
