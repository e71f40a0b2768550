#include "registry/session.h"

#include <stdio.h>
#include <string.h>

#include "registry/secret.h"
#include "src/base/clock.h"
#include "src/base/log.h"

/* A wrong name or port is the user's more often than the network's: a host that
 * has never answered is not asked five times. */
#define TRIES_UNSEEN 2

static int fetch_token(struct remote *r, struct err *e);

uint64_t session_now(void)
{
	return (uint64_t)now_ms();
}

int session_check(const struct remote *r, struct err *e)
{
	if (!atomic_load(&r->cancelled))
		return 0;
	return err_set(e, ERR_INTR, "%s: stopped", r->ref.text);
}

int session_prepare(struct remote *r, struct http_xfer *x, struct attempt *at, struct err *e)
{
	if (auth_is_stale(&r->auth, (int64_t)(session_now() / 1000))) {
		log_debug("%s: the token is about to expire", r->ref.text);
		if (fetch_token(r, e) < 0)
			return -1;
	}
	x->auth = r->auth.value;
	at->generation = r->auth.generation;
	return 0;
}

/* 401: 1 once more with what r->auth has now, -1 final. */
static int judge_refused(struct remote *r, struct http_xfer *x, struct attempt *at,
			 const struct reply_about *about, struct err *e)
{
	auto_challenge struct challenge c = { 0 };
	const char *line;
	int v;

	if (at->generation != r->auth.generation)
		return 1; /* another transfer has renewed it meanwhile */
	for (size_t i = 0; i < 8 && (line = http_header_at(x, "www-authenticate", i)); i++)
		challenge_add(&c, line);
	if (!c.basic && !c.bearer)
		return reply_error(x, about, e);
	v = auth_challenged(&r->auth, &c, &r->cred, r->ref.repo, r->plain, e);
	if (v < 0)
		return err_wrap(e, "%s", about->what);
	/* A fresh token that is refused too will not get better, unless the registry
	 * has named a scope that it did not name before. */
	if (v == 2 || (at->refused++ && !r->auth.new_scope))
		return reply_error(x, about, e);
	return v == 1 && fetch_token(r, e) < 0 ? -1 : 1;
}

int session_judge(struct remote *r, struct http_xfer *x, struct attempt *at,
		  const struct reply_about *about, uint64_t *wait_ms, struct err *e)
{
	struct retry_policy policy = r->policy;
	struct reply_about last = *about;
	auto_buf struct buf reason = { 0 };
	int64_t after = -1;

	*wait_ms = 0;
	if (x->status / 100 == 2) /* the login was good, however the transfer ended */
		at->refused = 0;
	if (x->end == HTTP_STOPPED) {
		*e = x->err;
		return err_wrap(e, "%s", about->what);
	}
	if (x->end == HTTP_UNTRUSTED)
		return reply_error(x, about, e);
	if (x->end == HTTP_DONE) {
		/* A storage host's signed address expires: the registry makes a new one. */
		bool expired = x->crossed && (x->status == 401 || x->status == 403);

		r->answered = true;
		if (x->status / 100 == 2)
			return 0;
		if (x->status == 401 && !x->crossed && !about->token)
			return judge_refused(r, x, at, about, e);
		if (!retry_status(x->status) && !expired)
			return reply_error(x, about, e);
		after = retry_after_parse(http_header(x, "retry-after"), time(NULL));
	}
	if (!r->answered && x->end == HTTP_UNREACHED)
		policy.tries = MIN(policy.tries, TRIES_UNSEEN);
	if (retry_next(&at->retry, &policy, wait_ms, after,
		       (uint32_t)session_now() * 2654435761u)) {
		last.tries = at->retry.total;
		return reply_error(x, &last, e);
	}
	reply_reason(&reason, x);
	log_info("%s: %s%s; trying again in %.1f s", about->what, buf_str(&reason),
		 about->after ? about->after : "", (double)*wait_ms / 1000);
	return 1;
}

int session_wait(struct remote *r, struct http_xfer *x, struct err *e)
{
	while (!x->end) {
		if (session_check(r, e) < 0 || http_wait(r->http, 1000, e) < 0) {
			http_stop(r->http, x);
			return -1;
		}
	}
	return 0;
}

int session_pause(struct remote *r, uint64_t ms, struct err *e)
{
	uint64_t until = session_now() + ms, now;

	while ((now = session_now()) < until)
		if (session_check(r, e) < 0 ||
		    http_wait(r->http, (unsigned)MIN(until - now, 1000u), e) < 0)
			return -1;
	return 0;
}

int session_run(struct remote *r, struct http_xfer *x, const struct reply_about *about,
		struct err *e)
{
	struct attempt at = { 0 };
	uint64_t wait_ms;
	int v;

	do {
		if (session_check(r, e) < 0)
			return -1;
		if (!about->token && session_prepare(r, x, &at, e) < 0)
			return -1;
		if (http_start(r->http, x, e) < 0 || session_wait(r, x, e) < 0)
			return -1;
		v = session_judge(r, x, &at, about, &wait_ms, e);
		if (v == 1 && session_pause(r, wait_ms, e) < 0)
			return -1;
	} while (v == 1);
	return v;
}

/* How servers that only know GET answer the POST: GCR, ACR, Artifactory and others
 * (distribution-spec has 404). */
static bool knows_no_post(int status)
{
	return status == 400 || status == 401 || status == 404 || status == 405;
}

/* The identity token's way (OAuth 2 POST).  1 when the server does not know it. */
static int post_for_token(struct remote *r, struct http_xfer *x, const struct reply_about *about,
			  struct err *e)
{
	struct buf form = { 0 };
	int v;

	auth_token_form(&r->auth, &r->cred, &form);
	x->url = r->auth.realm;
	x->post = buf_str(&form);
	v = session_run(r, x, about, e);
	explicit_bzero(form.data, form.len);
	buf_fini(&form);
	x->post = NULL;
	if (v < 0 && x->end == HTTP_DONE && knows_no_post(x->status))
		return 1;
	return v;
}

static int fetch_token(struct remote *r, struct err *e)
{
	static const char *const json[] = { "application/json", NULL };
	struct reply_about about = {
		.what = r->ref.text, .ref = &r->ref, .cred = &r->cred, .token = true
	};
	struct http_xfer x = { .accept = json, .max_body = AUTH_TOKEN_MAX };
	auto_buf struct buf url = { 0 };
	auto_secret char *basic = NULL, *pair = NULL;
	int v = 1;

	if (r->cred.identity_token)
		v = post_for_token(r, &x, &about, e);
	if (v == 1) {
		if (r->cred.user) {
			pair = credential_basic(&r->cred);
			basic = xasprintf("Basic %s", pair);
		}
		auth_token_url(&r->auth, &r->cred, &url);
		x.url = buf_str(&url);
		x.auth = basic;
		v = session_run(r, &x, &about, e);
	}
	if (v == 0 && auth_take_token(&r->auth, buf_str(&x.body), x.body.len,
				      (int64_t)(session_now() / 1000), e) < 0)
		v = err_wrap(e, "%s", r->ref.text);
	if (x.body.data)
		explicit_bzero(x.body.data, x.body.len);
	http_xfer_fini(&x);
	return v;
}
