/* pack: a plain directory tree becomes one SquashFS, owned as the caller says.
 *
 *	struct pack_opts o = { .threads = 4, .epoch = -1, .look = owners_look, .arg = &owners };
 *	pack_dir(fd, offset, dirfd, &o, &stat, e);
 *
 * An ordinary user's files are all his own, and device nodes he cannot make at all; so who owns
 * a path, its type and its device number come from a callback (src/flow/owners.h answers it from
 * a table of src/enter/emul_table.h).  Without one, everything is root's.
 *
 * Names are taken in sorted order and times are the files' own, at most the epoch: the same tree
 * and options give the same bytes on any number of threads.  What the caller cannot read he
 * cannot pack: run it as root of a user namespace (src/enter/emul_root.h), where he can read all
 * that is his.  Whiteouts (0:0) and sockets are kept.  Mount points are packed as they are seen. */
#ifndef IMAGE_PACK_H
#define IMAGE_PACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "image/sif.h"
#include "image/sqfs_comp.h"
#include "image/sqfs_known.h"
#include "image/tree.h"
#include "src/base/err.h"
#include "src/base/progress.h"

struct pack_entry {
	int dirfd;	  /* the directory that holds it */
	const char *name; /* in it; "." for the root of the tree */
	const char *path; /* in the tree: "/", "/usr/bin/su" */
	const struct statx *st;
};

/* What is stored.  Set to root:root, the file's own mode and no device before the callback. */
struct pack_attr {
	uint32_t uid, gid;
	mode_t mode;   /* with S_IFMT: a plain file may stand for a device */
	uint32_t rdev; /* as SquashFS and the kernel's new_encode_dev() have it */
	/* Attributes beside those that the file itself has; a name that both have is taken from
	 * here.  Borrowed until the next call. */
	const struct xattr *xattrs;
	size_t nxattrs;
};

enum pack_look { PACK_KEEP, PACK_SKIP /* leave it and what is below it out */ };

struct pack_opts {
	enum sqfs_comp comp; /* 0: zstd */
	int level;	     /* 0: the compressor's default */
	unsigned threads;    /* that compress; 0: 1 */
	uint32_t block_size; /* 0: 128 KiB */
	int64_t epoch;	     /* SOURCE_DATE_EPOCH: no time is later, and it is the
			      * superblock's; -1: times as they are, superblock 0 */
	/* Called once for each inode, with the first of its names.  NULL: all is root's. */
	int (*look)(void *arg, const struct pack_entry *entry, struct pack_attr *attr,
		    struct err *e);
	void *arg;
	struct bar *bar; /* gets the bytes of file bodies; NULL: none */
	/* Blocks to copy instead of compressing, and what gets those that are written: both may be
	 * NULL, and change no byte. */
	const struct sqfs_known *known;
	struct buf *index;
};

struct pack_stat {
	uint64_t bytes; /* of the SquashFS, a multiple of 4096 */
	uint64_t body;	/* bytes of file bodies */
	uint32_t inodes;
	uint32_t acls; /* files whose POSIX ACLs were dropped: SquashFS has no place for them */
};

/* Writes the SquashFS into fd from offset on and cuts fd off behind it.  dirfd, open on the
 * tree's root (O_PATH is not enough), is borrowed.  Errors name the path.  ERR_INPUT: a file
 * shrank while it was read. */
int pack_dir(int fd, off_t offset, int dirfd, const struct pack_opts *o, struct pack_stat *st,
	     struct err *e);

/* An object that stands in the SIF before the partition: definition file, JSON. */
struct pack_object {
	int32_t type; /* enum sif_type */
	const char *name;
	const void *data;
	size_t len;
};

/* A whole SIF in fd, which is empty: the objects, then the tree as primary partition for arch
 * (Go's name: "amd64").  No times and no UUID of their own. */
int pack_sif(int fd, int dirfd, const char *arch, const struct pack_object *objects, size_t n,
	     const struct pack_opts *o, struct pack_stat *st, struct err *e);

/* Device number as SquashFS stores it. */
static inline uint32_t pack_rdev(uint32_t dev_major, uint32_t dev_minor)
{
	return (dev_minor & 0xff) | dev_major << 8 | (dev_minor & ~0xffu) << 12;
}

#endif
