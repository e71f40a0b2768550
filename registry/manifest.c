#include "registry/manifest.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/base/buf.h"
#include "src/base/json.h"

#define OCI_INDEX   "application/vnd.oci.image.index.v1+json"
#define OCI_IMAGE   "application/vnd.oci.image.manifest.v1+json"
#define DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_V2   "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_V1   "application/vnd.docker.distribution.manifest.v1+" /* json, prettyjws */

#define INDEX_MAX_ENTRIES 4096
#define OFFERS_SHOWN	  24

const char *const manifest_types[4] = { OCI_INDEX, OCI_IMAGE, DOCKER_LIST, DOCKER_V2 };

static const char *const config_types[] = {
	"application/vnd.oci.image.config.v1+json",
	"application/vnd.docker.container.image.v1+json",
};

static const char *const layer_types[] = {
	"application/vnd.oci.image.layer.v1.tar",
	"application/vnd.oci.image.layer.v1.tar+gzip",
	"application/vnd.oci.image.layer.v1.tar+zstd",
	"application/vnd.oci.image.layer.nondistributable.v1.tar",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
	"application/vnd.docker.image.rootfs.diff.tar",
	"application/vnd.docker.image.rootfs.diff.tar.gzip",
	"application/vnd.docker.image.rootfs.diff.tar.zstd",
	"application/vnd.docker.image.rootfs.foreign.diff.tar",
	"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
};

void descriptor_fini(struct descriptor *d)
{
	free(d->media_type);
	*d = (struct descriptor){ 0 };
}

void manifest_fini(struct manifest *m)
{
	for (size_t i = 0; i < m->nlayers; i++)
		descriptor_fini(&m->layers[i]);
	free(m->layers);
	free(m->media_type);
	descriptor_fini(&m->config);
	*m = (struct manifest){ 0 };
}

bool manifest_is_index(const char *t)
{
	return t && (!strcmp(t, OCI_INDEX) || !strcmp(t, DOCKER_LIST));
}

static bool is_one_of(const char *t, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(t, list[i]))
			return true;
	return false;
}

/* Foreign text for a message: escaped and cut. */
static const char *show(struct buf *b, const char *s)
{
	buf_clear(b);
	buf_add_escaped(b, s, strnlen(s, 120));
	return buf_str(b);
}

static int bad_type(const char *what, const char *type, struct err *e)
{
	auto_buf struct buf b = { 0 };

	if (!strncmp(type, DOCKER_V1, strlen(DOCKER_V1)))
		return err_set(e, ERR_UNSUPPORTED,
			       "the image has the obsolete manifest schema 1; push it again with a "
			       "current tool");
	return err_set(e, ERR_UNSUPPORTED, "%s has the unknown media type \"%s\"", what,
		       show(&b, type));
}

/* A document is one or the other: one with both is an attempt to show two
 * clients two images under one digest (CVE-2021-41190). */
static int check_shape(const struct json *doc, struct err *e)
{
	if (json_kind(doc) != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "the manifest is no JSON object");
	if (json_get(doc, "manifests") && (json_get(doc, "layers") || json_get(doc, "config")))
		return err_set(e, ERR_INPUT,
			       "the document claims to be an index and a manifest at once");
	return 0;
}

static int doc_type(const char **type, const struct json *doc, const char *content_type,
		    struct err *e)
{
	const char *own = json_str(json_get(doc, "mediaType"));
	auto_free char *said =
		content_type ? xstrndup(content_type, strcspn(content_type, "; \t")) : NULL;
	auto_buf struct buf a = { 0 }, b = { 0 };

	if (json_get(doc, "mediaType") && !own)
		return err_set(e, ERR_INPUT, "mediaType of the manifest is no string");
	if (said && (!strcasecmp(said, "application/json") || !strncasecmp(said, "text/", 5) ||
		     !strcasecmp(said, "application/octet-stream") || !*said)) {
		free(said);
		said = NULL;
	}
	if (own && said && strcasecmp(own, said) != 0)
		return err_set(e, ERR_INPUT,
			       "the registry calls the manifest \"%s\", the manifest itself \"%s\"",
			       show(&a, said), show(&b, own));
	if (!own)
		own = said;
	if (!own) /* the type is optional in OCI documents; the members tell */
		own = json_get(doc, "manifests") ? OCI_INDEX : OCI_IMAGE;
	for (size_t i = 0; i < ARRAY_LEN(manifest_types); i++)
		if (!strcasecmp(own, manifest_types[i])) {
			*type = manifest_types[i];
			return 0;
		}
	return bad_type("the manifest", own, e);
}

