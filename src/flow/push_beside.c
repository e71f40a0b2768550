/* What belongs to an image: manifests with a subject (image-spec 1.1; distribution-spec 1.1,
 * "Pushing Manifests with Subject"), and the signatures of cosign that came along when it was
 * pulled. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "registry/beside.h"
#include "src/base/json.h"
#include "src/base/log.h"
#include "src/base/path.h"
#include "src/flow/push_priv.h"
#include "src/flow/signatures.h"

#define OCI_INDEX  "application/vnd.oci.image.index.v1+json"
#define EMPTY_TYPE "application/vnd.oci.empty.v1+json"

int push_find_subject(struct push_to *to, struct err *e)
{
	auto_manifest_doc struct manifest_doc doc = { 0 };

	if (remote_manifest(to->remote, to->req->subject, &doc, e) < 0)
		return err_wrap(e, "--subject %s", to->req->subject);
	to->subject = doc.digest;
	to->subject_size = doc.body.len;
	/* One of the four, for ever. */
	for (size_t i = 0; i < ARRAY_LEN(manifest_types); i++)
		if (!strcmp(doc.media_type, manifest_types[i]))
			to->subject_type = manifest_types[i];
	return 0;
}

void push_add_subject(struct buf *out, const struct push_to *to)
{
	if (!to->subject_type)
		return;
	buf_adds(out, ",\"subject\":");
	push_descriptor(out, to->subject_type, &to->subject, to->subject_size);
	buf_addch(out, '}');
}

/* The list that stands in for the registry's own: the old entries, and this one. */
static int enter_in_list(struct push_to *to, const char *artifact, const struct buf *manifest,
			 struct err *e)
{
	auto_free char *tag = cosign_tag(&to->subject, "");
	auto_manifest_doc struct manifest_doc old = { 0 };
	auto_json struct json *doc = NULL;
	auto_buf struct buf out = { 0 };
	const struct json *entry;
	struct jw w = { .out = &out };
	char text[DIGEST_TEXT_MAX];
	struct digest d;

	digest_of(&d, DIGEST_SHA256, manifest->data, manifest->len);
	digest_text(&d, text);
	if (remote_manifest(to->remote, tag, &old, e) < 0 && e->kind != ERR_NOTFOUND)
		return -1;
	if (old.body.len && json_parse(&doc, old.body.data, old.body.len, MANIFEST_MAX, e) < 0)
		return err_wrap(e, "%s", tag);
	buf_adds(&out, "{\"schemaVersion\":2,\"mediaType\":\"" OCI_INDEX "\",\"manifests\":[");
	json_each (json_get(doc, "manifests"), i, entry) {
		const char *is = json_str(json_get(entry, "digest"));

		if (is && !strcmp(is, text))
			return 0;
		json_dump(entry, &out);
		buf_addch(&out, ',');
	}
	push_descriptor(&out, PUSH_OCI_MANIFEST, &d, manifest->len);
	buf_adds(&out, ",\"artifactType\":");
	jw_str(&w, NULL, artifact);
	buf_adds(&out, "}]}");
	return remote_push_manifest(to->remote, tag, OCI_INDEX, out.data, out.len, NULL, e);
}

int push_referrer(struct push_to *to, const char *name, const char *artifact,
		  const struct buf *manifest, struct err *e)
{
	char text[DIGEST_TEXT_MAX];
	bool kept = false;
	struct digest d;

	digest_of(&d, DIGEST_SHA256, manifest->data, manifest->len);
	if (remote_push_manifest(to->remote, name ? name : digest_text(&d, text), PUSH_OCI_MANIFEST,
				 manifest->data, manifest->len, &kept, e) < 0)
		return -1;
	return kept ? 0 : enter_in_list(to, artifact, manifest, e);
}

/* ---- --attach ---- */

