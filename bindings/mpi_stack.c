#include "bindings/mpi.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "src/base/fd.h"
#include "src/base/path.h"

enum part { FAMILY, PMIX, UCX, FABRIC };

static const struct {
	const char *name;
	enum part part;
	unsigned family;
} libraries[] = {
	{ "libmpi.so.40", FAMILY, MPI_ABI_OPEN },
	{ "libmpi.so.20", FAMILY, MPI_ABI_OPEN },
	{ "libmpich.so.12", FAMILY, MPI_ABI_MPICH },
	{ "libmpi.so.12", FAMILY, MPI_ABI_MPICH },
	{ "libmpi_abi.so.0", FAMILY, MPI_ABI_STANDARD },
	{ "libmpi_abi.so.1", FAMILY, MPI_ABI_STANDARD },
	{ "libpmix.so.2", PMIX, 0 },
	{ "libucp.so.0", UCX, 0 },
	{ "libfabric.so.1", FABRIC, 0 },
};

static const char *const places[] = {
	"/usr/lib/x86_64-linux-gnu",
	"/usr/lib/aarch64-linux-gnu",
	"/usr/lib64",
	"/usr/lib",
	"/usr/local/lib",
	"/usr/local/lib64",
	"/usr/lib64/openmpi/lib",
	"/usr/lib64/mpich/lib",
	"/usr/lib64/mvapich2/lib",
	"/usr/local/mpi/lib",
	"/usr/local/openmpi/lib",
	"/usr/local/mpich/lib",
	"/opt/mpi/lib",
	"/opt/openmpi/lib",
	"/opt/mpich/lib",
	"/opt/intel/oneapi/mpi/latest/lib",
	"/opt/intel/oneapi/mpi/latest/lib/release",
};

/* Of Open MPI 2 to 4, below the directory of its libraries (the second is Debian's). */
static const char *const plugin_dirs[] = { "openmpi", "openmpi/lib/openmpi3", "openmpi3" };
static const char *const pmi_plugins[] = { "mca_pmix_s1.so", "mca_pmix_s2.so", "mca_pmix_cray.so" };

unsigned mpi_abi_of(const char *soname)
{
	for (size_t i = 0; i < ARRAY_LEN(libraries); i++)
		if (!strcmp(libraries[i].name, soname))
			return libraries[i].family;
	return 0;
}

const char *mpi_abi_name(unsigned family)
{
	if (family & MPI_ABI_OPEN)
		return "Open MPI";
	return family & MPI_ABI_MPICH ? "MPICH ABI" : "MPI standard ABI";
}

void mpi_inside_dirs(struct strv *out, const struct lend_config *c)
{
	const char *own = lend_image_env(c, "LD_LIBRARY_PATH");
	auto_strv struct strv list = { 0 };

	if (own)
		strv_split(&list, own, ':');
	for (size_t i = 0; i < list.n; i++)
		if (list.v[i][0] == '/')
			strv_add(out, list.v[i]);
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (!strv_has(out, places[i]))
			strv_add(out, places[i]);
}

int mpi_host_path(char **out, struct lend_host *host, const struct lend_config *c, const char *name)
{
	const char *dirs = lend_env(host, c, "LD_LIBRARY_PATH");
	auto_strv struct strv list = { 0 };
	auto_hostlib_lib struct hostlib_lib lib = { 0 };
	struct err ignored;

	strv_split(&list, dirs ? dirs : "", ':');
	for (size_t i = 0; i < list.n; i++) {
		auto_free char *path = path_join(list.v[i], name);
		auto_hostlib_lib struct hostlib_lib here = { 0 };

		/* The loader passes over what is of another class or no library at all. */
		if (list.v[i][0] == '/' &&
		    hostlib_find(&here, host->libs, path, elf_own_bits(), &ignored) == 0) {
			*out = take_ptr(path);
			return 0;
		}
	}
	if (hostlib_find(&lib, host->libs, name, elf_own_bits(), &ignored) != 0)
		return 1;
	*out = xstrdup(lib.path);
	return 0;
}

/* A library of the image or of the host.  Close it also when it could not be opened. */
struct opened {
	struct elf_source src;
	struct buf path;
	struct inside *in; /* NULL: the host */
	struct inside_file file;
	int rootfd, fd;
};

static int lib_open(struct opened *o, struct lend_host *host, const struct lend_config *c,
		    bool inside, const char *name)
{
	auto_free char *path = NULL;

	*o = (struct opened){ .rootfd = host->rootfd, .fd = -1 };
	if (inside) {
		o->in = &host->image;
		if (inside_open(o->in, name, elf_own_bits(), &o->path, &o->file))
			return 1;
		o->src = o->file.src;
		return 0;
	}
	if (mpi_host_path(&path, host, c, name))
		return 1;
	o->fd = host_open(host->rootfd, path, O_RDONLY | O_NONBLOCK);
	o->src = elf_source_fd(&o->fd);
	buf_adds(&o->path, path);
	return o->fd < 0;
}

