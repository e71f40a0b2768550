/* Images that lie on this machine: OCI layouts (a directory, or an archive of one), archives of
 * `docker save`, and Docker's own daemon, which sends such an archive.  Layers are read where they
 * lie; nothing of them goes into the store. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/bundle.h"
#include "registry/saved.h"
#include "src/base/path.h"
#include "src/flow/pull_source.h"

#define INDEX_DEPTH 4

struct local {
	char *path, *ref; /* of the words; ref NULL: none was given */
	struct bundle *bundle;
	struct docker_save save; /* of a docker archive; config NULL: an OCI layout */
};

static void local_close(struct source *s)
{
	struct local *l = s->local;

	if (!l)
		return;
	bundle_close(l->bundle);
	docker_save_fini(&l->save);
	free(l->path);
	free(l->ref);
	free(l);
	s->local = NULL;
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* "dir:1.2", "a.tar:docker.io/lib/x:1", "dir@sha256:...": the path is the longest part in front of
 * a ':' or '@' that exists; both may be in names. */
static void split_path(struct local *l, const char *rest)
{
	for (size_t n = strlen(rest); n > 0; n--) {
		auto_free char *path = NULL;

		if (rest[n] && rest[n] != ':' && rest[n] != '@')
			continue;
		path = xstrndup(rest, n);
		if (!exists(path))
			continue;
		/* "FILE:@0" is the number of an image. */
		if (rest[n])
			l->ref = xstrdup(rest + n + 1);
		l->path = take_ptr(path);
		return;
	}
	l->path = xstrndup(rest, strcspn(rest, ":"));
}

/* "busybox.tar.gz" is busybox. */
static char *base_of(const char *path)
{
	static const char *const ends[] = { ".gz", ".zst", ".xz", ".bz2", ".tgz", ".tar", ".oci" };
	auto_free char *clean = path_clean("/", path);
	char *base = xstrdup(path_base(clean));

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (str_has_suffix(base, ends[i]) && strlen(base) > strlen(ends[i]))
			base[strlen(base) - strlen(ends[i])] = '\0';
	if (!*base || *base == '/') {
		free(base);
		base = xstrdup("image");
	}
	return base;
}

/* The tag of a name, for the output's. */
static char *tag_of(const char *ref)
{
	const char *slash = ref ? strrchr(ref, '/') : NULL;
	const char *colon = ref ? strrchr(slash ? slash : ref, ':') : NULL;

	if (!ref || *ref == '@' || strchr(ref, '@'))
		return NULL;
	return xstrdup(colon ? colon + 1 : slash ? slash + 1 : ref);
}

static int parse(struct source *s, const char *rest, struct err *e)
{
	struct local *l = s->local = xcalloc(1, sizeof(*l));

	if (!*rest)
		return err_set(e, ERR_USAGE, "no path behind %s", s->req->uri);
	split_path(l, rest);
	s->text = xstrdup(s->req->uri);
	s->base = base_of(l->path);
	s->tag = tag_of(l->ref);
	return 0;
}

static int parse_daemon(struct source *s, const char *rest, struct err *e)
{
	struct local *l = s->local = xcalloc(1, sizeof(*l));

	if (ref_parse(&s->ref, rest, e) < 0)
		return -1;
	l->path = xstrdup(rest);
	s->text = xasprintf("docker-daemon:%s", rest);
	s->base = xstrdup(path_base(s->ref.repo));
	s->tag = s->ref.tag ? xstrdup(s->ref.tag) : NULL;
	return 0;
}

/* A file of the archive or directory.  1 added, 0 not there. */
static int read_member(struct local *l, const char *name, size_t max, struct buf *out,
		       struct err *e)
{
	auto_bundle_file struct bundle_file f = { .own = -1 };
	int r = bundle_find(l->bundle, name, &f, e);

	if (r == 1 && bundle_read(&f, max, out, e) < 0)
		r = err_wrap(e, "%s", name);
	return r;
}

static char *blob_name(const struct digest *d)
{
	char hex[DIGEST_TEXT_MAX];

	return xasprintf("blobs/%s/%s", digest_algo_name(d->algo), digest_hex(d, hex));
}

/* A blob whose bytes are what its digest says. */
static int read_blob(struct local *l, const struct digest *d, size_t max, struct buf *out,
		     struct err *e)
{
	auto_free char *name = blob_name(d);
	struct digest got;
	int r = read_member(l, name, max, out, e);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, ERR_INPUT, "%s is missing", name);
	digest_of(&got, d->algo, buf_str(out), out->len);
	if (!digest_equal(&got, d))
		return err_set(e, ERR_INPUT, "%s is damaged: it hashes to something else", name);
	return 0;
}

/* ---- OCI layouts ---- */

static int resolve_layout(struct source *s, const struct buf *index, struct err *e)
{
	struct local *l = s->local;
	auto_descriptor struct descriptor d = { 0 };

	if (layout_choose(&d, buf_str(index), index->len, l->ref, &s->want, e) < 0)
		return -1;
	for (int depth = 0; depth < INDEX_DEPTH; depth++) {
		auto_buf struct buf doc = { 0 };
		struct descriptor next = { 0 };
		const char *type;

		if (read_blob(l, &d.digest, MANIFEST_MAX, &doc, e) < 0 ||
		    manifest_type(&type, buf_str(&doc), doc.len, NULL, e) < 0)
			return -1;
		if (!manifest_is_index(type)) {
			s->digest = d.digest;
			return manifest_parse(&s->manifest, buf_str(&doc), doc.len, type, e);
		}
		if (index_choose(&next, buf_str(&doc), doc.len, &s->want, e) < 0)
			return -1;
		s->from_index = true;
		descriptor_fini(&d);
		d = next;
	}
	return err_set(e, ERR_LIMIT, "an index of indexes, more than %d deep", INDEX_DEPTH);
}

