/* slurm-step: asked by the Slurm plugin (mpi/spank), once per step and node. */
#include "src/cli/access_opts.h"
#include "src/cli/cmd.h"
#include "src/flow/slurm_step.h"

struct step_words {
	struct slurm_step_req req;
	struct access_words access;
};

#define STEP_STR(n, arg, f)                                                                       \
	{                                                                                         \
		OPT_KIND_STR, 0, n, arg, NULL, OPT_AT(struct step_words, req.f, const char *), 0, \
			""                                                                        \
	}
#define STEP_FLAG(n, f)                                                                        \
	{                                                                                      \
		OPT_KIND_FLAG, 0, n, NULL, NULL, OPT_AT(struct step_words, req.f, bool), 0, "" \
	}

static const struct opt step_opts[] = {
	STEP_FLAG("submit", submit),
	STEP_FLAG("forget", forget),
	STEP_STR("name", "NAME[:MODE]", name),
	STEP_STR("base", "DIR", base),
	STEP_STR("node", "NAME", node),
	STEP_STR("scope", "NAME", scope),
	STEP_STR("arch", "ARCH", arch),
	ACCESS_OPTS(struct step_words, access),
	OPT_END,
};

static int run_step(void *req, int argc, char **argv, struct err *e)
{
	struct step_words *w = req;
	auto_buf struct buf text = { 0 };
	int r;

	w->req.word = argc ? argv[0] : NULL;
	if (access_settle(&w->access, &w->req.access, e) < 0)
		return -1;
	r = flow_slurm_step(&w->req, &text, e);
	access_forget(&w->access);
	return r < 0 ? -1 : cmd_print(&text, e);
}

const struct cmd cmd_slurm_step = {
	.name = "slurm-step",
	.args = "[IMAGE]",
	.brief = "",
	.details = "For the Slurm plugin: finds or fetches IMAGE and prints its path, and the\n"
		   "directory of a named container.",
	.opts = step_opts,
	.size = sizeof(struct step_words),
	.most = 1,
	.run = run_step,
};
