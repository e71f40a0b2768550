/* login: who the user is at a registry, tried and kept (registry/login.h). */
#ifndef FLOW_LOGIN_H
#define FLOW_LOGIN_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/flow/access.h"

struct login_req {
	const char *uri;       /* "docker://host", "oras://host", "host" */
	const char *auth_file; /* NULL: the user's own */
	struct access access;
};

/* where: the file that keeps it now.  ERR_AUTH when the registry refuses it. */
int flow_login(const struct login_req *r, struct buf *where, struct err *e);
/* 1: there was none. */
int flow_logout(const struct login_req *r, struct err *e);
/* One line a registry: URI and user. */
int flow_logins(const struct login_req *r, struct buf *text, struct err *e);

#endif
