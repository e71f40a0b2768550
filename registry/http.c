/* libcurl >= 7.68 (curl_multi_wakeup).  A struct http_call is one hop: one easy
 * handle, made anew for every redirect; connections live in the multi handle and
 * are used again. */
#include "registry/http.h"

#define CURL_DISABLE_TYPECHECK	 /* its macros name the functions that are loaded here */
#define CURL_DISABLE_DEPRECATION /* CURLOPT_PROTOCOLS: the successor is newer than EL 9's */
#include <curl/curl.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "registry/secret.h"
#include "registry/trust.h"
#include "registry/url.h"
#include "src/base/dl.h"
#include "src/base/log.h"

#define MAX_HOPS       8
#define MAX_HEADERS    (64u << 10)
#define MAX_ERROR_BODY (64u << 10)
#define MAX_HOP_BODY   (1u << 20)
#define RECEIVE_BUFFER (256l << 10)

static struct {
	__typeof__(&curl_global_init) global_init;
	__typeof__(&curl_easy_init) easy_init;
	__typeof__(&curl_easy_setopt) easy_setopt;
	__typeof__(&curl_easy_getinfo) easy_getinfo;
	__typeof__(&curl_easy_strerror) easy_strerror;
	__typeof__(&curl_easy_cleanup) easy_cleanup;
	__typeof__(&curl_multi_init) multi_init;
	__typeof__(&curl_multi_strerror) multi_strerror;
	__typeof__(&curl_multi_add_handle) multi_add;
	__typeof__(&curl_multi_remove_handle) multi_remove;
	__typeof__(&curl_multi_perform) multi_perform;
	__typeof__(&curl_multi_poll) multi_poll;
	__typeof__(&curl_multi_wakeup) multi_wakeup;
	__typeof__(&curl_multi_info_read) multi_info_read;
	__typeof__(&curl_multi_cleanup) multi_cleanup;
	__typeof__(&curl_slist_append) slist_append;
	__typeof__(&curl_slist_free_all) slist_free;
	__typeof__(&curl_url) url_new;
	__typeof__(&curl_url_set) url_set;
	__typeof__(&curl_url_get) url_get;
	__typeof__(&curl_url_cleanup) url_free;
	__typeof__(&curl_free) free;
} curl;

static const struct dl_symbol curl_symbols[] = {
	DL_SYMBOL(curl.global_init, "curl_global_init"),
	DL_SYMBOL(curl.easy_init, "curl_easy_init"),
	DL_SYMBOL(curl.easy_setopt, "curl_easy_setopt"),
	DL_SYMBOL(curl.easy_getinfo, "curl_easy_getinfo"),
	DL_SYMBOL(curl.easy_strerror, "curl_easy_strerror"),
	DL_SYMBOL(curl.easy_cleanup, "curl_easy_cleanup"),
	DL_SYMBOL(curl.multi_init, "curl_multi_init"),
	DL_SYMBOL(curl.multi_strerror, "curl_multi_strerror"),
	DL_SYMBOL(curl.multi_add, "curl_multi_add_handle"),
	DL_SYMBOL(curl.multi_remove, "curl_multi_remove_handle"),
	DL_SYMBOL(curl.multi_perform, "curl_multi_perform"),
	DL_SYMBOL(curl.multi_poll, "curl_multi_poll"),
	DL_SYMBOL(curl.multi_wakeup, "curl_multi_wakeup"),
	DL_SYMBOL(curl.multi_info_read, "curl_multi_info_read"),
	DL_SYMBOL(curl.multi_cleanup, "curl_multi_cleanup"),
	DL_SYMBOL(curl.slist_append, "curl_slist_append"),
	DL_SYMBOL(curl.slist_free, "curl_slist_free_all"),
	DL_SYMBOL(curl.url_new, "curl_url"),
	DL_SYMBOL(curl.url_set, "curl_url_set"),
	DL_SYMBOL(curl.url_get, "curl_url_get"),
	DL_SYMBOL(curl.url_free, "curl_url_cleanup"),
	DL_SYMBOL(curl.free, "curl_free"),
};

static struct dl_library libcurl = { "libcurl.so.4", "libcurl4", curl_symbols,
				     ARRAY_LEN(curl_symbols), 0 };
static pthread_once_t global_once = PTHREAD_ONCE_INIT;

struct http {
	CURLM *multi;
	char *ca_file; /* instead of libcurl's own bundle; NULL: that one */
	int ca_fd;     /* what ca_file leads to; -1 */
	bool allow_plain;
	long connect_timeout_s, stall_bytes, stall_s;
};

