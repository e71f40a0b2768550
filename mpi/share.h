/* share: which processes of this node belong into one container.
 *
 *	struct share s;
 *	share_decide(&s, "auto", &launcher);
 *	if (s.wanted)
 *		share_key(&s, uid, getppid(), identity text, length);
 *	-> s.name, the abstract socket that the keeper of this container listens on
 *
 * The name is a digest of: user, boot, launch (the launcher's own ids, or the process
 * that started the ranks with its start time), and of what makes the container (image
 * and plan without program and environment).  So two jobs, two steps, two images or two
 * sets of options never meet; two ranks of one step always do. */
#ifndef MPI_SHARE_H
#define MPI_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "src/base/err.h"
#include "mpi/launcher.h"

/* Of the messages on the socket.  It is part of the name, too: keepers of another
 * version are simply not met. */
#define SHARE_VERSION  1
#define SHARE_NAME_MAX 80

struct share {
	bool wanted;
	const char *key;		 /* --share=KEY: takes the launch's place; else NULL */
	const struct launcher *launcher; /* borrowed */
	char name[SHARE_NAME_MAX];	 /* without the leading NUL of abstract names */
};

/* word: what --share says; NULL and "auto": where a launcher is recognised and has
 * more than one rank here; "node": always; "none"; anything else is a key that
 * processes agree on.  ERR_USAGE for the empty word and for one that is too long. */
int share_decide(struct share *out, const char *word, const struct launcher *l, struct err *e);

/* Fills out->name.  identity: text that is equal for equal containers.  Looks at /proc
 * for the boot's id, and for the process that started the ranks where the launcher has
 * no id of its own. */
void share_key(struct share *out, uid_t uid, const char *identity, size_t len);

#endif