static int parse_doc(struct json **doc, const char **type, const char *p, size_t n,
		     const char *content_type, struct err *e)
{
	if (json_parse(doc, p, n, MANIFEST_MAX, e) < 0)
		return err_wrap(e, "manifest");
	if (check_shape(*doc, e) < 0 || doc_type(type, *doc, content_type, e) < 0)
		return -1;
	return 0;
}

int manifest_type(const char **type, const char *p, size_t n, const char *content_type,
		  struct err *e)
{
	auto_json struct json *doc = NULL;

	return parse_doc(&doc, type, p, n, content_type, e);
}

int descriptor_parse(struct descriptor *out, const struct json *j, const char *what, struct err *e)
{
	const char *type = json_str(json_get(j, "mediaType"));
	const char *dg = json_str(json_get(j, "digest"));
	auto_buf struct buf b = { 0 };
	int64_t size;

	if (json_kind(j) != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "manifest: %s is no JSON object", what);
	if (!type || !*type)
		return err_set(e, ERR_INPUT, "manifest: %s has no mediaType", what);
	if (!dg)
		return err_set(e, ERR_INPUT, "manifest: %s has no digest", what);
	if (digest_parse(&out->digest, dg, e) < 0)
		return err_set(e, ERR_INPUT, "manifest: %s has \"%s\" for a digest", what,
			       show(&b, dg));
	if (json_i64(json_get(j, "size"), &size) != 0 || size < 0 ||
	    (uint64_t)size > DESCRIPTOR_MAX_SIZE)
		return err_set(e, ERR_INPUT, "manifest: %s has no believable size", what);
	out->size = (uint64_t)size;
	out->media_type = xstrdup(type);
	return 0;
}

static int parse_layers(struct manifest *m, const struct json *list, struct err *e)
{
	const struct json *el;
	size_t n = json_len(list);

	if (json_kind(list) != JSON_ARRAY)
		return err_set(e, ERR_INPUT, "manifest: \"layers\" is no list");
	if (n > MANIFEST_MAX_LAYERS)
		return err_set(e, ERR_LIMIT, "manifest: %zu layers, the limit is %d", n,
			       MANIFEST_MAX_LAYERS);
	m->layers = xcalloc(n + 1, sizeof(*m->layers));
	json_each (list, i, el) {
		char what[64];

		snprintf(what, sizeof(what), "layer %zu of %zu", i + 1, n);
		m->nlayers++;
		if (descriptor_parse(&m->layers[i], el, what, e) < 0)
			return -1;
		m->total += m->layers[i].size; /* 1024 of 2^50 at most: cannot overflow */
	}
	return 0;
}

int manifest_parse(struct manifest *out, const char *p, size_t n, const char *media_type,
		   struct err *e)
{
	auto_json struct json *doc = NULL;
	auto_manifest struct manifest m = { 0 };
	const char *type;
	int64_t version;

	if (parse_doc(&doc, &type, p, n, media_type, e) < 0)
		return -1;
	if (manifest_is_index(type))
		return err_set(e, ERR_INPUT, "an index stands where a manifest was expected");
	if (json_i64(json_get(doc, "schemaVersion"), &version) != 0 || version != 2)
		return err_set(e, ERR_UNSUPPORTED, "manifest: schemaVersion is not 2");
	m.media_type = xstrdup(type);
	if (descriptor_parse(&m.config, json_get(doc, "config"), "config", e) < 0 ||
	    parse_layers(&m, json_get(doc, "layers"), e) < 0)
		return -1;
	*out = m;
	m = (struct manifest){ 0 };
	return 0;
}

/* formats of Apptainer and SingularityCE, the misspelt one of their first years included; the
 * config's type says nothing. */
static const char *const sif_types[] = {
	"application/vnd.sylabs.sif.layer.v1.sif",
	"appliciation/vnd.sylabs.sif.layer.tar",
};

