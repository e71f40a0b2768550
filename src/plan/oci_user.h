/* oci_user: who an image's User is, by the image's own passwd and group files.
 *
 *	auto_oci_user struct oci_user u = { 0 };
 *	if (oci_user_find(&u, "app:www", passwd_text, group_text, e) < 0) ...
 *
 * Forms: name or uid, then :name or :gid (OCI image specification, config.md).  A number that is
 * also a name is the name.  Without a group: the user's own by passwd, for a number that passwd
 * does not know group 0.  Pure text. */
#ifndef PLAN_OCI_USER_H
#define PLAN_OCI_USER_H

#include <stdint.h>

#include "src/base/buf.h"
#include "src/base/err.h"

struct oci_user {
	uint32_t uid, gid;
	char *name, *gecos, *home, *shell; /* of the passwd line; NULL: there is none */
	char *group;			   /* name of gid; NULL: it has none */
	struct strv more; /* names of further groups; none when User names the group */
};
void oci_user_fini(struct oci_user *u);
#define auto_oci_user auto_(oci_user_fini)

/* passwd and group may be NULL.  ERR_INPUT: a name that they do not have. */
int oci_user_find(struct oci_user *u, const char *user, const char *passwd, const char *group,
		  struct err *e);

#endif
