/* owner: private file names that say which process they belong to, so that what a killed
 * process left behind can be told from what a living one is writing, without a lock.
 *
 *	auto_free char *me = owner_name();                     // "node7-4026531836.1234.98765"
 *	... create "debian.sif.<me>.part" ...
 *	if (owner_state("node7-4026531836.77.5") == OWNER_GONE) unlink(...);
 *
 * The parts are host name (with the boot's id when it is a mere "localhost") and pid namespace,
 *pid, and the process's start time in ticks since boot, so that a pid used again is not taken for
 *the old process. */
#ifndef IMAGE_OWNER_H
#define IMAGE_OWNER_H

enum owner_state {
	OWNER_SELF,
	OWNER_ALIVE,	/* another living process of this host */
	OWNER_GONE,	/* a process of this host that has ended */
	OWNER_ELSEWHERE /* another host or pid namespace: nobody can say */
};

/* Heap string without '/'. */
char *owner_name(void);
/* name as owner_name() makes it; what does not parse is ELSEWHERE. */
enum owner_state owner_state(const char *name);
/* For a file "<prefix><owner><suffix>": the owner part as a heap string, NULL when file is not
 * of that form. */
char *owner_of_file(const char *file, const char *prefix, const char *suffix);

#endif
