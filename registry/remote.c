#include "registry/remote.h"

#include <string.h>

#include "registry/session.h"
#include "src/base/log.h"
#include "src/base/nodump.h"

static unsigned or_default(unsigned v, unsigned fallback)
{
	return v ? v : fallback;
}

static void set_policy(struct retry_policy *p, const struct retry_policy *asked)
{
	p->tries = or_default(asked->tries, retry_default.tries);
	p->max_total = or_default(asked->max_total, retry_default.max_total);
	p->base_ms = or_default(asked->base_ms, retry_default.base_ms);
	p->max_ms = or_default(asked->max_ms, retry_default.max_ms);
	p->patience_s = or_default(asked->patience_s, retry_default.patience_s);
}

static void copy_ref(struct ref *to, const struct ref *from)
{
	to->host = xstrdup(from->host);
	to->repo = xstrdup(from->repo);
	to->tag = from->tag ? xstrdup(from->tag) : NULL;
	to->digest = from->digest;
	to->text = xstrdup(from->text);
}

int remote_open(struct remote **out, const struct ref *ref, const struct remote_opts *o,
		struct err *e)
{
	auto_remote struct remote *r = xcalloc(1, sizeof(*r));
	struct http_opts ho = {
		.ca_file = o->ca_file,
		.allow_plain = o->no_https,
		.insecure = o->insecure,
		.connect_timeout_s = o->connect_timeout_s,
		.stall_bytes = o->stall_bytes,
		.stall_s = o->stall_s,
		.limit_rate = o->limit_rate,
		.unix_socket = o->unix_socket,
	};

	*out = NULL;
	nodump_begin(); /* until remote_close() */
	copy_ref(&r->ref, ref);
	r->plain = o->no_https;
	r->parallel = or_default(o->parallel, 4);
	set_policy(&r->policy, &o->retry);
	if (!o->user != !o->password)
		return err_set(e, ERR_USAGE,
			       "%s: a user name and a password go together: %s is missing",
			       ref->host, o->user ? "the password" : "the user name");
	if (o->user) {
		r->cred.user = xstrdup(o->user);
		r->cred.password = xstrdup(o->password);
		r->cred.source =
			xstrdup(o->user_source ? o->user_source
					       : "--docker-username or BERTH_DOCKER_USERNAME");
	} else if (credential_find(&r->cred, ref->host, ref->repo, o->auth_file, e) < 0) {
		return -1;
	}
	if (o->bearer)
		auth_preset(&r->auth, o->bearer);
	r->base = xasprintf("%s://%s/v2/%s", o->no_https ? "http" : "https", ref_api_host(ref),
			    ref->repo);
	if (http_new(&r->http, &ho, e) < 0)
		return -1;
	*out = take_ptr(r);
	return 0;
}

void remote_close(struct remote *r)
{
	if (!r)
		return;
	http_free(r->http);
	auth_fini(&r->auth);
	credential_fini(&r->cred);
	ref_fini(&r->ref);
	free(r->base);
	free(r);
	nodump_end();
}

void remote_cancel(struct remote *r)
{
	atomic_store(&r->cancelled, true);
	http_wake(r->http);
}

void manifest_doc_fini(struct manifest_doc *d)
{
	buf_fini(&d->body);
	free(d->media_type);
	*d = (struct manifest_doc){ 0 };
}

/* The bytes must hash to wanted; returns -1 with both digests named. */
static int check_digest(const struct digest *wanted, const struct buf *body, const char *who,
			struct err *e)
{
	char a[DIGEST_TEXT_MAX], b[DIGEST_TEXT_MAX];
	struct digest got;

	digest_of(&got, wanted->algo, buf_str(body), body->len);
	if (digest_equal(&got, wanted))
		return 0;
	return err_set(e, ERR_INPUT, "the manifest is not what %s: it hashes to %s, not %s", who,
		       digest_text(&got, a), digest_text(wanted, b));
}

static int verify(struct manifest_doc *doc, const struct http_xfer *x, const char *wanted,
		  struct err *e)
{
	const char *said = http_header(x, "docker-content-digest");
	const char *type;
	struct digest header;

	if (strchr(wanted, ':')) {
		if (digest_parse(&doc->digest, wanted, e) < 0 ||
		    check_digest(&doc->digest, &doc->body, "was asked for", e) < 0)
			return -1;
	} else {
		digest_of(&doc->digest, DIGEST_SHA256, buf_str(&doc->body), doc->body.len);
	}
	/* Of an algorithm that we do not know it proves nothing either way. */
	if (said && digest_parse(&header, said, e) == 0 &&
	    check_digest(&header, &doc->body, "the registry says it is", e) < 0)
		return -1;
	if (manifest_type(&type, buf_str(&doc->body), doc->body.len, http_header(x, "content-type"),
			  e) < 0)
		return -1;
	doc->media_type = xstrdup(type);
	return 0;
}

int remote_login(struct remote *r, struct err *e)
{
	const char *host = ref_api_host(&r->ref);
	auto_free char *url = xasprintf("%s://%s/v2/", r->plain ? "http" : "https", host);
	struct http_xfer x = { .url = url, .max_body = 1u << 20 };
	struct reply_about about = { .what = r->ref.host, .ref = &r->ref, .cred = &r->cred };
	int v = session_run(r, &x, &about, e);

	http_xfer_fini(&x);
	return v;
}

int remote_manifest(struct remote *r, const char *tag_or_digest, struct manifest_doc *out,
		    struct err *e)
{
	const char *const accept[] = { manifest_types[0], manifest_types[1], manifest_types[2],
				       manifest_types[3], NULL };
	auto_free char *url = xasprintf("%s/manifests/%s", r->base, tag_or_digest);
	auto_manifest_doc struct manifest_doc doc = { 0 };
	struct http_xfer x = { .url = url, .accept = accept, .max_body = MANIFEST_MAX };
	struct reply_about about = { .what = r->ref.text,
				     .ref = &r->ref,
				     .cred = &r->cred,
				     .manifest = true,
				     .plain = r->plain };
	const char *warning;
	int v = session_run(r, &x, &about, e);

	warning = v == 0 ? http_header(&x, "warning") : NULL;
	if (warning) /* the log escapes it */
		log_warn("%s: the registry says: %.300s", r->ref.text, warning);
	doc.body = x.body;
	x.body = (struct buf){ 0 };
	if (v == 0 && verify(&doc, &x, tag_or_digest, e) < 0)
		v = err_wrap(e, "%s", r->ref.text);
	http_xfer_fini(&x);
	if (v < 0)
		return -1;
	*out = doc;
	doc = (struct manifest_doc){ 0 };
	return 0;
}
