/* One hop: one easy handle, made anew for every redirect; connections live in the multi handle and
 * are used again. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "registry/http_priv.h"
#include "registry/secret.h"
#include "registry/url.h"

#define MAX_HEADERS    (64u << 10)
#define MAX_ERROR_BODY (64u << 10)
#define MAX_HOP_BODY   (1u << 20)
#define RECEIVE_BUFFER (256l << 10)

bool http_is_redirect(const struct http_xfer *x)
{
	int s = x->status;

	return (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) &&
	       (!x->method || !strcmp(x->method, "HEAD")) && !x->post && http_header(x, "location");
}

bool http_same_origin(const char *a, const char *b)
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

char *http_url_join(const char *base, const char *to)
{
	CURLU *u = curl.url_new();
	char *text = NULL, *copy = NULL;

	if (u && !curl.url_set(u, CURLUPART_URL, base, 0) &&
	    !curl.url_set(u, CURLUPART_URL, to, 0) && !curl.url_get(u, CURLUPART_URL, &text, 0))
		copy = xstrdup(text);
	curl.free(text);
	curl.url_free(u);
	return copy;
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
	if (http_is_redirect(x) || !x->head)
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
	if (http_is_redirect(x)) {
		c->hop_bytes += n;
		if (c->hop_bytes <= MAX_HOP_BODY)
			return n;
		err_set(&x->err, ERR_LIMIT, "a redirect with a body of more than %u bytes",
			MAX_HOP_BODY);
		return stop(c);
	}
	if (good && http_pace_hold(c, n))
		return CURL_WRITEFUNC_PAUSE;
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

/* libcurl may give a buffer of any size; it gets what the caller has there. */
static size_t on_upload(char *p, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	struct http_xfer *x = c->x;
	uint64_t left = x->upload_size - c->sent;

	n = (size_t)MIN((uint64_t)(n * size), left);
	if (!n)
		return 0;
	n = MIN(n, (size_t)http_pace_piece(c->http, RECEIVE_BUFFER));
	if (http_pace_hold(c, n))
		return CURL_READFUNC_PAUSE;
	if (x->upload(x->arg, c->sent, p, n, &x->err) < 0) {
		c->stopped = true;
		return CURL_READFUNC_ABORT;
	}
	c->sent += n;
	return n;
}

/* A connection that was kept open and died meanwhile: libcurl sends again from the start. */
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
	struct http_call *c = arg;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_CANTSEEK;
	c->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* libcurl of that age makes sockets that a child would inherit. */
