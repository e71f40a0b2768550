#include "registry/reply.h"

#include <stdio.h>
#include <string.h>

#include "src/base/json.h"

#define MESSAGE_MAX 300

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 410, "Gone" },
	{ 416, "Range Not Satisfiable" },
	{ 429, "Too Many Requests" },
	{ 451, "Unavailable For Legal Reasons" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
};

void reply_message(struct buf *out, const char *body, size_t n)
{
	auto_json struct json *doc = NULL;
	const struct json *first;
	const char *s = NULL;
	struct err ignored;

	/* Most error pages are HTML: no document is no news. */
	if (!n || json_parse(&doc, body, n, 64u << 10, &ignored) < 0)
		return;
	first = json_at(json_get(doc, "errors"), 0);
	s = json_str(json_get(first, "message"));
	if (!s || !*s)
		s = json_str(json_get(first, "code"));
	if (!s || !*s) /* token servers */
		s = json_str(json_get(doc, "details"));
	if (!s || !*s)
		s = json_str(json_get(doc, "message"));
	if (s)
		buf_add_escaped(out, s, strnlen(s, MESSAGE_MAX));
}

void reply_reason(struct buf *b, const struct http_xfer *x)
{
	auto_buf struct buf said = { 0 };

	if (x->end != HTTP_DONE) {
		buf_adds(b, x->reason);
		return;
	}
	buf_printf(b, "%d", x->status);
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (phrases[i].status == x->status)
			buf_printf(b, " %s", phrases[i].phrase);
	reply_message(&said, x->body.data, x->body.len);
	if (said.len)
		buf_printf(b, ": %s", buf_str(&said));
}

static void add_login_remedy(struct buf *b, const struct reply_about *a)
{
	if (a->cred->source)
		buf_printf(b, " (the credentials from %s were refused)", a->cred->source);
	else if (a->cred->helper)
		buf_printf(b,
			   " (the login for %s is kept by docker-credential-%s, which failed; set "
			   "BERTH_DOCKER_USERNAME and BERTH_DOCKER_PASSWORD)",
			   a->ref->host, a->cred->helper);
	else
		buf_printf(
			b,
			" (the image is private or does not exist; set BERTH_DOCKER_USERNAME and "
			"BERTH_DOCKER_PASSWORD, or run berth registry login docker://%s)",
			a->ref->host);
}

static void add_push_remedy(struct buf *b, const struct reply_about *a)
{
	if (a->cred->source)
		buf_printf(b, " (the login from %s may not write to %s)", a->cred->source,
			   a->ref->repo);
	else
		buf_printf(b, " (writing takes a login: berth registry login docker://%s)",
			   a->ref->host);
}

static void add_not_found(struct buf *b, const struct reply_about *a)
{
	char dg[DIGEST_TEXT_MAX];

	if (a->file)
		buf_adds(b, " (is the address right?)");
	else if (!a->manifest)
		buf_adds(b, " (the registry no longer has this part of the image)");
	else if (a->ref->digest.algo != DIGEST_NONE)
		buf_printf(b, " (is %s right? %s is not in it)", a->ref->repo,
			   digest_text(&a->ref->digest, dg));
	else
		buf_printf(b, " (%s has no repository %s, or it has no tag %s)", a->ref->host,
			   a->ref->repo, a->ref->tag);
}

static void add_rate_limit(struct buf *b, const struct http_xfer *x, const struct reply_about *a)
{
	const char *after = http_header(x, "retry-after");

	buf_printf(b, " (the registry's rate limit; %s",
		   a->cred->source ? "" : "a login usually has a higher one; ");
	if (after && *after) {
		buf_adds(b, "it asks to retry after ");
		buf_add_escaped(b, after, strnlen(after, 40));
		buf_adds(b, strspn(after, "0123456789") == strlen(after) ? " s)" : ")");
	} else {
		buf_adds(b, "try again later)");
	}
}

/* What helps against an HTTP status. */
static enum err_kind add_remedy(struct buf *b, const struct http_xfer *x,
				const struct reply_about *a)
{
	switch (x->status) {
	case 401:
	case 403:
		if (a->file && !a->cred->source) {
			buf_adds(b, " (give --docker-username, or an entry for this host in "
				    "auth.json)");
			return ERR_AUTH;
		}
		if (a->push)
			add_push_remedy(b, a);
		else
			add_login_remedy(b, a);
		return ERR_AUTH;
	case 404:
		if (a->token)
			return ERR_NET;
		add_not_found(b, a);
		return ERR_NOTFOUND;
	case 429:
		add_rate_limit(b, x, a);
		return ERR_NET;
	case 400:
		if (a->plain && !a->push)
			buf_adds(b, " (perhaps it speaks https: leave out --no-https)");
		return ERR_NET;
	default:
		if (x->status >= 500)
			buf_adds(b, " (trouble at the registry, not here; try again later)");
		return ERR_NET;
	}
}

/* A private CA is the remedy only where the issuer is what is not known. */
static void add_certificate_remedy(struct buf *b, const struct http_xfer *x)
{
	if (strstr(x->reason, "expired") || strstr(x->reason, "not yet valid"))
		buf_adds(b, " (the registry must renew it, or the clock of this machine is wrong)");
	else if (strstr(x->reason, "name"))
		buf_adds(b, " (it was made for another host name)");
	else
		buf_adds(b, " (for a private CA set SSL_CERT_FILE or give --tls-ca)");
}

int reply_error(const struct http_xfer *x, const struct reply_about *a, struct err *e)
{
	auto_buf struct buf b = { 0 };
	enum err_kind kind = ERR_NET;

	if (x->end == HTTP_UNTRUSTED)
		buf_printf(&b, "certificate of %s not trusted: ", x->host);
	else if (x->end == HTTP_DONE && a->token)
		buf_printf(&b, "the token server %s says ", x->host);
	reply_reason(&b, x);
	if (a->after)
		buf_adds(&b, a->after);
	if (x->end == HTTP_DONE)
		kind = add_remedy(&b, x, a);
	else if (x->end == HTTP_UNTRUSTED)
		add_certificate_remedy(&b, x);
	else if (strstr(x->reason, "wrong version number") ||
		 strstr(x->reason, "packet length too long"))
		buf_adds(&b, " (it does not speak TLS; for plain http give --no-https)");
	if (a->tries > 1)
		buf_printf(&b, " (%u tries)", a->tries);
	return err_set(e, kind, "%s: %s", a->what, buf_str(&b));
}
