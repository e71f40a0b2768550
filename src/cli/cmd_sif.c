/* sif header, list, info, dump, new, add, del, setprim. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/flow/siftool.h"

static const struct opt no_opts[] = { OPT_END };

static int object_id(const char *word, unsigned *id, struct err *e)
{
	char *end;
	unsigned long v = strtoul(word, &end, 10);

	if (!*word || *end || !v || v > 1000000)
		return err_set(e, ERR_USAGE, "\"%.40s\" is no object's number", word);
	*id = (unsigned)v;
	return 0;
}

static int show(const char *path, enum sif_show what, unsigned id, struct err *e)
{
	auto_buf struct buf text = { 0 };

	if (flow_sif_show(path, what, id, &text, e) < 0)
		return -1;
	return cmd_print(&text, e);
}

static int run_header(void *req, int argc, char **argv, struct err *e)
{
	(void)req;
	(void)argc;
	return show(argv[0], SIF_SHOW_HEADER, 0, e);
}

static int run_list(void *req, int argc, char **argv, struct err *e)
{
	(void)req;
	(void)argc;
	return show(argv[0], SIF_SHOW_LIST, 0, e);
}

static int run_new(void *req, int argc, char **argv, struct err *e)
{
	(void)req;
	(void)argc;
	return flow_sif_new(argv[0], e);
}

static int show_info(const char *path, unsigned id, struct err *e)
{
	return show(path, SIF_SHOW_INFO, id, e);
}

static int dump(const char *path, unsigned id, struct err *e)
{
	return flow_sif_dump(path, id, STDOUT_FILENO, e);
}

/* "ID FILE". */
static int with_id(int (*f)(const char *path, unsigned id, struct err *e), char **argv,
		   struct err *e)
{
	unsigned id;

	return object_id(argv[0], &id, e) < 0 ? -1 : f(argv[1], id, e);
}

#define RUN_WITH_ID(name, f)                                                   \
	static int run_##name(void *req, int argc, char **argv, struct err *e) \
	{                                                                      \
		(void)req;                                                     \
		(void)argc;                                                    \
		return with_id(f, argv, e);                                    \
	}
RUN_WITH_ID(info, show_info)
RUN_WITH_ID(dump, dump)
RUN_WITH_ID(del, flow_sif_delete)
RUN_WITH_ID(setprim, flow_sif_primary)

static const struct opt add_opts[] = {
	OPT_UINT(0, "datatype", "N", NULL, struct sif_add_req, datatype,
		 "1 definition file, 2 environment, 3 labels, 4 partition, 5 signature, 6 JSON, 7 "
		 "generic, 8 crypto message, 9 SBOM, 10 OCI index, 11 OCI blob"),
	OPT_UINT(0, "parttype", "N", NULL, struct sif_add_req, parttype,
		 "of a partition: 1 system, 2 primary system, 3 data, 4 overlay"),
	OPT_UINT(0, "partfs", "N", NULL, struct sif_add_req, partfs,
		 "of a partition: 1 SquashFS, 2 ext3, 3 archive, 4 raw, 5 encrypted SquashFS"),
	OPT_UINT(0, "partarch", "N", NULL, struct sif_add_req, partarch,
		 "of a partition: 1 386, 2 amd64, 3 arm, 4 arm64, 5 ppc64, 6 ppc64le, ..."),
	OPT_UINT(0, "signhash", "N", NULL, struct sif_add_req, signhash,
		 "of a signature: 1 SHA-256, 2 SHA-384, 3 SHA-512"),
	OPT_STR(0, "signentity", "HEX", NULL, struct sif_add_req, signentity,
		"of a signature: the signer's fingerprint"),
	OPT_STR(0, "sbomformat", "NAME", NULL, struct sif_add_req, sbomformat,
		"of an SBOM: cyclonedx-json, spdx-json, syft-json, ..."),
	OPT_UINT(0, "groupid", "N", NULL, struct sif_add_req, groupid,
		 "group of the object (none)"),
	OPT_UINT(0, "link", "N", NULL, struct sif_add_req, link,
		 "object that it belongs to (none)"),
	OPT_UINT(0, "alignment", "N", NULL, struct sif_add_req, alignment,
		 "its offset is a multiple of this"),
	OPT_STR(0, "filename", "NAME", NULL, struct sif_add_req, filename, "name of the object"),
	OPT_END,
};

static int run_add(void *req, int argc, char **argv, struct err *e)
{
	struct sif_add_req *r = req;

	(void)argc;
	r->path = argv[0];
	r->file = argv[1];
	return flow_sif_add(r, e);
}

/* clang-format off */
#define SIF_CMD(id, word, a, n, b, d)                                                             \
	const struct cmd cmd_sif_##id = {                                                         \
		.name = "sif " word, .args = a, .brief = b, .details = d, .opts = no_opts,        \
		.size = 1, .least = n, .most = n, .run = run_##id,                                \
	}

SIF_CMD(header, "header", "FILE", 1, "show the header of a SIF file",
	"Shows FILE's global header, in the form of Apptainer's sif command.");
SIF_CMD(list, "list", "FILE", 1, "list the objects of a SIF file",
	"Lists FILE's objects: number, group, link, place and type.");
SIF_CMD(info, "info", "ID FILE", 2, "show one object of a SIF file",
	"Shows all that FILE's table says of object ID.");
SIF_CMD(dump, "dump", "ID FILE", 2, "write one object of a SIF file to standard output",
	"Writes the bytes of object ID to standard output.\n\n  berth sif dump 1 app.sif > recipe.def");
SIF_CMD(new, "new", "FILE", 1, "make an empty SIF file",
	"Makes FILE, a SIF without objects.");
SIF_CMD(del, "del", "ID FILE", 2, "remove one object of a SIF file",
	"Removes object ID from FILE's table. A signature over its group no longer holds then.");
SIF_CMD(setprim, "setprim", "ID FILE", 2, "choose the system partition that is started",
	"Makes partition ID the primary one.");
/* clang-format on */

const struct cmd cmd_sif_add = {
	.name = "sif add",
	.args = "FILE DATA",
	.brief = "add an object to a SIF file",
	.details =
		"Adds the file DATA, or standard input for -, to FILE as an object.\n\n"
		"  berth sif add --datatype 9 --sbomformat spdx-json --groupid 1 app.sif sbom.json",
	.opts = add_opts,
	.size = sizeof(struct sif_add_req),
	.least = 2,
	.most = 2,
	.run = run_add,
};
