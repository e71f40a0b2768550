/* cmd: commands as table rows.
 *
 * main looks a word up in commands[], parses the command's options into a
 * zeroed request of its size, checks the number of operands and calls run().
 * run() returns the exit status to use, or -1 with the error that main prints. */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include "src/base/err.h"
#include "src/cli/opt.h"

#define CMD_MANY 100000000

struct cmd {
	const char *name;    /* one word, or a group's and its own: "instance list" */
	const char *args;    /* operands, as the usage line shows them */
	const char *brief;   /* one line in the list of commands */
	const char *details; /* the paragraph of --help, examples included */
	const struct opt *opts;
	size_t size;	 /* of the request */
	int least, most; /* operands */
	int (*run)(void *req, int argc, char **argv, struct err *e);
};

extern const struct cmd cmd_buildcfg, cmd_check, cmd_delete, cmd_exec, cmd_help, cmd_inspect,
	cmd_pull, cmd_push, cmd_run, cmd_run_help, cmd_shell, cmd_tag, cmd_test, cmd_version;
extern const struct cmd cmd_gpu_check;
extern const struct cmd cmd_overlay_create;
extern const struct cmd cmd_build;
extern const struct cmd cmd_mpi_check, cmd_slurm_step;
extern const struct cmd cmd_cache_clean, cmd_cache_list, cmd_cache_verify, cmd_prefetch;
extern const struct cmd cmd_cat, cmd_diff, cmd_ls, cmd_packages;
extern const struct cmd cmd_registry_list, cmd_registry_login, cmd_registry_logout;
extern const struct cmd cmd_sif_add, cmd_sif_del, cmd_sif_dump, cmd_sif_header, cmd_sif_info,
	cmd_sif_list, cmd_sif_new, cmd_sif_setprim;
extern const struct cmd cmd_instance_list, cmd_instance_run, cmd_instance_start, cmd_instance_stats,
	cmd_instance_stop;

/* NULL-terminated, in the order in which help lists them. */
extern const struct cmd *const commands[];

const struct cmd *cmd_find(const char *name);
/* The command that the first words name; *used is how many they are. */
const struct cmd *cmd_find_words(int argc, char **argv, int *used);
/* The error for words that name none, with the command that they may have meant.  -1. */
int cmd_unknown(int argc, char **argv, struct err *e);
/* The full --help text of one command, or of berth itself for NULL. */
void cmd_help_text(const struct cmd *c, struct buf *out);
/* The man page of a command, or of berth itself for NULL, in roff's man format. */
void cmd_man_text(const struct cmd *c, struct buf *out);
/* Writes text to stdout; a failing write is an error. */
int cmd_print(const struct buf *text, struct err *e);

#endif
