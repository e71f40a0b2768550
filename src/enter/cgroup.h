/* cgroup: a cgroup of version 2 for one container, below a delegated one.
 *
 *	auto_cgroup struct cgroup c = { .procs = -1 };
 *	cgroup_make(&c, "/", &files, e);         // FILE=VALUE each
 *	cgroup_enter(c.procs);                   // in the process that is limited
 *
 * The nearest ancestor of the caller's cgroup that he may write to and that has, or can have, the
 * controllers, gets a child; moving there needs nothing else of the kernel's rules (cgroup-v2,
 * "Delegation").  A delegated cgroup that holds the caller alone (a scope) is emptied into a leaf
 * first, so this comes before any fork.  No D-Bus, no systemd.  A small process of its own removes
 *the child when the last process in it has ended, which is the only way as the launcher becomes the
 *program. */
#ifndef ENTER_CGROUP_H
#define ENTER_CGROUP_H

#include "src/base/buf.h"
#include "src/base/err.h"

struct cgroup {
	char *dir;
	int procs;	     /* its cgroup.procs, for writing; -1 none */
	char *leaf;	     /* where the launcher went, beside dir; NULL: it stayed */
	struct strv enabled; /* the controllers that were handed on for that */
};

void cgroup_fini(struct cgroup *c);
#define auto_cgroup auto_(cgroup_fini)

/* root: "/", or a directory that stands for it, where nothing is watched.  ERR_HOST when nothing
 * is delegated, with the administrator's line. */
int cgroup_make(struct cgroup *c, const char *root, const struct strv *files, struct err *e);
/* Whether cgroup_make() would find a place for these controllers ("memory"); nothing is changed. -1
 * with the same error. */
int cgroup_delegated(const char *root, const struct strv *controllers, struct err *e);
/* Moves the calling process; system calls only.  -1 with errno. */
int cgroup_enter(int procs);

#endif
