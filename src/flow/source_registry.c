/* Images in registries that speak the OCI distribution protocol: container images, and SIF files as
 * artifacts; what the manifest says counts, not the scheme. */
#include <string.h>

#include "src/base/path.h"
#include "src/flow/pull_blob.h"
#include "src/flow/pull_source.h"

#define MAX_INDEXES 4 /* an index of indexes of ... */

/* Where registries.conf sends the name.  docker://debian is Docker's; a bare "debian" is whatever
 * the site's aliases and search list say. */
static int find_routes(struct source *s, const char *name, struct err *e)
{
	auto_regconf struct regconf *c = NULL;
	auto_strv struct strv names = { 0 };

	if (regconf_load(&c, e) < 0)
		return -1;
	if (name == s->req->uri)
		regconf_expand(c, name, &names);
	else
		strv_add(&names, name);
	for (size_t i = 0; i < names.n; i++) {
		auto_ref struct ref ref = { 0 };

		if (ref_parse(&ref, names.v[i], e) < 0 || regconf_route(c, &ref, &s->routes, e) < 0)
			return -1;
		if (i)
			continue;
		s->ref = ref;
		ref = (struct ref){ 0 };
	}
	return 0;
}

static int parse(struct source *s, const char *rest, struct err *e)
{
	char hex[DIGEST_TEXT_MAX];

	if (find_routes(s, rest, e) < 0)
		return -1;
	s->text = xstrdup(s->ref.text);
	s->base = xstrdup(path_base(s->ref.repo));
	if (s->ref.tag)
		s->tag = xstrdup(s->ref.tag);
	else if (s->ref.digest.algo != DIGEST_NONE)
		s->tag = xasprintf("%s-%.12s", digest_algo_name(s->ref.digest.algo),
				   digest_hex(&s->ref.digest, hex));
	return 0;
}

/* A manifest or index: by digest out of the store, else from the registry and then kept. */
static int get_document(struct source *s, const struct digest *d, struct manifest_doc *out,
			struct err *e)
{
	char text[DIGEST_TEXT_MAX];
	struct remote *remote;
	const char *type;
	int r = 0;

	if (d->algo != DIGEST_NONE)
		r = store_read(s->store, d, MANIFEST_MAX, &out->body, e);
	if (r < 0)
		return -1;
	if (r == 1) {
		if (manifest_type(&type, out->body.data, out->body.len, NULL, e) < 0)
			return -1;
		out->media_type = xstrdup(type);
		out->digest = *d;
		return 0;
	}
	do
		r = source_remote(s, &remote, e) < 0
			    ? -1
			    : remote_manifest(remote, d->algo ? digest_text(d, text) : s->ref.tag,
					      out, e);
	while (r < 0 && source_next_route(s, e));
	if (r < 0)
		return -1;
	return store_write(s->store, &out->digest, out->body.data, out->body.len, e);
}

static int resolve(struct source *s, struct err *e)
{
	struct digest at = s->ref.digest;

	for (int depth = 0; depth <= MAX_INDEXES; depth++) {
		auto_manifest_doc struct manifest_doc doc = { 0 };
		auto_descriptor struct descriptor d = { 0 };

		if (get_document(s, &at, &doc, e) < 0)
			return -1;
		if (!depth)
			s->top = doc.digest;
		if (!manifest_is_index(doc.media_type)) {
			s->digest = doc.digest;
			return manifest_parse(&s->manifest, doc.body.data, doc.body.len,
					      doc.media_type, e);
		}
		if (index_choose(&d, doc.body.data, doc.body.len, &s->want, e) < 0)
			return -1;
		s->from_index = true;
		at = d.digest;
	}
	return err_set(e, ERR_LIMIT, "an index of indexes, more than %d deep", MAX_INDEXES);
}

static int fetch_small(struct source *s, const struct descriptor *d, struct err *e)
{
	auto_store_put struct store_put *put = NULL;
	struct blob b = { 0 };
	struct blob_get g;
	struct remote *remote;
	int r;

	if (store_begin(s->store, &d->digest, d->size, &put, e) < 0)
		return -1;
	b.put = put;
	b.begun = true;
	blob_get_fill(&g, &b, d);
	do {
		g.have = store_put_have(put);
		r = source_remote(s, &remote, e) < 0 ? -1 : remote_blobs(remote, &g, 1, e);
	} while (r < 0 && source_next_route(s, e));
	return r;
}

static int config(struct source *s, struct buf *out, struct err *e)
{
	const struct descriptor *d = &s->manifest.config;
	int r = store_read(s->store, &d->digest, OCI_CONFIG_MAX, out, e);

	if (r == 0) {
		if (fetch_small(s, d, e) < 0)
			return -1;
		r = store_read(s->store, &d->digest, OCI_CONFIG_MAX, out, e);
	}
	if (r < 0)
		return -1;
	return r ? 0 : err_set(e, ERR_SYS, "the image's config vanished from the store");
}

const struct transport transport_docker = {
	.scheme = "docker",
	.slashes = true,
	.form = "[HOST[:PORT]/]NAME[:TAG|@DIGEST]",
	.parse = parse,
	.resolve = resolve,
	.config = config,
};
const struct transport transport_oras = {
	.scheme = "oras",
	.slashes = true,
	.form = "HOST[:PORT]/NAME[:TAG|@DIGEST]",
	.parse = parse,
	.resolve = resolve,
	.config = config,
};
