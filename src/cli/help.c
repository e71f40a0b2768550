#include "src/cli/cmd.h"
#include "src/cli/globals.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/near.h"
#include "src/cli/persona.h"

const struct cmd *const commands[] = {
	&cmd_pull,
	&cmd_build,
	&cmd_push,
	&cmd_tag,
	&cmd_delete,
	&cmd_prefetch,
	&cmd_cache_list,
	&cmd_cache_clean,
	&cmd_cache_verify,
	&cmd_registry_login,
	&cmd_registry_logout,
	&cmd_registry_list,
	&cmd_exec,
	&cmd_run,
	&cmd_shell,
	&cmd_test,
	&cmd_instance_start,
	&cmd_instance_run,
	&cmd_instance_list,
	&cmd_instance_stop,
	&cmd_instance_stats,
	&cmd_inspect,
	&cmd_run_help,
	&cmd_ls,
	&cmd_cat,
	&cmd_diff,
	&cmd_packages,
	&cmd_sif_header,
	&cmd_sif_list,
	&cmd_sif_info,
	&cmd_sif_dump,
	&cmd_sif_new,
	&cmd_sif_add,
	&cmd_sif_del,
	&cmd_sif_setprim,
	&cmd_overlay_create,
	&cmd_gpu_check,
	&cmd_mpi_check,
	&cmd_slurm_step,
	&cmd_check,
	&cmd_version,
	&cmd_buildcfg,
	&cmd_help,
	NULL,
};

const struct cmd *cmd_find(const char *name)
{
	for (const struct cmd *const *c = commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

const struct cmd *cmd_find_words(int argc, char **argv, int *used)
{
	*used = 1;
	for (const struct cmd *const *c = commands; argc > 1 && *c; c++) {
		const char *second = strchr((*c)->name, ' ');

		if (second && !strcmp(second + 1, argv[1]) &&
		    !strncmp((*c)->name, argv[0], (size_t)(second - (*c)->name)) &&
		    !argv[0][second - (*c)->name]) {
			*used = 2;
			return *c;
		}
	}
	return cmd_find(argv[0]);
}

/* The commands of a group, when name is one: "start, run, ...". */
static void group_words(struct buf *out, const char *name)
{
	size_t n = strlen(name);

	for (const struct cmd *const *c = commands; *c; c++)
		if (!strncmp((*c)->name, name, n) && (*c)->name[n] == ' ')
			buf_printf(out, "%s%s", out->len ? ", " : "", (*c)->name + n + 1);
}

int cmd_unknown(int argc, char **argv, struct err *e)
{
	auto_buf struct buf group = { 0 };
	const char *name = argv[0];
	const struct cmd *best = NULL;
	unsigned least = 3;

	group_words(&group, name);
	if (group.len && argc > 1)
		return err_set(e, ERR_USAGE, "no command \"%s %s\"; there are: %s", name, argv[1],
			       buf_str(&group));
	if (group.len)
		return err_set(e, ERR_USAGE, "%s: which of its commands: %s", name,
			       buf_str(&group));
	for (const struct cmd *const *c = commands; *c; c++) {
		unsigned d = near_distance(name, (*c)->name);

		if (d < least)
			least = d, best = *c;
	}
	if (best)
		return err_set(e, ERR_USAGE,
			       "no command \"%s\" (did you mean %s?): %s help lists them", name,
			       best->name, persona()->name);
	return err_set(e, ERR_USAGE, "no command \"%s\": %s help lists them", name,
		       persona()->name);
}

static void overview(struct buf *out)
{
	buf_printf(out, "Usage: %s [--quiet|--verbose|--debug] [-c FILE] COMMAND [OPTIONS] ...\n\n",
		   persona()->name);
	buf_adds(out, "Runs container images as an ordinary user: images are pulled over HTTPS,\n"
		      "kept as one file, and started at native speed.\n\nCommands:\n");
	for (const struct cmd *const *c = commands; *c; c++)
		if (*(*c)->brief) /* without one: for programs, not for people */
			buf_printf(out, "  %-16s %s\n", (*c)->name, (*c)->brief);
	buf_adds(out, "\nOptions before the command:\n");
	opt_help(global_opts, out);
	buf_adds(out, "\nFirst steps:\n"
		      "  berth pull docker://debian:12         an image into debian_12.sif\n"
		      "  berth exec debian_12.sif cat /etc/os-release\n"
		      "  berth check                           what this host lacks, if anything\n"
		      "\nberth help COMMAND shows the options of one command.\n");
}

void cmd_help_text(const struct cmd *c, struct buf *out)
{
	if (!c) {
		overview(out);
		return;
	}
	buf_printf(out, "Usage: %s %s %s%s\n\n%s\n", persona()->name, c->name,
		   c->opts[0].kind == OPT_KIND_END ? "" : "[OPTIONS] ", c->args, c->details);
	if (c->opts[0].kind == OPT_KIND_END)
		return;
	buf_adds(out, "\nOptions:\n");
	opt_help(c->opts, out);
}

int cmd_print(const struct buf *text, struct err *e)
{
	if (text->len && fd_write(STDOUT_FILENO, text->data, text->len) < 0)
		return err_sys(e, "write to standard output");
	return 0;
}

struct help_words {
	bool man;
};

static const struct opt help_opts[] = {
	OPT_FLAG(0, "man", NULL, struct help_words, man, "print the command's man page source"),
	OPT_END,
};

static int run_help(void *req, int argc, char **argv, struct err *e)
{
	const struct help_words *w = req;
	auto_buf struct buf text = { 0 };
	int used = 0;
	const struct cmd *c = argc ? cmd_find_words(argc, argv, &used) : NULL;

	if (argc && (!c || used < argc))
		return cmd_unknown(argc, argv, e);
	if (w->man)
		cmd_man_text(c, &text);
	else
		cmd_help_text(c, &text);
	return cmd_print(&text, e);
}

static int run_version(void *req, int argc, char **argv, struct err *e)
{
	auto_buf struct buf text = { 0 };

	(void)req, (void)argc, (void)argv;
	buf_printf(&text, "%s\n", persona()->version);
	return cmd_print(&text, e);
}

static const struct opt no_opts[] = { OPT_END };

const struct cmd cmd_help = {
	.name = "help",
	.args = "[COMMAND]",
	.brief = "explain a command",
	.details = "Prints what a command does and its options.",
	.opts = help_opts,
	.size = sizeof(struct help_words),
	.most = 2,
	.run = run_help,
};

const struct cmd cmd_version = {
	.name = "version",
	.args = "",
	.brief = "print the version",
	.details = "Prints the bare version number.",
	.opts = no_opts,
	.run = run_version,
};
