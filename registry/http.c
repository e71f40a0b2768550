/* The hops of a transfer and the loop over all of them.  One hop is http_call.c's. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "registry/http_priv.h"
#include "registry/url.h"
#include "src/base/log.h"

#define MAX_HOPS 8

const char *http_header_at(const struct http_xfer *x, const char *name, size_t i)
{
	size_t len = strlen(name);

	for (size_t k = 0; k < x->headers.n; k++) {
		const char *h = x->headers.v[k];

		if (!strncasecmp(h, name, len) && h[len] == ':' && i-- == 0)
			return h + len + 1 + strspn(h + len + 1, " \t");
	}
	return NULL;
}

static bool is_https(const char *url)
{
	return !strncasecmp(url, "https://", 8);
}

/* The chain broken off at a redirect: the error is the transfer's own. */
static void end_with(struct http_xfer *x, enum http_end end)
{
	http_call_free(take_ptr(x->call));
	x->end = end;
}

static void follow(struct http_call *c)
{
	struct http *h = c->http;
	struct http_xfer *x = c->x;
	char *to = NULL, *url, *auth;
	auto_free char *shown = NULL;
	unsigned hops = c->hops + 1;

	curl.easy_getinfo(c->easy, CURLINFO_REDIRECT_URL, &to);
	if (!to || hops > MAX_HOPS) {
		err_set(&x->err, ERR_NET,
			to ? "more than %d redirects" : "a redirect to no valid address", MAX_HOPS);
		end_with(x, HTTP_STOPPED);
		return;
	}
	url = xstrdup(to);
	shown = url_shown(url);
	log_debug("redirect %d to %s", x->status, shown);
	if (!is_https(url) && (!h->allow_plain || is_https(c->url))) {
		err_set(&x->err, ERR_NET, "a redirect to %s, which is not https", shown);
		free(url);
		end_with(x, HTTP_STOPPED);
		return;
	}
	/* Once away from the origin, always: a way back could be arranged by others. */
	x->crossed |= !http_same_origin(x->url, url);
	auth = x->crossed ? NULL : take_ptr(c->auth);
	http_call_free(take_ptr(x->call));
	if (http_call_start(h, x, url, auth, hops, &x->err) < 0)
		end_with(x, HTTP_STOPPED);
}

static void finish(struct http_call *c, CURLcode code)
{
	struct http_xfer *x = c->x;
	auto_free char *shown = url_shown(c->url);
	enum http_end end = c->stopped ? HTTP_STOPPED : c->enough ? HTTP_DONE : http_classify(code);

	if (end == HTTP_DONE && http_is_redirect(x)) {
		follow(c);
		return;
	}
	if (end != HTTP_DONE && end != HTTP_STOPPED)
		http_explain(c, code);
	log_debug("%s %s: %d %s",
		  x->method ? x->method
		  : x->post ? "POST"
			    : "GET",
		  shown, x->status, end == HTTP_STOPPED ? x->err.text : x->reason);
	end_with(x, end);
}

/* A callback's error ends here what libcurl would go on with. */
static bool resume(struct http *h)
{
	struct http_call *c;
	bool ended = false;

	while ((c = http_pace_next(h))) {
		CURLcode code = curl.easy_pause(c->easy, CURLPAUSE_CONT);

		if (code == CURLE_OK)
			continue;
		finish(c, code);
		ended = true;
	}
	return ended;
}

/* A write to a connection that the peer has closed raises SIGPIPE inside some TLS
 * libraries.  Changing the process's handler is not ours; so the signal is held
 * back in this thread and taken off again. */
static CURLMcode perform_without_sigpipe(struct http *h, bool *ended)
{
	sigset_t pipe_only, before, pending;
	const struct timespec now = { 0 };
	CURLMcode code;
	int running;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	*ended = resume(h);
	code = curl.multi_perform(h->multi, &running);
	sigpending(&pending);
	if (sigismember(&pending, SIGPIPE) && !sigismember(&before, SIGPIPE))
		sigtimedwait(&pipe_only, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

/* ---- public ---- */

int http_new(struct http **out, const struct http_opts *o, struct err *e)
{
	auto_http struct http *h = NULL;
	const struct certs *probe; /* a file that cannot be read is said before anything is asked */

	*out = NULL;
	if (http_curl_load(e) < 0)
		return -1;
	h = xcalloc(1, sizeof(*h));
	h->ca_file = o->ca_file && *o->ca_file ? xstrdup(o->ca_file) : NULL;
	h->unix_socket = o->unix_socket ? xstrdup(o->unix_socket) : NULL;
	h->limit_rate = o->limit_rate;
	if (h->ca_file && certs_for(&h->certs, "", h->ca_file, &probe, e) < 0)
		return -1;
	h->allow_plain = o->allow_plain;
	h->insecure = o->insecure;
	h->connect_timeout_s = o->connect_timeout_s ? o->connect_timeout_s : 20;
	h->stall_bytes = o->stall_bytes ? o->stall_bytes : 1000;
	h->stall_s = o->stall_s ? o->stall_s : 30;
	h->multi = curl.multi_init();
	if (!h->multi)
		return err_set(e, ERR_HOST, "libcurl cannot start");
	*out = take_ptr(h);
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	if (h->multi)
		curl.multi_cleanup(h->multi);
	certs_free(h->certs);
	free(h->ca_file);
	free(h->unix_socket);
	free(h);
}

int http_start(struct http *h, struct http_xfer *x, struct err *e)
{
	http_xfer_fini(x);
	x->end = HTTP_RUNNING;
	x->crossed = false;
	x->reason[0] = '\0';
	x->err = (struct err){ 0 };
	if (http_call_start(h, x, xstrdup(x->url), x->auth ? xstrdup(x->auth) : NULL, 0, e) < 0) {
		end_with(x, HTTP_STOPPED);
		return -1;
	}
	return 0;
}

int http_wait(struct http *h, unsigned timeout_ms, struct err *e)
{
	bool ended;
	CURLMcode code = perform_without_sigpipe(h, &ended);
	CURLMsg *m;
	int left;

	while (code == CURLM_OK && (m = curl.multi_info_read(h->multi, &left))) {
		struct http_call *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		finish(c, m->data.result);
		ended = true;
	}
	if (code == CURLM_OK && !ended)
		code = curl.multi_poll(h->multi, NULL, 0, (int)http_pace_wait(h, timeout_ms), NULL);
	if (code != CURLM_OK)
		return err_set(e, ERR_NET, "libcurl: %s", curl.multi_strerror(code));
	return 0;
}

void http_stop(struct http *h, struct http_xfer *x)
{
	(void)h;
	http_call_free(take_ptr(x->call));
	http_xfer_fini(x);
}

void http_wake(struct http *h)
{
	curl.multi_wakeup(h->multi);
}

void http_xfer_fini(struct http_xfer *x)
{
	buf_fini(&x->body);
	strv_fini(&x->headers);
	free(x->host);
	x->host = NULL;
}
