/* lease: one process at a time holds a name, on any file system and without locks.
 *
 *	struct lease l = { 0 };
 *	if (lease_take(&l, "/scratch/me/overlay/.berth-lease", 0, e) < 0)
 *		// "in use by process 4711 on node12 ..."
 *	...
 *	lease_drop(&l);
 *
 * The lease is a file that says who holds it.  It appears by link(2), which is atomic on
 * NFS too, and is broken when its holder is provably dead: same host, and either an earlier
 * boot, or no process of that number and start time.  Of another host's process, or of
 * another PID namespace's, nobody here can tell; then a person must.
 *
 * Who breaks a dead holder's lease first links a file named after that holder, once for
 * all time; so of two that found it dead only one removes it, and never its
 * successor's.  Should the breaker die in between, it is broken in the same way. */
#ifndef HOST_LEASE_H
#define HOST_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/base/mem.h"

struct lease_id {
	char host[65];
	char machine[65]; /* /etc/machine-id; "-" without one */
	char boot[65];	  /* /proc/sys/kernel/random/boot_id */
	uint64_t pidns;	  /* inode of the PID namespace that pid counts in */
	uint64_t pid;
	uint64_t start; /* ticks since boot, field 22 of /proc/PID/stat */
};

struct lease {
	char *path; /* NULL: not held */
	struct lease_id id;
};

enum lease_owner { LEASE_ALIVE, LEASE_DEAD, LEASE_UNKNOWN };

/* For the calling process.  A holder that lives is waited for that many milliseconds: it
 * may be about to end, and a script's next line must not trip over it.  ERR_EXISTS names the holder, ERR_INPUT a file that is no
 * lease; both name the file to remove. */
int lease_take(struct lease *l, const char *path, unsigned patience, struct err *e);
/* Removes it if it is still ours.  Nothing when it is not held. */
void lease_drop(struct lease *l);

/* The pieces, for tests and for those who only want to look. */
int lease_self(struct lease_id *out, struct err *e);
enum lease_owner lease_judge(const struct lease_id *owner, const struct lease_id *self);
/* 0; 1: there is none; -1. */
int lease_read(struct lease_id *out, const char *path, struct err *e);

#endif
