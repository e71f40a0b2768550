/* upperfs: can the upper layer of an overlay lie in this directory?
 *
 *	if (upper_fs_check("/scratch/me/overlay", e) < 0)
 *		// "/scratch/me/overlay lies on Lustre, which cannot hold ..."
 *
 * Overlayfs needs extended attributes in the user namespace, whiteouts and RENAME_WHITEOUT
 * above; network and FUSE file systems have no or half of them, and then files
 * come back that were removed.  So it is tried out before anything starts. */
#ifndef HOST_UPPERFS_H
#define HOST_UPPERFS_H

#include <stddef.h>

#include "src/base/err.h"

/* The usual name of the file system that path lies on ("NFS", "ext4"), "type 0x1234" for
 * one that is not known; text is a buffer of n bytes that it may be written to. */
const char *fs_name(const char *path, char *text, size_t n);

/* Only by the name of the file system: ERR_HOST for those that are known to be unfit. */
int upper_fs_known(const char *dir, struct err *e);
/* Makes and removes probe files in dir.  0; ERR_HOST names the file system, what it lacks
 * and the remedies; ERR_SYS when dir cannot be written. */
int upper_fs_check(const char *dir, struct err *e);

#endif
