#include "registry/beside.h"

#include <string.h>

#include "registry/base64.h"
#include "registry/session.h"
#include "src/base/json.h"
#include "src/base/log.h"

static void doc_fini(struct beside_doc *d)
{
	free(d->tag);
	buf_fini(&d->manifest);
	for (size_t i = 0; d->parts && i < d->doc.n; i++)
		buf_fini(&d->parts[i]);
	free(d->parts);
	cosign_doc_fini(&d->doc);
	*d = (struct beside_doc){ 0 };
}
#define auto_beside_doc auto_(doc_fini)

void beside_fini(struct beside *b)
{
	for (size_t i = 0; i < b->n; i++)
		doc_fini(&b->v[i]);
	free(b->v);
	*b = (struct beside){ 0 };
}

static void add(struct beside *b, struct beside_doc *d)
{
	xgrow(&b->v, &b->cap, b->n + 1, sizeof(*b->v));
	b->v[b->n++] = *d;
	*d = (struct beside_doc){ 0 };
}

static bool has(const struct beside *b, const struct buf *manifest)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].manifest.len == manifest->len &&
		    !memcmp(buf_str(&b->v[i].manifest), buf_str(manifest), manifest->len))
			return true;
	return false;
}

/* ---- from the registry ---- */

struct part_get {
	struct buf *to;
	const struct cosign_part *part;
};

static int part_data(void *arg, const void *p, size_t n, struct err *e)
{
	struct part_get *g = arg;

	if (g->to->len + n > g->part->size)
		return err_set(e, ERR_INPUT, "a signature is longer than its manifest says");
	buf_add(g->to, p, n);
	return 0;
}

static int part_restart(void *arg, struct err *e)
{
	(void)e;
	buf_clear(((struct part_get *)arg)->to);
	return 0;
}

static int part_check(const struct cosign_part *part, const struct buf *bytes, struct err *e)
{
	char text[DIGEST_TEXT_MAX];
	struct digest is;

	digest_of(&is, part->digest.algo, buf_str(bytes), bytes->len);
	if (digest_equal(&is, &part->digest))
		return 0;
	return err_set(e, ERR_INPUT, "the signature does not hash to its name %.19s",
		       digest_text(&part->digest, text));
}

static int part_done(void *arg, struct err *e)
{
	struct part_get *g = arg;

	return part_check(g->part, g->to, e);
}

static int get_parts(struct remote *r, struct beside_doc *d, size_t room, struct err *e)
{
	struct part_get *gets;
	struct blob_get *blobs;
	int v = 0;

	d->parts = xcalloc(d->doc.n + 1, sizeof(*d->parts));
	gets = xcalloc(d->doc.n + 1, sizeof(*gets));
	blobs = xcalloc(d->doc.n + 1, sizeof(*blobs));
	for (size_t i = 0; i < d->doc.n && v == 0; i++) {
		const struct cosign_part *p = &d->doc.v[i];

		if (p->size > room)
			v = err_set(e, ERR_LIMIT, "signatures and attestations of more than %u MiB",
				    BESIDE_BYTES_MAX >> 20);
		room -= MIN(room, p->size);
		gets[i] = (struct part_get){ &d->parts[i], p };
		blobs[i] = (struct blob_get){ .digest = p->digest,
					      .size = p->size,
					      .media_type = p->type,
					      .data = part_data,
					      .restart = part_restart,
					      .done = part_done,
					      .arg = &gets[i] };
	}
	if (v == 0 && d->doc.n)
		v = remote_blobs(r, blobs, d->doc.n, e);
	free(gets);
	free(blobs);
	return v;
}

/* One manifest by tag or digest.  1: it is not there. */
static int get_doc(struct remote *r, const char *name, const char *tag, struct beside *b,
		   struct err *e)
{
	auto_manifest_doc struct manifest_doc m = { 0 };
	auto_beside_doc struct beside_doc d = { 0 };

	if (remote_manifest(r, name, &m, e) < 0)
		return e->kind == ERR_NOTFOUND ? 1 : -1;
	if (b->n == BESIDE_MAX)
		return err_set(e, ERR_LIMIT, "more than %d manifests of signatures", BESIDE_MAX);
	if (has(b, &m.body))
		return 0;
	if (cosign_doc_parse(&d.doc, buf_str(&m.body), m.body.len, e) < 0 ||
	    get_parts(r, &d, BESIDE_BYTES_MAX - b->bytes, e) < 0)
		return -1;
	/* The config alone is none. */
	if (!d.doc.n || (d.doc.n == 1 && !d.doc.v[0].type))
		return 0;
	for (size_t i = 0; i < d.doc.n; i++)
		b->bytes += d.parts[i].len;
	d.tag = tag ? xstrdup(tag) : NULL;
	d.manifest = m.body;
	m.body = (struct buf){ 0 };
	add(b, &d);
	return 0;
}

/* The registry's own list.  1: it keeps none. */
static int get_list(struct remote *r, const struct digest *image, struct buf *out, struct err *e)
{
	static const char *const accept[] = { "application/vnd.oci.image.index.v1+json", NULL };
	char text[DIGEST_TEXT_MAX];
	auto_free char *url = xasprintf("%s/referrers/%s", r->base, digest_text(image, text));
	struct http_xfer x = { .url = url, .accept = accept, .max_body = COSIGN_DOC_MAX };
	struct reply_about about = {
		.what = r->ref.text, .ref = &r->ref, .cred = &r->cred, .plain = r->plain
	};
	int v = session_run(r, &x, &about, e);

	/* What does not know the question answers it in many ways. */
	if (v < 0 && x.end == HTTP_DONE && x.status >= 400 && x.status < 500)
		v = 1;
	if (v == 0) {
		*out = x.body;
		x.body = (struct buf){ 0 };
	}
	http_xfer_fini(&x);
	return v;
}

