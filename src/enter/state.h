/* state: what the parts of enter share.  Filled by enter_new(), then touched by
 * system calls' results only. */
#ifndef ENTER_STATE_H
#define ENTER_STATE_H

#include "src/enter/fault.h"
#include "src/plan/plan.h"

/* A mount point or engine file that a directory image lacks: made in a tmpfs that is
 * laid over the image (root.c says how). */
struct missing {
	char *path;	 /* clean, links of the image already followed */
	size_t base;	 /* path[0..base) is the longest part that is there */
	bool base_empty; /* ... a directory without entries */
	bool is_dir;
};

#define ENTER_SKIPPED_MAX 32

struct enter {
	const struct plan *plan;
	int *images;	 /* for each plan image: its mount */
	int *mounts;	 /* a descriptor for each plan mount: the detached mount, -1 none */
	int *files;	 /* for each plan file of a directory image: its mount, -1 none */
	bool *want_file; /* for each plan file of a directory image: is it to be bound */
	struct missing *missing;
	size_t nmissing, missing_cap;
	int root;	     /* the mount that becomes "/" */
	int image;	     /* directory image: its mount, when something was laid over it */
	int *layers;	     /* for each plan layer that is a directory: it, open */
	int *exts;	     /* for each plan ext: the mount of its upper/ */
	int extfs;	     /* extfs.h's channel; -1 none; borrowed */
	int over, over_fuse; /* PLAN_UPPER_EXT: the overlay's mount and descriptor */
	int upper;	     /* what holds upper/ and work/ */
	bool members;	     /* the layer in memory is each member's own (private.c) */
	int lifeline;	     /* plan_needs_lifeline(): its mount */
	int stage;	     /* directory image: tmpfs for files and missing mount points */
	int cgroup;	     /* cgroup.procs to move to; -1 none; borrowed */
	unsigned made;	     /* CLONE_NEW* that the process is in already */
	char uid_map[64], gid_map[64];
	char **env;    /* plan->env, PWD replaced by what was taken */
	char **pwd;    /* "PWD=..." for each plan cwd */
	char **script; /* argv for a script without "#!": /bin/sh, path, arguments */
	struct fault skipped[ENTER_SKIPPED_MAX];
	size_t nskipped;
};

/* enter_build() lays an overlay over the root. */
static inline bool enter_is_layered(const struct enter *x)
{
	const struct plan *p = x->plan;

	return p->nlayers > 0 || p->upper == PLAN_UPPER_DIR || p->upper == PLAN_UPPER_EXT ||
	       (p->upper == PLAN_UPPER_TMPFS && !x->members);
}

/* Host name and loopback interface, where the plan has such namespaces (isolate.c). */
int isolate_settle(const struct enter *x, struct fault *f);

/* Detached mounts for all plan mounts (sources.c).  keeper takes the descriptors of
 * images that are not the root. */
int sources_open(struct enter *x, int keeper, struct fault *f);

/* A detached mount of a new FUSE file system, and its descriptor; -1 with the fault (fuse.c). */
int fuse_open(const struct enter *x, bool writable, int *fuse, struct fault *f);
/* The same, and the keeper gets the descriptor. */
int fuse_mount(const struct enter *x, int keeper, int *out, struct fault *f);

struct fs_option {
	const char *key, *value; /* value NULL: a flag */
};
/* A detached mount of a new file system; -1 with errno (fuse.c). */
int fs_mount(const char *type, const struct fs_option *o, size_t n, unsigned attr);

/* The same with options as in mount(8): "size=1,mode=0755" (sources.c). */
int fs_mount_text(const char *type, const char *text, unsigned attr);

/* What the image itself is mounted with. */
#define ROOT_ATTR (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* Where helper mounts lie until the host's tree goes away: a directory that every host
 * has and that nobody looks up any more, for all sources are open by then. */
#define PARKING "/dev"

/* The root mount, laid over "/" (root.c); x->root is open on it. */
int root_squash(struct enter *x, int keeper, struct fault *f);
int root_directory_open(struct enter *x, struct fault *f);
int root_directory_place(struct enter *x, struct fault *f);

/* Layers over the root (layers.c): the host's directories are opened, then, with x->root
 * parked, the overlay is made and laid over "/".  missing: a directory with the mount
 * points that a directory image lacks, -1 none. */
int root_layers_open(struct enter *x, struct fault *f);
int root_layers_place(struct enter *x, int missing, struct fault *f);
/* The plan's layer in memory as x->upper, mounted at a path of the host (layers.c). */
int upper_tmpfs(struct enter *x, const char *at, struct fault *f);
/* A detached overlay that only has this one root below it, named by path, and the working
 * directory's upper/ and work/ over it; -1 with errno (layers.c). */
int overlay_private(const char *lower);

/* What the image directory lacks (missing.c); allocates, so before unshare(). */
int missing_find(struct enter *x, struct err *e);

/* Attaches files and mounts below x->root (attach.c). */
int attach_all(struct enter *x, struct fault *f);

/* A fault of an optional mount is kept for a warning: 0; else -1. */
int enter_skip(struct enter *x, const struct plan_mount *m, const struct fault *f);

#endif
