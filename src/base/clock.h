/* clock: the time since some moment that no one sets back (CLOCK_MONOTONIC), for bounds and waits.
 *
 *	int64_t end = now_ms() + 500;
 *	while (now_ms() < end) ...
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t now_ns(void);
int64_t now_ms(void);
double now_s(void);

#endif
