/* ls, cat, diff, packages: into an image without starting it. */
#include <unistd.h>

#include "src/cli/access_opts.h"
#include "src/cli/cmd.h"
#include "src/flow/look.h"

struct look_words {
	struct look_req req;
	struct access_words access;
};

static int settle(struct look_words *w, const char *image, struct err *e)
{
	struct access a;

	if (access_settle(&w->access, &a, e) < 0)
		return -1;
	w->req.pull.uri = image;
	w->req.pull.user = a.user;
	w->req.pull.password = a.password;
	w->req.pull.ca_file = a.ca_file;
	w->req.pull.auth_file = a.auth_file;
	w->req.pull.no_https = a.no_https;
	return 0;
}

static const struct opt ls_opts[] = {
	OPT_FLAG('l', "long", NULL, struct look_words, req.longer,
		 "mode, owner, size and time too"),
	OPT_FLAG('R', "recursive", NULL, struct look_words, req.recurse, "all levels"),
	ACCESS_OPTS(struct look_words, access),
	OPT_END,
};

static int run_ls(void *req, int argc, char **argv, struct err *e)
{
	struct look_words *w = req;
	auto_buf struct buf text = { 0 };

	w->req.path = argc == 2 ? argv[1] : NULL;
	if (settle(w, argv[0], e) < 0 || flow_ls(&w->req, &text, e) < 0)
		return -1;
	return cmd_print(&text, e);
}

const struct cmd cmd_ls = {
	.name = "ls",
	.args = "IMAGE [PATH]",
	.brief = "list files of an image",
	.details = "Lists what is at PATH (the root) of IMAGE, a file, a directory or a URI.\n\n"
		   "  berth ls -l app.sif /usr/bin",
	.opts = ls_opts,
	.size = sizeof(struct look_words),
	.least = 1,
	.most = 2,
	.run = run_ls,
};

static const struct opt cat_opts[] = {
	ACCESS_OPTS(struct look_words, access),
	OPT_END,
};

static int run_cat(void *req, int argc, char **argv, struct err *e)
{
	struct look_words *w = req;

	(void)argc;
	w->req.path = argv[1];
	return settle(w, argv[0], e) < 0 ? -1 : flow_cat(&w->req, STDOUT_FILENO, e);
}

const struct cmd cmd_cat = {
	.name = "cat",
	.args = "IMAGE PATH",
	.brief = "print a file of an image",
	.details =
		"Writes the file PATH of IMAGE to standard output; links are followed inside.\n\n"
		"  berth cat app.sif /etc/os-release",
	.opts = cat_opts,
	.size = sizeof(struct look_words),
	.least = 2,
	.most = 2,
	.run = run_cat,
};

static int run_diff(void *req, int argc, char **argv, struct err *e)
{
	struct look_words *w = req;
	auto_buf struct buf text = { 0 };
	int r;

	(void)argc;
	w->req.other = argv[1];
	if (settle(w, argv[0], e) < 0)
		return -1;
	r = flow_diff(&w->req, &text, e);
	return r < 0 || cmd_print(&text, e) < 0 ? -1 : r;
}

const struct cmd cmd_diff = {
	.name = "diff",
	.args = "IMAGE IMAGE",
	.brief = "compare the files of two images",
	.details = "Prints a line for each path that only the first (-) or only the second (+) "
		   "has, or\n"
		   "whose type, mode, owner, target or content differ (M). Times do not count. "
		   "Status 1\n"
		   "when there is a difference.",
	.opts = cat_opts,
	.size = sizeof(struct look_words),
	.least = 2,
	.most = 2,
	.run = run_diff,
};

static const struct opt packages_opts[] = {
	OPT_FLAG('j', "json", NULL, struct look_words, req.json, "print JSON"),
	ACCESS_OPTS(struct look_words, access),
	OPT_END,
};

static int run_packages(void *req, int argc, char **argv, struct err *e)
{
	struct look_words *w = req;
	auto_buf struct buf text = { 0 };

	(void)argc;
	if (settle(w, argv[0], e) < 0 || flow_packages(&w->req, &text, e) < 0)
		return -1;
	return cmd_print(&text, e);
}

const struct cmd cmd_packages = {
	.name = "packages",
	.args = "IMAGE",
	.brief = "list the packages installed in an image",
	.details =
		"Reads the databases of dpkg and apk: name, version and architecture, with tabs.",
	.opts = packages_opts,
	.size = sizeof(struct look_words),
	.least = 1,
	.most = 1,
	.run = run_packages,
};
