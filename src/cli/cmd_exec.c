/* exec, run and shell: one option table, three ways to say what to start. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/cli/cmd.h"
#include "src/cli/exit.h"
#include "src/flow/run.h"
#include "src/plan/request.h"

static const struct opt exec_opts[] = {
	OPT_LIST('B', "bind", "SRC[:DST[:OPTS]]", NULL, struct run_req, binds, 0,
		 "bind a host path into the container; OPTS is ro or rw; repeatable, commas "
		 "separate"),
	OPT_LIST(0, "env", "K=V", NULL, struct run_req, env, 0,
		 "set a variable in the container; repeatable, commas separate"),
	OPT_LIST(0, "env-file", "FILE", "ENV_FILE", struct run_req, env_files, 0,
		 "set variables from a file of K=V lines"),
	OPT_FLAG('e', "cleanenv", "CLEANENV", struct run_req, cleanenv,
		 "do not pass the host's environment on"),
	OPT_STR(0, "pwd", "DIR", "PWD,TARGET_PWD,CWD,TARGET_CWD", struct run_req, pwd,
		"start in this directory of the container"),
	OPT_ALIAS_STR("cwd", struct run_req, pwd),
	OPT_STR('H', "home", "SRC[:DST]", "HOME", struct run_req, home,
		"use this directory as home"),
	OPT_FLAG(0, "no-home", "NO_HOME", struct run_req, no_home,
		 "do not bind the home directory"),
	OPT_LIST(0, "no-mount", "NAMES", "NO_MOUNT", struct run_req, no_mount, 0,
		 "leave out proc, sys, dev, home, tmp, cwd, bind-paths or one absolute target"),
	OPT_FLAG('c', "contain", "CONTAIN", struct run_req, contain,
		 "empty home and /tmp, minimal /dev"),
	OPT_FLAG('C', "containall", "CONTAINALL", struct run_req, containall,
		 "--contain and --cleanenv, with an own IPC namespace"),
	OPT_FLAG(0, "no-eval", "NO_EVAL", struct run_req, no_eval,
		 "take values of --env and arguments as they are, expand nothing"),
	OPT_FLAG(0, "no-umask", "NO_UMASK", struct run_req, no_umask, "use umask 0022"),
	OPT_STR('s', "shell", "PATH", "SHELL", struct run_req, shell,
		"the program that shell starts"),
	OPT_FLAG(0, "dry-run", NULL, struct run_req, dry_run,
		 "print what would be done as JSON, start nothing"),
	OPT_STR(0, "arch", "ARCH", "PULL_ARCH", struct run_req, arch,
		"platform to take when the image is pulled"),
	OPT_STR(0, "docker-username", "USER", "DOCKER_USERNAME", struct run_req, user,
		"user name for the registry"),
	OPT_STR(0, "docker-password", "PASSWORD", "DOCKER_PASSWORD", struct run_req, password,
		"password for the registry; the variable BERTH_DOCKER_PASSWORD hides it from ps"),
	OPT_STR(0, "tls-ca", "FILE", "TLS_CA", struct run_req, ca_file,
		"trust the certificates in this PEM file"),
	OPT_FLAG(0, "no-https", "NOHTTPS,NO_HTTPS", struct run_req, no_https,
		 "talk plain http to the registry"),
	OPT_FLAG(0, "disable-cache", "DISABLE_CACHE", struct run_req, disable_cache,
		 "keep nothing in the store"),
	OPT_NOOP('u', "userns"),
	OPT_NOOP(0, "no-pid"),
	OPT_NOOP(0, "no-init"),
	OPT_END,
};

/* Each status that flow_run() can say is an exit status; a started program never
 * comes back here. */
static int start(struct run_req *r, enum run_verb verb, int argc, char **argv, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int status;

	r->verb = verb;
	r->image = argv[0];
	for (int i = 1; i < argc; i++)
		strv_add(&r->args, argv[i]);
	status = flow_run(r, &text, e);
	strv_fini(&r->args);
	if (status > 0)
		log_error("%s", e->text);
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
	.opts = exec_opts,
	.size = sizeof(struct run_req),
	.least = 2,
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
	.opts = exec_opts,
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
	.opts = exec_opts,
	.size = sizeof(struct run_req),
	.least = 1,
	.most = CMD_MANY,
	.run = run_shell,
};
