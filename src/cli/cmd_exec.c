/* exec, run, shell and test: one option table, four ways to say what to start. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/cli/cmd.h"
#include "src/cli/exit.h"
#include "src/cli/persona.h"
#include "src/cli/run_opts.h"
#include "src/flow/run.h"
#include "src/plan/request.h"

/* Each status that flow_run() can say is an exit status; a started program never
 * comes back here. */
static int start(struct run_req *r, enum run_verb verb, int argc, char **argv, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int status;

	r->verb = verb;
	r->image = argv[0];
	r->prompt = persona()->prompt;
	request_settle(r);
	for (int i = 1; i < argc; i++)
		strv_add(&r->args, argv[i]);
	status = flow_run(r, &text, e);
	strv_fini(&r->args);
	if (status > 0)
		log_error("%s", e->text);
	if (status == EXIT_NOT_FOUND)
		return persona()->not_found;
	if (status == EXIT_NOT_EXECUTABLE)
		return persona()->not_executable;
	if (status != 0)
		return status;
	return cmd_print(&text, e);
}

static int run_exec(void *req, int argc, char **argv, struct err *e)
{
	return start(req, RUN_EXEC, argc, argv, e);
}

static int run_run(void *req, int argc, char **argv, struct err *e)
{
	return start(req, RUN_RUN, argc, argv, e);
}

static int run_shell(void *req, int argc, char **argv, struct err *e)
{
	return start(req, RUN_SHELL, argc, argv, e);
}

static int run_test(void *req, int argc, char **argv, struct err *e)
{
	return start(req, RUN_TEST, argc, argv, e);
}

const struct cmd cmd_exec = {
	.name = "exec",
	.args = "IMAGE COMMAND [ARG...]",
	.brief = "start a command in an image",
	.details =
		"Starts COMMAND in IMAGE, which is a SIF or SquashFS file, a directory, or a\n"
		"docker:// name that is pulled into the store first. Berth becomes the command:\n"
		"its signals, terminal and exit status are its own.\n\n"
		"  berth exec app.sif python3 -c 'print(1)'\n"
		"  berth exec -B /scratch:/data:ro docker://debian:12 ls /data",
	.opts = run_opts,
	.size = sizeof(struct run_req),
	.least = 1,
	.most = CMD_MANY,
	.run = run_exec,
};

const struct cmd cmd_run = {
	.name = "run",
	.args = "IMAGE [ARG...]",
	.brief = "start what the image is made to run",
	.details = "Starts the image's runscript, or the Entrypoint and Cmd of its OCI config.\n"
		   "Arguments are passed to it. Without any of these: a shell.\n\n"
		   "  berth run docker://hello-world",
	.opts = run_opts,
	.size = sizeof(struct run_req),
	.least = 1,
	.most = CMD_MANY,
	.run = run_run,
};

const struct cmd cmd_shell = {
	.name = "shell",
	.args = "IMAGE [ARG...]",
	.brief = "start a shell in an image",
	.details = "Starts bash, or sh where the image has no bash, inside IMAGE.",
	.opts = run_opts,
	.size = sizeof(struct run_req),
	.least = 1,
	.most = CMD_MANY,
	.run = run_shell,
};

const struct cmd cmd_test = {
	.name = "test",
	.args = "IMAGE [ARG...]",
	.brief = "start the test that an image carries",
	.details =
		"Starts the test script of the image's definition file (%test); its exit status\n"
		"says how it went. An image without one has nothing to fail.\n\n"
		"  berth test app.sif",
	.opts = run_opts,
	.size = sizeof(struct run_req),
	.least = 1,
	.most = CMD_MANY,
	.run = run_test,
};
