/* persona: who Berth speaks as, told by the name that it was started under.
 *
 *	const struct persona *p = persona_choose(argv[0]);   // main, once
 *	persona_status(p, e)                                  // what to exit with
 *	persona()->prompt                                     // everybody else
 *
 * As apptainer and singularity (and run-singularity, which SIF files name in their first line) it
 * answers as Apptainer does: version line, exit statuses, how messages begin.  What it does is the
 * same under every name. */
#ifndef CLI_PERSONA_H
#define CLI_PERSONA_H

#include "src/base/err.h"

struct persona {
	const char *called;  /* the program's name that chooses it */
	const char *name;    /* what help and usage lines say */
	const char *package; /* "<package> version <version>" */
	const char *version;
	const char *prompt;	       /* PS1 in a container */
	const char *implied;	       /* the command that stands before the words; NULL none */
	const char *const *prefixes;   /* see log_set_prefixes(); NULL: Berth's own */
	int usage;		       /* status: the words make no sense */
	int failure;		       /* Berth failed before the program ran */
	int not_executable, not_found; /* the program */
};

/* By the last part of name; Berth itself for one that no row has.  Sets how messages begin. */
const struct persona *persona_choose(const char *name);
/* The one chosen; Berth until then. */
const struct persona *persona(void);

#endif