static void lib_close(struct opened *o)
{
	if (o->file.state)
		o->in->ops->close(o->in->arg, &o->file);
	close_p_(&o->fd);
	buf_fini(&o->path);
}

static bool has_file(const struct opened *o, const char *path)
{
	auto_close int fd = -1;

	if (o->in)
		return inside_has(o->in, path);
	fd = host_open(o->rootfd, path, O_PATH);
	return fd >= 0;
}

static bool needs(const struct elf *f, const char *prefix)
{
	for (size_t i = 0; i < f->nneeded; i++)
		if (str_has_prefix(f->needed[i], prefix))
			return true;
	return false;
}

static bool has_pmi_plugin(const struct opened *o)
{
	auto_free char *dir = path_dir(buf_str(&o->path));

	for (size_t d = 0; d < ARRAY_LEN(plugin_dirs); d++)
		for (size_t i = 0; i < ARRAY_LEN(pmi_plugins); i++) {
			auto_free char *path =
				xasprintf("%s/%s/%s", dir, plugin_dirs[d], pmi_plugins[i]);

			if (has_file(o, path))
				return true;
		}
	return false;
}

static void take_mpi(struct mpi_stack *s, const struct opened *o, unsigned family)
{
	static const char *const open_mpi[] = { "ompi_mpi_comm_world" };
	auto_elf struct elf f = { 0 };
	struct err ignored;
	bool is_open = false;

	if (elf_read(&f, &o->src, &ignored) != 0)
		return;
	if (family == MPI_ABI_STANDARD) {
		s->families |= family;
		return;
	}
	if (elf_defines(&is_open, &o->src, open_mpi, 1, &ignored) != 0)
		return;
	if (is_open) {
		s->families |= MPI_ABI_OPEN;
		s->open_pmi =
			needs(&f, "libpmi.so") || needs(&f, "libpmi2.so") || has_pmi_plugin(o);
		elf_symbol_text(s->open, sizeof(s->open), &o->src, "ompi_version_string", &ignored);
		return;
	}
	s->families |= MPI_ABI_MPICH;
	s->mpich_pmix = s->mpich_pmix || needs(&f, "libpmix.so");
	/* Slurm's own PMI library needs no help from srun. */
	s->mpich_vendor = needs(&f, "libpmi.so") || needs(&f, "libpmi2.so");
	if (elf_symbol_text(s->mpich, sizeof(s->mpich), &o->src, "MPII_Version_string", &ignored) !=
	    0)
		s->mpich_vendor = true;
}

static void take_fabric(struct mpi_stack *s, const struct opened *o)
{
	auto_elf struct elf f = { 0 };
	struct err ignored;
	const char *best = NULL;

	s->fabric = true;
	if (elf_read(&f, &o->src, &ignored) != 0)
		return;
	for (size_t i = 0; i < f.nverdef; i++)
		if (str_has_prefix(f.verdef[i], "FABRIC_") &&
		    (!best || strverscmp(f.verdef[i], best) > 0))
			best = f.verdef[i];
	if (best)
		snprintf(s->fabric_abi, sizeof(s->fabric_abi), "%s", best);
}

static void take_pmix(struct mpi_stack *s, const struct opened *o)
{
	s->pmix = true;
	if (elf_text_after(s->pmix_version, sizeof(s->pmix_version), &o->src, "OpenPMIx ") == 0)
		s->pmix_version[strcspn(s->pmix_version, " ")] = '\0';
}

static void take(struct mpi_stack *s, const struct opened *o, enum part part, unsigned family)
{
	switch (part) {
	case FAMILY:
		take_mpi(s, o, family);
		break;
	case PMIX:
		take_pmix(s, o);
		break;
	case UCX:
		s->ucx = true;
		break;
	case FABRIC:
		take_fabric(s, o);
		break;
	}
}

static void look(struct mpi_stack *s, struct lend_host *host, const struct lend_config *c,
		 bool inside)
{
	*s = (struct mpi_stack){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(libraries); i++) {
		struct opened o;

		/* One of a family is enough. */
		if (libraries[i].family & s->families)
			continue;
		if (lib_open(&o, host, c, inside, libraries[i].name) == 0)
			take(s, &o, libraries[i].part, libraries[i].family);
		lib_close(&o);
	}
}

void mpi_stack_inside(struct mpi_stack *out, struct lend_host *host, const struct lend_config *c)
{
	auto_strv struct strv dirs = { 0 };
	const struct strv *was = host->image.dirs;

	mpi_inside_dirs(&dirs, c);
	host->image.dirs = &dirs;
	look(out, host, c, true);
	host->image.dirs = was;
}

int mpi_stack_host(struct mpi_stack *out, struct lend_host *host, const struct lend_config *c,
		   struct err *e)
{
	if (!host->libs && hostlib_open(&host->libs, host->rootfd, e) < 0)
		return -1;
	look(out, host, c, false);
	return 0;
}
