/* extfs: ext file systems among the layers of a container, which fuse2fs of the host serves.
 *
 *	struct extfs x = { .fuse2fs = path, .v = files, .n = 1 };
 *	extfs_init(&x, e);                     // the launcher, before there is a keeper
 *	extfs_start(&x, e);                    // the keeper: forks the holder
 *	channel = extfs_channel(&x);           // the builder
 *	extfs_begin(channel);                  // the builder, in its new user namespace
 *	extfs_take(channel, i, &mount, &f);    // ... and each file system's upper/, in order
 *	extfs_end(&x);                         // the keeper, when the container is gone
 *
 * fuse2fs mounts by itself and by path (libfuse 2 takes no descriptor), so it needs a mount
 * namespace in which the mount stays, and somebody to take it away.  That is the holder: a child of
 * the keeper, in the container's user namespace and a mount namespace of its own.  When the keeper
 * lets go, or dies, the holder unmounts; fuse2fs then writes back what it has, and ends.  Nothing
 *of it is among the program's children or in its PID namespace.  Measured with fuse2fs 1.47.
 *
 * The kernel's overlay takes no upper directory that comes through fuse2fs (no RENAME_WHITEOUT). So
 * for changes the overlay is fuse-overlayfs, which the holder starts, too; it serves a descriptor
 * that the builder has mounted (libfuse 3), so it ends with the container. */
#ifndef ENTER_EXTFS_H
#define ENTER_EXTFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/err.h"
#include "src/base/fd.h"
#include "src/enter/fault.h"

struct extfs_file {
	int fd; /* borrowed */
	int64_t off;
	bool write; /* it takes the changes: at most one */
};

struct extfs {
	const char *fuse2fs, *overlayfs; /* the programs */
	struct extfs_file *v;		 /* as the plan's exts */
	size_t n;
	int channel[2]; /* holder's end, builder's end */
	int alive;	/* the keeper's end of a pipe; its end is the holder's */
	pid_t holder;	/* 0: none */
};

/* No channel yet. */
#define EXTFS_NONE                                 \
	{                                          \
		.channel = { -1, -1 }, .alive = -1 \
	}

int extfs_init(struct extfs *x, struct err *e);
void extfs_fini(struct extfs *x);

/* In a process with one thread. */
int extfs_start(struct extfs *x, struct err *e);
/* Comes back when all of them are written back. */
void extfs_end(struct extfs *x);

/* The builder's end, in its process, which may not hold the holder's: it would not see its end. */
int extfs_channel(struct extfs *x);
/* System calls only.  -1 with the fault. */
int extfs_begin(int channel, struct fault *f);
/* The directory upper of plan ext i as a detached mount.  i counts up from 0. */
int extfs_take(int channel, size_t i, int *mount, struct fault *f);

/* For the file system that takes the changes: fuse-overlayfs lays it over these directories,
 * topmost first, and serves fuse, which then is the overlay. */
int extfs_over(int channel, const int *lower, size_t n, int fuse, struct fault *f);

/* What a FAULT_EXTFS is about: index is i * EXTFS_REASONS + reason. */
enum extfs_reason {
	EXTFS_LOST,  /* the holder is gone */
	EXTFS_PLACE, /* no place to mount on; sys */
	EXTFS_EXEC,  /* the program does not start; sys */
	EXTFS_ENDED, /* it ended; sys is its status */
	EXTFS_UPPER, /* no directory upper in it; sys */
	EXTFS_REASONS
};

#endif
