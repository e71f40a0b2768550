/* --fabric: what a program needs to use the node's fast network instead of falling to TCP in
 * silence.
 *
 * Per kind of fabric a row: the device that tells that it is there, the library that opens it, what
 * comes along.  An image's own library is kept; where it has none it gets the host's with its
 * plug-ins. The exception is libfabric on Slingshot: the cxi provider is the site's, so a host
 * library that is not older than the image's takes its place (its ABI is versioned and only grows).
 */
#include <stdio.h>
#include <string.h>

#include "bindings/lend.h"
#include "bindings/verbs.h"
#include "src/base/path.h"

#define BY "fabric"

struct kind {
	const char *name;
	const char *dir, *prefix; /* the device: an entry of dir that begins with prefix */
	const char *opener;	  /* the library through which programs reach it */
	const char *along[6];
	const char *nodes[6]; /* devices that belong to it */
};

static const struct kind kinds[] = {
	{ "InfiniBand/RoCE (verbs)",
	  "/dev/infiniband",
	  "uverbs",
	  VERBS_LIB,
	  { "librdmacm.so.1", "libibumad.so.3", "libmlx5.so.1" },
	  { "/dev/infiniband" } },
	{ "Slingshot (cxi)", "/dev", "cxi", "libcxi.so.1", { "libfabric.so.1" }, { NULL } },
	{ "Omni-Path (psm2, opx)", "/dev", "hfi1_", "libpsm2.so.2", { "libfabric.so.1" }, { NULL } },
	{ "Cornelis (opx)", "/dev", "hfi2_", "libfabric.so.1", { NULL }, { NULL } },
};
static const char *const shared_memory[] = { "/dev/xpmem", "/dev/knem", "/dev/gdrdrv" };

static bool present(const struct lend_host *host, const struct kind *k, struct strv *found)
{
	auto_strv struct strv names = { 0 };

	lend_list(host, k->dir, &names);
	for (size_t i = 0; i < names.n; i++)
		if (str_has_prefix(names.v[i], k->prefix))
			strv_take(found, path_join(k->dir, names.v[i]));
	return found->n > 0;
}

static bool image_has(struct lend_host *host, const char *name)
{
	const struct elf *lib;

	return inside_lib(&host->image, name, elf_own_bits(), &lib) == 0;
}

/* The highest FABRIC_1.<n>; -1. */
static int fabric_level(const struct elf *lib)
{
	int best = -1, n;

	for (size_t i = 0; i < lib->nverdef; i++)
		if (sscanf(lib->verdef[i], "FABRIC_1.%d", &n) == 1 && n > best)
			best = n;
	return best;
}

/* UCX: the libraries and the directory of their modules belong together. */
static void ucx(struct lent *out, struct lend_host *host)
{
	static const char *const libs[] = { "libucp.so.0", "libuct.so.0", "libucs.so.0",
					    "libucm.so.0", "libucs_signal.so.0" };

	if (image_has(host, "libucp.so.0")) {
		lent_verdict(out, LENT_KEPT, BY, "UCX", "the image has its own");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(libs); i++)
		libset_add(&host->set, libs[i], BY, LIBSET_QUIET, elf_own_bits());
	for (size_t d = 0; d < ARRAY_LEN(lend_lib_dirs); d++) {
		auto_free char *dir = path_join(lend_lib_dirs[d], "ucx");

		if (!lend_exists(host, dir, NULL))
			continue;
		lend_path(out, host, BY, dir);
		lent_env(out, LENT_SET, "UCX_MODULE_DIR", dir);
		return;
	}
}

/* Providers of libfabric that are files of their own. */
static void fabric_providers(struct lent *out, struct lend_host *host)
{
	for (size_t d = 0; d < ARRAY_LEN(lend_lib_dirs); d++) {
		auto_free char *dir = path_join(lend_lib_dirs[d], "libfabric");

		if (!lend_exists(host, dir, NULL))
			continue;
		lend_path(out, host, BY, dir);
		lent_env(out, LENT_SET, "FI_PROVIDER_PATH", dir);
		return;
	}
}

static void libfabric(struct lent *out, struct lend_host *host, bool cxi)
{
	auto_hostlib_lib struct hostlib_lib lib = { 0 };
	const struct elf *own = NULL;
	struct err ignored;

	if (hostlib_find(&lib, host->libs, "libfabric.so.1", elf_own_bits(), &ignored) != 0)
		return;
	inside_lib(&host->image, "libfabric.so.1", elf_own_bits(), &own);
	if (own && !(cxi && fabric_level(&lib.elf) >= fabric_level(own)))
		return; /* libset says that the image's is kept */
	libset_add_found(&host->set, "libfabric.so.1", BY, own ? LIBSET_TIED : 0, elf_own_bits(),
			 &lib);
	fabric_providers(out, host);
}

