/* host: facts about this machine and the caller, read once.
 *
 *	auto_host struct host h = { 0 };
 *	host_probe(&h, AT_FDCWD, NULL, e);       // ids, names, cwd, umask, environment
 *	struct host_path p;
 *	host_path_look(&p, &h, "/etc/resolv.conf");
 *
 * Everything is looked up below a root directory, so a directory of fixtures is
 * a host.  Strings live until host_fini(). */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <sys/types.h>

#include "src/base/arena.h"
#include "src/base/err.h"
#include "src/base/mem.h"

/* What belongs to the process and not to the file system. */
struct host_self {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* supplementary */
	size_t ngroups;
	const char *cwd; /* as the user names it; NULL when it cannot be told */
	mode_t umask;
	char *const *environ;
};

struct host_group {
	gid_t gid;
	const char *name; /* NULL: no name is known */
};

struct host {
	int rootfd; /* borrowed; AT_FDCWD: the real root */
	uid_t uid;
	gid_t gid;
	const char *user, *gecos, *home, *shell; /* NULL when no entry is known */
	struct host_group *groups;		 /* primary first, each gid once */
	size_t ngroups;
	const char *cwd;
	mode_t umask;
	char *const *environ; /* borrowed */
	struct arena arena;
};

struct host_path {
	const char *path; /* as asked */
	mode_t mode;	  /* of what it leads to; 0: not there */
	int error;	  /* errno when mode is 0 */
	const char *real; /* where it leads when it is a symlink, else NULL */
};

/* rootfd is AT_FDCWD for this machine, else a directory.  self NULL: this
 * process (only before other threads exist, for the umask).  Names come from
 * etc/passwd and etc/group below the root; on this machine's own root what these lack is
 * asked of the name service (LDAP, SSSD).  A caller without a name is no error. */
int host_probe(struct host *out, int rootfd, const struct host_self *self, struct err *e);
void host_fini(struct host *h);
#define auto_host auto_(host_fini)

/* Looks at an absolute path of the host.  A path that is not there is a fact, not an error. */
void host_path_look(struct host_path *out, struct host *h, const char *path);

#endif
