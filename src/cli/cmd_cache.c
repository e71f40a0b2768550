/* cache list, clean, verify; prefetch. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/base/progress.h"
#include "src/cli/access_opts.h"
#include "src/cli/cmd.h"
#include "src/flow/cache.h"
#include "src/flow/prefetch.h"

struct cache_words {
	struct cache_req req;
	const char *days;
	bool force;
};

#define TYPE_OPT                                                         \
	OPT_STR('T', "type", "LIST", NULL, struct cache_words, req.type, \
		"only these: blob (layers, manifests), sif (finished images), all")

static const struct opt list_opts[] = {
	TYPE_OPT,
	OPT_FLAG(0, "json", NULL, struct cache_words, req.json, "print JSON"),
	OPT_FLAG('v', "verbose", NULL, struct cache_words, req.verbose, "list every file"),
	OPT_END,
};

static int run_list(void *req, int argc, char **argv, struct err *e)
{
	struct cache_words *w = req;
	auto_buf struct buf text = { 0 };

	(void)argc;
	(void)argv;
	if (flow_cache_list(&w->req, &text, e) < 0)
		return -1;
	return cmd_print(&text, e);
}

const struct cmd cmd_cache_list = {
	.name = "cache list",
	.args = "",
	.brief = "say what the image store holds",
	.details = "Says how much the store (BERTH_CACHEDIR, ~/.berth/cache) holds.",
	.opts = list_opts,
	.size = sizeof(struct cache_words),
	.run = run_list,
};

static const struct opt clean_opts[] = {
	OPT_STR('D', "days", "N", NULL, struct cache_words, days,
		"only what was not used for N days"),
	TYPE_OPT,
	OPT_FLAG('n', "dry-run", NULL, struct cache_words, req.dry_run, "only say what would go"),
	OPT_FLAG('f', "force", NULL, struct cache_words, force, "do not ask"),
	OPT_END,
};

/* 1: the answer was no. */
static int ask(struct err *e)
{
	auto_buf struct buf answer = { 0 };

	if (prompt_line("Remove what the store holds? [y/N]", false, &answer, e) < 0)
		return err_set(e, ERR_USAGE, "no terminal to ask: -f cleans without asking");
	return *buf_str(&answer) == 'y' || *buf_str(&answer) == 'Y' ? 0 : 1;
}

static int run_clean(void *req, int argc, char **argv, struct err *e)
{
	struct cache_words *w = req;
	auto_buf struct buf text = { 0 };
	char more;
	int r;

	(void)argc;
	(void)argv;
	if (w->days) {
		w->req.by_age = true;
		if (sscanf(w->days, "%u%c", &w->req.days, &more) != 1)
			return err_set(e, ERR_USAGE, "--days %.40s: a number is expected", w->days);
	}
	r = w->force || w->req.dry_run ? 0 : ask(e);
	if (r)
		return r < 0 ? -1 : 0;
	if (flow_cache_clean(&w->req, &text, e) < 0)
		return -1;
	return cmd_print(&text, e);
}

const struct cmd cmd_cache_clean = {
	.name = "cache clean",
	.args = "",
	.brief = "empty the image store",
	.details = "Removes what the store holds and nobody uses. What is needed again is fetched\n"
		   "again. A store keeps itself below BERTH_CACHE_MAX_SIZE and "
		   "BERTH_CACHE_MAX_DAYS.\n\n"
		   "  berth cache clean --days 30 --dry-run",
	.opts = clean_opts,
	.size = sizeof(struct cache_words),
	.run = run_clean,
};

static const struct opt no_opts[] = { OPT_END };

static int run_verify(void *req, int argc, char **argv, struct err *e)
{
	struct cache_words *w = req;
	auto_buf struct buf text = { 0 };
	int r;

	(void)argc;
	(void)argv;
	r = flow_cache_verify(&w->req, &text, e);
	if (r < 0 || cmd_print(&text, e) < 0)
		return -1;
	return r;
}

const struct cmd cmd_cache_verify = {
	.name = "cache verify",
	.args = "",
	.brief = "read the image store again and drop what is damaged",
	.details = "Hashes every blob and reads every image's table. Status 1 when something was\n"
		   "damaged; that is removed, and fetched again when it is next needed.",
	.opts = no_opts,
	.size = sizeof(struct cache_words),
	.run = run_verify,
};

struct prefetch_words {
	struct prefetch_req req;
	struct access_words access;
};

static const struct opt prefetch_opts[] = {
	OPT_FLAG(0, "resolve", NULL, struct prefetch_words, req.resolve,
		 "fetch nothing, print the digest that each name stands for"),
	OPT_STR(0, "arch", "ARCH", "PULL_ARCH", struct prefetch_words, req.arch,
		"platform to take from an index"),
	ACCESS_OPTS(struct prefetch_words, access),
	OPT_END,
};

static int run_prefetch(void *req, int argc, char **argv, struct err *e)
{
	struct prefetch_words *w = req;
	auto_buf struct buf text = { 0 };
	int r;

	(void)argc;
	w->req.file = argv[0];
	if (access_settle(&w->access, &w->req.access, e) < 0)
		return -1;
	r = flow_prefetch(&w->req, &text, e);
	access_forget(&w->access);
	if (cmd_print(&text, e) < 0)
		return -1;
	return r < 0 ? err_wrap(e, "prefetch") : r;
}

const struct cmd cmd_prefetch = {
	.name = "prefetch",
	.args = "FILE|URI",
	.brief = "fetch many images into the store",
	.details = "Fetches the images named in FILE, one URI a line (# begins a comment, - is "
		   "standard\n"
		   "input), into the store, so that exec and run start from there. Prints for each "
		   "the\n"
		   "URI, a tab and the path. With --resolve: the URI with the digest that its tag "
		   "stands\n"
		   "for now, which a thousand nodes can start without asking a registry.\n\n"
		   "  berth prefetch images.txt\n"
		   "  IMG=$(berth prefetch --resolve docker://debian:12)",
	.opts = prefetch_opts,
	.size = sizeof(struct prefetch_words),
	.least = 1,
	.most = 1,
	.run = run_prefetch,
};
