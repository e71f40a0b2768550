#include "src/flow/run_save.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "image/pack.h"
#include "src/base/digest.h"
#include "src/enter/mountapi.h"
#include "src/flow/output.h"
#include "src/flow/run_enter.h"
#include "src/host/cpus.h"

/* /proc stays, and is not packed: attributes are listed through /proc/self/fd. */
void run_save_only(struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->nmounts; i++) {
		if (!strcmp(p->mounts[i].dst, "/proc")) {
			p->mounts[n++] = p->mounts[i];
			continue;
		}
		free(p->mounts[i].src);
		free(p->mounts[i].dst);
		free(p->mounts[i].data);
	}
	p->nmounts = n;
	for (; p->nfiles; p->nfiles--) {
		free(p->files[p->nfiles - 1].path);
		free(p->files[p->nfiles - 1].data);
		free(p->files[p->nfiles - 1].host);
	}
}

static int pack(int fd, const char *path, const struct image *image, unsigned threads,
		struct err *e)
{
	/* A copy without what is mounted in it. */
	auto_close int tree = sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	auto_close int root = tree < 0 ? -1 : openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct pack_opts o = { .threads = threads, .epoch = -1 };
	struct pack_object objects[2];
	struct pack_stat st;
	size_t n = 0;

	if (image->inspect.len)
		objects[n++] = (struct pack_object){ SIF_JSON, IMAGE_INSPECT_NAME,
						     image->inspect.data, image->inspect.len };
	if (image->oci)
		objects[n++] = (struct pack_object){ SIF_JSON, IMAGE_OCI_NAME, image->oci->inner,
						     strlen(image->oci->inner) };
	if (root < 0)
		return err_sys(e, "open the container's root");
	if (str_has_suffix(path, ".sqsh") || str_has_suffix(path, ".sqfs"))
		return pack_dir(fd, 0, root, &o, &st, e);
	return pack_sif(fd, root, image_host_arch(), objects, n, &o, &st, e);
}

int run_save(const char *path, const struct run_image *image, struct enter *x, const struct plan *p,
	     int keeper, struct err *e)
{
	auto_output struct output out = { 0 };
	unsigned threads = cpus_usable("/");
	struct fault f = { 0 };

	/* Libraries are the host's. */
	if (digest_ready(e) < 0 || output_check(&out, path, true, e) < 0 ||
	    output_create(&out, e) < 0)
		return err_wrap(e, "save the container");
	if (enter_build(x, keeper, &f) < 0)
		return run_explain(&f, p, keeper, e);
	if (pack(out.fd, path, image->image, threads, e) < 0 || output_publish(&out, e) < 0)
		return err_wrap(e, "save the container as %s", path);
	return 0;
}
