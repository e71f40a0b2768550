/* handover: how the engine gives a container to a process that becomes a program by itself.
 *
 *	berth exec --hand-over FD --share KEY ... IMAGE WORD
 *
 * FD is an end of a SOCK_SEQPACKET pair, whose other end the engine's parent has.  The engine
 * makes or joins the container as any rank does, with its parent as the member, and sends one
 * packet: struct handover, and as descriptors a file with text, the prefix program, and the
 * namespaces, the user namespace first.  It ends with 0 then; else it has said why on stderr.
 *
 * The text is records that end in NUL, the first letter says which:
 *
 *	E K=V	set in the environment		U K	not in it
 *	C DIR	working directory: the first that exists; "!" before it: it has to
 *	P WORD	what stands before the program: an entrypoint and its arguments */
#ifndef MPI_HANDOVER_H
#define MPI_HANDOVER_H

#include <stdint.h>

#define HANDOVER_MAGIC	 0x48524542u /* "BERH" */
#define HANDOVER_VERSION 1
#define HANDOVER_NS_MAX	 8

struct handover {
	uint32_t magic, version;
	uint32_t has_prefix;		 /* the second descriptor is the prefix program */
	uint32_t nns;			 /* how many namespaces follow */
	uint32_t types[HANDOVER_NS_MAX]; /* CLONE_NEW* */
};

/* Environment of the prefix program (mpi/inside): how many words, the words, and what the
 * program is called that they start. */
#define PREFIX_COUNT "BERTH_PREFIX_N"
#define PREFIX_WORD  "BERTH_PREFIX_"
#define PREFIX_ARGV0 "BERTH_PREFIX_ARGV0"
#define PREFIX_MAX   64

#endif