static int get_referrers(struct remote *r, const struct digest *image, bool patient,
			 struct beside *b, struct err *e)
{
	auto_buf struct buf list = { 0 };
	auto_cosign_refs struct cosign_refs refs = { 0 };
	auto_manifest_doc struct manifest_doc m = { 0 };
	auto_free char *tag = cosign_tag(image, "");
	char text[DIGEST_TEXT_MAX];
	int v = get_list(r, image, &list, e);

	if (v == 1) {
		v = remote_manifest(r, tag, &m, e);
		if (v < 0)
			return e->kind == ERR_NOTFOUND ? 0 : -1;
		buf_add(&list, buf_str(&m.body), m.body.len);
	}
	if (v < 0 || cosign_refs_parse(&refs, buf_str(&list), list.len, e) < 0)
		return -1;
	for (size_t i = 0; i < refs.n; i++) {
		v = get_doc(r, digest_text(&refs.v[i], text), NULL, b, e);
		if (v < 0 && (patient || e->kind == ERR_INTR))
			return -1;
	}
	return 0;
}

int remote_beside(struct remote *r, const struct digest *image, bool patient, struct beside *b,
		  struct err *e)
{
	static const char *const suffixes[] = { ".sig", ".att" };
	struct retry_policy before = r->policy;
	int v = 0;

	if (!patient)
		r->policy.tries = 1;
	for (size_t i = 0; v >= 0 && i < ARRAY_LEN(suffixes); i++) {
		auto_free char *tag = cosign_tag(image, suffixes[i]);

		v = get_doc(r, tag, tag, b, e);
		if (v < 0 && !patient && e->kind != ERR_INTR) {
			log_verbose("%s: %s", tag, e->text);
			v = 0;
		}
	}
	if (v >= 0)
		v = get_referrers(r, image, patient, b, e);
	if (v < 0 && !patient && e->kind != ERR_INTR) {
		log_verbose("referrers: %s", e->text);
		v = 0;
	}
	r->policy = before;
	return v < 0 ? -1 : 0;
}

/* ---- as text ---- */

static void write_base64(struct jw *w, const char *key, const struct buf *bytes)
{
	auto_buf struct buf text = { 0 };

	base64_add(&text, buf_str(bytes), bytes->len);
	jw_str(w, key, buf_str(&text));
}

void beside_dump(const struct beside *b, struct buf *out)
{
	struct jw w = { .out = out };

	jw_obj(&w, NULL);
	jw_arr(&w, "documents");
	for (size_t i = 0; i < b->n; i++) {
		jw_obj(&w, NULL);
		jw_str(&w, "tag", b->v[i].tag);
		write_base64(&w, "manifest", &b->v[i].manifest);
		jw_arr(&w, "parts");
		for (size_t k = 0; k < b->v[i].doc.n; k++)
			write_base64(&w, NULL, &b->v[i].parts[k]);
		jw_end(&w);
		jw_end(&w);
	}
	jw_end(&w);
	jw_end(&w);
	buf_addch(out, '\n');
}

static int doc_parse(struct beside_doc *d, const struct json *j, struct err *e)
{
	const char *tag = json_str(json_get(j, "tag"));
	const char *manifest = json_str(json_get(j, "manifest")), *text;
	const struct json *parts = json_get(j, "parts");

	if (!manifest || base64_decode(&d->manifest, manifest) < 0)
		return err_set(e, ERR_INPUT, "a record of signatures without a manifest");
	if (cosign_doc_parse(&d->doc, buf_str(&d->manifest), d->manifest.len, e) < 0)
		return -1;
	d->tag = tag ? xstrdup(tag) : NULL;
	d->parts = xcalloc(d->doc.n + 1, sizeof(*d->parts));
	for (size_t i = 0; i < d->doc.n; i++) {
		text = json_str(json_at(parts, i));
		if (!text || base64_decode(&d->parts[i], text) < 0)
			return err_set(e, ERR_INPUT, "a record of signatures lacks one");
		if (part_check(&d->doc.v[i], &d->parts[i], e) < 0)
			return -1;
	}
	return 0;
}

int beside_parse(struct beside *b, const char *p, size_t n, struct err *e)
{
	auto_json struct json *doc = NULL;
	const struct json *j;

	if (json_parse(&doc, p, n, BESIDE_TEXT_MAX, e) < 0)
		return -1;
	json_each (json_get(doc, "documents"), i, j) {
		auto_beside_doc struct beside_doc d = { 0 };

		if (b->n == BESIDE_MAX)
			break;
		if (doc_parse(&d, j, e) < 0)
			return -1;
		add(b, &d);
	}
	return 0;
}

/* ---- what it says ---- */

int beside_check(const struct beside *b, const struct digest *image, const struct buf *document,
		 const struct pubkey *key, struct beside_found *found, struct err *e)
{
	enum cosign_kind kind;
	struct err first = { 0 };

	*found = (struct beside_found){ 0 };
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < b->v[i].doc.n; k++) {
			const struct buf *p = &b->v[i].parts[k];
			struct err why = { 0 };
			int r;

			if (!b->v[i].doc.v[k].type)
				continue;
			r = cosign_check(&b->v[i].doc.v[k], buf_str(p), p->len, image, document,
					 key, &kind, &why);

			if (r == 0 && kind == COSIGN_SIGNATURE)
				found->signatures++;
			else if (r == 0)
				found->attestations++;
			else if (r == 1)
				found->others++;
			else if (first.kind == ERR_NONE)
				first = why;
		}
	if (found->signatures || first.kind == ERR_NONE)
		return 0;
	*e = first;
	return -1;
}