static curl_socket_t on_socket(void *arg, curlsocktype use, struct curl_sockaddr *a)
{
	(void)arg;
	(void)use;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- the hop ---- */

static void add_header(struct http_call *c, const char *name, const char *value)
{
	char *line = xasprintf(*value ? "%s: %s" : "%s:%s", name, value);
	struct curl_slist *l = curl.slist_append(c->headers, line);

	explicit_bzero(line, strlen(line));
	free(line);
	if (!l)
		abort();
	c->headers = l;
}

/* The cap holds for all transfers together: its share is no stall. */
static void share_rate(struct http *h)
{
	uint64_t each = h->limit_rate && h->ncalls ? MAX(h->limit_rate / h->ncalls, 1u) : 0;

	for (struct http_call *c = h->calls; c && each; c = c->next)
		curl.easy_setopt(c->easy, CURLOPT_LOW_SPEED_LIMIT,
				 MIN(h->stall_bytes, (long)MAX(each / 4, 1u)));
}

static void unlink_call(struct http_call *c)
{
	struct http *h = c->http;

	for (struct http_call **p = &h->calls; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			h->ncalls--;
			share_rate(h);
			return;
		}
}

void http_call_free(struct http_call *c)
{
	if (!c)
		return;
	unlink_call(c);
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

static void set_method(struct http_call *c)
{
	const struct http_xfer *x = c->x;
	CURL *y = c->easy;

	if (x->post)
		curl.easy_setopt(y, CURLOPT_POSTFIELDS, x->post);
	if (x->upload) {
		curl.easy_setopt(y, CURLOPT_UPLOAD, 1l);
		curl.easy_setopt(y, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->upload_size);
		curl.easy_setopt(y, CURLOPT_READFUNCTION, on_upload);
		curl.easy_setopt(y, CURLOPT_READDATA, c);
		curl.easy_setopt(y, CURLOPT_SEEKFUNCTION, on_rewind);
		curl.easy_setopt(y, CURLOPT_SEEKDATA, c);
		curl.easy_setopt(y, CURLOPT_UPLOAD_BUFFERSIZE, RECEIVE_BUFFER);
	}
	if (x->method && !strcmp(x->method, "HEAD"))
		curl.easy_setopt(y, CURLOPT_NOBODY, 1l);
	else if (x->method)
		curl.easy_setopt(y, CURLOPT_CUSTOMREQUEST, x->method);
}

static int set_tls(struct http_call *c, struct err *e)
{
	struct http *h = c->http;
	const char *dir = getenv("SSL_CERT_DIR");
	const struct certs *certs;
	CURL *y = c->easy;

	if (certs_for(&h->certs, c->x->host, h->ca_file, &certs, e) < 0)
		return -1;
	curl.easy_setopt(y, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or later */
	if (certs->ca)
		curl.easy_setopt(y, CURLOPT_CAINFO, certs->ca);
	if (dir && *dir)
		curl.easy_setopt(y, CURLOPT_CAPATH, dir);
	if (h->insecure) {
		curl.easy_setopt(y, CURLOPT_SSL_VERIFYPEER, 0l);
		curl.easy_setopt(y, CURLOPT_SSL_VERIFYHOST, 0l);
	}
	if (certs->cert) {
		curl.easy_setopt(y, CURLOPT_SSLCERT, certs->cert);
		curl.easy_setopt(y, CURLOPT_SSLKEY, certs->key);
	}
	return 0;
}

static void set_options(struct http_call *c)
{
	struct http *h = c->http;
	CURL *y = c->easy;
	long protocols = CURLPROTO_HTTPS | (h->allow_plain ? CURLPROTO_HTTP : 0l);

	curl.easy_setopt(y, CURLOPT_URL, c->url);
	curl.easy_setopt(y, CURLOPT_PRIVATE, c);
	curl.easy_setopt(y, CURLOPT_ERRORBUFFER, c->error);
	curl.easy_setopt(y, CURLOPT_USERAGENT, "berth/" BERTH_VERSION);
	curl.easy_setopt(y, CURLOPT_PROTOCOLS, protocols);
	curl.easy_setopt(y, CURLOPT_HTTPHEADER, c->headers);
	curl.easy_setopt(y, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl.easy_setopt(y, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1l);
	curl.easy_setopt(y, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl.easy_setopt(y, CURLOPT_BUFFERSIZE, http_pace_piece(h, RECEIVE_BUFFER));
	curl.easy_setopt(y, CURLOPT_NOSIGNAL, 1l);
	curl.easy_setopt(y, CURLOPT_CONNECTTIMEOUT, h->connect_timeout_s);
	curl.easy_setopt(y, CURLOPT_LOW_SPEED_LIMIT, h->stall_bytes);
	curl.easy_setopt(y, CURLOPT_LOW_SPEED_TIME, h->stall_s);
	curl.easy_setopt(y, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl.easy_setopt(y, CURLOPT_HEADERFUNCTION, on_header);
	curl.easy_setopt(y, CURLOPT_HEADERDATA, c);
	curl.easy_setopt(y, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(y, CURLOPT_WRITEDATA, c);
	if (h->unix_socket)
		curl.easy_setopt(y, CURLOPT_UNIX_SOCKET_PATH, h->unix_socket);
	set_method(c);
}

static void add_headers(struct http_call *c)
{
	const struct http_xfer *x = c->x;
	char from[40];

	if (c->auth)
		add_header(c, "Authorization", c->auth);
	for (size_t i = 0; x->accept && x->accept[i]; i++)
		add_header(c, "Accept", x->accept[i]);
	if (x->range_from) {
		snprintf(from, sizeof(from), "bytes=%llu-", (unsigned long long)x->range_from);
		add_header(c, "Range", from);
		if (x->if_range)
			add_header(c, "If-Range", x->if_range);
	}
	if (x->content_type)
		add_header(c, "Content-Type", x->content_type);
	if (x->content_range)
		add_header(c, "Content-Range", x->content_range);
	/* Registries answer at once; waiting a second for "100 Continue" is for nothing. */
	if (x->upload)
		add_header(c, "Expect", "");
}

int http_call_start(struct http *h, struct http_xfer *x, char *url, char *auth, unsigned hops,
		    struct err *e)
{
	struct http_call *c = xcalloc(1, sizeof(*c));
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
	add_headers(c);
	set_options(c);
	if (set_tls(c, e) < 0)
		return -1;
	code = curl.multi_add(h->multi, c->easy);
	if (code != CURLM_OK)
		return err_set(e, ERR_NET, "libcurl: %s", curl.multi_strerror(code));
	c->next = h->calls;
	h->calls = c;
	h->ncalls++;
	share_rate(h);
	return 0;
}
