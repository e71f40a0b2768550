/* gpu-check: the verdicts of a start, without one. */
#include "src/base/log.h"
#include "src/cli/cmd.h"
#include "src/flow/gpu_check.h"

#define REQ struct run_req

static const struct opt check_opts[] = {
	OPT_FLAG(0, "nv", "NV", REQ, nv, "NVIDIA only"),
	OPT_FLAG(0, "nvccli", "NVCCLI", REQ, nvccli,
		 "NVIDIA, with what the image's NVIDIA_* variables ask for"),
	OPT_FLAG(0, "rocm", "ROCM", REQ, rocm, "AMD only"),
	OPT_FLAG(0, "intel", "INTEL", REQ, intel, "Intel GPUs only"),
	OPT_FLAG(0, "fabric", "FABRIC", REQ, fabric, "the node's network only"),
	OPT_LIST(0, "device", "VENDOR/CLASS=NAME", "DEVICE", REQ, devices, 0,
		 "a CDI device, or all-of-job; repeatable, commas separate"),
	OPT_LIST(0, "cdi-dirs", "DIRS", "CDI_DIRS", REQ, cdi_dirs, 0,
		 "more directories of CDI specs; commas separate"),
	OPT_LIST(0, "module", "NAMES", "MODULE", REQ, modules, 0,
		 "a site's module; repeatable, commas separate"),
	OPT_FLAG(0, "strict", "STRICT", REQ, strict, "what is absent is a failure"),
	OPT_END,
};

static int run_check(void *req, int argc, char **argv, struct err *e)
{
	struct run_req *r = req;
	auto_buf struct buf text = { 0 };
	struct err print = { 0 };
	int status;

	r->image = argc ? argv[0] : NULL;
	status = flow_gpu_check(r, &text, e);
	if (cmd_print(&text, &print) < 0) {
		*e = print;
		return -1;
	}
	if (status > 0)
		log_error("%s", e->text);
	return status;
}

const struct cmd cmd_gpu_check = {
	.name = "gpu-check",
	.args = "[IMAGE]",
	.brief = "show what this host lends to an image",
	.details = "One line for each GPU, library, program and fabric device: given, kept (the "
		   "image\n"
		   "has its own), skipped, refused or absent, and why. Status 1: a start with the "
		   "same\n"
		   "options would fail, with the error that is printed.\n\n"
		   "  berth gpu-check\n"
		   "  berth gpu-check --nv app.sif",
	.opts = check_opts,
	.size = sizeof(struct run_req),
	.least = 0,
	.most = 1,
	.run = run_check,
};
