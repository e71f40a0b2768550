/* The sequence that every registry knows: POST, PATCH with a part, ..., PUT with the digest.  Some
 * wait at Location with a query, some on another host (whose address is its own permission, so no
 * login goes there). */
#include "registry/push.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "registry/session.h"
#include "registry/url.h"
#include "src/base/log.h"

#define ANSWER_MAX (64u << 10)

struct sending {
	struct remote *r;
	const struct upload *u;
	char *location; /* of the upload session; NULL: none is open */
	uint64_t done;	/* bytes that the registry has */
	/* Of a stream: its piece that is under way. */
	char *chunk;
	uint64_t chunk_off;
	size_t chunk_len, chunk_cap;
	struct attempt at;
	char what[48];
};

static struct reply_about about_push(const struct remote *r, const char *what)
{
	return (struct reply_about){
		.what = what, .ref = &r->ref, .cred = &r->cred, .plain = r->plain, .push = true
	};
}

/* One request without the retries of session_run(): what is to be sent again depends on how far the
 * registry got.  0 a reply of 2xx, 1 ask again how far it is, 2 the session is gone, -1 final. */
static int try_once(struct sending *s, struct http_xfer *x, struct err *e)
{
	struct reply_about about = about_push(s->r, s->what);
	uint64_t wait_ms = 0;
	int v;

	if (session_check(s->r, e) < 0)
		return -1;
	if (http_same_origin(x->url, s->r->base)) {
		if (session_prepare(s->r, x, &s->at, e) < 0)
			return -1;
	} else {
		x->auth = NULL;
	}
	if (http_start(s->r->http, x, e) < 0 || session_wait(s->r, x, e) < 0)
		return -1;
	if (x->end == HTTP_DONE && x->status == 404)
		return 2;
	/* "You are not where you think": the question comes next. */
	if (x->end == HTTP_DONE && x->status == 416)
		return retry_next(&s->at.retry, &s->r->policy, &wait_ms, -1, 0)
			       ? reply_error(x, &about, e)
			       : 1;
	v = session_judge(s->r, x, &s->at, &about, &wait_ms, e);
	if (v == 1 && session_pause(s->r, wait_ms, e) < 0)
		return -1;
	return v;
}

static int take_location(struct sending *s, const struct http_xfer *x, const char *base,
			 struct err *e)
{
	const char *to = http_header(x, "location");
	char *url = to ? http_url_join(base, to) : NULL;

	if (!to && s->location)
		return 0;
	if (!url)
		return err_set(e, ERR_NET, "%s: the registry names no place to send it to",
			       s->what);
	if (!s->r->plain && strncmp(url, "https://", 8) != 0) {
		auto_free char *shown = url_shown(url);

		free(url);
		return err_set(e, ERR_NET, "%s: it is to be sent to %s, which is not https",
			       s->what, shown);
	}
	free(s->location);
	s->location = url;
	return 0;
}

/* "Range: 0-99": 100 bytes are there. */
static bool range_end(const struct http_xfer *x, uint64_t *done)
{
	const char *range = http_header(x, "range");
	unsigned long long first, last;

	if (!range || sscanf(str_has_prefix(range, "bytes=") ? range + 6 : range, "%llu-%llu",
			     &first, &last) != 2)
		return false;
	/* docker-registry says 0-0 for nothing; one byte more or less is cleared up by the next
	 * 416. */
	*done = last ? last + 1 : 0;
	return true;
}

/* What a registry can have at the most is what it was sent. */
static int take_range(struct sending *s, const struct http_xfer *x, uint64_t without, struct err *e)
{
	uint64_t sent = s->u->read ? s->u->size : s->chunk_off + s->chunk_len;

	/* "0-0" is nothing, or the one byte that was sent. */
	if (!range_end(x, &s->done) || (s->done == 0 && without == 1))
		s->done = without;
	if (s->done <= sent)
		return 0;
	return err_set(e, ERR_NET, "%s: the registry says that it has more than was sent", s->what);
}

