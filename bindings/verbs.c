#include "bindings/verbs.h"

#include <stdio.h>
#include <string.h>

#include "src/base/path.h"

/* The kernel's driver of the adapter's PCI function, where its name says nothing of the provider's
 * (rdma-core, providers/). */
static const struct {
	const char *driver, *provider;
} names[] = {
	{ "mlx5_core", "mlx5" }, { "mlx4_core", "mlx4" },
	{ "efa", "efa" },	 { "mana", "mana" },
	{ "ice", "irdma" },	 { "i40e", "irdma" },
	{ "idpf", "irdma" },	 { "bnxt_en", "bnxt_re" },
	{ "qede", "qedr" },	 { "hns3", "hns" },
	{ "hfi1", "hfi1verbs" }, { "cxgb4", "cxgb4" },
	{ "erdma", "erdma" },	 { "vmw_pvrdma", "vmw_pvrdma" },
};

static const char *provider_of(const char *driver)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i].driver, driver))
			return names[i].provider;
	return NULL;
}

/* Of the adapter's driver; where sysfs does not tell that, of its name: mlx5_0.  known: it is in
 * the table. */
static char *provider(const struct lend_host *host, const char *adapter, bool *known)
{
	auto_free char *path = xasprintf("/sys/class/infiniband/%s/device/uevent", adapter);
	auto_free char *driver = xasprintf("%.*s_core", (int)strcspn(adapter, "_"), adapter);
	auto_buf struct buf text = { 0 };
	const char *at = NULL, *name;

	if (!lend_read(host, path, &text))
		at = strstr(buf_str(&text), "DRIVER=");
	if (at) {
		at += strlen("DRIVER=");
		free(driver);
		driver = xstrndup(at, strcspn(at, "\n"));
	}
	name = provider_of(driver);
	*known = name;
	if (!name && str_has_suffix(driver, "_core"))
		driver[strlen(driver) - strlen("_core")] = '\0';
	return xstrdup(name ? name : driver);
}

/* Of all adapters; true: all of them are in the table. */
static bool providers(const struct lend_host *host, struct strv *out)
{
	auto_strv struct strv adapters = { 0 };
	bool all = true, known;

	lend_list(host, "/sys/class/infiniband", &adapters);
	for (size_t i = 0; i < adapters.n; i++) {
		auto_free char *name = provider(host, adapters.v[i], &known);

		all = all && known;
		if (!strv_has(out, name))
			strv_add(out, name);
	}
	return all;
}

void verbs_providers(struct lent *out, struct lend_host *host, const char *by)
{
	auto_strv struct strv wanted = { 0 };

	providers(host, &wanted);
	for (size_t d = 0; d < ARRAY_LEN(lend_lib_dirs); d++) {
		auto_free char *dir = path_join(lend_lib_dirs[d], "libibverbs");
		auto_strv struct strv files = { 0 };

		lend_list(host, dir, &files);
		for (size_t i = 0; i < files.n; i++)
			for (size_t k = 0; k < wanted.n; k++) {
				auto_free char *want = xasprintf("lib%s-rdmav", wanted.v[k]);
				auto_free char *path = path_join(dir, files.v[i]);

				if (str_has_prefix(files.v[i], want))
					libset_add(&host->set, path, by, 0, elf_own_bits());
			}
	}
	lend_path(out, host, by, "/etc/libibverbs.d");
}

/* The <n> of the plug-ins' names: the library defines the version IBVERBS_PRIVATE_<n>.  -1: it does
 * not, being older than rdma-core or not that library. */
static int private_number(const struct elf *lib)
{
	int n, end = 0;

	for (size_t i = 0; i < lib->nverdef; i++)
		if (sscanf(lib->verdef[i], "IBVERBS_PRIVATE_%d%n", &n, &end) == 1 &&
		    !lib->verdef[i][end])
			return n;
	return -1;
}

char *verbs_lacking(struct lend_host *host)
{
	auto_buf struct buf path = { 0 };
	auto_strv struct strv wanted = { 0 };
	auto_free char *dir = NULL;
	const struct elf *lib = NULL;
	struct inside_file file;
	int n;

	if (inside_lib(&host->image, VERBS_LIB, elf_own_bits(), &lib) != 0 || !lib)
		return NULL;
	n = private_number(lib);
	if (n < 0 || !providers(host, &wanted) || !wanted.n ||
	    inside_open(&host->image, VERBS_LIB, elf_own_bits(), &path, &file) != 0)
		return NULL;
	host->image.ops->close(host->image.arg, &file);
	dir = path_dir(buf_str(&path));
	for (size_t i = 0; i < wanted.n; i++) {
		auto_free char *at =
			xasprintf("%s/libibverbs/lib%s-rdmav%d.so", dir, wanted.v[i], n);

		if (inside_has(&host->image, at))
			return NULL;
	}
	return xasprintf("libibverbs/lib%s-rdmav%d.so", wanted.v[0], n);
}
