#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/cli/cmd.h"
#include "src/flow/build.h"

#define REQ struct build_req

/* clang-format off */
static const struct opt build_opts[] = {
	OPT_FLAG('F', "force", "FORCE", REQ, force, "replace an existing output"),
	OPT_FLAG('s', "sandbox", "SANDBOX", REQ, sandbox,
		 "make a directory with plain files and a table of their owners"),
	OPT_FLAG('u', "update", "UPDATE", REQ, update,
		 "with --sandbox: run the recipe's steps in the directory that is there"),
	OPT_LIST(0, "section", "NAMES", "SECTION", REQ, sections, 0,
		 "only these sections: post, files, environment, ...; all, none"),
	OPT_FLAG('T', "notest", "NOTEST", REQ, notest, "do not run %test"),
	OPT_LIST(0, "build-arg", "NAME=VALUE", NULL, REQ, args, 0,
		 "a value for {{ NAME }} or ARG; repeatable"),
	OPT_LIST(0, "build-arg-file", "FILE", NULL, REQ, arg_files, 0,
		 "a file with NAME=VALUE lines"),
	OPT_FLAG(0, "warn-unused-build-args", NULL, REQ, warn_unused,
		 "a build argument that nothing uses is only a warning"),
	OPT_LIST('B', "bind", "SRC[:DST[:OPTS]]", NULL, REQ, binds, 0,
		 "bind a host path while steps run; it is not in the image"),
	OPT_LIST(0, "mount", "type=bind,src=SRC,dst=DST[,ro]", NULL, REQ, mounts, 0,
		 "the same, in the words of --mount of exec"),
	OPT_FLAG(0, "nv", "NV", REQ, nv, "lend the NVIDIA driver to steps; it is not in the image"),
	OPT_FLAG(0, "rocm", "ROCM", REQ, rocm, "lend AMD GPUs to steps; they are not in the image"),
	OPT_LIST(0, "secret", "id=NAME[,src=FILE]", NULL, REQ, secrets, 0,
		 "a secret for RUN --mount=type=secret; it is never stored"),
	OPT_FLAG(0, "dockerfile", NULL, REQ, dockerfile, "SPEC is a Dockerfile, whatever its name"),
	OPT_STR(0, "context", "DIR", NULL, REQ, context,
		"where COPY reads from (the Dockerfile's directory)"),
	OPT_STR(0, "target", "STAGE", NULL, REQ, target, "stop at this stage of a Dockerfile"),
	OPT_STR(0, "arch", "ARCH", "ARCH", REQ, arch, "platform of the base: amd64, arm64, ..."),
	OPT_STR(0, "compress", "NAME[:LEVEL]", "COMPRESS", REQ, compress,
		"zstd (default, level 3), gzip, lz4 or xz"),
	OPT_STR(0, "emulation", "MODE", "EMULATION", REQ, emulation,
		"full (default), light (stat shows root) or none"),
	OPT_FLAG(0, "no-cache", NULL, REQ, no_cache, "do every step anew"),
	OPT_FLAG(0, "disable-cache", "DISABLE_CACHE", REQ, disable_cache,
		 "keep nothing in the store"),
	OPT_STR(0, "tmpdir", "DIR", "TMPDIR", REQ, tmpdir,
		"where stages are unpacked (beside the output)"),
	OPT_FLAG(0, "json", "JSON", REQ, json, "print the result as one line of JSON; what steps say goes to stderr"),
	OPT_FLAG(0, "dry-run", NULL, REQ, dry_run, "print stages and steps as JSON, build nothing"),
	OPT_STR(0, "docker-username", "USER", "DOCKER_USERNAME", REQ, user,
		"user name for the registry"),
	OPT_STR(0, "docker-password", "PASSWORD", "DOCKER_PASSWORD", REQ, password,
		"password for the registry"),
	OPT_STR(0, "authfile", "FILE", "AUTH_FILE,AUTHFILE", REQ, auth_file,
		"credentials for the registry"),
	OPT_STR(0, "tls-ca", "FILE", "TLS_CA", REQ, ca_file,
		"trust the certificates in this PEM file"),
	OPT_FLAG(0, "no-https", "NOHTTPS,NO_HTTPS", REQ, no_https,
		 "talk plain http to the registry"),
	/* A build always is root by emulation, has all permissions and needs no clean-up. */
	OPT_NOOP('f', "fakeroot"),
	OPT_NOOP(0, "fix-perms"),
	OPT_NOOP(0, "no-cleanup"),
	OPT_NOOP(0, "userns"),
	OPT_NOOP(0, "writable-tmpfs"),
	OPT_NOOP(0, "ignore-subuid"),
	OPT_NOOP(0, "ignore-fakeroot-command"),
	OPT_NOOP(0, "ignore-userns"),
	OPT_NOOP(0, "ignore-proot"),
	OPT_NOOP(0, "no-setgroups"),
	OPT_NOOP(0, "reproducible"),
	OPT_END,
};
/* clang-format on */

static int run_build(void *req, int argc, char **argv, struct err *e)
{
	struct build_req *r = req;
	auto_buf struct buf text = { 0 };

	r->out = argc == 2 ? argv[0] : "-";
	r->spec = argv[argc - 1];
	if (argc == 1 && !r->dry_run)
		return err_set(e, ERR_USAGE, "build needs an output and a recipe or image");
	if (flow_build(r, &text, e) < 0)
		return err_wrap(e, "build %s", r->out);
	if (text.len)
		return cmd_print(&text, e);
	log_info("%s is ready", r->out);
	return 0;
}

const struct cmd cmd_build = {
	.name = "build",
	.args = "OUT SPEC",
	.brief = "make an image from a definition file, a Dockerfile or another image",
	.details =
		"SPEC is a definition file, a Dockerfile, a URI (docker://...), a SIF, a SquashFS\n"
		"or a directory. No root, no subordinate ids and no helper program are needed: "
		"the\n"
		"image holds the owners, modes and devices that a build by root would have made.\n"
		"Steps that were done before come from the store.\n\n"
		"  berth build app.sif app.def\n"
		"  berth build app.sif Dockerfile\n"
		"  berth build --sandbox dir/ docker://debian:12\n"
		"  SOURCE_DATE_EPOCH=0 berth build app.sif app.def",
	.opts = build_opts,
	.size = sizeof(struct build_req),
	.least = 1,
	.most = 2,
	.run = run_build,
};