/* ---- archives of docker save ---- */

/* The manifest that such an image would have, its layers named by their diff IDs. */
static int make_manifest(struct source *s, const struct buf *config, struct err *e)
{
	struct local *l = s->local;
	auto_oci struct oci_config *c = NULL;
	auto_free uint64_t *sizes = NULL;
	auto_buf struct buf text = { 0 };
	struct digest d;

	if (oci_parse_image(&c, buf_str(config), config->len, e) < 0)
		return -1;
	if (c->ndiff != l->save.layers.n)
		return err_set(e, ERR_INPUT, "manifest.json has %zu layers, the config %zu",
			       l->save.layers.n, c->ndiff);
	sizes = xcalloc(c->ndiff + 1, sizeof(*sizes));
	for (size_t i = 0; i < c->ndiff; i++) {
		auto_bundle_file struct bundle_file f = { .own = -1 };
		int r = bundle_find(l->bundle, l->save.layers.v[i], &f, e);

		if (r < 0)
			return -1;
		if (r == 0)
			return err_set(e, ERR_INPUT, "layer %zu of %zu is missing", i + 1,
				       c->ndiff);
		sizes[i] = (uint64_t)f.size;
	}
	digest_of(&d, DIGEST_SHA256, buf_str(config), config->len);
	saved_manifest(&text, &d, config->len, c->diff_ids, sizes, c->ndiff);
	digest_of(&s->digest, DIGEST_SHA256, buf_str(&text), text.len);
	return manifest_parse(&s->manifest, buf_str(&text), text.len, NULL, e);
}

static int resolve_save(struct source *s, const struct buf *list, struct err *e)
{
	struct local *l = s->local;
	auto_buf struct buf config = { 0 };
	int r;

	if (docker_save_choose(&l->save, buf_str(list), list->len, l->ref, e) < 0)
		return -1;
	r = read_member(l, l->save.config, OCI_CONFIG_MAX, &config, e);
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, ERR_INPUT, "the image's config is missing");
	return make_manifest(s, &config, e);
}

/* Both kinds of archive under either name: what is in it decides.  Docker >= 25 writes both, and
 * then the layout, which has digests, is read, unless it lacks the name asked for. */
static int resolve_bundle(struct source *s, struct err *e)
{
	struct local *l = s->local;
	auto_buf struct buf index = { 0 }, list = { 0 };
	int r = read_member(l, "index.json", MANIFEST_MAX, &index, e), m;

	if (r < 0)
		return -1;
	m = read_member(l, "manifest.json", MANIFEST_MAX, &list, e);
	if (m < 0)
		return -1;
	if (r == 1 && (m == 0 || !l->ref))
		return resolve_layout(s, &index, e);
	if (m == 1)
		return resolve_save(s, &list, e);
	return err_set(e, ERR_INPUT,
		       "neither an OCI layout (index.json) nor docker save's (manifest.json)");
}

static int resolve(struct source *s, struct err *e)
{
	struct local *l = s->local;

	if (bundle_open(&l->bundle, l->path, store_tmp_fd(s->store), e) < 0)
		return -1;
	return resolve_bundle(s, e) < 0 ? err_wrap(e, "%s", l->path) : 0;
}

static int resolve_daemon(struct source *s, struct err *e)
{
	struct local *l = s->local;
	struct stream *in = NULL;

	if (daemon_export(&in, s, l->path, e) < 0 ||
	    bundle_from_stream(&l->bundle, in, s->text, store_tmp_fd(s->store), e) < 0)
		return err_wrap(e, "Docker's daemon at %s",
				s->unix_socket ? s->unix_socket : s->ref.host);
	return resolve_bundle(s, e);
}

static int config(struct source *s, struct buf *out, struct err *e)
{
	struct local *l = s->local;

	if (!l->save.config)
		return read_blob(l, &s->manifest.config.digest, OCI_CONFIG_MAX, out, e);
	return read_member(l, l->save.config, OCI_CONFIG_MAX, out, e) < 0 ? -1 : 0;
}

static int layer(struct source *s, size_t i, struct stream **out, struct err *e)
{
	struct local *l = s->local;
	const struct descriptor *d = &s->manifest.layers[i];
	auto_free char *name =
		l->save.config ? xstrdup(l->save.layers.v[i]) : blob_name(&d->digest);
	auto_bundle_file struct bundle_file f = { .own = -1 };
	int r = bundle_find(l->bundle, name, &f, e);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, ERR_INPUT, "%s is missing", name);
	if ((uint64_t)f.size != d->size)
		return err_set(e, ERR_INPUT, "%s has %lld bytes, the manifest says %llu", name,
			       (long long)f.size, (unsigned long long)d->size);
	*out = bundle_stream(&f);
	return 0;
}

const struct transport transport_oci = {
	.scheme = "oci",
	.form = "DIR[:TAG]",
	.parse = parse,
	.resolve = resolve,
	.config = config,
	.layer = layer,
	.close = local_close,
};
const struct transport transport_oci_archive = {
	.scheme = "oci-archive",
	.form = "FILE[:TAG]",
	.parse = parse,
	.resolve = resolve,
	.config = config,
	.layer = layer,
	.close = local_close,
};
const struct transport transport_docker_archive = {
	.scheme = "docker-archive",
	.form = "FILE[:NAME:TAG|:@N]",
	.parse = parse,
	.resolve = resolve,
	.config = config,
	.layer = layer,
	.close = local_close,
};
const struct transport transport_docker_daemon = {
	.scheme = "docker-daemon",
	.form = "NAME:TAG",
	.parse = parse_daemon,
	.resolve = resolve_daemon,
	.config = config,
	.layer = layer,
	.close = local_close,
};