/* Opens a session, or finds out that none is needed.  0 opened, 2 mounted. */
static int open_session(struct sending *s, struct err *e)
{
	const struct upload *u = s->u;
	auto_buf struct buf url = { 0 };
	char text[DIGEST_TEXT_MAX];
	struct http_xfer x = { .method = "POST", .post = "", .max_body = ANSWER_MAX };
	struct reply_about about = about_push(s->r, s->what);
	int v;

	buf_printf(&url, "%s/blobs/uploads/", s->r->base);
	if (u->mount_from && u->digest.algo != DIGEST_NONE) {
		buf_printf(&url, "?mount=%s&from=", digest_text(&u->digest, text));
		url_add_encoded(&url, u->mount_from);
	}
	x.url = buf_str(&url);
	free(take_ptr(s->location));
	s->done = 0;
	v = session_run(s->r, &x, &about, e);
	if (v == 0 && x.status == 201)
		v = 2;
	else if (v == 0)
		v = take_location(s, &x, x.url, e);
	http_xfer_fini(&x);
	return v;
}

/* Where to go on after something broke.  0 known, 2 the session is gone. */
static int ask_progress(struct sending *s, struct err *e)
{
	auto_free char *url = xstrdup(s->location);
	struct http_xfer x = { .url = url, .max_body = ANSWER_MAX };
	int v = 1;

	for (int i = 0; v == 1 && i < 50; i++)
		v = try_once(s, &x, e);
	if (v == 0)
		v = take_range(s, &x, 0, e);
	if (v == 0)
		v = take_location(s, &x, url, e);
	http_xfer_fini(&x);
	if (v == 1)
		return err_set(e, ERR_NET, "%s: the registry does not say how far it got", s->what);
	return v;
}

static int read_part(void *arg, uint64_t off, void *p, size_t n, struct err *e)
{
	struct sending *s = arg;
	uint64_t at = s->done + off;

	if (s->u->read)
		return s->u->read(s->u->arg, at, p, n, e);
	memcpy(p, s->chunk + (at - s->chunk_off), n);
	return 0;
}

/* How many bytes come next; of a stream, the next chunk is read when the last one has arrived. */
static int next_part(struct sending *s, uint64_t *n, struct err *e)
{
	const struct upload *u = s->u;

	if (u->read) {
		*n = u->size - s->done;
		return 0;
	}
	if (s->done < s->chunk_off)
		return err_set(e, ERR_NET, "%s: the registry lost what it had", s->what);
	if (s->done == s->chunk_off + s->chunk_len) {
		s->chunk_off = s->done;
		s->chunk_len = 0;
		while (s->chunk_len < s->chunk_cap) {
			ssize_t r = u->next(u->arg, s->chunk + s->chunk_len,
					    s->chunk_cap - s->chunk_len, e);

			if (r < 0)
				return -1;
			if (r == 0)
				break;
			s->chunk_len += (size_t)r;
		}
	}
	*n = s->chunk_off + s->chunk_len - s->done;
	return 0;
}

/* 0 arrived, else as try_once(). */
static int send_part(struct sending *s, uint64_t n, struct err *e)
{
	auto_free char *url = xstrdup(s->location);
	char range[64];
	struct http_xfer x = { .url = url,
			       .method = "PATCH",
			       .upload = read_part,
			       .upload_size = n,
			       .arg = s,
			       .content_type = "application/octet-stream",
			       .max_body = ANSWER_MAX };
	uint64_t before = s->done;
	int v;

	/* Where everything goes at once, registries that know no chunks take it too. */
	if (s->done || !s->u->read) {
		snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, s->done, s->done + n - 1);
		x.content_range = range;
	}
	v = try_once(s, &x, e);
	if (v == 0)
		v = take_range(s, &x, s->done + n, e);
	if (v == 0)
		v = take_location(s, &x, url, e);
	http_xfer_fini(&x);
	if (v == 0 && s->done <= before && ++s->at.retry.total > s->r->policy.max_total)
		return err_set(e, ERR_NET, "%s: the registry takes nothing of it", s->what);
	if (v == 0 && s->done > before) {
		retry_progress(&s->at.retry);
		if (s->u->sent)
			s->u->sent(s->u->arg, s->done);
	}
	return v;
}

/* The last request: all of it is there, this is its digest. */
static int close_session(struct sending *s, struct err *e)
{
	struct digest d = s->u->digest;
	char text[DIGEST_TEXT_MAX];
	auto_free char *url = NULL;
	struct http_xfer x = { .method = "PUT", .post = "", .max_body = ANSWER_MAX };
	int v;

	if (d.algo == DIGEST_NONE)
		s->u->digest_at_end(s->u->arg, &d);
	url = xasprintf("%s%cdigest=%s", s->location, strchr(s->location, '?') ? '&' : '?',
			digest_text(&d, text));
	x.url = url;
	v = try_once(s, &x, e);
	/* It may have arrived all the same, with the answer lost. */
	if (v > 0 && remote_has_blob(s->r, &d, e) == 1)
		v = 0;
	http_xfer_fini(&x);
	return v;
}

