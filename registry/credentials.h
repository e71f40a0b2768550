/* credentials: who the user is at a registry.
 *
 *	auto_credential struct credential c = { 0 };
 *	credential_find(&c, "docker.io", "library/debian", auth_file, e);
 *	if (c.user) ... Basic ...
 *
 * Read are the "auths" of, in this order: the file named by the caller alone; or
 * the text of $DOCKER_AUTH_CONFIG, $REGISTRY_AUTH_FILE, $APPTAINER_CONFIGDIR/docker-config.json,
 * ~/.berth/auth.json, ~/.apptainer/docker-config.json, $XDG_RUNTIME_DIR/containers/auth.json,
 * $DOCKER_CONFIG/config.json, $XDG_CONFIG_HOME (~/.config)/containers/auth.json and
 * ~/.docker/config.json.  The first file with an
 * entry for the registry wins; a key with a path (host/project) beats the host's.  A file that
 * names a credential helper for the host has it asked first (helper.h).
 * Secrets are cleared when freed and never appear in a message. */
#ifndef REGISTRY_CREDENTIALS_H
#define REGISTRY_CREDENTIALS_H

#include <stddef.h>

#include "src/base/err.h"
#include "src/base/mem.h"

#define CREDENTIAL_FILE_MAX (1u << 20)

struct credential {
	char *user, *password; /* both or none */
	char *identity_token;  /* to be traded for an access token (OAuth 2) */
	char *registry_token;  /* a bearer token as it stands */
	char *source;	       /* for messages: "/home/u/.docker/config.json"; NULL: none found */
	char *helper;	       /* a credential helper that failed; NULL: none */
};
void credential_fini(struct credential *c);
#define auto_credential auto_(credential_fini)

/* Fills out for host/repo; nothing found is no error.  A file that is not JSON or
 * has the wrong types is passed over with a warning that names file and key; only
 * an auth_file of the caller's that cannot be read is an error. */
int credential_find(struct credential *out, const char *host, const char *repo,
		    const char *auth_file, struct err *e);
/* The same for one document's text; name is for messages.  0 found, 1 not. */
int credential_from_json(struct credential *out, const char *p, size_t n, const char *name,
			 const char *host, const char *repo);
/* "user:password" in base64, as Basic wants it.  Heap string. */
char *credential_basic(const struct credential *c);

#endif
