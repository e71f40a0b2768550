/* --limit-rate: one budget of all transfers, spent piece by piece; a transfer whose piece comes too
 * early pauses, and the one that has paused longest goes on first.
 *
 * libcurl's own cap (CURLOPT_MAX_RECV_SPEED_LARGE) is of one transfer and let 870 kB/s through
 * where 60 were allowed (7.88, a registry on loopback). */

#include "registry/http_priv.h"
#include "src/base/clock.h"

#define PIECE_MIN 1024l /* libcurl's smallest buffer */
#define CREDIT	  0.02	/* s: poll() comes late by some ms */

long http_pace_piece(const struct http *h, long most)
{
	uint64_t piece = h->limit_rate / 16;

	if (!h->limit_rate || piece > (uint64_t)most)
		return most;
	return MAX((long)piece, PIECE_MIN);
}

bool http_pace_hold(struct http_call *c, size_t n)
{
	struct http *h = c->http;
	double t;

	if (!h->limit_rate)
		return false;
	t = now_s();
	if (t < h->free_at) {
		c->paused_at = t;
		return true;
	}
	h->free_at = MAX(h->free_at, t - CREDIT) + (double)n / (double)h->limit_rate;
	return false;
}

struct http_call *http_pace_next(struct http *h)
{
	struct http_call *first = NULL;

	for (struct http_call *c = h->calls; c; c = c->next)
		if (c->paused_at > 0 && (!first || c->paused_at < first->paused_at))
			first = c;
	if (!first || now_s() < h->free_at)
		return NULL;
	first->paused_at = 0;
	return first;
}

unsigned http_pace_wait(const struct http *h, unsigned timeout_ms)
{
	double left = h->free_at - now_s();

	for (const struct http_call *c = h->calls; c; c = c->next)
		if (c->paused_at > 0)
			return left <= 0 ? 0 : (unsigned)MIN(left * 1000 + 1, (double)timeout_ms);
	return timeout_ms;
}
