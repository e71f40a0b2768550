/* helper: the programs docker-credential-NAME, which keep secrets for a user.
 *
 *	switch (helper_get(&cred, "pass", "reg.example.org", e)) {
 *	case 0: found   case 1: it has none   case -1: it failed, e says how }
 *
 * Protocol of docker-credential-helpers: the verb is the argument, the server stands on standard
 * input, the answer is JSON on standard output; nothing secret is ever an argument.  A helper gets
 * 30 s. */
#ifndef REGISTRY_HELPER_H
#define REGISTRY_HELPER_H

#include "registry/credentials.h"
#include "src/base/buf.h"

int helper_get(struct credential *out, const char *name, const char *server, struct err *e);
int helper_store(const char *name, const char *server, const char *user, const char *secret,
		 struct err *e);
/* 1: it had none. */
int helper_erase(const char *name, const char *server, struct err *e);
/* Reads the answer of get.  1: it holds no user. */
int helper_parse(struct credential *out, const char *p, size_t n, struct err *e);

#endif
