/* yaml: the part of YAML in which CDI specs are written, as JSON text.
 *
 *	auto_buf struct buf json = { 0 };
 *	if (yaml_to_json(&json, text, n, e) < 0) ...        // "line 7: ..."
 *	json_parse(&doc, buf_str(&json), json.len, max, e);
 *
 * Block mappings and sequences by indentation; flow collections ([a, b], {k: v}) on one line;
 *plain, 'single' and "double" quoted scalars; literal and folded blocks (| and >); comments; "---"
 *at the start.  Anchors, aliases, tags, merge keys and several documents are refused with the line:
 *no generator of specs writes them, and each has let hostile text grow.
 *
 * Plain scalars are null, true, false and integers as in YAML 1.2's core schema; everything else is
 * a string. */
#ifndef BINDINGS_YAML_H
#define BINDINGS_YAML_H

#include <stddef.h>

#include "src/base/buf.h"
#include "src/base/err.h"

/* ERR_INPUT with the line at fault; nesting beyond 32 is refused. */
int yaml_to_json(struct buf *out, const char *text, size_t n, struct err *e);

#endif
