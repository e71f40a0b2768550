/* members: the keeper's door.  Hands the container's namespaces to who asks, and knows
 * by pidfds when the last one who got them has ended.
 *
 *	struct members m = { .listener = fd, .founder = pidfd, .ticket = &t };
 *	members_serve(&m);      // until nobody is left; the name is free then
 *
 * A member's pidfd comes with its hello, made by itself: no pid can have been reused in
 * between.  The founder counts from the start, so that a keeper whose founder was killed
 * before it asked does not stay. */
#ifndef MPI_MEMBERS_H
#define MPI_MEMBERS_H

#include "mpi/meet.h"

struct members {
	int listener;		     /* closed at the end */
	int founder;		     /* pidfd; closed at the end */
	const struct ticket *ticket; /* what everybody gets */
	int events;		     /* private */
	size_t n;		     /* private: members that live */
};

/* When the ticket is no open one: until the founder and all who wait have their answer. */
void members_serve(struct members *m);

#endif
