#include "src/flow/mpi_check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mpi/verdict.h"
#include "src/base/log.h"
#include "src/flow/run_image.h"
#include "src/flow/run_lend.h"

extern char **environ;

#if defined(__x86_64__)
#define LIB_TRIPLET "/usr/lib/x86_64-linux-gnu"
#elif defined(__aarch64__)
#define LIB_TRIPLET "/usr/lib/aarch64-linux-gnu"
#else
#define LIB_TRIPLET "/usr/lib/none"
#endif

/* Where distributions and MPI's own installers put libraries. */
static const char *const places[] = {
	LIB_TRIPLET,
	"/usr/lib64",
	"/usr/lib",
	"/usr/local/lib",
	"/usr/local/lib64",
	"/usr/lib64/openmpi/lib",
	"/usr/lib64/mpich/lib",
	"/opt/mpi/lib",
	"/lib64",
};

enum part { FAMILY, PMIX, UCX, FABRIC };

static const struct {
	const char *name;
	enum part part;
} libraries[] = {
	{ "libmpi.so.40", FAMILY },   { "libmpi.so.20", FAMILY },    { "libmpi.so.12", FAMILY },
	{ "libmpich.so.12", FAMILY }, { "libmpi_abi.so.0", FAMILY }, { "libmpi_abi.so.1", FAMILY },
	{ "libpmix.so.2", PMIX },     { "libucp.so.0", UCX },	     { "libfabric.so.1", FABRIC },
};

/* libmpi.so.12 is MPICH's and was Open MPI 1.10's: symbols tell them apart. */
static unsigned family_of(const char *name, const struct elf_source *src)
{
	static const char *const open_mpi[] = { "ompi_mpi_comm_world" };
	bool is_open = false;
	struct err ignored;

	if (strstr(name, "_abi"))
		return MPI_STANDARD_ABI;
	if (elf_defines(&is_open, src, open_mpi, 1, &ignored) != 0)
		return 0; /* no library, or a damaged one */
	return is_open ? MPI_OPEN : MPI_MPICH;
}

static void found(struct mpi_parts *p, size_t lib, const struct elf_source *src)
{
	switch (libraries[lib].part) {
	case FAMILY:
		p->families |= family_of(libraries[lib].name, src);
		break;
	case PMIX:
		p->pmix = true;
		break;
	case UCX:
		p->ucx = true;
		break;
	case FABRIC:
		p->fabric = true;
		break;
	}
}

static void look_in_image(struct mpi_parts *p, struct run_image *image)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		for (size_t k = 0; k < ARRAY_LEN(libraries); k++) {
			struct inside_file f = { 0 };
			struct err ignored;
			char path[256];

			snprintf(path, sizeof(path), "%s/%s", places[i], libraries[k].name);
			if (run_lend_image.open(image, path, &f, &ignored) != 0)
				continue;
			found(p, k, &f.src);
			run_lend_image.close(image, &f);
		}
}

static int look_at_host(struct mpi_parts *p, struct err *e)
{
	auto_hostlib struct hostlib *h = NULL;

	if (hostlib_open(&h, AT_FDCWD, e) < 0)
		return -1;
	for (size_t k = 0; k < ARRAY_LEN(libraries); k++) {
		auto_hostlib_lib struct hostlib_lib lib = { 0 };
		auto_close int fd = -1;
		struct elf_source src;
		struct err ignored;

		if (hostlib_find(&lib, h, libraries[k].name, elf_own_bits(), &ignored) != 0)
			continue;
		fd = host_open(AT_FDCWD, lib.real, O_RDONLY);
		if (fd < 0)
			continue;
		src = elf_source_fd(&fd);
		found(p, k, &src);
	}
	return 0;
}

static void line(struct buf *text, const char *who, const struct mpi_parts *p)
{
	buf_printf(text, "%s: ", who);
	mpi_parts_words(text, p);
	buf_addch(text, '\n');
}

void mpi_check_warn(struct run_image *image, const struct launcher *l)
{
	auto_buf struct buf text = { 0 };
	struct mpi_parts inside = { 0 };

	if (!launcher_has_peers(l) || l->rank != 0 || l->wire == WIRE_NONE)
		return;
	look_in_image(&inside, image);
	if (mpi_verdict(&text, l, &inside) > 0)
		log_warn("%s", buf_str(&text));
}

int flow_mpi_check(const char *path, struct buf *text, struct err *e)
{
	auto_run_image struct run_image image = { 0 };
	auto_free char *cwd = getcwd(NULL, 0);
	struct mpi_parts host = { 0 }, inside = { 0 };
	struct run_req req = { .image = path };
	struct facts_image facts = { 0 };
	struct launcher l;
	int r;

	if (path && run_image_open(&image, path, cwd, &req, &facts, e) < 0)
		return -1;
	if (look_at_host(&host, e) < 0)
		return -1;
	launcher_find(&l, environ);
	line(text, "host", &host);
	if (path) {
		look_in_image(&inside, &image);
		line(text, "image", &inside);
	}
	buf_adds(text, "verdict: ");
	r = mpi_verdict(text, &l, path ? &inside : &host);
	buf_addch(text, '\n');
	return r;
}
