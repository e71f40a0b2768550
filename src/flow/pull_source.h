/* pull_source: what a URI means: manifest and configuration of one image, out of the store as far
 *as it has them, else from where the URI leads (transport.h); or one whole SIF file.
 *
 *	source_init(&s, req, e);
 *	s.store = store;
 *	source_resolve(&s, e);    // s.manifest: one image for the platform asked for; or s.sif
 *	source_config(&s, e);     // s.config, checked against what was asked
 *
 * berth.conf is read once, by source_init(), or handed down in the request.
 * A digest that is in the store asks nothing of the network; a tag asks for its manifest. */
#ifndef FLOW_PULL_SOURCE_H
#define FLOW_PULL_SOURCE_H

#include <pthread.h>
#include <stdbool.h>

#include "image/oci.h"
#include "image/store.h"
#include "registry/manifest.h"
#include "registry/platform.h"
#include "registry/ref.h"
#include "registry/regconf.h"
#include "registry/remote.h"
#include "src/base/err.h"
#include "src/flow/pull.h"
#include "src/flow/transport.h"
#include "src/plan/conf.h"

/* A SIF file that somebody else made. */
struct source_sif {
	bool wanted;	      /* the source is one */
	char *url;	      /* NULL: the blob digest of the repository */
	struct digest digest; /* of its bytes; DIGEST_NONE: nobody has said */
	uint64_t size;	      /* or BLOB_ANY_SIZE */
	char *version;	      /* what tells it from an older file at url; NULL */
};

struct source {
	const struct pull_req *req;
	const struct conf *conf; /* the request's, else own */
	struct conf own;
	const struct transport *t;
	struct store *store; /* borrowed */
	bool alone;	     /* nobody else uses that store */
	char *text;	     /* the source in full, for messages */
	char *base, *tag;    /* what the output's name is made of; tag NULL: "latest" */
	struct ref ref;	     /* of registries; of others what remote_open() needs */
	void *local;	     /* the transport's own */
	struct source_sif sif;
	struct routes routes; /* of a registry: mirrors, then the place itself */
	size_t route;	      /* the one in use */
	bool plain;	      /* http, as the URI says */
	char *unix_socket;    /* of a daemon; NULL */
	char *bearer;	      /* a token that the service wants; NULL */
	struct platform want;
	unsigned parallel;    /* downloads at once; 0: the registry's default */
	bool from_index;      /* an index promised the platform */
	struct digest top;    /* of what the name stands for: the manifest, or an index above it */
	struct digest digest; /* of the manifest */
	struct manifest manifest;
	struct oci_config *config;

	/* The connection is made when first needed; cancelling comes from another thread. */
	pthread_mutex_t lock;
	struct remote *remote;
	bool stopped;	/* until source_drop_remote() */
	bool cancelled; /* for good */
};

/* Reads the words of the request.  The source must be finished in any case. */
int source_init(struct source *s, const struct pull_req *req, struct err *e);
void source_fini(struct source *s);
#define auto_source auto_(source_fini)

int source_resolve(struct source *s, struct err *e);
int source_config(struct source *s, struct err *e);

/* The connection, *out borrowed.  ERR_INTR after source_stop_remote(), source_cancel(). */
int source_remote(struct source *s, struct remote **out, struct err *e);
/* From any thread: what runs on the connection, or is only about to be made, ends soon. */
void source_stop_remote(struct source *s);
/* Closes it; the next source_remote() makes a new one. */
void source_drop_remote(struct source *s);
/* After a failure: the next place to ask, with e said.  False: there is none, or e is no reason. */
bool source_next_route(struct source *s, const struct err *e);
/* From any thread: everything that uses the network ends soon, for good. */
void source_cancel(struct source *s);
bool source_is_cancelled(struct source *s);

/* "debian_12.sif": the file name that Apptainer gives such an image.  Heap string. */
char *source_file_name(const struct source *s);

/* Downloads the SIF of s->sif into the store as its finished image of key; what an earlier run left
 * is gone on from.  Its path is added to path. */
int source_fetch_sif(struct source *s, const char *key, struct progress *bars, struct buf *path,
		     struct err *e);
/* What tells this SIF from all others, for the store's key. */
void source_sif_identity(const struct source *s, struct buf *out);
/* The archive that Docker's daemon sends for name; the source's connection lives on with it. */
int daemon_export(struct stream **out, struct source *s, const char *name, struct err *e);

#endif
