/* opt: options as table rows.
 *
 * One row feeds the parser, the environment twin, --help and the completion;
 * a field of the wrong type does not compile.
 *
 *	static const struct opt pull_opts[] = {
 *		OPT_FLAG('F', "force", NULL, struct pull_req, force, "replace an existing file"),
 *		OPT_STR(0, "arch", "ARCH", "PULL_ARCH", struct pull_req, arch, "..."),
 *		OPT_END,
 *	};
 *
 * Parsing is not interspersed: options stop at the first operand (the image),
 * everything behind it belongs to the program.  What the command line does not
 * set comes from the environment: for key K from BERTH_K, else APPTAINER_K, else
 * SINGULARITY_K, in silence; only when two of them are set to different values does
 * one warning name the one that counts.  Empty values are as if unset.  List options
 * add up: the command line first, then the environment. */
#ifndef CLI_OPT_H
#define CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/buf.h"
#include "src/base/err.h"

enum opt_kind {
	OPT_KIND_END,
	OPT_KIND_FLAG,
	OPT_KIND_STR,
	OPT_KIND_LIST,
	OPT_KIND_UINT,
	OPT_KIND_SIZE
};

enum {
	OPT_HIDDEN = 1,	 /* understood, not shown in --help */
	OPT_COMMAS = 2,	 /* a list option whose value is split at commas */
	OPT_IGNORED = 4, /* accepted for the sake of scripts, without effect here */
	OPT_REFUSED = 8, /* known, and not done by this version: help says why, and what to do */
	OPT_BARE = 16,	 /* the environment keys count without a prefix too, last */
};

struct opt {
	enum opt_kind kind;
	char short_name; /* 0 none */
	const char *name;
	const char *arg; /* what --help calls the value; NULL for flags */
	const char *env; /* keys without prefix, separated by commas; NULL none */
	size_t offset;	 /* of the field in the request */
	unsigned flags;
	const char *help;
};

/* The added 0 * sizeof(_Generic) is what refuses a field of another type. */
#define OPT_AT(T, f, ctype) (offsetof(T, f) + 0 * sizeof(_Generic(&((T *)0)->f, ctype * : 0)))

#define OPT_FLAG(c, n, env, T, f, help)                                     \
	{                                                                   \
		OPT_KIND_FLAG, c, n, NULL, env, OPT_AT(T, f, bool), 0, help \
	}
#define OPT_STR(c, n, arg, env, T, f, help)                                       \
	{                                                                         \
		OPT_KIND_STR, c, n, arg, env, OPT_AT(T, f, const char *), 0, help \
	}
#define OPT_UINT(c, n, arg, env, T, f, help)                                   \
	{                                                                      \
		OPT_KIND_UINT, c, n, arg, env, OPT_AT(T, f, unsigned), 0, help \
	}
#define OPT_LIST(c, n, arg, env, T, f, flg, help)                                   \
	{                                                                           \
		OPT_KIND_LIST, c, n, arg, env, OPT_AT(T, f, struct strv), flg, help \
	}
/* A uint64_t: digits with an optional k, M, G or T (powers of 1024). */
#define OPT_SIZE(c, n, arg, env, T, f, help)                                   \
	{                                                                      \
		OPT_KIND_SIZE, c, n, arg, env, OPT_AT(T, f, uint64_t), 0, help \
	}
/* Another name for a field: understood, not shown. */
#define OPT_ALIAS_STR(n, T, f)                                                                \
	{                                                                                     \
		OPT_KIND_STR, 0, n, "VALUE", NULL, OPT_AT(T, f, const char *), OPT_HIDDEN, "" \
	}
#define OPT_STR_BARE(c, n, arg, env, T, f, help)                                         \
	{                                                                                \
		OPT_KIND_STR, c, n, arg, env, OPT_AT(T, f, const char *), OPT_BARE, help \
	}
#define OPT_ALIAS_FLAG(n, env, T, f)                                               \
	{                                                                          \
		OPT_KIND_FLAG, 0, n, NULL, env, OPT_AT(T, f, bool), OPT_HIDDEN, "" \
	}
#define OPT_NOOP(c, n)                                                           \
	{                                                                        \
		OPT_KIND_FLAG, c, n, NULL, NULL, 0, OPT_HIDDEN | OPT_IGNORED, "" \
	}
#define OPT_NOOP_STR(n)                                                            \
	{                                                                          \
		OPT_KIND_STR, 0, n, "VALUE", NULL, 0, OPT_HIDDEN | OPT_IGNORED, "" \
	}
#define OPT_REFUSE(c, n, why)                                                     \
	{                                                                         \
		OPT_KIND_FLAG, c, n, NULL, NULL, 0, OPT_HIDDEN | OPT_REFUSED, why \
	}
#define OPT_REFUSE_STR(n, why)                                                      \
	{                                                                           \
		OPT_KIND_STR, 0, n, "VALUE", NULL, 0, OPT_HIDDEN | OPT_REFUSED, why \
	}
#define OPT_END                                               \
	{                                                     \
		OPT_KIND_END, 0, NULL, NULL, NULL, 0, 0, NULL \
	}

/* Parses argv[0..argc) up to the first operand into req.  Strings in req borrow
 * from argv and the environment.  *used is the number of words taken, "--"
 * included.
 * 0 done, 1 help was asked for, -1 ERR_USAGE naming the option and, for an
 * unknown one, the nearest known; ERR_UNSUPPORTED for one that is refused. */
int opt_parse(const struct opt *opts, void *req, int argc, char **argv, int *used, struct err *e);

/* Fills from the environment what the command line left alone.  Called by
 * opt_parse(). */
int opt_from_env(const struct opt *opts, void *req, const bool *given, char *const *environment,
		 struct err *e);

/* Frees the lists that parsing filled; strings are borrowed. */
void opt_release(const struct opt *opts, void *req);

/* The option part of a help text. */
void opt_help(const struct opt *opts, struct buf *out);

#endif
