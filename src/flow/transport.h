/* transport: the places an image can come from, one row each.
 *
 *	t = transport_of("oci:dir:1.2", &rest);     // NULL: no scheme, a path
 *	t->parse(source, rest, e); t->resolve(source, e); ...
 *
 * A transport fills the fields of struct source: after resolve() there is either a manifest whose
 * config() and layer()s can be read, or sif says where one whole SIF file is. */
#ifndef FLOW_TRANSPORT_H
#define FLOW_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/base/stream.h"

struct source;

struct transport {
	const char *scheme; /* "docker" */
	bool slashes;	    /* "//" follows the colon */
	const char *form;   /* what follows, for messages */
	/* Words only, except that existing files decide where a path ends.  Sets s->text and
	 * s->base, s->tag for the output's name. */
	int (*parse)(struct source *s, const char *rest, struct err *e);
	int (*resolve)(struct source *s, struct err *e);
	/* Adds the config's bytes; the caller verifies nothing.  NULL: there are only SIF files. */
	int (*config)(struct source *s, struct buf *out, struct err *e);
	/* The i-th layer as stored.  NULL: layers are blobs of a registry and go through the store.
	 */
	int (*layer)(struct source *s, size_t i, struct stream **out, struct err *e);
	void (*close)(struct source *s); /* what s->local is; may be NULL */
};

extern const struct transport transport_docker, transport_oras, transport_http, transport_https,
	transport_oci, transport_oci_archive, transport_docker_archive, transport_docker_daemon,
	transport_library, transport_shub;

/* NULL-terminated. */
extern const struct transport *const transports[];

/* The row for a URI and what follows its colon (and slashes); NULL: text has no known scheme. */
const struct transport *transport_of(const char *text, const char **rest);
/* "docker://, oras://, ..., oci:" for messages. */
void transport_list(struct buf *out);

#endif
