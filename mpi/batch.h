/* batch: what a client inside of a container and the proxy outside say to each other (--slurm).
 *
 * A SOCK_SEQPACKET socket at BATCH_DIR/socket.  The client sends struct batch_request with the
 * descriptors 0, 1, 2 and a file of words that end in NUL each: the working directory, argc words,
 * envc variables.  Then one int32_t a signal.  The proxy answers once, with struct batch_reply,
 * when the command has ended.  A start sends BATCH_MEMBER with its pidfd instead, and gets an
 * answer, too: the proxy ends with the last of these. */
#ifndef MPI_BATCH_H
#define MPI_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BATCH_DIR   "/.berth-slurm" /* in the container */
#define BATCH_MAGIC 0x42545242u	    /* "BRTB" */
#define BATCH_WORDS (1 << 20)	    /* bytes of words at most */
#define BATCH_ARGS  4096	    /* words at most */

enum batch_kind { BATCH_RUN = 1, BATCH_MEMBER = 2 };

struct batch_request {
	uint32_t magic, kind;
	uint32_t argc, envc;
	uint32_t umask, len;
};

struct batch_reply {
	int32_t status; /* as of waitpid(), when text is empty */
	char text[508]; /* why nothing was started */
};

/* Under these names the client is in the container, and nothing else is started. */
static const char *const batch_commands[] = { "salloc",	 "sbatch", "srun",  "squeue",
					      "scancel", "sinfo",  "sacct", "scontrol" };

/* What the client hands on of its environment; the rest is the host's.  var: "K=V". */
static inline bool batch_is_lent(const char *var)
{
	static const char *const begins[] = { "SLURM_", "SBATCH_", "SALLOC_",  "SRUN_",	 "SQUEUE_",
					      "SINFO_", "SACCT_",  "SCANCEL_", "PYXIS_", "TERM=",
					      "TZ=",	"LANG=",   "LC_" };

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(var, begins[i], strlen(begins[i])))
			return true;
	return false;
}

#endif
