/* verbs: the plug-ins ("providers") through which libibverbs opens an adapter, which it loads by name
 * as libibverbs/lib<provider>-rdmav<n>.so beside itself (rdma-core 16 and later).
 *
 *	verbs_providers(out, host, "fabric");      // the image has no libibverbs: the host's come along
 *	auto_free char *name = verbs_lacking(host); // it has: "libmlx5-rdmav34.so" is not there
 */
#ifndef BINDINGS_VERBS_H
#define BINDINGS_VERBS_H

#include "bindings/lend.h"

#define VERBS_LIB "libibverbs.so.1"

/* Adds the providers of this host's adapters to the set of libraries, and their configuration. */
void verbs_providers(struct lent *out, struct lend_host *host, const char *by);
/* The provider that the image's libibverbs would load for an adapter of this host, when the image
 * has that for none of them; NULL otherwise, and where a provider's name cannot be told.  The caller
 * frees it. */
char *verbs_lacking(struct lend_host *host);

#endif
