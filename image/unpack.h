/* unpack: a SquashFS becomes a plain directory tree that its caller owns.
 *
 *	struct unpack_opts o = { .made = owners_made, .arg = &owners };
 *	squash_open(&s, image->fd, image->off, image->size, NULL, e);
 *	unpack_squash(s, dirfd, &o, &stat, e);
 *
 * Needs no privilege: owners are handed to a callback, path by path, and devices become empty
 * files that the callback is told about.  Modes (setuid too), times, links, holes and attributes
 * are the image's; attributes that the caller may not set (security.capability outside of a user
 * namespace, trusted.* everywhere) are handed to the callback as well.
 *
 * The image is foreign: names are checked, nothing is followed, and every file is made new below
 * a directory that was made here. */
#ifndef IMAGE_UNPACK_H
#define IMAGE_UNPACK_H

#include <stdint.h>
#include <sys/types.h>

#include "image/squash.h"
#include "image/tree.h"
#include "src/base/err.h"
#include "src/base/progress.h"

struct unpack_entry {
	int dirfd;
	const char *name; /* in it; "." for the root */
	const char *path; /* "/", "/usr/bin/su" */
	uint32_t uid, gid;
	mode_t mode;		    /* as the image has it, with S_IFMT */
	uint32_t rdev;		    /* of a device, as SquashFS has it */
	const struct xattr *xattrs; /* those that could not be set; borrowed */
	size_t nxattrs;
};

struct unpack_opts {
	/* Called once an inode, when its first name is there; mode bits and times of directories
	 * come later.  May be NULL. */
	int (*made)(void *arg, const struct unpack_entry *entry, struct err *e);
	void *arg;
	uint64_t max_bytes; /* of file bodies; 0: no limit */
	struct bar *bar;    /* gets the bytes of file bodies; NULL: none */
};

struct unpack_stat {
	uint64_t body;
	uint32_t inodes;
};

/* dirfd is open on an empty directory.  On error what was made stays. */
int unpack_squash(struct squash *s, int dirfd, const struct unpack_opts *o, struct unpack_stat *st,
		  struct err *e);

#endif
