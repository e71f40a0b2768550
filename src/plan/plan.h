/* plan: what entering the container will do, decided before anything is done.
 *
 *	plan_wants(&paths, &env_files, &req, &facts, e);  // what to look at
 *	auto_plan struct plan *p = NULL;
 *	if (plan_make(&p, &req, &facts, e) < 0) ...
 *	plan_json(p, &text);                               // --dry-run
 *	enter(p)                                           // src/enter acts on it
 *
 * A plan is data: making one opens no file and makes no system call, so each
 * rule about binds, order and environment has a unit test.  Every string is the
 * plan's own and lives until plan_free(). */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/base/mem.h"
#include "src/base/path.h"
#include "src/plan/emulation.h"
#include "src/plan/facts.h"
#include "src/plan/request.h"

enum plan_mount_kind {
	PLAN_BIND,
	PLAN_IMAGE, /* a path of an image file that the keeper serves */
	PLAN_TMPFS,
	PLAN_PROC,
	PLAN_SYSFS,
	PLAN_DEVPTS,
	PLAN_MQUEUE,
	PLAN_SYMLINK /* no mount: a link dst -> src, always below a PLAN_TMPFS of the plan */
};

enum plan_mount_flag {
	PLAN_RO = 1,
	PLAN_REC = 2,
	PLAN_OPTIONAL = 4, /* when it cannot be placed: one warning, and go on */
	PLAN_NOSUID = 8,
	PLAN_NODEV = 16,
	PLAN_NOEXEC = 32,
	PLAN_IS_DIR = 64, /* the target is a directory, else a file */
	PLAN_HIDE =
		128 /* the mount point itself is new: whatever the image has at dst (a link,
		     * a directory) is hidden, not followed.  For /etc/localtime and the like. */
};

/* Who asked for a mount: decides who wins on one target, and what a message says. */
enum plan_origin { PLAN_DEFAULT, PLAN_USER, PLAN_LENT };

/* A target below a PLAN_TMPFS of the same plan is made there by enter, file or
 * directory by PLAN_IS_DIR; any other missing target is a virtual node of the
 * image.  Mounts are in the order in which they are made. */
struct plan_mount {
	enum plan_mount_kind kind;
	enum plan_origin origin;
	char *src;	/* host path (bind), path in the image, link text (symlink), else NULL */
	size_t image;	/* PLAN_IMAGE: which of the plan's images */
	char *dst;	/* clean absolute path inside the container */
	unsigned flags; /* enum plan_mount_flag */
	char *data;	/* mount options of tmpfs and devpts, else NULL */
};

/* What the engine supplies inside the image: passwd, group, and in an image that is served
 * the host's resolv.conf and the like. */
struct plan_file {
	char *path;
	char *data;
	size_t len;
	mode_t mode;  /* S_IFREG or S_IFDIR with permission bits; data NULL for a directory */
	bool replace; /* hides what the image has; else only where it has nothing */
	char *host;   /* the text is always that of this file of the host; else NULL */
};

/* A SquashFS beside the root that is served too. */
struct plan_image {
	char *path;	   /* file that holds it */
	int64_t off, size; /* in it */
};

/* A directory of the host that is made before anything is mounted, if it is not there. */
struct plan_dir {
	char *path;
	mode_t mode;
};

/* An ext file system that a program of the host serves; its upper/ is a layer. */
struct plan_ext {
	char *path;  /* file that holds it */
	int64_t off; /* in it */
	size_t file; /* in facts.images */
	bool write;  /* it takes the changes */
};

/* What lies over the root and is only read. */
struct plan_layer {
	char *dir;    /* a directory of the host; NULL: an image */
	bool is_ext;  /* the image is one of the plan's exts */
	size_t image; /* which of the plan's images, or exts */
};

/* Where the container's changes go. */
/* PLAN_UPPER_EXT: one of the plan's exts; fuse-overlayfs of the host makes the overlay. */
enum plan_upper { PLAN_UPPER_NONE, PLAN_UPPER_TMPFS, PLAN_UPPER_DIR, PLAN_UPPER_EXT };

enum plan_root { PLAN_ROOT_SQUASH, PLAN_ROOT_DIR };

struct plan {
	enum run_verb verb;
	enum plan_root root;
	char *image;	   /* file that holds the SquashFS, or the directory */
	int64_t off, size; /* of the SquashFS */
	bool writable;	   /* PLAN_ROOT_DIR: changes go to the directory */

	struct plan_image *images; /* in the order of facts.image_files */
	size_t nimages;

