/* meet: how the processes of one container find its keeper, or make one.
 *
 *	struct ticket t;
 *	int r = meet(&t, name, &founding, e);
 *	if (r == 0)
 *		... setns() into t.fds[0..t.nfds), then become the program
 *	ticket_fini(&t);
 *
 * bind() of an abstract name is the election: the kernel lets one process have it, and
 * frees it with the last descriptor, so there is no stale file and no lock.  The winner
 * founds a keeper (found.h), which listens; everybody, the winner too, then connects,
 * waits in the backlog until the container is there, and gets its namespaces.  A peer
 * that dies at any point is seen as a connection that ends: start again from bind().
 *
 * Nobody counts peers, and nothing in here has a time-out while the keeper runs: an
 * image on a slow file system may take as long as it takes.  A keeper that was stopped
 * (SIGSTOP) is told by its state in /proc. */
#ifndef MPI_MEET_H
#define MPI_MEET_H

#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "src/base/err.h"
#include "src/base/mem.h"

#define MEET_FDS  8
#define MEET_DATA 2304 /* bytes of a report or an error */

/* What the keeper says. */
enum ticket_kind {
	TICKET_OPEN,	/* descriptors of namespaces; data is the builder's report */
	TICKET_FAULT,	/* the builder failed; data is its report */
	TICKET_ERR,	/* the keeper failed; data is a struct err */
	TICKET_REFUSED, /* this process cannot be taken; data is a struct err */
};

struct ticket {
	enum ticket_kind kind;
	int fds[MEET_FDS];
	unsigned types[MEET_FDS]; /* CLONE_NEW*, the user namespace first */
	size_t nfds;
	uint8_t data[MEET_DATA];
	size_t len;
	bool founder; /* this process made the keeper: the one to say what is to be said once */
};

void ticket_fini(struct ticket *t);
#define auto_ticket auto_(ticket_fini)

struct founding;

/* 0: t is TICKET_OPEN.  1: t is TICKET_FAULT; the container cannot be made, and would
 * not be made by trying again.  2: there is no sharing with the others, e says why, and
 * a container of one's own may work: the name is another user's, the keeper is stopped
 * or speaks another version.  -1 with e. */
int meet(struct ticket *t, const char *name, const struct founding *w, struct err *e);

/* --- for the keeper --- */

/* A ticket over a SOCK_SEQPACKET socket.  -1 with errno. */
int ticket_send(int sock, const struct ticket *t);
/* 0 a ticket, 1 the peer is gone, 2 one FUSE descriptor came (fd_send()) and is *fuse,
 * 3 the peer speaks another version, -1 with errno.  fuse may be NULL. */
int ticket_recv(int sock, struct ticket *t, int *fuse);

/* The hello of somebody who wants in: 0 and its pidfd, -1 when it is not one of ours. */
int hello_recv(int sock, int *pidfd);

#endif
