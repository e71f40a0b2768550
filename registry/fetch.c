#include "registry/fetch.h"

#include <stdio.h>
#include <string.h>

#include "registry/session.h"
#include "registry/url.h"

void fetch_info_fini(struct fetch_info *i)
{
	free(i->version);
	*i = (struct fetch_info){ 0 };
}

int ref_for_url(struct ref *out, const char *url, struct err *e)
{
	const char *host = strstr(url, "://");
	auto_free char *shown = url_shown(url);
	size_t n = host ? strcspn(host + 3, "/?#") : 0;

	if (!n || memchr(host + 3, '@', n))
		return err_set(e, ERR_USAGE, "\"%s\" is no address with a host%s", shown,
			       n ? " alone: a login goes into --docker-username or auth.json" : "");
	*out = (struct ref){ .host = xstrndup(host + 3, n),
			     .repo = xstrdup(""),
			     .text = take_ptr(shown) };
	return 0;
}

static struct reply_about about_file(const struct remote *r)
{
	return (struct reply_about){ .what = r->ref.text,
				     .ref = &r->ref,
				     .cred = &r->cred,
				     .file = true,
				     .plain = r->plain };
}

static void take_info(struct fetch_info *out, const struct http_xfer *x)
{
	const char *length = http_header(x, "content-length"), *tag = http_header(x, "etag");
	unsigned long long n;
	char more;

	out->size = BLOB_ANY_SIZE;
	if (length && sscanf(length, "%llu%c", &n, &more) == 1 && n <= DESCRIPTOR_MAX_SIZE)
		out->size = n;
	if (!tag || !strncmp(tag, "W/", 2)) /* a weak one promises no equal bytes */
		tag = http_header(x, "last-modified");
	out->version = tag && *tag ? xstrdup(tag) : NULL;
}

/* For servers that only answer a GET (signed addresses do): its headers are enough. */
static int take_headers(void *arg, struct http_xfer *x, struct err *e)
{
	if (x->status / 100 != 2)
		return 0;
	take_info(arg, x);
	return err_set(e, ERR_INTR, "headers are enough");
}

static int ask_by_get(struct remote *r, const char *url, struct fetch_info *out, struct err *e)
{
	struct http_xfer x = { .url = url, .head = take_headers, .arg = out };
	struct reply_about about = about_file(r);
	int v = session_run(r, &x, &about, e);

	if (v < 0 && x.end == HTTP_STOPPED && e->kind == ERR_INTR && x.status / 100 == 2)
		v = 0;
	http_xfer_fini(&x);
	return v;
}

int fetch_about(struct remote *r, const char *url, struct fetch_info *out, struct err *e)
{
	struct http_xfer x = { .url = url, .method = "HEAD" };
	struct reply_about about = about_file(r);
	int v = session_run(r, &x, &about, e);
	bool refused = v < 0 && x.end == HTTP_DONE && x.status != 404;

	*out = (struct fetch_info){ 0 };
	if (v == 0)
		take_info(out, &x);
	http_xfer_fini(&x);
	return refused ? ask_by_get(r, url, out, e) : v;
}

int fetch_text(struct remote *r, const char *url, size_t max, struct buf *out, struct err *e)
{
	struct http_xfer x = { .url = url, .max_body = max };
	struct reply_about about = about_file(r);
	int v = session_run(r, &x, &about, e);

	if (v == 0)
		buf_add(out, buf_str(&x.body), x.body.len);
	http_xfer_fini(&x);
	return v;
}

/* Bytes that came but were not read yet; libcurl hands over at most a buffer at a time, after
 * which the loop is not turned again before they are used up. */
struct fetching {
	struct stream s;
	struct remote *r;
	struct http_xfer x;
	char *url;
	struct buf have;
	size_t at;
};

static int on_data(void *arg, const void *p, size_t n, struct err *e)
{
	struct fetching *f = arg;

	(void)e;
	buf_add(&f->have, p, n);
	return 0;
}

static ssize_t fetching_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct fetching *f = (struct fetching *)s;
	struct reply_about about = about_file(f->r);

	while (f->at == f->have.len && !f->x.end) {
		buf_clear(&f->have);
		f->at = 0;
		if (session_check(f->r, e) < 0 || http_wait(f->r->http, 1000, e) < 0)
			return -1;
	}
	n = MIN(n, f->have.len - f->at);
	if (n) {
		memcpy(buf, f->have.data + f->at, n);
		f->at += n;
		return (ssize_t)n;
	}
	if (f->x.end == HTTP_DONE && f->x.status / 100 == 2)
		return 0;
	if (f->x.end == HTTP_STOPPED) {
		*e = f->x.err;
		return -1;
	}
	return reply_error(&f->x, &about, e);
}

static void fetching_close(struct stream *s)
{
	struct fetching *f = (struct fetching *)s;

	http_stop(f->r->http, &f->x);
	buf_fini(&f->have);
	free(f->url);
	free(f);
}

int fetch_stream(struct stream **out, struct remote *r, const char *url, struct err *e)
{
	static const struct stream_ops ops = { fetching_read, fetching_close };
	struct fetching *f = xcalloc(1, sizeof(*f));

	*out = NULL;
	f->s.ops = &ops;
	f->r = r;
	f->url = xstrdup(url);
	f->x = (struct http_xfer){ .url = f->url, .data = on_data, .arg = f };
	if (http_start(r->http, &f->x, e) < 0) {
		fetching_close(&f->s);
		return -1;
	}
	*out = &f->s;
	return 0;
}
