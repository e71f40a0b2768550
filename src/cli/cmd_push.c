/* push, tag and delete: what is done to a repository. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/progress.h"
#include "src/cli/access_opts.h"
#include "src/cli/cmd.h"
#include "src/flow/push.h"

struct push_words {
	struct push_req req;
	struct access_words access;
};

static const struct opt push_opts[] = {
	OPT_STR(0, "compress", "NAME", NULL, struct push_words, req.compress,
		"of a layer that is made here: gzip (default), zstd or none"),
	OPT_STR(0, "mount-from", "NAME", NULL, struct push_words, req.mount_from,
		"a repository of that registry whose blobs may be used"),
	OPT_LIST(0, "attach", "TYPE=FILE", NULL, struct push_words, req.attach, 0,
		 "a file that belongs to the image (an SBOM, a report), as a referrer of that "
		 "artifact type; repeatable"),
	OPT_STR(0, "subject", "TAG|DIGEST", NULL, struct push_words, req.subject,
		"oras://: the SIF belongs to this image of the repository"),
	OPT_FLAG('F', "force", "FORCE", struct push_words, req.force,
		 "oci-archive: replace the file"),
	ACCESS_OPTS(struct push_words, access),
	OPT_NOOP('U', "allow-unsigned"),
	OPT_END,
};

static void say(const char *what, const char *uri, const struct digest *d)
{
	char text[DIGEST_TEXT_MAX];

	log_info("%s %s as %s", uri, what, digest_text(d, text));
}

static int run_push(void *req, int argc, char **argv, struct err *e)
{
	struct push_words *w = req;
	struct digest d;
	int r;

	(void)argc;
	w->req.image = argv[0];
	w->req.uri = argv[1];
	if (access_settle(&w->access, &w->req.access, e) < 0)
		return -1;
	w->req.progress = progress_new(STDERR_FILENO);
	r = flow_push(&w->req, &d, e);
	progress_free(w->req.progress);
	access_forget(&w->access);
	if (r < 0)
		return err_wrap(e, "push %s", w->req.uri);
	say("is there", w->req.uri, &d);
	return 0;
}

const struct cmd cmd_push = {
	.name = "push",
	.args = "IMAGE URI",
	.brief = "send an image to a registry",
	.details = "Sends IMAGE, a SIF or SquashFS file or a directory, to URI:\n\n"
		   "  oras://HOST/NAME:TAG    the SIF file as it is\n"
		   "  docker://HOST/NAME:TAG  as an OCI image that Docker and Podman run\n"
		   "  oci:DIR:TAG             the same into a directory\n"
		   "  oci-archive:FILE:TAG    the same as one file\n\n"
		   "What the registry has already is not sent again, and a cut connection goes on "
		   "where\n"
		   "it stopped.\n\n"
		   "  berth push app.sif oras://registry.example.org/lab/app:1.2\n"
		   "  berth push --compress zstd app.sif docker://registry.example.org/lab/app:1.2",
	.opts = push_opts,
	.size = sizeof(struct push_words),
	.least = 2,
	.most = 2,
	.run = run_push,
};

struct tag_words {
	struct tag_req req;
	struct access_words access;
	bool force;
};

static const struct opt tag_opts[] = {
	ACCESS_OPTS(struct tag_words, access),
	OPT_END,
};

static int run_tag(void *req, int argc, char **argv, struct err *e)
{
	struct tag_words *w = req;
	struct digest d;
	int r;

	(void)argc;
	w->req.uri = argv[0];
	w->req.tag = argv[1];
	if (access_settle(&w->access, &w->req.access, e) < 0)
		return -1;
	r = flow_tag(&w->req, &d, e);
	access_forget(&w->access);
	if (r < 0)
		return err_wrap(e, "tag %s", w->req.uri);
	say(w->req.tag, w->req.uri, &d);
	return 0;
}

const struct cmd cmd_tag = {
	.name = "tag",
	.args = "URI TAG",
	.brief = "give an image in a registry another tag",
	.details = "Adds TAG, in the same repository, to what URI names. No layer is moved.\n\n"
		   "  berth tag docker://registry.example.org/lab/app:1.2 stable",
	.opts = tag_opts,
	.size = sizeof(struct tag_words),
	.least = 2,
	.most = 2,
	.run = run_tag,
};

static const struct opt delete_opts[] = {
	OPT_FLAG('F', "force", "FORCE", struct tag_words, force, "do not ask"),
	ACCESS_OPTS(struct tag_words, access),
	OPT_END,
};

/* 1: the answer was no. */
static int ask(const char *uri, struct err *e)
{
	auto_free char *what = xasprintf("Delete %s, with all its tags? [y/N]", uri);
	auto_buf struct buf answer = { 0 };

	if (prompt_line(what, false, &answer, e) < 0)
		return err_set(e, ERR_USAGE, "no terminal to ask: -F deletes without asking");
	return *buf_str(&answer) == 'y' || *buf_str(&answer) == 'Y' ? 0 : 1;
}

static int run_delete(void *req, int argc, char **argv, struct err *e)
{
	struct tag_words *w = req;
	struct digest d;
	int r;

	(void)argc;
	w->req.uri = argv[0];
	r = w->force ? 0 : ask(w->req.uri, e);
	if (r)
		return r < 0 ? err_wrap(e, "delete %s", w->req.uri) : 0;
	if (access_settle(&w->access, &w->req.access, e) < 0)
		return -1;
	r = flow_delete(&w->req, &d, e);
	access_forget(&w->access);
	if (r < 0)
		return err_wrap(e, "delete %s", w->req.uri);
	say("was deleted", w->req.uri, &d);
	return 0;
}

const struct cmd cmd_delete = {
	.name = "delete",
	.args = "URI",
	.brief = "remove an image from a registry",
	.details =
		"Removes the manifest that URI names. Registries remove all tags of it with it.\n\n"
		"  berth delete -F docker://registry.example.org/lab/app:1.2",
	.opts = delete_opts,
	.size = sizeof(struct tag_words),
	.least = 1,
	.most = 1,
	.run = run_delete,
};
