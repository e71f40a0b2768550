/* names: passwd and group files, read line by line.
 *
 *	struct passwd_entry pw;
 *	if (passwd_find(&pw, text, uid)) ...
 *
 * Pure text; results point into the arena. */
#ifndef HOST_NAMES_H
#define HOST_NAMES_H

#include <stdbool.h>
#include <sys/types.h>

#include "src/base/arena.h"

struct passwd_entry {
	char *name, *gecos, *home, *shell;
};

/* The first well-formed line of text that has this uid. */
bool passwd_find(struct passwd_entry *out, struct arena *a, const char *text, uid_t uid);
/* The name in the first well-formed line of text that has this gid; NULL. */
char *group_find(struct arena *a, const char *text, gid_t gid);

#endif
