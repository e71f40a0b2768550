/* lent: what the host lends to a container beyond the usual mounts: libraries, files, devices,
 * variables; and a verdict on each thing that was looked at.
 *
 *	auto_lent struct lent l = { 0 };
 *	lent_lib(&l, "/usr/lib64/libcuda.so.550.54.14", "libcuda.so.1");
 *	lent_device(&l, "/dev/nvidia0", "/dev/nvidia0");
 *	lent_verdict(&l, LENT_SKIPPED, "nv", "libGL.so.1", "the image has its own");
 *	facts.lent = &l;                        // plan_make() turns it into mounts and variables
 *
 * bindings/ fills it, the plan reads it: plain data in between.  All strings are copied. */
#ifndef PLAN_LENT_H
#define PLAN_LENT_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/arena.h"
#include "src/base/buf.h"
#include "src/base/mem.h"

#define LENT_LIBS_DIR	"/.singularity.d/libs"
#define LENT_LIBS32_DIR "/.singularity.d/libs32"

enum lent_kind {
	LENT_LIB,    /* a file in LENT_LIBS_DIR (LENT_LIBS32_DIR) */
	LENT_LINK,   /* a link there: src is its text */
	LENT_BIND,   /* a host path at dst */
	LENT_DEVICE, /* a device; nothing to do where the host's whole /dev is shown */
	LENT_TMPFS,  /* a file system in memory: src is its options, "mode=0755,size=64m" */
};

struct lent_item {
	enum lent_kind kind;
	const char *src, *dst;
	bool dir;      /* src is a directory */
	bool writable; /* a bind that is not made read-only */
	bool noexec;   /* of a file system in memory */
	bool must;     /* the start fails when it cannot be placed */
	unsigned hash; /* of dst; private */
};

enum lent_how { LENT_SET, LENT_PREPEND, LENT_APPEND, LENT_UNSET };

struct lent_env {
	enum lent_how how;
	const char *key, *value; /* value NULL for LENT_UNSET */
};

enum lent_outcome {
	LENT_GIVEN,
	LENT_KEPT,    /* the image's own is used */
	LENT_SKIPPED, /* not given, and nobody needs to worry */
	LENT_REFUSED, /* asked for, cannot work */
	LENT_ABSENT   /* asked for, not on this host */
};

struct lent_judged {
	enum lent_outcome outcome;
	const char *by;	  /* "nv", "cdi nvidia.com/gpu=0", "module cray-mpich" */
	const char *what; /* "libcuda.so.1", "/dev/nvidia0" */
	const char *text; /* why, and where it lies */
};

struct lent {
	struct lent_item *items;
	size_t nitems;
	struct lent_env *env;
	size_t nenv;
	struct lent_judged *verdicts;
	size_t nverdicts;
	struct strv notes; /* warnings to print once */
	bool libs, libs32; /* something lies in that directory */

	struct arena arena; /* private from here on */
	size_t items_cap, env_cap, verdicts_cap;
};

void lent_fini(struct lent *l);
#define auto_lent auto_(lent_fini)

/* The file src at LENT_LIBS_DIR/<its base name>, with a link called name to it where name is
 * another one.  bits 32: in LENT_LIBS32_DIR. */
void lent_lib(struct lent *l, const char *src, const char *name, int bits);
/* A link called name -> text in LENT_LIBS_DIR.  A name that is taken stays as it is. */
void lent_lib_link(struct lent *l, const char *text, const char *name, int bits);
/* Returns the item, to set its flags.  A second thing on one dst is dropped: the first stays
 * and is returned. */
struct lent_item *lent_bind(struct lent *l, const char *src, const char *dst, bool dir);
struct lent_item *lent_device(struct lent *l, const char *src, const char *dst);
struct lent_item *lent_tmpfs(struct lent *l, const char *options, const char *dst);
/* value NULL with LENT_UNSET.  A later LENT_SET of one key replaces an earlier one. */
void lent_env(struct lent *l, enum lent_how how, const char *key, const char *value);
/* True when something lies on dst. */
bool lent_has(const struct lent *l, const char *dst);

void lent_verdict(struct lent *l, enum lent_outcome outcome, const char *by, const char *what,
		  const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* "nv: libcuda.so.1: given: /usr/lib64/libcuda.so.550.54.14" */
void lent_line(struct buf *out, const struct lent_judged *v);
/* "given", "kept", "skipped", "refused", "absent". */
const char *lent_word(enum lent_outcome outcome);

#endif
