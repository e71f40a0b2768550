/* progress: bars on a terminal, one line each, drawn by a thread of its own.
 *
 *	auto_progress struct progress *p = progress_new(2);  // fd 2; quiet when no tty
 *	struct bar *b = progress_bar(p, "layer 4f53cda1", 63400000);
 *	bar_add(b, n);                                       // any thread, an atomic add
 *	bar_done(b, "done");
 *
 * When fd is no terminal, or the level is below LOG_INFO, nothing is drawn and
 * all calls cost an atomic add.  Every function takes NULL. */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdint.h>

#include "src/base/err.h"
#include "src/base/mem.h"

struct progress;
struct bar;

/* For the whole process, before the first progress_new(): "auto" (bars on a terminal, else nothing),
 * "plain" (a line now and then), "json" (an object a line, messages too), "none".  ERR_USAGE. */
int progress_set_mode(const char *word, struct err *e);

struct progress *progress_new(int fd);
/* Draws the last state, leaves the cursor below it, frees everything. */
void progress_free(struct progress *p);
static inline void progress_free_p_(struct progress **p)
{
	progress_free(*p);
}
#define auto_progress auto_(progress_free_p_)

/* A bar lives as long as p.  total in bytes, 0 when not known (then a counter is
 * drawn).  label is copied. */
struct bar *progress_bar(struct progress *p, const char *label, uint64_t total);
void bar_set(struct bar *b, uint64_t done);
void bar_add(struct bar *b, uint64_t n);
/* Ends the bar: note replaces rate and time left ("done", "in store", "failed"). */
void bar_done(struct bar *b, const char *note);

#endif
