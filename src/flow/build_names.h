/* build_names: users and groups as the tree's own /etc/passwd and /etc/group name them. */
#ifndef FLOW_BUILD_NAMES_H
#define FLOW_BUILD_NAMES_H

#include "src/flow/build_tree.h"

/* "app", "app:www", "1000:1000", "1000".  ERR_INPUT: no such name.  Without a group: the user's
 * own, or for a number the number (COPY --chown) as group. */
int build_names_owner(const struct build_tree *t, const char *text, uint32_t *uid, uint32_t *gid,
		      struct err *e);
/* The names in a directory, sorted.  -1 with errno. */
int build_names_list(int dir, struct strv *out);

#endif
