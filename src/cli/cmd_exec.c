/* exec, run, shell and test: one option table, four ways to say what to start. */
#include "src/cli/cmd.h"
#include "src/cli/exit.h"
#include "src/cli/persona.h"
#include "src/cli/run_opts.h"
#include "src/cli/run_start.h"
#include "src/plan/request.h"

/* Each status that flow_run() can say is an exit status. */
static int start(struct run_req *r, enum run_verb verb, int argc, char **argv, struct err *e)
{
	int status;

	r->prompt = persona()->prompt;
	status = run_start(r, verb, 1, argc, argv, e);
	if (status == EXIT_NOT_FOUND)
		return persona()->not_found;
	return status == EXIT_NOT_EXECUTABLE ? persona()->not_executable : status;
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
	CMD_STARTS(1),
	.run = run_exec,
};

const struct cmd cmd_run = {
	.name = "run",
	.args = "IMAGE [ARG...]",
	.brief = "start what the image is made to run",
	.details = "Starts the image's runscript, or the Entrypoint and Cmd of its OCI config.\n"
		   "Arguments are passed to it. Without any of these: a shell.\n\n"
		   "  berth run docker://hello-world",
	CMD_STARTS(1),
	.run = run_run,
};

const struct cmd cmd_shell = {
	.name = "shell",
	.args = "IMAGE [ARG...]",
	.brief = "start a shell in an image",
	.details = "Starts bash, or sh where the image has no bash, inside IMAGE.",
	CMD_STARTS(1),
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
	CMD_STARTS(1),
	.run = run_test,
};
