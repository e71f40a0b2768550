/* blockers: which switch of this host keeps an ordinary user from entering a
 * container, and the line that an administrator needs.
 *
 *	struct blockers b;
 *	blockers_probe(&b, "/");                       // or a fixture directory
 *	if (blockers_namespaces(&b, errno, e) < 0) ... // e tells cause and remedy
 *
 * A failed start and `berth check` use the same functions, so they agree. */
#ifndef ENTER_BLOCKERS_H
#define ENTER_BLOCKERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "src/base/err.h"

/* The oldest kernel whose mount calls are enough: mount_setattr(). */
#define BLOCKERS_KERNEL_MAJOR 5
#define BLOCKERS_KERNEL_MINOR 12

struct blockers {
	char kernel[65];	 /* release, as uname -r prints it */
	long max_user_ns;	 /* user.max_user_namespaces, -1 not known */
	long max_mnt_ns;	 /* user.max_mnt_namespaces, -1 not known */
	long userns_clone;	 /* kernel.unprivileged_userns_clone (Debian), -1 absent */
	long apparmor_restricts; /* kernel.apparmor_restrict_unprivileged_userns, -1 absent */
	bool has_userns;	 /* /proc/self/ns/user is there */
	bool has_proc;		 /* /proc is mounted */
	bool has_fuse;		 /* /dev/fuse is a device */
	bool knows_fuse;	 /* /proc/filesystems has it */
	bool is_root;		 /* the caller is uid 0: switches for ordinary users do not apply */
	mode_t fuse_mode;	 /* its permission bits */
};

/* Reads the switches below root ("/" or a directory of fixtures). */
void blockers_probe(struct blockers *b, const char *root);

/* Why unshare(), the id maps or a mount failed with sys; with sys 0: whether the
 * switches allow namespaces at all.  0: nothing is in the way (only for sys 0);
 * -1 with ERR_HOST, cause and remedy in one line. */
int blockers_namespaces(const struct blockers *b, int sys, struct err *e);
/* The same for opening /dev/fuse. */
int blockers_fuse(const struct blockers *b, int sys, struct err *e);
/* True when release names a kernel of BLOCKERS_KERNEL_MAJOR.MINOR or later. */
bool blockers_kernel_fits(const char *release);

#endif
