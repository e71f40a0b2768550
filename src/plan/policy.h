/* policy: what berth.conf forbids a request, and what it settles in it.
 *
 *	if (policy_request(&conf, &req, e) < 0 || policy_binds(&conf, &req, &facts, e) < 0)
 *		return -1;
 *	if (policy_wants_image(&conf) && policy_image(&conf, &im, e) < 0) ...
 *	policy_apply(&conf, &req);
 *
 * Decisions between values; nothing is looked up.  An option outranks a file, unless the site
 * locks the key.  Berth has no privilege to guard: a policy says what a site supports, and keeps
 * users from what it does not; it is no wall against a user who brings a program of his own. */
#ifndef PLAN_POLICY_H
#define PLAN_POLICY_H

#include "src/base/err.h"
#include "src/plan/conf.h"
#include "src/plan/facts.h"
#include "src/plan/request.h"

/* Options against locked keys, namespaces against "allow".  ERR_USAGE names the option, the key
 * and its FILE:LINE.  req as the user gave it, settled (request_settle()). */
int policy_request(const struct conf *c, const struct run_req *req, struct err *e);

/* The user's binds, of options and environment, against "user bind control".  Of f only cwd and
 * environ. */
int policy_binds(const struct conf *c, const struct run_req *req, const struct facts *f,
		 struct err *e);

enum policy_kind { POLICY_SIF, POLICY_SQUASHFS, POLICY_DIR, POLICY_EXTFS };

struct policy_image {
	enum policy_kind kind;
	const char *path;	   /* absolute, without links */
	const char *owner, *group; /* names; NULL: none is known */
	uid_t uid;
	gid_t gid;
	bool listed; /* by policy_uri(): its place is not looked at */
};

/* True when a file says anything of images: their owners need not be looked up else. */
bool policy_wants_image(const struct conf *c);
int policy_image(const struct conf *c, const struct policy_image *im, struct err *e);

/* Does "limit container paths" list the URI, or whole parts of its beginning?  name in full:
 * "docker://docker.io/library/debian". */
bool policy_uri(const struct conf *c, const char *name);
/* An image that policy_uri() does not know, before it is fetched into the store at the absolute
 * path: does that lie where images may? */
int policy_store(const struct conf *c, const char *name, const char *store, struct err *e);

/* What a build has of all this: its user namespace, its binds (nbinds of them), its lent GPUs.
 * policy_apply() is for containers that are started. */
int policy_build(const struct conf *c, size_t nbinds, bool nv, bool rocm, struct err *e);

/* May the ext3 file system in this file be a layer? */
int policy_extfs(const struct conf *c, const char *path, struct err *e);

/* The files of "verify key" for a repository ("docker.io/library/debian"): those of the longest
 * prefix that fits; any one of them may have signed.  None: nothing is asked for. */
void policy_verify_keys(const struct conf *c, const char *repository, struct strv *files);

/* Fills in what the options leave open.  Adds to no_mount and site_binds, which must be req's
 * own. */
void policy_apply(const struct conf *c, struct run_req *req);

#endif
