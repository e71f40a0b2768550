/* --mpi=host: the host's MPI in the place of the image's.
 *
 * The host's library of the image's family goes to LENT_LIBS_DIR with all that it needs, and over
 * the image's files of these names, wherever those lie: a program with a search path of its own
 * (RPATH) gets it, too.  The C library is never swapped; libset compares every symbol version
 * with it first.  Plug-ins lie where the host's libraries have it compiled in, so their
 * directories are bound at the host's own paths.
 *
 * A site module with "mpi = FAMILY" says how that family is replaced; then nothing is looked for
 * here. */
#include "bindings/mpi.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "src/base/fd.h"
#include "src/base/path.h"

#define BY	   "--mpi=host"
#define REMEDY	   "; or stay with the image's own (--mpi=image)"
#define DEPTH_MAX  8
#define FLAGS_DEEP (LIBSET_QUIET | LIBSET_CLOSURE)

/* One family is one library with others that only go with it. */
static const struct {
	unsigned family;
	const char *names[3]; /* programs ask for any of them; the host has one or more */
	const char *along[8];
} families[] = {
	{ MPI_ABI_OPEN,
	  { "libmpi.so.40", "libmpi.so.20" },
	  { "libmpi_mpifh.so.40", "libmpi_usempif08.so.40", "libmpi_usempi_ignore_tkr.so.40",
	    "libmpi_cxx.so.40", "liboshmem.so.40" } },
	{ MPI_ABI_MPICH,
	  { "libmpi.so.12", "libmpich.so.12" },
	  { "libmpifort.so.12", "libmpichfort.so.12", "libmpicxx.so.12", "libmpichcxx.so.12" } },
	{ MPI_ABI_STANDARD, { "libmpi_abi.so.1", "libmpi_abi.so.0" }, { NULL } },
};

/* Plug-ins: when the library is the host's, so are they. */
static const struct {
	const char *lib;
	const char *dir; /* beside the library */
	const char *env; /* tells where it is; NULL: compiled in */
	const char *text[3];
} plugins[] = {
	{ "libopen-pal.so.40", "openmpi", NULL, { "/etc/openmpi", "/usr/share/openmpi" } },
	{ "libopen-pal.so.80", "openmpi", NULL, { "/etc/openmpi", "/usr/share/openmpi" } },
	{ "libpmix.so.2", "pmix", NULL, { "/usr/share/pmix", "/usr/share/pmix2" } },
	{ "libucs.so.0", "ucx", "UCX_MODULE_DIR", { NULL } },
	{ "libfabric.so.1", "libfabric", "FI_PROVIDER_PATH", { NULL } },
	{ "libibverbs.so.1", "libibverbs", NULL, { "/etc/libibverbs.d" } },
};

struct swap {
	struct lent *out;
	struct lend_host *host;
	const struct lend_config *c;
	struct strv dirs; /* of the image */
};

static int elf_of(struct elf *f, const struct lend_host *host, const char *path)
{
	auto_close int fd = host_open(host->rootfd, path, O_RDONLY | O_NONBLOCK);
	struct err ignored;

	return fd < 0 || elf_read_fd(f, fd, &ignored) != 0;
}

/* What path needs and has beside it, as an MPI below /opt does, is found there first: the host's
 * loader follows a search path in the library, which does not hold inside. */
static void add_beside(struct swap *w, const char *path, int depth)
{
	auto_free char *dir = path_dir(path);
	auto_elf struct elf f = { 0 };

	if (depth > DEPTH_MAX || elf_of(&f, w->host, path))
		return;
	for (size_t i = 0; i < f.nneeded; i++) {
		auto_free char *beside = path_join(dir, f.needed[i]);

		/* A path is no name that is looked for. */
		if (strchr(f.needed[i], '/') || !strncmp(f.needed[i], "libc.", 5) ||
		    libset_wants(&w->host->set, f.needed[i]) || !lend_exists(w->host, beside, NULL))
			continue;
		libset_add(&w->host->set, beside, BY, FLAGS_DEEP, elf_own_bits());
		add_beside(w, beside, depth + 1);
	}
}

static void add_family(struct swap *w, size_t k)
{
	unsigned flags = LIBSET_TIED | LIBSET_CLOSURE | LIBSET_MUST;
	const char *first = NULL;

	for (size_t i = 0; i < ARRAY_LEN(families[k].names) && families[k].names[i]; i++) {
		auto_free char *path = NULL;

		if (mpi_host_path(&path, w->host, w->c, families[k].names[i]))
			continue;
		first = families[k].names[i];
		libset_add(&w->host->set, path, BY, flags, elf_own_bits());
		add_beside(w, path, 0);
		break;
	}
	for (size_t i = 0; first && i < ARRAY_LEN(families[k].names) && families[k].names[i]; i++)
		libset_alias(&w->host->set, first, families[k].names[i], elf_own_bits());
	for (size_t i = 0; i < ARRAY_LEN(families[k].along) && families[k].along[i]; i++) {
		auto_free char *path = NULL;

		if (mpi_host_path(&path, w->host, w->c, families[k].along[i]) == 0)
			libset_add(&w->host->set, path, BY, LIBSET_TIED | FLAGS_DEEP,
				   elf_own_bits());
	}
}

