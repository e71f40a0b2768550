/* step: what a builder does, one after the other, to make a stage's tree.
 *
 *	def_steps(&list, &def->stages[0], e);            // or dockerfile_steps()
 *	for (i = 0; i < list.n; i++)
 *		... act on list.v[i] ...
 *
 * Both recipe languages become this one list.  It is pure data and can be printed; all strings
 * belong to the arena that made it. */
#ifndef RECIPE_STEP_H
#define RECIPE_STEP_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/arena.h"
#include "src/base/buf.h"
#include "src/base/err.h"

/* Where a script of a definition file lies, inside the tree, while it runs. */
#define STEP_SCRIPT_PATH "/.post.script"

enum step_kind {
	STEP_HOST, /* a script on the host, with the tree's path in its environment */
	STEP_COPY, /* files into the tree */
	STEP_RUN,  /* a program inside the tree, as root */
	STEP_DIR   /* a directory that must be there (WORKDIR) */
};

/* Whose rules a copy follows. */
enum copy_rules {
	COPY_HOST,   /* %files: cp -fLr from the host */
	COPY_STAGE,  /* %files from: cp -fr from a stage, only the named sources are followed */
	COPY_DOCKER, /* COPY */
	COPY_ADD     /* ADD: archives are unpacked, URLs fetched */
};

struct step_item {
	const char *src;
	const char *dst;  /* absolute, with a slash at its end when a directory is meant; NULL: as
			   * the source's path */
	const char *data; /* a heredoc's body: there is no src then */
	bool url;	  /* src is an address */
	unsigned line;
};

enum step_mount_type { STEP_MOUNT_BIND, STEP_MOUNT_CACHE, STEP_MOUNT_TMPFS, STEP_MOUNT_SECRET };

/* RUN --mount=... */
struct step_mount {
	enum step_mount_type type;
	const char *from;   /* bind, cache: stage; NULL the context, or an empty directory */
	const char *source; /* below from; NULL its root */
	const char *target; /* absolute; NULL only for a secret that is an environment variable */
	const char *id;	    /* of the cache or secret */
	const char *env;    /* secret: the variable that gets it */
	const char *size;   /* tmpfs */
	unsigned mode;
	bool ro, required;
};

struct step {
	enum step_kind kind;
	unsigned line;
	const char *name;  /* "%post", "RUN": what a message calls it */
	const char *title; /* one line for people */

	/* STEP_HOST, STEP_RUN: either a script of a definition file, with the words that
	 * stood behind the section's name, or argv. */
	const char *script, *args;
	const char *const *argv; /* NULL-terminated */
	const char *const *env;	 /* "K=V", NULL-terminated; what RUN sees beside the defaults */
	const char *cwd;	 /* NULL: "/" */
	const char *user;	 /* NULL: root */
	bool no_network;
	struct step_mount *mounts;
	size_t nmounts;

	/* STEP_COPY */
	enum copy_rules rules;
	const char *from; /* a stage's name or number, or an image; NULL host or context */
	struct step_item *items;
	size_t nitems;
	const char *chown, *chmod;
	const char *checksum;	    /* "sha256:..." of the one URL; NULL none */
	const char *const *exclude; /* patterns; NULL none */
	bool parents;

	const char *dir; /* STEP_DIR, absolute */
};

struct steps {
	struct step *v;
	size_t n, cap;
	struct arena *arena; /* borrowed; the list itself too lives in it */
};

/* A zeroed step at the end of the list; lives until the next call. */
struct step *steps_add(struct steps *s, enum step_kind kind, unsigned line, const char *name);

/* The command line of a script whose file is path: "/bin/sh -ex [args] path", where everything
 * behind -c becomes one word with the path at its end.  ERR_INPUT: nothing behind -c. */
int step_script_argv(const char *name, const char *args, const char *path, struct strv *out,
		     struct err *e);

/* Adds everything of s that its result depends on, apart from the content of the files that it
 * names: what a cache key is made of. */
void step_key(const struct step *s, struct buf *out);

struct jw;
/* The list as a JSON array named key. */
void steps_json(const struct steps *s, struct jw *w, const char *key);

#endif
