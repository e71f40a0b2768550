/* interrupt: a signal ends a long job in order instead of the process in the middle.
 *
 *	auto_interrupt struct interrupt *in = interrupt_begin(stop_everything, job);
 *	... the job; it fails soon after stop_everything(job) was called ...
 *	if (interrupt_signal(in)) ...   // which signal, 0 none
 *
 * A file over the limit of `ulimit -f` is an error that a write gives, and no signal meanwhile.
 * INT, TERM and HUP count, unless they were ignored before (nohup).  The first one calls the
 * function, in a thread of its own; a second one ends the process as ever.  One at a time in a
 * process. */
#ifndef FLOW_INTERRUPT_H
#define FLOW_INTERRUPT_H

#include "src/base/mem.h"

struct interrupt;

struct interrupt *interrupt_begin(void (*stop)(void *arg), void *arg);
int interrupt_signal(const struct interrupt *in);
/* The old handlers are back afterwards, and stop() is not running any more. */
void interrupt_end(struct interrupt *in);
static inline void interrupt_end_p_(struct interrupt **in)
{
	interrupt_end(*in);
}
#define auto_interrupt auto_(interrupt_end_p_)

#endif
