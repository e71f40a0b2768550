/* session: what remote.c and blobs.c share of a struct remote: logins, retries,
 * and the judgement over a finished transfer.  Private to registry/.
 *
 *	struct attempt at = { 0 };
 *	session_prepare(r, &x, &at, e);  http_start(...);  ...until x.end...
 *	r = session_judge(r, &x, &at, &about, &wait_ms, e);
 *	0 good, 1 once more after wait_ms, -1 final  */
#ifndef REGISTRY_SESSION_H
#define REGISTRY_SESSION_H

#include <stdatomic.h>

#include "registry/auth.h"
#include "registry/remote.h"
#include "registry/reply.h"

struct remote {
	struct http *http;
	struct ref ref;
	struct credential cred;
	struct auth auth;
	struct retry_policy policy;
	char *base; /* "https://host/v2/repo" */
	bool plain;
	bool answered; /* the registry has answered once: it exists */
	unsigned parallel;
	atomic_bool cancelled;
};

/* The history of one thing that is fetched. */
struct attempt {
	struct retry_state retry;
	unsigned refused;    /* 401s in a row */
	uint64_t generation; /* of the Authorization value sent */
};

/* Milliseconds of the monotonic clock. */
uint64_t session_now(void);
/* ERR_INTR when remote_cancel() was called. */
int session_check(const struct remote *r, struct err *e);
/* Lends x the Authorization value, renewed when it is about to expire. */
int session_prepare(struct remote *r, struct http_xfer *x, struct attempt *at, struct err *e);
int session_judge(struct remote *r, struct http_xfer *x, struct attempt *at,
		  const struct reply_about *about, uint64_t *wait_ms, struct err *e);
/* Until x ended; until ms have passed.  ERR_INTR after remote_cancel(). */
int session_wait(struct remote *r, struct http_xfer *x, struct err *e);
int session_pause(struct remote *r, uint64_t ms, struct err *e);
/* One whole request with all its retries; other transfers of r go on meanwhile. */
int session_run(struct remote *r, struct http_xfer *x, const struct reply_about *about,
		struct err *e);

#endif
