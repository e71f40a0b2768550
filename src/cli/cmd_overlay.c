/* overlay create. */
#include "src/cli/cmd.h"
#include "src/flow/overlay_create.h"

/* clang-format off */
static const struct opt overlay_opts[] = {
	OPT_UINT('s', "size", "MIB", NULL, struct overlay_req, size, "size of the image (64)"),
	OPT_FLAG('S', "sparse", NULL, struct overlay_req, sparse,
		 "take no blocks before they are written"),
	OPT_LIST(0, "create-dir", "DIR", NULL, struct overlay_req, create_dirs, 0,
		 "have this directory in the layer; repeatable"),
	OPT_FLAG(0, "dir", NULL, struct overlay_req, dir,
		 "make a directory with upper and work, no image"),
	OPT_END,
};
/* clang-format on */

static int run_create(void *req, int argc, char **argv, struct err *e)
{
	struct overlay_req *r = req;
	int done;

	(void)argc;
	r->path = argv[0];
	done = flow_overlay_create(r, e);
	overlay_req_fini(r);
	return done;
}

const struct cmd cmd_overlay_create = {
	.name = "overlay create",
	.args = "FILE",
	.brief = "make a layer that takes a container's changes",
	.details =
		"Makes FILE, an ext3 file system with upper and work in it, by the host's mke2fs; "
		"where FILE is a SIF, adds it as an overlay partition, for the engines that write "
		"to those. With --dir FILE is a directory, which needs no tool and is the faster "
		"layer.\n\n"
		"  berth overlay create --size 1024 --sparse layer.img\n"
		"  berth overlay create --dir layer",
	.opts = overlay_opts,
	.size = sizeof(struct overlay_req),
	.least = 1,
	.most = 1,
	.run = run_create,
};
