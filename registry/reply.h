/* reply: an HTTP reply that is not what was wanted, as one sentence with a remedy.
 *
 *	return reply_error(&x, &(struct reply_about){ .what = ref->text, ... }, e);
 *
 * What the registry says is foreign text: quoted escaped and cut. */
#ifndef REGISTRY_REPLY_H
#define REGISTRY_REPLY_H

#include <stddef.h>

#include "registry/credentials.h"
#include "registry/http.h"
#include "registry/ref.h"
#include "src/base/err.h"

struct reply_about {
	const char *what; /* how the sentence begins: "docker.io/library/debian:12" */
	const struct ref *ref;
	const struct credential *cred;
	bool manifest;	   /* 404 means that name or tag do not exist */
	bool file;	   /* asked for a file by its address, not in a registry */
	bool push;	   /* it changes the registry */
	bool plain;	   /* asked for without TLS */
	bool token;	   /* the reply is the token server's */
	const char *after; /* " after 12.3 MB"; NULL: nothing */
	unsigned tries;
};

/* Adds the message of a registry's error document ("{"errors":[...]}"), escaped;
 * nothing when the body is something else. */
void reply_message(struct buf *out, const char *body, size_t n);
/* Adds what happened, without remedy: "503 Service Unavailable: overloaded". */
void reply_reason(struct buf *out, const struct http_xfer *x);
/* The sentence for x, which ended HTTP_DONE with a status other than 2xx, or broke:
 * ERR_AUTH for 401 and 403, ERR_NOTFOUND for 404, else ERR_NET.  Returns -1. */
int reply_error(const struct http_xfer *x, const struct reply_about *about, struct err *e);

#endif
