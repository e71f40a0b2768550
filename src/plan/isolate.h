/* isolate: which namespaces a container has of its own, and the files that go with them.
 *
 *	isolate_check(req, e)              // words that cannot be done, before anything is looked at
 *	isolate_make(p, req)               // p->ns, hostname, init
 *	isolate_owns_file(req, "/etc/hosts")   // a file of ours instead of the host's
 *	isolate_file(&text, "/etc/hosts", req, &facts)
 *
 * Private to src/plan. */
#ifndef PLAN_ISOLATE_H
#define PLAN_ISOLATE_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/plan/plan.h"

/* ERR_USAGE for a host name or address that is none, ERR_UNSUPPORTED for what takes root. */
int isolate_check(const struct run_req *req, struct err *e);
void isolate_make(struct plan *p, const struct run_req *req);

/* The files that isolate_file() can make: /etc/hostname, /etc/hosts, /etc/resolv.conf. */
extern const char *const isolate_files[3];
/* Whether this request has the file made. */
bool isolate_owns_file(const struct run_req *req, const char *path);
void isolate_file(struct buf *out, const char *path, const struct run_req *req,
		  const struct facts *f);

#endif
