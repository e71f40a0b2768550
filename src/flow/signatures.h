/* signatures: what cosign put beside an image of a registry: kept in the store, and asked for.
 *
 *	signatures_possible(&source, e);   // after source_init()
 *	signatures_require(&source, e);    // after source_resolve(): who wants one, has one?
 *	signatures_keep(&source, e);       // when the image is fetched: for later, without network
 *
 * Asked for by --verify-key (struct pull_req) and by "verify key" of berth.conf; where both speak,
 * both hold.  What vouches for an index vouches for the images it lists.  Nothing of an image but
 *its manifest and index is fetched before its signature was good; config and layers are checked
 *against the manifest by digest, as always. */
#ifndef FLOW_SIGNATURES_H
#define FLOW_SIGNATURES_H

#include "registry/beside.h"
#include "src/base/err.h"
#include "src/flow/pull_source.h"

/* ERR_USAGE: the request asks for one where none can be; ERR_NOTFOUND, ERR_INPUT: by a key that is
 * not there or is none.  Asks nothing of the network. */
int signatures_possible(const struct source *s, struct err *e);

/* ERR_AUTH: not signed, or by others alone; ERR_INPUT: the signature is for another image or
 * malformed. */
int signatures_require(struct source *s, struct err *e);

/* Looks once, and lets it be where that fails.  ERR_INTR alone is an error. */
int signatures_keep(struct source *s, struct err *e);

/* What the store has for an image.  1 there, 0 not. */
int signatures_stored(struct store *store, const struct digest *image, struct beside *b,
		      struct err *e);

#endif
