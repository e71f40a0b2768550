/* run_lend: asks bindings/ what the host lends for a request; the image is looked at through the
 *same reader that serves it.
 *
 *	auto_lent struct lent lent = { 0 };
 *	if (run_lend(&lent, req, &facts, &image, e) < 0) ...  // nothing asked for: nothing is
 *opened
 */
#ifndef FLOW_RUN_LEND_H
#define FLOW_RUN_LEND_H

#include "bindings/lend.h"
#include "mpi/launcher.h"
#include "src/flow/run_image.h"

/* Sets facts->lent when something was asked for.  ERR_HOST names what cannot work and why; out has
 * all verdicts then too. */
int run_lend(struct lent *out, const struct run_req *req, struct facts *facts,
	     struct run_image *image, struct err *e);

/* A launch that may span nodes and did not ask for the fabric: its first rank says in one warning
 * that the image cannot open the one that is here. */
void run_lend_watch(const struct run_req *req, const struct launcher *l, struct run_image *image);

/* How files of an image are read for it; arg is the struct run_image. */
extern const struct inside_ops run_lend_image;

#endif
