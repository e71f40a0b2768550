/* retry: whether and when a request is sent again.  Pure: the table that decides
 * is tested without a network and without waiting.
 *
 *	struct retry_state st = { 0 };
 *	if (retry_next(&st, &policy, &wait_ms, retry_after_s, rand32) == 0)
 *		... again after wait_ms ...
 */
#ifndef REGISTRY_RETRY_H
#define REGISTRY_RETRY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct retry_policy {
	unsigned tries;	     /* in a row without progress, the first one included; 5 */
	unsigned max_total;  /* however much progress there is; 50 */
	unsigned base_ms;    /* first pause, doubled each time; 1000 */
	unsigned max_ms;     /* longest pause of our own; 60000 */
	unsigned patience_s; /* longest Retry-After that is waited for; 120 */
};
extern const struct retry_policy retry_default;

struct retry_state {
	unsigned failed; /* in a row */
	unsigned total;
};

/* 408, 429 and the 5xx that may pass (not 501 and 505). */
bool retry_status(int status);
/* Seconds to wait as a Retry-After value says it: a number, or an HTTP date seen
 * from now.  -1 when there is none or it is not understood; a date gone by is 0. */
int64_t retry_after_parse(const char *value, time_t now);
/* Counts a failure.  0: again after *wait_ms; 1: enough.  after_s is what
 * Retry-After said, -1 for nothing; longer than the policy's patience is enough.
 * dice is any random number: a cluster's clients shall not come back all at once. */
int retry_next(struct retry_state *st, const struct retry_policy *p, uint64_t *wait_ms,
	       int64_t after_s, uint32_t dice);
/* The transfer moved on: failures before it no longer count as "in a row". */
void retry_progress(struct retry_state *st);

#endif
