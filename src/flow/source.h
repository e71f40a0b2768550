/* source: what a word that stands for an image means: a file that is there, or a place to fetch
 * one from.
 *
 *	struct pull_req r = { .uri = word, ... credentials and the like ... };
 *	auto_buf struct buf path = { 0 };
 *	if (source_path(&r, &path, e) < 0) ...    // path: a SIF, a SquashFS or a directory
 *
 * A file that exists always wins over any other reading.  What is fetched goes into the store, and
 * the path is the store's own file: read it, do not change it. */
#ifndef FLOW_SOURCE_H
#define FLOW_SOURCE_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/flow/pull.h"

/* Words alone: is it a URI of a known transport, for which no file of that name exists? */
bool source_is_uri(const char *word);
/* Pulls r->uri into the store when it is a URI, with a progress bar on a terminal; else checks
 * nothing and gives the word back. */
int source_path(const struct pull_req *r, struct buf *path, struct err *e);
/* For an ERR_NOTFOUND over word: adds how it would be written if an image of a registry, or of an
 * unknown scheme, was meant.  Returns -1. */
int source_explain_missing(const char *word, struct err *e);

#endif
