#include "src/cli/cmd.h"
#include "src/flow/check.h"

static const struct opt check_opts[] = { OPT_END };

static int run_check(void *req, int argc, char **argv, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = flow_check(&text, e);

	(void)req, (void)argc, (void)argv;
	if (r < 0 || cmd_print(&text, e) < 0)
		return -1;
	return r;
}

const struct cmd cmd_check = {
	.name = "check",
	.args = "",
	.brief = "say what this host lacks for containers",
	.details = "Looks at the kernel switches, devices and libraries that containers need and\n"
		   "prints one line each, with the line an administrator needs where one is\n"
		   "missing. Exit status 0: everything is there; 1: something is missing.",
	.opts = check_opts,
	.size = 0,
	.run = run_check,
};
