/* remote: one repository of a registry, open for reading.
 *
 *	auto_remote struct remote *r = NULL;
 *	auto_manifest_doc struct manifest_doc doc = { 0 };
 *	if (remote_open(&r, &ref, &(struct remote_opts){ .ca_file = ca }, e) < 0 ||
 *	    remote_manifest(r, "12", &doc, e) < 0 || ...
 *	    remote_blobs(r, gets, n, e) < 0)
 *
 * Everything here runs in the calling thread; only remote_cancel() may be called
 * from another.  Failures that may pass (429, 5xx, broken connections, expired
 * tokens) are retried inside; what comes out as an error is final. */
#ifndef REGISTRY_REMOTE_H
#define REGISTRY_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "registry/http.h"
#include "registry/manifest.h"
#include "registry/ref.h"
#include "registry/retry.h"
#include "src/base/buf.h"
#include "src/base/digest.h"
#include "src/base/err.h"
#include "src/base/mem.h"

struct remote_opts {
	const char *user, *password; /* both or none; else the user's config files count */
	const char *user_source;   /* where they came from, for messages; NULL: --docker-username */
	const char *ca_file;	   /* trusted besides the system's; NULL: none */
	const char *auth_file;	   /* instead of ~/.docker/config.json and the like */
	bool no_https;		   /* plain http, only ever when the user says so */
	bool insecure;		   /* https with any certificate: registries.conf says so */
	unsigned parallel;	   /* blobs at once; 0: 4 */
	struct retry_policy retry; /* fields that are 0 take retry_default's */
	unsigned connect_timeout_s, stall_bytes, stall_s; /* http.h; 0: its defaults */
	uint64_t limit_rate;				  /* bytes a second; 0: no limit */
	const char *unix_socket;			  /* instead of the host; NULL: none */
	const char *bearer;				  /* a token known beforehand; NULL: none */
};

struct remote;
/* Asks the network for nothing yet.  ref is copied. */
int remote_open(struct remote **out, const struct ref *ref, const struct remote_opts *o,
		struct err *e);
void remote_close(struct remote *r);
static inline void remote_close_p_(struct remote **r)
{
	remote_close(*r);
}
#define auto_remote auto_(remote_close_p_)

struct manifest_doc {
	struct buf body;  /* byte for byte what the registry sent */
	char *media_type; /* one of manifest_types */
	struct digest digest;
};
void manifest_doc_fini(struct manifest_doc *d);
#define auto_manifest_doc auto_(manifest_doc_fini)

/* Fetches and verifies one manifest or index: its bytes hash to the digest asked
 * for and to the Docker-Content-Digest sent, and its type is one of the four. */
int remote_manifest(struct remote *r, const char *tag_or_digest, struct manifest_doc *out,
		    struct err *e);
/* Asks whether the login is good: ERR_AUTH when it is not. */
int remote_login(struct remote *r, struct err *e);

#define BLOB_ANY_SIZE UINT64_MAX

enum blob_ready {
	BLOB_FETCH, /* it is ours to fetch */
	BLOB_WAIT,  /* somebody else may bring it: ask again in a moment */
	BLOB_THERE  /* somebody else has brought it */
};

struct blob_get {
	struct digest digest;
	const char *url;      /* a file by its address instead of a blob; NULL: by digest ... */
	const char *if_range; /* ... and what must be the same to go on in it; NULL: unknown */
	uint64_t size; /* as the manifest says; what differs is an error at once.  BLOB_ANY_SIZE:
			  with url */
	const char *media_type;
	uint64_t have; /* bytes that an earlier run left: the transfer starts there */
	/* Asked before the transfer begins, again and again while it says BLOB_WAIT; the other blobs
	 * go on meanwhile.  It may set *have.  -1 with e ends all.  NULL: BLOB_FETCH. */
	int (*ready)(void *arg, uint64_t *have, struct err *e);
	/* The next bytes in order. */
	int (*data)(void *arg, const void *p, size_t n, struct err *e);
	/* What came so far is void, have included: data starts again at byte 0. */
	int (*restart)(void *arg, struct err *e);
	/* All size bytes came: verify and publish.  Returning 1 asks for the blob once
	 * more from byte 0 (after restart): old bytes may have been at fault. */
	int (*done)(void *arg, struct err *e);
	void *arg;
};

/* Fetches all n blobs, opts.parallel at once, in order of the array as far as they are ready.
 * Callbacks run in this thread.  Returns when all are done, or at the first error that is final;
 * the other transfers are then broken off without done.  ERR_INTR after
 * remote_cancel(). */
int remote_blobs(struct remote *r, struct blob_get *g, size_t n, struct err *e);
/* From any thread: what runs now and whatever is asked later ends with ERR_INTR. */
void remote_cancel(struct remote *r);

#endif
