/* meta_script: the two shell scripts that stand for an OCI configuration inside a root file
 * system: 10-docker2singularity.sh for Env, runscript for Entrypoint and Cmd.
 *
 *	meta_env_script(&text, &config->env);
 *	meta_runscript(&text, &config->entrypoint, &config->cmd);
 *	if (meta_runscript_parse(text, &entrypoint, &cmd) == 0) ...   // and back
 *
 * The forms are those that Apptainer writes and looks for, so that it and we run each other's
 * images alike, without a shell. */
#ifndef IMAGE_META_SCRIPT_H
#define IMAGE_META_SCRIPT_H

#include "src/base/buf.h"

/* One export a line; names that no shell takes are left out. */
void meta_env_script(struct buf *out, const struct strv *env);
void meta_runscript(struct buf *out, const struct strv *entrypoint, const struct strv *cmd);
/* Adds to entrypoint and cmd.  0 done; 1 the script is an author's own, or holds unescaped $ or
 * backquotes (old images), which want a shell: nothing was added. */
int meta_runscript_parse(const char *text, struct strv *entrypoint, struct strv *cmd);

#endif