struct http_call {
	struct http *http;
	struct http_xfer *x;
	CURL *easy;
	struct curl_slist *headers;
	char *url;
	char *auth; /* a copy: the session may renew the caller's while this runs */
	unsigned hops;
	size_t header_bytes, hop_bytes;
	bool in_body; /* headers are over: what looks like one now is a trailer */
	bool stopped; /* a callback wrote x->err */
	bool enough;  /* of an error's body: the rest is not waited for */
	char error[CURL_ERROR_SIZE];
};

static void global_init(void)
{
	curl.global_init(CURL_GLOBAL_DEFAULT);
}

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

/* Scheme, host and port of two URLs are the same. */
static bool same_origin(const char *a, const char *b)
{
	static const CURLUPart parts[] = { CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT };
	CURLU *ua = curl.url_new(), *ub = curl.url_new();
	bool same = ua && ub && !curl.url_set(ua, CURLUPART_URL, a, 0) &&
		    !curl.url_set(ub, CURLUPART_URL, b, 0);

	for (size_t i = 0; same && i < ARRAY_LEN(parts); i++) {
		char *pa = NULL, *pb = NULL;

		same = !curl.url_get(ua, parts[i], &pa, CURLU_DEFAULT_PORT) &&
		       !curl.url_get(ub, parts[i], &pb, CURLU_DEFAULT_PORT) && !strcasecmp(pa, pb);
		curl.free(pa);
		curl.free(pb);
	}
	curl.url_free(ua);
	curl.url_free(ub);
	return same;
}

static bool is_https(const char *url)
{
	return !strncasecmp(url, "https://", 8);
}

static bool is_redirect(const struct http_xfer *x)
{
	int s = x->status;

	return (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) && !x->post &&
	       http_header(x, "location");
}

/* ---- libcurl's callbacks: they return anything but n to stop ---- */

static size_t stop(struct http_call *c)
{
	c->stopped = true;
	return (size_t)-1;
}

static int end_of_headers(struct http_call *c)
{
	struct http_xfer *x = c->x;

	if (x->status < 200)
		return 0;
	c->in_body = true;
	if (is_redirect(x) || !x->head)
		return 0;
	return x->head(x->arg, x, &x->err);
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	struct http_xfer *x = c->x;
	size_t len;

	n *= size;
	c->header_bytes += n;
	if (c->header_bytes > MAX_HEADERS) {
		err_set(&x->err, ERR_LIMIT, "the reply's headers are larger than %u bytes",
			MAX_HEADERS);
		return stop(c);
	}
	if (c->in_body)
		return n;
	len = n;
	while (len && (p[len - 1] == '\n' || p[len - 1] == '\r'))
		len--;
	if (n >= 5 && !strncmp(p, "HTTP/", 5)) { /* also after 100 Continue */
		const char *space = memchr(p, ' ', len);

		strv_fini(&x->headers);
		x->status = space ? atoi(space + 1) : 0;
	} else if (len) {
		strv_take(&x->headers, xstrndup(p, len));
	} else if (end_of_headers(c) < 0) {
		return stop(c);
	}
	return n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	struct http_xfer *x = c->x;
	bool good = x->status >= 200 && x->status < 300;

	n *= size;
	if (is_redirect(x)) {
		c->hop_bytes += n;
		if (c->hop_bytes <= MAX_HOP_BODY)
			return n;
		err_set(&x->err, ERR_LIMIT, "a redirect with a body of more than %u bytes",
			MAX_HOP_BODY);
		return stop(c);
	}
	if (good && x->data)
		return x->data(x->arg, p, n, &x->err) < 0 ? stop(c) : n;
	if (good && x->body.len + n > x->max_body) {
		err_set(&x->err, ERR_LIMIT, "the reply is larger than the limit of %zu bytes",
			x->max_body);
		return stop(c);
	}
	if (good) {
		buf_add(&x->body, p, n);
		return n;
	}
	buf_add(&x->body, p, MIN(n, MAX_ERROR_BODY - x->body.len));
	c->enough = x->body.len == MAX_ERROR_BODY;
	return c->enough ? (size_t)-1 : n;
}

