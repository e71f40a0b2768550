/* instances: what is noted of a user's running instances, and which of them run.
 *
 *	auto_instances struct instances all = { 0 };
 *	instances_list(&all, "web*", e);              // running ones only, by name
 *	all.v[0].name, all.v[0].pidfd
 *
 *	auto_instance_claim struct instance_claim c = { 0 };
 *	instance_claim(&c, "web", e);                 // nobody else starts this name meanwhile
 *	instance_note(&c, &inst, e);
 *
 * A note is a small JSON file in the runtime directory (src/host/rundir.h).  It never counts by
 * itself: an instance runs when the process of that pid and start time does.  Notes of dead ones
 * are removed by whoever reads them. */
#ifndef FLOW_INSTANCES_H
#define FLOW_INSTANCES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/err.h"
#include "src/base/mem.h"
#include "src/plan/lent.h"

struct instance {
	char *name, *image, *log_out, *log_err;
	char *cgroup;	/* its own cgroup's directory; NULL: none */
	char *note;	/* path of the note */
	pid_t pid;	/* of its first process */
	uint64_t start; /* of that, as process_start_time() says */
	unsigned ns;	/* CLONE_NEW* that it has, user and mount included */
	int stop;	/* the signal that asks its program to end */
	int pidfd;
	struct lent lent; /* variables and search path only */
};

struct instances {
	struct instance *v;
	size_t n, cap;
};

void instances_fini(struct instances *list);
#define auto_instances auto_(instances_fini)

/* glob NULL: all.  A pattern as for fnmatch(). */
int instances_list(struct instances *out, const char *glob, struct err *e);
/* The only one of that name.  ERR_NOTFOUND when it does not run. */
int instance_find(struct instances *out, const char *name, struct err *e);

struct instance_claim {
	char *dir, *lock_path, *note;
	int lock;
};

void instance_claim_fini(struct instance_claim *c);
#define auto_instance_claim auto_(instance_claim_fini)

/* ERR_USAGE: no name for an instance; ERR_EXISTS: it runs, or is being started. */
int instance_claim(struct instance_claim *c, const char *name, struct err *e);
/* Writes the note of i under the claim.  lent: what the host lends it, NULL: nothing. */
int instance_note(const struct instance_claim *c, const struct instance *i, const struct lent *lent,
		  struct err *e);
/* Forgets an instance that has ended; its name is the caller's. */
void instance_forget(const char *note, const char *cgroup);
/* The same of one that was listed: not when another of its name is being started, or runs. */
void instance_drop(const struct instance *dead);

#endif