/* Sends what is left, then closes.  As try_once(). */
static int send_all(struct sending *s, struct err *e)
{
	bool known = s->u->read != NULL;
	uint64_t n;
	int v = 0;

	while (v == 0) {
		if (next_part(s, &n, e) < 0)
			return -1;
		if (n == 0 && (!known || s->done == s->u->size))
			return close_session(s, e);
		v = send_part(s, n, e);
	}
	return v;
}

static int send_blob(struct sending *s, struct err *e)
{
	int v = open_session(s, e);

	if (v)
		return v;
	for (;;) {
		v = send_all(s, e);
		if (v <= 0)
			return v;
		if (v == 1)
			v = ask_progress(s, e);
		if (v < 0)
			return -1;
		if (v == 2) {
			/* Sessions end.  A stream cannot begin again. */
			if (!s->u->read && s->done)
				return err_set(
					e, ERR_NET,
					"%s: the registry has given the upload up; try again",
					s->what);
			if (++s->at.retry.total > s->r->policy.max_total)
				return err_set(e, ERR_NET, "%s: the upload does not hold", s->what);
			v = open_session(s, e);
			if (v)
				return v;
		}
	}
}

int remote_push_blob(struct remote *r, const struct upload *u, struct err *e)
{
	struct sending s = { .r = r, .u = u };
	char text[DIGEST_TEXT_MAX];
	int v = 0;

	if (u->digest.algo == DIGEST_NONE)
		snprintf(s.what, sizeof(s.what), "the layer");
	else
		snprintf(s.what, sizeof(s.what), "blob %.19s", digest_text(&u->digest, text));
	if (u->digest.algo != DIGEST_NONE)
		v = remote_has_blob(r, &u->digest, e);
	if (v)
		return v;
	if (!u->read) {
		s.chunk_cap = UPLOAD_CHUNK;
		s.chunk = xmalloc(s.chunk_cap);
	}
	v = send_blob(&s, e);
	free(s.chunk);
	free(s.location);
	return v;
}

int remote_has_blob(struct remote *r, const struct digest *d, struct err *e)
{
	char text[DIGEST_TEXT_MAX];
	auto_free char *url = xasprintf("%s/blobs/%s", r->base, digest_text(d, text));
	struct http_xfer x = { .url = url, .method = "HEAD" };
	struct reply_about about = about_push(r, r->ref.text);
	int v = session_run(r, &x, &about, e);
	bool absent = v < 0 && x.end == HTTP_DONE && x.status == 404;

	http_xfer_fini(&x);
	if (absent)
		return 0;
	return v < 0 ? -1 : 1;
}

struct memory {
	const char *p;
};

static int read_memory(void *arg, uint64_t off, void *p, size_t n, struct err *e)
{
	(void)e;
	memcpy(p, ((struct memory *)arg)->p + off, n);
	return 0;
}

int remote_push_manifest(struct remote *r, const char *tag_or_digest, const char *type,
			 const void *p, size_t n, bool *subject_kept, struct err *e)
{
	auto_free char *url = xasprintf("%s/manifests/%s", r->base, tag_or_digest);
	struct memory m = { p };
	struct http_xfer x = { .url = url,
			       .method = "PUT",
			       .upload = read_memory,
			       .upload_size = n,
			       .arg = &m,
			       .content_type = type,
			       .max_body = ANSWER_MAX };
	struct reply_about about = about_push(r, r->ref.text);
	int v = session_run(r, &x, &about, e);

	if (v == 0 && subject_kept)
		*subject_kept = http_header(&x, "oci-subject") != NULL;
	http_xfer_fini(&x);
	return v;
}

int remote_delete_manifest(struct remote *r, const struct digest *d, struct err *e)
{
	char text[DIGEST_TEXT_MAX];
	auto_free char *url = xasprintf("%s/manifests/%s", r->base, digest_text(d, text));
	struct http_xfer x = { .url = url, .method = "DELETE", .max_body = ANSWER_MAX };
	struct reply_about about = about_push(r, r->ref.text);
	int v = session_run(r, &x, &about, e);

	if (v < 0 && x.end == HTTP_DONE && (x.status == 405 || x.status == 501))
		v = err_set(e, ERR_UNSUPPORTED, "%s: this registry deletes nothing", r->ref.text);
	http_xfer_fini(&x);
	return v;
}