	struct plan_ext *exts; /* in the order of layers */
	size_t nexts;
	struct plan_layer *layers; /* topmost first */
	size_t nlayers;
	enum plan_upper upper;
	char *upper_dir;  /* PLAN_UPPER_DIR: holds upper/ and work/; PLAN_UPPER_EXT: the file */
	char *upper_data; /* PLAN_UPPER_TMPFS: mount options */
	char *upper_size_from; /* ... and what set its size */

	struct plan_mount *mounts;
	size_t nmounts;
	struct plan_file *files;
	size_t nfiles;
	struct plan_dir *dirs;
	size_t ndirs;

	struct strv env;
	/* env.v[env_pwd] is "PWD=" + cwd.v[0]; enter replaces it when a later cwd was taken. */
	size_t env_pwd;
	struct strv argv; /* argv[0] is looked up in env's PATH inside the container unless it
			   * holds a slash */
	struct strv cwd;  /* tried in order inside the container; the last is "/" unless required */
	bool cwd_required; /* --pwd: the first must exist */

	uid_t uid; /* inside */
	gid_t gid;
	uid_t host_uid; /* what they are outside: others than inside with fakeroot */
	gid_t host_gid;
	bool fakeroot; /* uid and gid are 0, by emulation */
	enum emulation emulation;
	mode_t umask;
	unsigned ns;	/* CLONE_NEW* beyond CLONE_NEWUSER | CLONE_NEWNS */
	bool init;	/* with CLONE_NEWPID: a small init is the first process, else the program */
	bool idle;	/* an instance without a program */
	char *hostname; /* NULL: the host's */

	struct strv lent;	 /* verdicts on what the host lends, a line each */
	struct strv env_origins; /* --explain-env: "WHERE<tab>NAME=VALUE" */
	struct strv limits;	 /* FILE=VALUE of an own cgroup; none: no own one */
	struct strv notes;	 /* warnings to print once: what was asked for and is not done so */

	size_t mounts_cap, files_cap, dirs_cap; /* private */
};

/* The mount point of mounts[n] lies in a mount made before it: nothing that the
 * image itself could lack or show. */
static inline bool plan_mount_is_covered(const struct plan *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p->mounts[i].kind != PLAN_SYMLINK &&
		    path_is_below(p->mounts[n].dst, p->mounts[i].dst))
			return true;
	return false;
}

/* There is an overlay over the root. */
static inline bool plan_is_layered(const struct plan *p)
{
	return p->nlayers > 0 || p->upper != PLAN_UPPER_NONE;
}

/* Nothing of the container is served, but somebody must know when it ends: whoever holds
 * the lease of upper_dir, or has an ext file system mounted.  An empty file system is served as its
 * lowest layer. */
static inline bool plan_needs_lifeline(const struct plan *p)
{
	return p->root == PLAN_ROOT_DIR && (p->upper == PLAN_UPPER_DIR || p->nexts);
}

/* Which host paths plan_make() wants facts of (absolute; one may stand there twice),
 * and which files --env-file named.  Reads of f only ids, passwd entry, cwd and
 * environ.  ERR_USAGE for a bind or home that cannot be parsed. */
int plan_wants(struct strv *paths, struct strv *env_files, const struct run_req *req,
	       const struct facts *f, struct err *e);

/* An image file, beside the one that is run, that the request takes something from. */
struct plan_image_want {
	char *path;
	unsigned id;
	enum fact_image_use use;
	char *inner;
};
struct plan_image_wants {
	struct plan_image_want *v;
	size_t n, cap;
};
void plan_image_wants_fini(struct plan_image_wants *w);
#define auto_plan_image_wants auto_(plan_image_wants_fini)
/* Which image files plan_make() wants facts of, as plan_wants(). */
int plan_wants_images(struct plan_image_wants *out, const struct run_req *req,
		      const struct facts *f, struct err *e);

/* The decision.  ERR_USAGE names the option and what is wrong with it,
 * ERR_NOTFOUND a bind source that does not exist. */
int plan_make(struct plan **out, const struct run_req *req, const struct facts *f, struct err *e);

void plan_free(struct plan *p);
static inline void plan_free_p_(struct plan **p)
{
	plan_free(*p);
}
#define auto_plan auto_(plan_free_p_)

/* Adds the whole plan as indented JSON with a newline at the end; the same plan
 * gives the same text. */
void plan_json(const struct plan *p, struct buf *out);

/* Adds the part of that which makes the container (image, mounts, files, ids, namespaces),
 * without the program, its environment and its directory: two plans with one identity may
 * share their namespaces. */
void plan_identity(const struct plan *p, struct buf *out);

#endif
