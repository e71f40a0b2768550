/* said: one sentence of many tasks is printed once.
 *
 *	struct said *s = said_new();     // before they are forked
 *	said_once(s, text, len);         // in each: on stderr, unless another has said it
 *
 * Without locks, so that a task that is killed holds nobody up. */
#ifndef MPI_SPANK_SAID_H
#define MPI_SPANK_SAID_H

#include <stddef.h>

struct said;

/* In memory that children share; NULL when there is none: everything is said then. */
struct said *said_new(void);
void said_once(struct said *s, const char *text, size_t len);

#endif
