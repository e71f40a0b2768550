/* store_turn: many processes of one host that want the same image, or the same blob, let one of
 * them make or fetch it.
 *
 *	auto_store_turn struct store_turn *turn = NULL;
 *	store_turn_take(&turn, store, key, stopped, arg, e);   // may wait
 *	if (store_sif_find(store, key, ...) == 0)
 *		... make it ...
 *
 * Who has something else to do meanwhile asks with store_turn_ask(), store_turn_is_mine().  While
 * one waits for the turn of another, what it has a turn for must go on: else two would wait for
 * each other.
 *
 * This only saves work, 64 ranks pulling 64 times over: nothing depends on it.  Who comes later
 * waits while an older process lives; when that dies or gives up, the next oldest is on.  Other
 * hosts are not waited for, since nobody can say whether they live. */
#ifndef IMAGE_STORE_TURN_H
#define IMAGE_STORE_TURN_H

#include <stdbool.h>

#include "image/store.h"

struct store_turn;

/* stopped is asked while waiting: true ends it with ERR_INTR. */
int store_turn_take(struct store_turn **out, struct store *s, const char *key,
		    bool (*stopped)(void *arg), void *arg, struct err *e);
/* The two halves of it: stands in line; tells whether it is on (a look at a directory, so not too
 * often).  Once on, it stays on until store_turn_end(). */
int store_turn_ask(struct store_turn **out, struct store *s, const char *key, struct err *e);
bool store_turn_is_mine(struct store_turn *t);
void store_turn_end(struct store_turn *t);
static inline void store_turn_end_p_(struct store_turn **t)
{
	store_turn_end(*t);
}
#define auto_store_turn auto_(store_turn_end_p_)

#endif
