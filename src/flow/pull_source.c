#include "src/flow/pull_source.h"

#include <stdio.h>
#include <string.h>

#include "src/base/log.h"
#include "src/base/path.h"
#include "src/flow/pull_blob.h"

#define MAX_INDEXES 4 /* an index of indexes of ... */

char *source_file_name(const struct ref *ref)
{
	char hex[DIGEST_TEXT_MAX];

	if (ref->digest.algo == DIGEST_NONE || ref->tag)
		return xasprintf("%s_%s.sif", path_base(ref->repo), ref->tag ? ref->tag : "latest");
	return xasprintf("%s_%s-%.12s.sif", path_base(ref->repo),
			 digest_algo_name(ref->digest.algo), digest_hex(&ref->digest, hex));
}

int source_init(struct source *s, const struct pull_req *req, struct err *e)
{
	*s = (struct source){ .req = req };
	pthread_mutex_init(&s->lock, NULL);
	if (ref_parse(&s->ref, req->uri, e) < 0)
		return -1;
	return platform_parse(&s->want, req->arch, e);
}

void source_fini(struct source *s)
{
	source_drop_remote(s);
	pthread_mutex_destroy(&s->lock);
	manifest_fini(&s->manifest);
	oci_free(s->config);
	ref_fini(&s->ref);
}

int source_remote(struct source *s, struct remote **out, struct err *e)
{
	const struct pull_req *r = s->req;
	struct remote_opts o = {
		.user = r->user,
		.password = r->password,
		.ca_file = r->ca_file,
		.auth_file = r->auth_file,
		.no_https = r->no_https,
		.parallel = r->parallel,
	};
	int ret = 0;

	pthread_mutex_lock(&s->lock);
	if (s->cancelled || s->stopped)
		ret = err_set(e, ERR_INTR, "stopped");
	else if (!s->remote)
		ret = remote_open(&s->remote, &s->ref, &o, e);
	*out = s->remote;
	pthread_mutex_unlock(&s->lock);
	return ret;
}

void source_stop_remote(struct source *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopped = true;
	if (s->remote)
		remote_cancel(s->remote);
	pthread_mutex_unlock(&s->lock);
}

void source_drop_remote(struct source *s)
{
	pthread_mutex_lock(&s->lock);
	remote_close(take_ptr(s->remote));
	s->stopped = false;
	pthread_mutex_unlock(&s->lock);
}

void source_cancel(struct source *s)
{
	pthread_mutex_lock(&s->lock);
	s->cancelled = true;
	if (s->remote)
		remote_cancel(s->remote);
	pthread_mutex_unlock(&s->lock);
}

bool source_is_cancelled(struct source *s)
{
	return __atomic_load_n(&s->cancelled, __ATOMIC_RELAXED);
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
	if (source_remote(s, &remote, e) < 0 ||
	    remote_manifest(remote, d->algo ? digest_text(d, text) : s->ref.tag, out, e) < 0)
		return -1;
	return store_write(s->store, &out->digest, out->body.data, out->body.len, e);
}

int source_resolve(struct source *s, struct err *e)
{
	struct digest at = s->ref.digest;

	for (int depth = 0; depth <= MAX_INDEXES; depth++) {
		auto_manifest_doc struct manifest_doc doc = { 0 };
		auto_descriptor struct descriptor d = { 0 };

		if (get_document(s, &at, &doc, e) < 0)
			return -1;
		if (!manifest_is_index(doc.media_type)) {
			s->digest = doc.digest;
			if (manifest_parse(&s->manifest, doc.body.data, doc.body.len,
					   doc.media_type, e) < 0)
				return -1;
			return manifest_check_image(&s->manifest, e);
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

	if (store_begin(s->store, &d->digest, d->size, &put, e) < 0)
		return -1;
	b.put = put;
	blob_get_fill(&g, &b, d);
	if (source_remote(s, &remote, e) < 0)
		return -1;
	return remote_blobs(remote, &g, 1, e);
}

/* The platform that the configuration names must be the one that was asked for.  A plain
 * manifest behind a tag promises none; another machine's image may be pulled anywhere. */
static int check_platform(struct source *s, struct err *e)
{
	const struct oci_config *c = s->config;
	struct platform is;
	char want[PLATFORM_TEXT_MAX], got[PLATFORM_TEXT_MAX];

	snprintf(is.os, sizeof(is.os), "%s", *c->os ? c->os : "linux");
	snprintf(is.arch, sizeof(is.arch), "%s", *c->arch ? c->arch : s->want.arch);
	snprintf(is.variant, sizeof(is.variant), "%s", c->variant);
	platform_text(&is, got);
	platform_text(&s->want, want);
	if (strcmp(is.os, "linux") != 0)
		return err_set(e, ERR_UNSUPPORTED, "the image is made for %s, not for Linux", got);
	if (!strcmp(is.arch, s->want.arch) || platform_rank(&s->want, &is) >= 0)
		return 0;
	if (s->from_index)
		return err_set(e, ERR_INPUT, "the index offers %s, but the image's config says %s",
			       want, got);
	if (s->req->arch)
		return err_set(e, ERR_NOTFOUND, "no image for %s: the only platform on offer is %s",
			       want, got);
	log_warn("%s is made for %s, this host is %s", s->ref.text, got, want);
	return 0;
}

int source_config(struct source *s, struct err *e)
{
	const struct descriptor *d = &s->manifest.config;
	auto_buf struct buf text = { 0 };
	int r;

	if (d->size > OCI_CONFIG_MAX)
		return err_set(e, ERR_LIMIT,
			       "the image's config is larger than the limit of %d bytes",
			       OCI_CONFIG_MAX);
	r = store_read(s->store, &d->digest, OCI_CONFIG_MAX, &text, e);
	if (r == 0) {
		if (fetch_small(s, d, e) < 0)
			return -1;
		r = store_read(s->store, &d->digest, OCI_CONFIG_MAX, &text, e);
	}
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, ERR_SYS, "the image's config vanished from the store");
	if (oci_parse_image(&s->config, buf_str(&text), text.len, e) < 0)
		return -1;
	if (s->config->ndiff != s->manifest.nlayers)
		return err_set(e, ERR_INPUT, "the manifest has %zu layers, the config %zu",
			       s->manifest.nlayers, s->config->ndiff);
	return check_platform(s, e);
}