/* libcurl of that age makes sockets that a child would inherit. */
static curl_socket_t on_socket(void *arg, curlsocktype use, struct curl_sockaddr *a)
{
	(void)arg;
	(void)use;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- one hop ---- */

static void add_header(struct http_call *c, const char *name, const char *value)
{
	char *line = xasprintf("%s: %s", name, value);
	struct curl_slist *l = curl.slist_append(c->headers, line);

	explicit_bzero(line, strlen(line));
	free(line);
	if (!l)
		abort();
	c->headers = l;
}

static void call_free(struct http_call *c)
{
	if (!c)
		return;
	if (c->easy) {
		curl.multi_remove(c->http->multi, c->easy);
		curl.easy_cleanup(c->easy);
	}
	for (struct curl_slist *l = c->headers; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl.slist_free(c->headers);
	secret_free(c->auth);
	free(c->url);
	free(c);
}

static void set_options(struct http_call *c)
{
	struct http *h = c->http;
	struct http_xfer *x = c->x;
	CURL *y = c->easy;
	long protocols = CURLPROTO_HTTPS | (h->allow_plain ? CURLPROTO_HTTP : 0l);
	const char *dir = getenv("SSL_CERT_DIR");

	curl.easy_setopt(y, CURLOPT_URL, c->url);
	curl.easy_setopt(y, CURLOPT_PRIVATE, c);
	curl.easy_setopt(y, CURLOPT_ERRORBUFFER, c->error);
	curl.easy_setopt(y, CURLOPT_USERAGENT, "berth/" BERTH_VERSION);
	curl.easy_setopt(y, CURLOPT_PROTOCOLS, protocols);
	curl.easy_setopt(y, CURLOPT_HTTPHEADER, c->headers);
	curl.easy_setopt(y, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl.easy_setopt(y, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1l);
	curl.easy_setopt(y, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or later */
	curl.easy_setopt(y, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl.easy_setopt(y, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	curl.easy_setopt(y, CURLOPT_NOSIGNAL, 1l);
	curl.easy_setopt(y, CURLOPT_CONNECTTIMEOUT, h->connect_timeout_s);
	curl.easy_setopt(y, CURLOPT_LOW_SPEED_LIMIT, h->stall_bytes);
	curl.easy_setopt(y, CURLOPT_LOW_SPEED_TIME, h->stall_s);
	curl.easy_setopt(y, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl.easy_setopt(y, CURLOPT_HEADERFUNCTION, on_header);
	curl.easy_setopt(y, CURLOPT_HEADERDATA, c);
	curl.easy_setopt(y, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(y, CURLOPT_WRITEDATA, c);
	if (h->ca_file)
		curl.easy_setopt(y, CURLOPT_CAINFO, h->ca_file);
	if (dir && *dir)
		curl.easy_setopt(y, CURLOPT_CAPATH, dir);
	if (x->post)
		curl.easy_setopt(y, CURLOPT_POSTFIELDS, x->post);
}

/* Takes url and auth. */
static int call_start(struct http *h, struct http_xfer *x, char *url, char *auth, unsigned hops,
		      struct err *e)
{
	struct http_call *c = xcalloc(1, sizeof(*c));
	char from[40];
	CURLMcode code;

	*c = (struct http_call){ .http = h, .x = x, .url = url, .auth = auth, .hops = hops };
	x->call = c;
	free(x->host);
	x->host = url_host(url);
	x->status = 0;
	strv_fini(&x->headers);
	c->easy = curl.easy_init();
	if (!c->easy)
		abort();
	if (auth)
		add_header(c, "Authorization", auth);
	for (size_t i = 0; x->accept && x->accept[i]; i++)
		add_header(c, "Accept", x->accept[i]);
	if (x->range_from) {
		snprintf(from, sizeof(from), "bytes=%llu-", (unsigned long long)x->range_from);
		add_header(c, "Range", from);
	}
	set_options(c);
	code = curl.multi_add(h->multi, c->easy);
	if (code != CURLM_OK)
		return err_set(e, ERR_NET, "libcurl: %s", curl.multi_strerror(code));
	return 0;
}

/* The chain broken off at a redirect: the error is the transfer's own. */
static void end_with(struct http_xfer *x, enum http_end end)
{
	call_free(take_ptr(x->call));
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
	x->crossed |= !same_origin(x->url, url);
	auth = x->crossed ? NULL : take_ptr(c->auth);
	call_free(take_ptr(x->call));
	if (call_start(h, x, url, auth, hops, &x->err) < 0)
		end_with(x, HTTP_STOPPED);
}

/* ---- the end of a hop ---- */

static enum http_end classify(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return HTTP_DONE;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
		return HTTP_UNREACHED;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return HTTP_UNTRUSTED;
	default:
		return HTTP_CUT;
	}
}

/* libcurl says "Failed to connect to HOST port N": another host or port than the
 * one asked for is a proxy's. */
static void add_unreached(struct buf *b, const struct http_xfer *x, const char *raw)
{
	char host[256], shown[280];
	unsigned port;

	if (sscanf(raw, "Failed to connect to %255s port %u", host, &port) == 2) {
		snprintf(shown, sizeof(shown), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
		if (strcmp(shown, x->host) != 0 && strcmp(host, x->host) != 0) {
			buf_printf(b, "cannot connect to the proxy %s: ", shown);
			return;
		}
	}
	buf_printf(b, "cannot connect to %s: ", x->host);
}

/* libcurl's sentences name functions and byte counts; these are for people. */
static void explain(struct http_call *c, CURLcode code)
{
	static const char *const prefixes[] = { "SSL certificate problem: ", "SSL: " };
	struct http_xfer *x = c->x;
	const char *raw = *c->error ? c->error : curl.easy_strerror(code);
	auto_buf struct buf b = { 0 };
	long sys = 0;

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (str_has_prefix(raw, prefixes[i]))
			raw += strlen(prefixes[i]);
	curl.easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &sys);
	if (code == CURLE_COULDNT_CONNECT || code == CURLE_SSL_CONNECT_ERROR)
		add_unreached(&b, x, raw);
	if (strstr(raw, "SSL routines:"))
		raw = strrchr(raw, ':') + 1;
	if (code == CURLE_OPERATION_TIMEDOUT && strstr(raw, "too slow"))
		buf_printf(&b, "stalled (less than %ld bytes a second for %ld s)",
			   c->http->stall_bytes, c->http->stall_s);
	else if (strcasestr(raw, "connection reset"))
		buf_adds(&b, "connection reset by peer");
	else if (code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING || code == CURLE_HTTP2 ||
		 code == CURLE_HTTP2_STREAM || strstr(raw, "unexpected eof"))
		buf_adds(&b, "connection closed by the registry");
	else if (code == CURLE_COULDNT_CONNECT && sys)
		buf_adds(&b, strerror((int)sys));
	else
		buf_add_escaped(&b, raw, strlen(raw));
	snprintf(x->reason, sizeof(x->reason), "%s", buf_str(&b));
}

static void finish(struct http_call *c, CURLcode code)
{
	struct http_xfer *x = c->x;
	auto_free char *shown = url_shown(c->url);
	enum http_end end = c->stopped ? HTTP_STOPPED : c->enough ? HTTP_DONE : classify(code);

	if (end == HTTP_DONE && is_redirect(x)) {
		follow(c);
		return;
	}
	if (end != HTTP_DONE && end != HTTP_STOPPED)
		explain(c, code);
	log_debug("%s %s: %d %s", x->post ? "POST" : "GET", shown, x->status,
		  end == HTTP_STOPPED ? x->err.text : x->reason);
	end_with(x, end);
}

/* A write to a connection that the peer has closed raises SIGPIPE inside some TLS
 * libraries.  Changing the process's handler is not ours; so the signal is held
 * back in this thread and taken off again. */
static CURLMcode perform_without_sigpipe(CURLM *m)
{
	sigset_t pipe_only, before, pending;
	const struct timespec now = { 0 };
	CURLMcode code;
	int running;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	code = curl.multi_perform(m, &running);
	sigpending(&pending);
	if (sigismember(&pending, SIGPIPE) && !sigismember(&before, SIGPIPE))
		sigtimedwait(&pipe_only, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

/* ---- public ---- */

/* Decides what is trusted besides $SSL_CERT_DIR and libcurl's own directory. */
static int choose_ca(struct http *h, const char *ca_file, struct err *e)
{
	const char *system = getenv("SSL_CERT_FILE");

	if (!(ca_file && *ca_file) && !(system && *system))
		return 0;
	if (trust_open(&h->ca_fd, ca_file, e) < 0)
		return -1;
	h->ca_file = xasprintf("/proc/self/fd/%d", h->ca_fd);
	return 0;
}

int http_new(struct http **out, const struct http_opts *o, struct err *e)
{
	auto_http struct http *h = NULL;

	*out = NULL;
	if (dl_load(&libcurl, e) < 0)
		return -1;
	pthread_once(&global_once, global_init);
	h = xcalloc(1, sizeof(*h));
	h->ca_fd = -1;
	if (choose_ca(h, o->ca_file, e) < 0)
		return -1;
	h->allow_plain = o->allow_plain;
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
	free(h->ca_file);
	close_p_(&h->ca_fd);
	free(h);
}

int http_start(struct http *h, struct http_xfer *x, struct err *e)
{
	http_xfer_fini(x);
	x->end = HTTP_RUNNING;
	x->crossed = false;
	x->reason[0] = '\0';
	x->err = (struct err){ 0 };
	if (call_start(h, x, xstrdup(x->url), x->auth ? xstrdup(x->auth) : NULL, 0, e) < 0) {
		end_with(x, HTTP_STOPPED);
		return -1;
	}
	return 0;
}

int http_wait(struct http *h, unsigned timeout_ms, struct err *e)
{
	CURLMcode code = perform_without_sigpipe(h->multi);
	bool ended = false;
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
		code = curl.multi_poll(h->multi, NULL, 0, (int)timeout_ms, NULL);
	if (code != CURLM_OK)
		return err_set(e, ERR_NET, "libcurl: %s", curl.multi_strerror(code));
	return 0;
}

void http_stop(struct http *h, struct http_xfer *x)
{
	(void)h;
	call_free(take_ptr(x->call));
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
