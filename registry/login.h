/* login: what `registry login` keeps, in a file of docker's config.json form.
 *
 *	login_store(path, "reg.example.org", user, password, e);
 *	login_remove(path, host, e);            // 1: there was none
 *	login_list(path, f, arg, e);            // keys and users, never secrets
 *
 * The file is written anew with mode 0600 and all else in it kept; where it names a credential
 * helper for the host, that keeps the secret. */
#ifndef REGISTRY_LOGIN_H
#define REGISTRY_LOGIN_H

#include "src/base/err.h"

/* --authfile (NULL: none), else $REGISTRY_AUTH_FILE, else ~/.apptainer/docker-config.json where
 * that exists, else ~/.berth/auth.json.  Heap string; NULL with ERR_HOST without a home. */
char *login_file(const char *auth_file, struct err *e);
int login_store(const char *path, const char *key, const char *user, const char *password,
		struct err *e);
int login_remove(const char *path, const char *key, struct err *e);
int login_list(const char *path, void (*f)(void *arg, const char *key, const char *user), void *arg,
	       struct err *e);
/* The name under which Docker's Hub and other hosts stand in such a file. */
const char *login_key(const char *host);

#endif
