#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/base/progress.h"
#include "src/cli/cmd.h"
#include "src/flow/pull.h"

struct pull_words {
	struct pull_req req;
	bool password_stdin;
	const char *progress;
};

#define REQ_FLAG(c, n, env, f, help)                                                            \
	{                                                                                       \
		OPT_KIND_FLAG, c, n, NULL, env, OPT_AT(struct pull_words, req.f, bool), 0, help \
	}
#define REQ_STR(c, n, arg, env, f, help)                                                         \
	{                                                                                        \
		OPT_KIND_STR, c, n, arg, env, OPT_AT(struct pull_words, req.f, const char *), 0, \
			help                                                                     \
	}
#define REQ_UINT(c, n, arg, env, f, help)                                                          \
	{                                                                                          \
		OPT_KIND_UINT, c, n, arg, env, OPT_AT(struct pull_words, req.f, unsigned), 0, help \
	}
#define REQ_SIZE(c, n, arg, env, f, help)                                                          \
	{                                                                                          \
		OPT_KIND_SIZE, c, n, arg, env, OPT_AT(struct pull_words, req.f, uint64_t), 0, help \
	}

static const struct opt pull_opts[] = {
	REQ_FLAG('F', "force", "FORCE", force, "replace an existing image file"),
	REQ_STR(0, "name", "NAME", NULL, name, "name of the image file"),
	REQ_STR(0, "dir", "DIR", "PULLDIR,PULLFOLDER", dir, "directory of the image file"),
	REQ_STR(0, "arch", "ARCH", "PULL_ARCH", arch,
		"platform to take from an index: amd64, arm64, arm/v7, ..."),
	REQ_STR(0, "compress", "NAME[:LEVEL]", "COMPRESS", compress,
		"zstd (default, level 3), gzip, lz4 or xz"),
	REQ_FLAG(0, "disable-cache", "DISABLE_CACHE", disable_cache, "keep nothing in the store"),
	REQ_SIZE(0, "limit-rate", "SIZE", "LIMIT_RATE", limit_rate,
		 "take no more than this many bytes a second from the network"),
	REQ_STR(0, "authfile", "FILE", "AUTHFILE,AUTH_FILE", auth_file,
		"take credentials from this auth.json or config.json alone"),
	REQ_STR(0, "library", "URL", "LIBRARY", library, "server of library:// names"),
	REQ_UINT(0, "parallel", "N", "PARALLEL", parallel, "layers downloaded at once (4)"),
	REQ_UINT(0, "threads", "N", "THREADS", threads,
		 "threads that compress (the CPUs this process may use)"),
	REQ_SIZE(0, "max-layer-size", "SIZE", "MAX_LAYER_SIZE", max_layer_bytes,
		 "refuse a layer that unpacks to more than this (1T, or 1200 times its size)"),
	REQ_SIZE(0, "max-entries", "N", "MAX_ENTRIES", max_entries,
		 "refuse layers with more files than this (2000000)"),
	REQ_STR(0, "docker-username", "USER", "DOCKER_USERNAME", user,
		"user name for the registry"),
	REQ_STR(0, "docker-password", "PASSWORD", "DOCKER_PASSWORD", password,
		"password for the registry; the variable BERTH_DOCKER_PASSWORD hides it from ps"),
	OPT_FLAG(0, "docker-password-stdin", NULL, struct pull_words, password_stdin,
		 "read the password from standard input"),
	REQ_STR(0, "verify-key", "FILE", "VERIFY_KEY", verify_key,
		"ask for a cosign signature by this public key (PEM)"),
	OPT_STR(0, "progress", "MODE", "PROGRESS", struct pull_words, progress,
		"auto, plain (a line now and then), json (an object a line), none"),
	REQ_STR(0, "tls-ca", "FILE", "TLS_CA", ca_file,
		"trust the certificates in this PEM file (SSL_CERT_FILE works too)"),
	REQ_FLAG(0, "no-https", "NOHTTPS,NO_HTTPS", no_https, "talk plain http to the registry"),
	OPT_NOOP('U', "allow-unsigned"),
	OPT_NOOP(0, "no-cleanup"),
	OPT_END,
};

static int read_password(struct pull_words *w, struct buf *secret, struct err *e)
{
	if (!w->password_stdin)
		return 0;
	if (fd_read_all(STDIN_FILENO, secret, 64 << 10, "the password on standard input", e) < 0)
		return -1;
	while (secret->len && strchr("\r\n", secret->data[secret->len - 1]))
		secret->data[--secret->len] = '\0';
	if (!secret->len)
		return err_set(e, ERR_USAGE, "no password on standard input");
	w->req.password = secret->data;
	return 0;
}

static int run_pull(void *req, int argc, char **argv, struct err *e)
{
	struct pull_words *w = req;
	auto_buf struct buf secret = { 0 }, path = { 0 };
	int r;

	w->req.uri = argv[argc - 1];
	if (argc == 2)
		w->req.out = argv[0];
	if ((w->progress && progress_set_mode(w->progress, e) < 0) ||
	    read_password(w, &secret, e) < 0)
		return -1;
	w->req.progress = progress_new(STDERR_FILENO);
	r = flow_pull(&w->req, &path, e);
	progress_free(w->req.progress);
	if (secret.len)
		explicit_bzero(secret.data, secret.len);
	if (r < 0)
		return err_wrap(e, "pull %s", w->req.uri);
	log_info("%s is ready", buf_str(&path));
	return 0;
}

const struct cmd cmd_pull = {
	.name = "pull",
	.args = "[OUT] URI",
	.brief = "fetch an image from a registry into one file",
	.details =
		"Fetches the image that URI names, checks every byte by its digest and writes\n"
		"one SIF file: OUT, or <name>_<tag>.sif. What was fetched is kept in the store\n"
		"(BERTH_CACHEDIR, ~/.berth/cache), so that a cut pull goes on where it stopped.\n\n"
		"  berth pull docker://debian:12\n"
		"  berth pull -F tools.sif docker://registry.example.org:5000/lab/tools@sha256:...",
	.opts = pull_opts,
	.size = sizeof(struct pull_words),
	.least = 1,
	.most = 2,
	.run = run_pull,
};
