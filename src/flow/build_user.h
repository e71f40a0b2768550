/* build_user: USER of a Dockerfile, as the tree's own /etc/passwd and /etc/group have it.
 *
 *	auto_build_user struct build_user u = { 0 };
 *	build_user_find(&u, tree, "app:www", e);
 *	... u.ids: for root emulation; u.home: for HOME ... */
#ifndef FLOW_BUILD_USER_H
#define FLOW_BUILD_USER_H

#include "src/enter/emul_ids.h"
#include "src/flow/build_tree.h"

struct build_user {
	struct emul_ids ids;
	char *home; /* NULL: no such user is listed */
};

/* A name or number, with ":" and a group's; as Docker has it, a number that nobody has is in group
 * 0, and the other groups of a user count when no group is given.  ERR_INPUT: no such name. */
int build_user_find(struct build_user *u, const struct build_tree *t, const char *text,
		    struct err *e);
void build_user_fini(struct build_user *u);
#define auto_build_user auto_(build_user_fini)

#endif