static int attach(struct push_to *to, const char *word, struct err *e)
{
	const char *eq = strchr(word, '='), *file = eq ? eq + 1 : "";
	auto_free char *type = eq ? xstrndup(word, (size_t)(eq - word)) : NULL;
	auto_buf struct buf m = { 0 };
	struct jw w = { .out = &m };
	char text[DIGEST_TEXT_MAX];
	struct digest d, empty;
	uint64_t size;
	auto_close int fd = -1;

	if (!type || !strchr(type, '/') || !*file)
		return err_set(e, ERR_USAGE,
			       "--attach %s: write TYPE=FILE, as in "
			       "application/spdx+json=sbom.json",
			       word);
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_sys(e, "--attach %s", file);
	digest_of(&empty, DIGEST_SHA256, "{}", 2);
	if (push_hash(fd, &d, &size, e) < 0)
		return err_wrap(e, "--attach %s", file);
	if (push_file(to, &d, fd, 0, size, path_base(file), e) < 0 ||
	    push_memory(to, &empty, "{}", 2, e) < 0)
		return -1;
	buf_adds(&m,
		 "{\"schemaVersion\":2,\"mediaType\":\"" PUSH_OCI_MANIFEST "\",\"artifactType\":");
	jw_str(&w, NULL, type);
	push_add_subject(&m, to);
	buf_adds(&m, ",\"config\":");
	push_descriptor(&m, EMPTY_TYPE, &empty, 2);
	buf_adds(&m, "},\"layers\":[{\"mediaType\":");
	w = (struct jw){ .out = &m };
	jw_str(&w, NULL, type);
	buf_printf(&m, ",\"digest\":\"%s\",\"size\":%llu", digest_text(&d, text),
		   (unsigned long long)size);
	buf_adds(&m, ",\"annotations\":{\"org.opencontainers.image.title\":");
	w = (struct jw){ .out = &m };
	jw_str(&w, NULL, path_base(file));
	buf_adds(&m, "}}]}");
	return push_referrer(to, NULL, type, &m, e);
}

/* ---- signatures ---- */

static int send_doc(struct push_to *to, const struct beside_doc *d, struct err *e)
{
	auto_json struct json *doc = NULL;
	const char *artifact;

	for (size_t i = 0; i < d->doc.n; i++)
		if (push_memory(to, &d->doc.v[i].digest, buf_str(&d->parts[i]), d->parts[i].len,
				e) < 0)
			return -1;
	if (d->tag)
		return remote_push_manifest(to->remote, d->tag, PUSH_OCI_MANIFEST,
					    buf_str(&d->manifest), d->manifest.len, NULL, e);
	if (json_parse(&doc, buf_str(&d->manifest), d->manifest.len, COSIGN_DOC_MAX, e) < 0)
		return -1;
	artifact = json_str(json_get(doc, "artifactType"));
	if (!artifact)
		artifact = json_str(json_get(json_get(doc, "config"), "mediaType"));
	return push_referrer(to, NULL, artifact ? artifact : "", &d->manifest, e);
}

static int send_signatures(struct push_to *to, const struct digest *digest, struct err *e)
{
	const struct push_req *r = to->req;
	auto_free char *dir = NULL;
	auto_store struct store *store = NULL;
	auto_beside struct beside b = { 0 };
	struct err ignored;

	dir = r->cachedir ? xstrdup(r->cachedir) : store_default_dir(environ, &ignored);
	if (!dir || access(dir, F_OK) < 0 || store_open(&store, dir, &ignored) < 0 ||
	    signatures_stored(store, digest, &b, &ignored) != 1)
		return 0;
	for (size_t i = 0; i < b.n; i++)
		if (send_doc(to, &b.v[i], e) < 0)
			return err_wrap(e, "signatures");
	log_info("%zu manifest(s) of signatures went along", b.n);
	return 0;
}

int push_beside(struct push_to *to, const struct digest *digest, struct err *e)
{
	to->subject = *digest;
	to->subject_type = to->type;
	to->subject_size = to->size;
	for (size_t i = 0; i < to->req->attach.n; i++)
		if (attach(to, to->req->attach.v[i], e) < 0)
			return -1;
	return send_signatures(to, digest, e);
}
