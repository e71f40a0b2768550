/* pull_layers: an image's layers as streams, whether they lie in the store or are still on
 * their way.
 *
 *	layers_open(&l, source, progress, bar, e); // what is there, what is missing
 *	layers_start(l, e);                        // a thread fetches what is missing, top first
 *	flatten(..., layers_inputs(l), n, ...);
 *	layers_finish(l, failed, e);               // joins the thread
 *
 * The source is borrowed and is the thread's until layers_finish(). */
#ifndef FLOW_PULL_LAYERS_H
#define FLOW_PULL_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

#include "image/flatten.h"
#include "src/base/progress.h"
#include "src/flow/pull_source.h"

struct layers;

/* Each layer gets a bar of p; used counts the stored bytes that have been read. */
int layers_open(struct layers **out, struct source *s, struct progress *p, struct bar *used,
		struct err *e);
/* Bytes to come over the network. */
uint64_t layers_missing(const struct layers *l);
/* As many as the manifest has, bottom first; live as long as l. */
const struct layer_input *layers_inputs(const struct layers *l);
int layers_start(struct layers *l, struct err *e);
/* give_up: break the downloads off.  -1 with the download's own error; an error that only says
 * that we gave up is none. */
int layers_finish(struct layers *l, bool give_up, struct err *e);
/* After a layer turned out damaged: true when a stored copy was bad (it is removed now) or was
 * replaced while it was read, so that a second attempt may succeed. */
bool layers_were_stale(struct layers *l);
void layers_free(struct layers *l);
static inline void layers_free_p_(struct layers **l)
{
	layers_free(*l);
}
#define auto_layers auto_(layers_free_p_)

#endif