bool manifest_is_sif(const struct manifest *m)
{
	return m->nlayers == 1 &&
	       is_one_of(m->layers[0].media_type, sif_types, ARRAY_LEN(sif_types));
}

int manifest_check_image(const struct manifest *m, struct err *e)
{
	if (!is_one_of(m->config.media_type, config_types, ARRAY_LEN(config_types)))
		return bad_type("the config", m->config.media_type, e);
	for (size_t i = 0; i < m->nlayers; i++)
		if (!is_one_of(m->layers[i].media_type, layer_types, ARRAY_LEN(layer_types))) {
			char what[64];

			snprintf(what, sizeof(what), "layer %zu of %zu", i + 1, m->nlayers);
			return bad_type(what, m->layers[i].media_type, e);
		}
	return 0;
}

static void copy_word(char *to, size_t size, const struct json *j)
{
	const char *s = json_str(j);

	snprintf(to, size, "%s", s ? s : "");
}

/* 0 an image's platform is in *out, 1 nothing that could be run (an attestation),
 * 2 the entry does not say. */
static int entry_platform(struct platform *out, const struct json *entry)
{
	const struct json *p = json_get(entry, "platform");
	const char *artifact = json_str(json_get(entry, "artifactType"));

	*out = (struct platform){ 0 };
	if (artifact && !is_one_of(artifact, config_types, ARRAY_LEN(config_types)))
		return 1;
	if (json_kind(p) != JSON_OBJECT)
		return 2;
	copy_word(out->os, sizeof(out->os), json_get(p, "os"));
	copy_word(out->arch, sizeof(out->arch), json_get(p, "architecture"));
	copy_word(out->variant, sizeof(out->variant), json_get(p, "variant"));
	if (!strcmp(out->os, "unknown") || !strcmp(out->arch, "unknown"))
		return 1;
	return *out->os && *out->arch ? 0 : 2;
}

static int no_platform(const struct json *list, const struct platform *want, struct err *e)
{
	auto_buf struct buf offers = { 0 };
	auto_strv struct strv seen = { 0 };
	char text[PLATFORM_TEXT_MAX];
	const struct json *entry;

	json_each (list, i, entry) {
		struct platform p;

		if (entry_platform(&p, entry) != 0 || strv_has(&seen, platform_text(&p, text)))
			continue;
		if (seen.n == OFFERS_SHOWN) {
			buf_adds(&offers, ", ...");
			break;
		}
		strv_add(&seen, text);
		buf_adds(&offers, offers.len ? ", " : "");
		buf_add_escaped(&offers, text, strlen(text));
	}
	return err_set(e, ERR_NOTFOUND, "no image for %s; on offer: %s (choose with --arch)",
		       platform_text(want, text), offers.len ? buf_str(&offers) : "none");
}

int index_choose(struct descriptor *out, const char *p, size_t n, const struct platform *want,
		 struct err *e)
{
	auto_json struct json *doc = NULL;
	const struct json *list, *entry, *best = NULL, *silent = NULL;
	const char *type;
	size_t nsilent = 0;
	int best_rank = -1;

	if (parse_doc(&doc, &type, p, n, NULL, e) < 0)
		return -1;
	list = json_get(doc, "manifests");
	if (json_kind(list) != JSON_ARRAY)
		return err_set(e, ERR_INPUT, "index: \"manifests\" is no list");
	if (json_len(list) > INDEX_MAX_ENTRIES)
		return err_set(e, ERR_LIMIT, "index: %zu entries, the limit is %d", json_len(list),
			       INDEX_MAX_ENTRIES);
	json_each (list, i, entry) {
		struct platform offered;
		int kind = entry_platform(&offered, entry);
		int rank = kind ? -1 : platform_rank(want, &offered);

		if (kind == 2 && json_kind(entry) == JSON_OBJECT) {
			silent = entry;
			nsilent++;
		}
		if (rank >= 0 && (!best || rank < best_rank)) {
			best = entry;
			best_rank = rank;
		}
	}
	/* An entry without a platform is taken only when it is the only one: its
	 * config says afterwards what it is. */
	if (!best && nsilent == 1)
		best = silent;
	if (!best)
		return no_platform(list, want, e);
	*out = (struct descriptor){ 0 };
	return descriptor_parse(out, best, "the index entry", e);
}
