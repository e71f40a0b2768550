/* auth: the Authorization value of one repository, from the registry's challenge
 * and the user's credential.  Pure: who sends the token request is session.c.
 *
 *	switch (auth_challenged(&a, &challenge, &cred, repo, false, e)) {
 *	case 0: ... a.value is ready (Basic, or a token that the user holds)
 *	case 1: auth_token_url(&a, &cred, &url); ... GET it ...; auth_take_token(&a, body, n, now, e)
 *
 * distribution's token specification; tokens are renewed at 90 % of their life. */
#ifndef REGISTRY_AUTH_H
#define REGISTRY_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry/challenge.h"
#include "registry/credentials.h"
#include "src/base/buf.h"
#include "src/base/err.h"

#define AUTH_TOKEN_MAX (64u << 10)

struct auth {
	char *value;	     /* "Bearer ...", NULL while nothing is needed */
	uint64_t generation; /* changes with value */
	int64_t renew_at;    /* seconds, the caller's clock; 0 never */
	char *realm, *service;
	struct strv scopes; /* all that were asked for so far */
	bool new_scope;	    /* the last challenge asked for more than the one before */
};
void auth_fini(struct auth *a);
/* A bearer token that holds from the first request on. */
void auth_preset(struct auth *a, const char *token);

/* 0 value is set, 1 a token must be fetched, 2 the registry wants a login and there
 * is none, or it refused the one there is.  ERR_AUTH for a challenge that cannot
 * be met, ERR_NET for a realm that is not https while plain is false. */
int auth_challenged(struct auth *a, const struct challenge *c, const struct credential *cred,
		    const char *repo, bool plain, struct err *e);
/* True when value should be renewed before it is used again. */
bool auth_is_stale(const struct auth *a, int64_t now);
/* The address to GET a token from; with an identity token: the form to POST to
 * a->realm. */
void auth_token_url(const struct auth *a, const struct credential *cred, struct buf *url);
void auth_token_form(const struct auth *a, const struct credential *cred, struct buf *form);
/* Reads the token server's reply. */
int auth_take_token(struct auth *a, const char *body, size_t n, int64_t now, struct err *e);

#endif
