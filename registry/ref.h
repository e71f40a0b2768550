/* ref: the name of an image in a registry, as people write it.
 *
 *	auto_ref struct ref r = { 0 };
 *	if (ref_parse(&r, "docker://debian:12", e) < 0) ...
 *	puts(r.text);   // docker.io/library/debian:12
 *
 * The grammar is the OCI distribution specification's; the short forms are
 * Docker's: no host means docker.io, a single word there lies below library/,
 * no tag and no digest means "latest".  A ref owns its strings. */
#ifndef REGISTRY_REF_H
#define REGISTRY_REF_H

#include <stdbool.h>

#include "src/base/digest.h"
#include "src/base/err.h"
#include "src/base/mem.h"

struct ref {
	char *host;	      /* "docker.io", "localhost:5000": what people call it */
	char *repo;	      /* "library/debian" */
	char *tag;	      /* NULL when only a digest was given */
	struct digest digest; /* DIGEST_NONE when there is none; else it wins over the tag */
	char *text;	      /* all of it: host/repo[:tag][@digest] */
};

/* text may start with "docker://".  ERR_USAGE quotes the text and says which part
 * is wrong; another scheme is ERR_UNSUPPORTED. */
int ref_parse(struct ref *out, const char *text, struct err *e);
void ref_fini(struct ref *r);
#define auto_ref auto_(ref_fini)

/* One of the names under which Docker Hub is known. */
bool ref_host_is_hub(const char *host);
/* The host (and port) that speaks the API for r: docker.io is a name, not an
 * address.  Borrowed. */
const char *ref_api_host(const struct ref *r);

#endif
