/* def_app: the apps of a definition file (SCIF) as files of the image.
 *
 * Each app lives in /scif/apps/NAME with its scripts below scif/, its data in /scif/data/NAME.
 * Names and places are those of the Scientific Filesystem specification 1.0 as Apptainer lays it
 * out; the shell texts are our own. */
#ifndef RECIPE_DEF_APP_H
#define RECIPE_DEF_APP_H

#include "src/recipe/def.h"

/* Directories, scripts, labels and %appfiles of every app: before %post, which needs them. */
void def_app_steps(struct steps *out, const struct def_stage *s);
/* What %post runs at its end: every app's %appinstall, in the app's directory and environment. */
void def_app_install(const struct def_stage *s, struct buf *out);
/* Env scripts of the image: 94-appsbase.sh, and 95-apps.sh, which turns on the app of --app. */
void def_app_base_env(const struct def_stage *s, struct buf *out);
void def_app_active_env(struct buf *out);
/* "#!/bin/sh [args]", or the author's own first line; then the text. */
void def_script_file(const char *text, const char *args, struct buf *out);

#endif
