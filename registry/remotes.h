/* remotes: the service that library:// names lead to, as Apptainer's remote.yaml has it.
 *
 *	auto_remote_endpoint struct remote_endpoint r = { 0 };
 *	r = remote_endpoint_find(&r, e);      // 0 the active one, 1 none is configured
 *
 * Looked at: $APPTAINER_CONFIGDIR/remote.yaml, ~/.apptainer/remote.yaml,
 *~/.singularity/remote.yaml, /etc/apptainer/remote.yaml, /etc/singularity/remote.yaml.  Read is the
 *little YAML that those programs write. */
#ifndef REGISTRY_REMOTES_H
#define REGISTRY_REMOTES_H

#include "src/base/err.h"
#include "src/base/mem.h"

#define REMOTES_FILE_MAX (1u << 20)

struct remote_endpoint {
	char *name;
	char *uri;   /* "https://host" */
	char *token; /* a secret; NULL: none */
};
void remote_endpoint_fini(struct remote_endpoint *r);
#define auto_remote_endpoint auto_(remote_endpoint_fini)

int remote_endpoint_find(struct remote_endpoint *out, struct err *e);
/* The active remote of one document.  1: it has none. */
int remote_endpoint_parse(struct remote_endpoint *out, const char *text, struct err *e);

#endif
