/* layers: what lies over the image: --overlay, --writable-tmpfs, --writable.
 *
 *	layers_wants(&paths, req, f);            // which host paths to look at
 *	if (layers_make(p, req, f, e) < 0) ...   // fills p->layers, p->upper, p->writable
 *
 * The rules are in docs/mounts.md.  Private to src/plan. */
#ifndef PLAN_LAYERS_H
#define PLAN_LAYERS_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/plan/plan.h"

/* One word of --overlay. */
struct overlay_word {
	char *path; /* clean and absolute */
	bool ro;
	bool own; /* the image's own partition */
};
struct overlay_words {
	struct overlay_word *v;
	size_t n, cap;
};
void overlay_words_fini(struct overlay_words *w);
#define auto_overlay_words auto_(overlay_words_fini)

/* "PATH", "PATH:ro", "PATH:rw", several with commas; ERR_USAGE. */
int overlay_words_parse(struct overlay_words *out, const struct run_req *req, const char *cwd,
			struct err *e);
/* The overlay partition of the image itself comes last, unless it was named: read, or with
 * --writable written to. */
void overlay_words_own(struct overlay_words *out, const struct run_req *req,
		       const struct facts_image *image);

void layers_wants(struct strv *paths, const struct overlay_words *words);
/* ERR_USAGE for options that exclude each other, ERR_NOTFOUND for what is not there. */
int layers_make(struct plan *p, const struct overlay_words *words, const struct run_req *req,
		const struct facts *f, struct err *e);

#endif