static void collect_kind(struct lent *out, struct lend_host *host, const struct kind *k,
			 const struct strv *found)
{
	bool has = image_has(host, k->opener);

	if (k->nodes[0])
		for (size_t i = 0; k->nodes[i]; i++)
			lend_device(out, host, BY, k->nodes[i]);
	else
		for (size_t i = 0; i < found->n; i++)
			lend_device(out, host, BY, found->v[i]);
	libset_add(&host->set, k->opener, BY, 0, elf_own_bits());
	for (size_t i = 0; i < ARRAY_LEN(k->along) && k->along[i]; i++)
		if (strcmp(k->along[i], "libfabric.so.1") != 0)
			libset_add(&host->set, k->along[i], BY, LIBSET_QUIET, elf_own_bits());
	if (!strcmp(k->opener, VERBS_LIB)) {
		if (!has)
			verbs_providers(out, host, BY);
		ucx(out, host);
	} else {
		libfabric(out, host, !strcmp(k->prefix, "cxi"));
	}
}

/* The image's own library finds nothing to open the adapter with, and the host's plug-in is of
 * another library. */
static char *lacks_provider(struct lend_host *host, const struct kind *k)
{
	return strcmp(k->opener, VERBS_LIB) ? NULL : verbs_lacking(host);
}

void fabric_watch(struct strv *notes, struct lend_host *host)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds) && !notes->n; i++) {
		auto_strv struct strv found = { 0 };
		auto_free char *plugin = NULL;

		if (!present(host, &kinds[i], &found))
			continue;
		if (!image_has(host, kinds[i].opener))
			strv_addf(notes,
				  "this host has %s (%s), which the image cannot open, so its "
				  "ranks will use TCP between nodes: it has no %s; --fabric lends "
				  "it, --require-fabric makes this an error",
				  kinds[i].name, found.v[0], kinds[i].opener);
		else if ((plugin = lacks_provider(host, &kinds[i])))
			strv_addf(notes,
				  "this host has %s (%s), which the image cannot open, so its "
				  "ranks will use TCP between nodes: beside its %s there is no "
				  "%s; install the image's package of verbs providers",
				  kinds[i].name, found.v[0], kinds[i].opener, plugin);
	}
}

int fabric_collect(struct lent *out, struct lend_host *host, const struct lend_config *c,
		   struct err *e)
{
	size_t kinds_found = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		auto_strv struct strv found = { 0 };

		if (!present(host, &kinds[i], &found))
			continue;
		kinds_found++;
		lent_verdict(out, LENT_GIVEN, BY, kinds[i].name, "%s", found.v[0]);
		collect_kind(out, host, &kinds[i], &found);
	}
	for (size_t i = 0; i < ARRAY_LEN(shared_memory); i++)
		lend_device(out, host, BY, shared_memory[i]);
	if (kinds_found)
		return 0;
	lent_verdict(out, LENT_ABSENT, BY, "device",
		     "this host has no InfiniBand, Slingshot or Omni-Path device");
	if (c->require_fabric)
		return err_set(e, ERR_HOST,
			       "--require-fabric: this host has no InfiniBand, Slingshot or "
			       "Omni-Path device");
	return 0;
}

/* Why the image cannot reach the device: the verdict on its library. */
static const char *reason(const struct lent *out, const char *name)
{
	for (size_t i = 0; i < out->nverdicts; i++)
		if (!strcmp(out->verdicts[i].what, name))
			return out->verdicts[i].text;
	return "neither the image nor this host has the library";
}

int fabric_after(struct lent *out, struct lend_host *host, const struct lend_config *c,
		 struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct kind *k = &kinds[i];
		auto_strv struct strv found = { 0 };
		auto_free char *plugin = NULL;

		if (!present(host, k, &found) || libset_gives(&host->set, k->opener))
			continue;
		if (image_has(host, k->opener)) {
			plugin = lacks_provider(host, k);
			if (plugin && (c->require_fabric || c->strict))
				return err_set(e, ERR_HOST,
					       "--require-fabric: %s: the image's %s has no %s "
					       "beside it; install the image's package of verbs "
					       "providers",
					       k->name, k->opener, plugin);
			if (plugin)
				strv_addf(&out->notes,
					  "this host has %s (%s), which the image cannot open, so "
					  "programs will use TCP: beside its %s there is no %s; "
					  "install the image's package of verbs providers",
					  k->name, found.v[0], k->opener, plugin);
			continue;
		}
		if (c->require_fabric || c->strict)
			return err_set(e, ERR_HOST, "--require-fabric: %s: %s: %s", k->name,
				       k->opener, reason(out, k->opener));
		strv_addf(
			&out->notes,
			"this host has %s (%s), which the image cannot open, so programs will use "
			"TCP: %s: %s",
			k->name, found.v[0], k->opener, reason(out, k->opener));
	}
	return 0;
}
