#include "src/cli/cmd.h"
#include "src/flow/inspect.h"

struct inspect_words {
	const char *app;
	bool labels, environment, runscript, deffile, startscript, test, helpfile, list_apps, json,
		all;
};

static const struct opt inspect_opts[] = {
	OPT_FLAG('l', "labels", NULL, struct inspect_words, labels, "the labels (the default)"),
	OPT_FLAG('e', "environment", NULL, struct inspect_words, environment,
		 "the environment scripts"),
	OPT_FLAG('r', "runscript", NULL, struct inspect_words, runscript, "what run starts"),
	OPT_FLAG('s', "startscript", NULL, struct inspect_words, startscript,
		 "what instances start"),
	OPT_FLAG('t', "test", NULL, struct inspect_words, test, "the test script"),
	OPT_FLAG('d', "deffile", NULL, struct inspect_words, deffile,
		 "the definition file that it was built from"),
	OPT_FLAG('H', "helpfile", NULL, struct inspect_words, helpfile, "the image's help text"),
	OPT_FLAG(0, "list-apps", NULL, struct inspect_words, list_apps,
		 "the applications in the image (SCIF)"),
	OPT_STR(0, "app", "NAME", "APP,APPNAME", struct inspect_words, app,
		"of this application instead of the image"),
	OPT_FLAG('j', "json", NULL, struct inspect_words, json, "the same as JSON"),
	OPT_FLAG(0, "all", NULL, struct inspect_words, all, "everything, as JSON"),
	OPT_END,
};

static unsigned parts(const struct inspect_words *w)
{
	if (w->all)
		return INSPECT_ALL;
	return (w->labels ? INSPECT_LABELS : 0) | (w->environment ? INSPECT_ENV : 0) |
	       (w->runscript ? INSPECT_RUNSCRIPT : 0) | (w->deffile ? INSPECT_DEFFILE : 0) |
	       (w->startscript ? INSPECT_STARTSCRIPT : 0) | (w->test ? INSPECT_TEST : 0) |
	       (w->helpfile ? INSPECT_HELPFILE : 0) | (w->list_apps ? INSPECT_APPS : 0);
}

static int run_inspect(void *req, int argc, char **argv, struct err *e)
{
	const struct inspect_words *w = req;
	const struct inspect_req r = {
		.image = argv[0], .app = w->app, .what = parts(w), .json = w->json || w->all
	};
	auto_buf struct buf text = { 0 };

	(void)argc;
	if (flow_inspect(&r, &text, e) < 0)
		return -1;
	return cmd_print(&text, e);
}

const struct cmd cmd_inspect = {
	.name = "inspect",
	.args = "IMAGE",
	.brief = "show what is known about an image",
	.details = "Prints labels, environment or scripts of an image without starting it.\n\n"
		   "  berth inspect app.sif\n"
		   "  berth inspect --json --environment app.sif\n"
		   "  berth inspect --list-apps app.sif",
	.opts = inspect_opts,
	.size = sizeof(struct inspect_words),
	.least = 1,
	.most = 1,
	.run = run_inspect,
};

struct help_words {
	const char *app;
};

static const struct opt run_help_opts[] = {
	OPT_STR(0, "app", "NAME", "APP,APPNAME", struct help_words, app,
		"of this application of the image"),
	OPT_END,
};

/* Apptainer says so on stdout and ends with 0: a script may show whatever comes. */
static int run_run_help(void *req, int argc, char **argv, struct err *e)
{
	const struct help_words *w = req;
	auto_buf struct buf text = { 0 };
	int r = flow_run_help(argv[0], w->app, &text, e);

	(void)argc;
	if (r < 0)
		return -1;
	if (r == 1)
		buf_adds(&text, "No help sections were defined for this image\n");
	return cmd_print(&text, e);
}

const struct cmd cmd_run_help = {
	.name = "run-help",
	.args = "IMAGE",
	.brief = "print the help text that an image brings",
	.details =
		"Prints the %help section of the definition file that the image was built from,\n"
		"without starting the image.\n\n"
		"  berth run-help app.sif\n"
		"  berth run-help --app solver app.sif",
	.opts = run_help_opts,
	.size = sizeof(struct help_words),
	.least = 1,
	.most = 1,
	.run = run_run_help,
};
