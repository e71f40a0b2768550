#include "src/flow/run_lend.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/log.h"

struct open_file {
	struct squash *squash;
	struct squash_inode inode;
	int fd;
};

static ssize_t read_file(void *arg, void *p, size_t n, uint64_t off)
{
	struct open_file *f = arg;

	if (f->squash)
		return squash_read(f->squash, &f->inode, off, p, n, NULL);
	return pread(f->fd, p, n, (off_t)off);
}

static int squash_open_file(struct squash *sq, const char *path, struct open_file *f)
{
	struct squash_stat st;
	struct err ignored;

	if (squash_stat_path(sq, path, true, &st, &ignored) != 0 || !S_ISREG(st.mode) ||
	    squash_inode(sq, st.ref, &f->inode) < 0)
		return 1;
	f->squash = sq;
	return 0;
}

static int dir_open_file(int root, const char *path, struct open_file *f)
{
	struct stat st;
	auto_close int fd = open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 1;
	f->fd = take_fd(&fd);
	return 0;
}

static int image_file_open(void *arg, const char *path, struct inside_file *out, struct err *e)
{
	struct run_image *image = arg;
	struct open_file *f = xcalloc(1, sizeof(*f));
	int r;

	(void)e;
	f->fd = -1;
	r = image->squash ? squash_open_file(image->squash, path, f)
			  : dir_open_file(image->image->fd, path, f);
	if (r) {
		free(f);
		return 1;
	}
	*out = (struct inside_file){ { read_file, f }, f };
	return 0;
}

static void image_file_close(void *arg, struct inside_file *file)
{
	struct open_file *f = file->state;

	(void)arg;
	close_p_(&f->fd);
	free(f);
}

const struct inside_ops run_lend_image = { image_file_open, image_file_close };

/* Lists whose values may hold several words. */
static void words(struct strv *out, const struct strv *list)
{
	for (size_t i = 0; i < list->n; i++)
		strv_split(out, list->v[i], ',');
}

static void config_make(struct lend_config *c, const struct lend_host *host,
			const struct run_req *req, const struct facts *facts)
{
	auto_free char *modules = lend_site_path(host, "bindings.d");

	*c = (struct lend_config){ .nv = req->nv && !req->no_nv,
				   .nvccli = req->nvccli && !req->no_nv,
				   .compat32 = req->compat32,
				   .rocm = req->rocm && !req->no_rocm,
				   .intel = req->intel,
				   .intel_hpu = req->intel_hpu,
				   .fabric = req->fabric || req->require_fabric,
				   .require_fabric = req->require_fabric,
				   .mpi_host = req->mpi && !strcmp(req->mpi, "host"),
				   .strict = req->strict,
				   .cleanenv = req->cleanenv,
				   .own_dev = req->contain || req->minimal_dev,
				   .image_env = facts->image.env,
				   .set = &req->env };
	words(&c->devices, &req->devices);
	words(&c->cdi_dirs, &req->cdi_dirs);
	words(&c->modules, &req->modules);
	/* One system call for sites that have none. */
	c->default_modules = faccessat(AT_FDCWD, modules, X_OK, 0) == 0;
}

int run_lend(struct lent *out, const struct run_req *req, struct facts *facts,
	     struct run_image *image, struct err *e)
{
	struct lend_host host = { .rootfd = AT_FDCWD,
				  .environ = facts->environ,
				  .image = { .ops = image ? &run_lend_image : NULL,
					     .arg = image } };
	struct lend_config c;
	int r = 0;

	config_make(&c, &host, req, facts);
	if (lend_wanted(&c)) {
		facts->lent = out;
		r = lend_collect(out, &host, &c, e);
		lend_host_fini(&host);
	}
	strv_fini(&c.devices);
	strv_fini(&c.cdi_dirs);
	strv_fini(&c.modules);
	return r;
}

void run_lend_watch(const struct run_req *req, const struct launcher *l, struct run_image *image)
{
	struct lend_host host = { .rootfd = AT_FDCWD,
				  .image = { .ops = &run_lend_image, .arg = image } };
	auto_strv struct strv notes = { 0 };

	if (req->fabric || req->require_fabric || l->rank != 0 || !launcher_spans_nodes(l))
		return;
	fabric_watch(&notes, &host);
	for (size_t i = 0; i < notes.n; i++)
		log_warn("%s", notes.v[i]);
	lend_host_fini(&host);
}
