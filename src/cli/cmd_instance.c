/* instance start, run, list, stop, stats. */
#include <ctype.h>
#include <stdlib.h>

#include "src/cli/cmd.h"
#include "src/cli/run_opts.h"
#include "src/cli/run_start.h"
#include "src/flow/instance.h"
#include "src/plan/request.h"

static int start(struct run_req *r, enum run_verb verb, int argc, char **argv, struct err *e)
{
	r->instance = argv[1];
	return run_start(r, verb, 2, argc, argv, e);
}

static int run_startscript(void *req, int argc, char **argv, struct err *e)
{
	return start(req, RUN_START, argc, argv, e);
}

static int run_run(void *req, int argc, char **argv, struct err *e)
{
	return start(req, RUN_RUN, argc, argv, e);
}

const struct cmd cmd_instance_start = {
	.name = "instance start",
	.args = "IMAGE NAME [ARG...]",
	.brief = "start a container that stays, with its startscript",
	.details =
		"Starts IMAGE in the background under NAME, in a PID namespace of its own, and in "
		"it\n"
		"the image's startscript with the arguments, if it has one. instance://NAME is an\n"
		"image for exec, run, shell and test until instance stop.\n\n"
		"  berth instance start db.sif db1 --port 5433\n"
		"  berth exec instance://db1 psql",
	CMD_STARTS(2),
	.run = run_startscript,
};

const struct cmd cmd_instance_run = {
	.name = "instance run",
	.args = "IMAGE NAME [ARG...]",
	.brief = "start a container that stays, with its runscript",
	.details = "As instance start, but what is started is what run would start.\n\n"
		   "  berth instance run web.sif web1",
	CMD_STARTS(2),
	.run = run_run,
};

struct list_words {
	bool json, logs, all;
	const char *user;
};

static const struct opt list_opts[] = {
	OPT_FLAG('j', "json", "JSON", struct list_words, json, "print JSON"),
	OPT_FLAG('l', "logs", "LOGS", struct list_words, logs, "show the log files"),
	OPT_FLAG('a', "all", NULL, struct list_words, all, "all of them, which is what is shown"),
	{ OPT_KIND_STR, 'u', "user", "NAME", NULL, 0, OPT_HIDDEN | OPT_REFUSED,
	  "instances are seen by the user who started them, and by nobody else" },
	OPT_END,
};

static int run_list(void *req, int argc, char **argv, struct err *e)
{
	const struct list_words *w = req;
	const struct instance_list_req r = { argc ? argv[0] : NULL, w->json, w->logs };
	auto_buf struct buf text = { 0 };

	if (flow_instance_list(&text, &r, e) < 0)
		return -1;
	return cmd_print(&text, e);
}

const struct cmd cmd_instance_list = {
	.name = "instance list",
	.args = "[PATTERN]",
	.brief = "show the instances that run",
	.details = "Lists your instances on this host whose names match PATTERN.\n\n"
		   "  berth instance list 'db*'\n"
		   "  berth instance list --json",
	.opts = list_opts,
	.size = sizeof(struct list_words),
	.most = 1,
	.run = run_list,
};

struct stop_words {
	bool all, force;
	const char *signal, *user;
	const char *timeout;
};

static const struct opt stop_opts[] = {
	OPT_FLAG('a', "all", NULL, struct stop_words, all, "stop all of them"),
	OPT_FLAG('F', "force", NULL, struct stop_words, force, "kill at once"),
	OPT_STR('s', "signal", "SIGNAL", NULL, struct stop_words, signal,
		"the signal that asks the program to end (INT; with --oci-compat at the start, the image's "
		"StopSignal)"),
	OPT_STR('t', "timeout", "SECONDS", NULL, struct stop_words, timeout,
		"kill what has not ended by then (10)"),
	{ OPT_KIND_STR, 'u', "user", "NAME", NULL, 0, OPT_HIDDEN | OPT_REFUSED,
	  "instances are stopped by the user who started them" },
	OPT_END,
};

static int run_stop(void *req, int argc, char **argv, struct err *e)
{
	const struct stop_words *w = req;
	struct instance_stop_req r = {
		.glob = argc ? argv[0] : NULL, .signal = w->signal, .timeout = 10, .force = w->force
	};

	if (!argc && !w->all)
		return err_set(e, ERR_USAGE, "instance stop: name an instance, or say --all");
	if (argc && w->all)
		return err_set(e, ERR_USAGE, "instance stop: %s or --all, not both", argv[0]);
	if (w->timeout) {
		char *end;
		unsigned long n = strtoul(w->timeout, &end, 10);

		if (!isdigit((unsigned char)w->timeout[0]) || *end || n > 1000000)
			return err_set(e, ERR_USAGE,
				       "instance stop: --timeout %s: seconds are asked for",
				       w->timeout);
		r.timeout = (unsigned)n;
	}
	return flow_instance_stop(&r, e);
}

const struct cmd cmd_instance_stop = {
	.name = "instance stop",
	.args = "[NAME|PATTERN]",
	.brief = "end instances",
	.details = "Sends the signal to the instance's program, then TERM to whatever else is "
		   "left, and\n"
		   "comes back when the last process has ended.\n\n"
		   "  berth instance stop db1\n"
		   "  berth instance stop --all",
	.opts = stop_opts,
	.size = sizeof(struct stop_words),
	.most = 1,
	.run = run_stop,
};

struct stats_words {
	bool json, no_stream;
	const char *user;
};

static const struct opt stats_opts[] = {
	OPT_FLAG('j', "json", NULL, struct stats_words, json, "print JSON, once"),
	OPT_FLAG(0, "no-stream", NULL, struct stats_words, no_stream, "print once"),
	{ OPT_KIND_STR, 'u', "user", "NAME", NULL, 0, OPT_HIDDEN | OPT_REFUSED,
	  "instances are seen by the user who started them, and by nobody else" },
	OPT_END,
};

static int run_stats(void *req, int argc, char **argv, struct err *e)
{
	const struct stats_words *w = req;
	const struct instance_stats_req r = { argv[0], w->json, w->no_stream };

	(void)argc;
	return flow_instance_stats(&r, cmd_print, e);
}

const struct cmd cmd_instance_stats = {
	.name = "instance stats",
	.args = "NAME",
	.brief = "show what an instance uses",
	.details = "Prints processor, memory, block I/O and processes of an instance each second.\n"
		   "No cgroup is needed; with limits, the figures are its cgroup's.\n\n"
		   "  berth instance stats --no-stream db1",
	.opts = stats_opts,
	.size = sizeof(struct stats_words),
	.least = 1,
	.most = 1,
	.run = run_stats,
};