/* The directory of plug-ins, NULL: this host has none. */
static char *plugin_dir(struct swap *w, size_t k)
{
	auto_free char *path = NULL, *real = NULL, *dir = NULL, *plug = NULL;
	bool is_dir = false;

	if (mpi_host_path(&path, w->host, w->c, plugins[k].lib))
		return NULL;
	real = host_real(w->host->rootfd, path);
	dir = path_dir(real ? real : path);
	plug = path_join(dir, plugins[k].dir);
	return lend_exists(w->host, plug, &is_dir) && is_dir ? take_ptr(plug) : NULL;
}

/* What the plug-ins need, some directories deep: Debian's lie in openmpi/lib/openmpi3. */
static void add_plugins(struct swap *w, const char *dir, int depth)
{
	auto_strv struct strv names = { 0 };

	lend_list(w->host, dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = path_join(dir, names.v[i]);
		auto_elf struct elf f = { 0 };
		bool is_dir = false;

		if (!lend_exists(w->host, path, &is_dir))
			continue;
		if (is_dir && depth < 2 && strcmp(names.v[i], "include") != 0)
			add_plugins(w, path, depth + 1);
		if (is_dir || !strstr(names.v[i], ".so") || elf_of(&f, w->host, path))
			continue;
		for (size_t n = 0; n < f.nneeded; n++)
			if (!libset_wants(&w->host->set, f.needed[n]))
				libset_add(&w->host->set, f.needed[n], BY, FLAGS_DEEP,
					   elf_own_bits());
	}
}

static int refuse(struct swap *w, const struct mpi_stack *image, const struct mpi_stack *host,
		  struct err *e)
{
	if (!host->families)
		err_set(e, ERR_HOST,
			BY
			": this host has no MPI library that its loader or LD_LIBRARY_PATH finds "
			"(libmpi.so.40, libmpi.so.12, libmpich.so.12, libmpi_abi.so)" REMEDY);
	else
		err_set(e, ERR_HOST,
			BY ": the image's MPI is of the family %s, this host's is %s, and programs "
			   "of one do not run on the other; use an image that was built with "
			   "%s" REMEDY,
			mpi_abi_name(image->families), mpi_abi_name(host->families),
			mpi_abi_name(host->families));
	lent_verdict(w->out, LENT_REFUSED, BY, "MPI", "%s", e->text);
	return -1;
}

static void compare(struct swap *w, const char *name, const char *image, const char *host)
{
	if (*image && *host && strverscmp(host, image) < 0)
		strv_addf(&w->out->notes,
			  BY
			  ": this host's %s %s is older than the image's %s; a program that uses "
			  "what is new in that will not start",
			  name, host, image);
}

int mpi_collect(struct lent *out, struct lend_host *host, const struct lend_config *c,
		struct err *e)
{
	struct swap w = { .out = out, .host = host, .c = c };
	struct mpi_stack image, here;
	unsigned wanted, both;

	mpi_stack_inside(&image, host, c);
	if (mpi_stack_host(&here, host, c, e) < 0)
		return -1;
	wanted = image.families ? image.families : MPI_ABI_ALL;
	both = wanted & here.families & ~host->mpi_swapped;
	if (!both && !(wanted & host->mpi_swapped))
		return refuse(&w, &image, &here, e);
	for (size_t k = 0; k < ARRAY_LEN(families); k++) {
		if (families[k].family & both)
			add_family(&w, k);
		else if (families[k].family & image.families & ~host->mpi_swapped)
			lent_verdict(out, LENT_KEPT, BY, mpi_abi_name(families[k].family),
				     "the image's own; this host has none of this family");
	}
	if (both & MPI_ABI_OPEN)
		compare(&w, "Open MPI", image.open, here.open);
	if (both & MPI_ABI_MPICH)
		compare(&w, "MPICH", image.mpich, here.mpich);
	for (size_t k = 0; k < ARRAY_LEN(plugins); k++) {
		auto_free char *dir = plugin_dir(&w, k);

		if (dir)
			add_plugins(&w, dir, 0);
	}
	return 0;
}

/* Over every file of the image that a program could find by one of these names. */
static void lay_over(void *arg, const char *real, const struct strv *names)
{
	struct swap *w = arg;

	for (size_t n = 0; n < names->n; n++)
		for (size_t d = 0; d < w->dirs.n; d++) {
			auto_free char *path = path_join(w->dirs.v[d], names->v[n]);

			if (inside_has(&w->host->image, path))
				lent_bind(w->out, real, path, false);
		}
}

static void text_of(struct swap *w, size_t k)
{
	for (size_t i = 0; i < ARRAY_LEN(plugins[k].text) && plugins[k].text[i]; i++)
		lend_path(w->out, w->host, BY, plugins[k].text[i]);
}

int mpi_after(struct lent *out, struct lend_host *host, const struct lend_config *c, struct err *e)
{
	struct swap w = { .out = out, .host = host, .c = c };

	(void)e;
	mpi_inside_dirs(&w.dirs, c);
	libset_each_given(&host->set, LIBSET_CLOSURE, lay_over, &w);
	strv_fini(&w.dirs);
	for (size_t k = 0; k < ARRAY_LEN(plugins); k++) {
		auto_free char *dir =
			libset_gives(&host->set, plugins[k].lib) ? plugin_dir(&w, k) : NULL;

		if (!dir)
			continue;
		lend_path(out, host, BY, dir);
		if (plugins[k].env)
			lent_env(out, LENT_SET, plugins[k].env, dir);
		text_of(&w, k);
	}
	return 0;
}

int mpi_remedy(struct err *e)
{
	size_t n = strlen(e->text);

	if (str_has_prefix(e->text, BY))
		snprintf(e->text + n, sizeof(e->text) - n, REMEDY);
	return -1;
}
