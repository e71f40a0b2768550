/* A SIF or a directory as an OCI image.  Nothing is written to disk for it: the layer is a tar made
 * from the SquashFS while it is sent.  The same image gives the same bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/encode.h"
#include "image/tar_out.h"
#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/flow/pull_key.h"
#include "src/flow/push_priv.h"
#include "src/host/cpus.h"

#define GZIP_LEVEL 6
#define ZSTD_LEVEL 3

static const struct {
	const char *name;
	enum encode how;
	int level;
	const char *type;
} kinds[] = {
	{ "gzip", ENCODE_GZIP, GZIP_LEVEL, "application/vnd.oci.image.layer.v1.tar+gzip" },
	{ "zstd", ENCODE_ZSTD, ZSTD_LEVEL, "application/vnd.oci.image.layer.v1.tar+zstd" },
	{ "none", ENCODE_NONE, 0, "application/vnd.oci.image.layer.v1.tar" },
};

static int find_kind(const char *name, size_t *out, struct err *e)
{
	for (*out = 0; *out < ARRAY_LEN(kinds); ++*out)
		if (!strcmp(kinds[*out].name, name ? name : "gzip"))
			return 0;
	return err_set(e, ERR_USAGE, "--compress %s: a layer is gzip, zstd or none", name);
}

/* What a container of an image without an OCI config starts. */
static const char *inner_config(const struct image *im)
{
	if (im->oci && im->oci->inner && strcmp(im->oci->inner, "{}") != 0)
		return im->oci->inner;
	if (im->runscript)
		return "{\"Env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/"
		       "bin\"],\"Entrypoint\":[\"/.singularity.d/runscript\"]}";
	return "{\"Env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"],"
	       "\"Cmd\":[\"/bin/sh\"]}";
}

static void make_config(struct buf *out, const struct image *im, struct squash *sq,
			const struct digest *diff_id)
{
	time_t when = sq ? (time_t)squash_info(sq).mtime : 0;
	char text[DIGEST_TEXT_MAX], created[32];
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_printf(out,
		   "{\"created\":\"%s\",\"architecture\":\"%s\",\"os\":\"linux\",\"config\":%s,"
		   "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]},"
		   "\"history\":[{\"created\":\"%s\",\"created_by\":\"berth push\"}]}",
		   created, *im->arch && strcmp(im->arch, "unknown") ? im->arch : image_host_arch(),
		   inner_config(im), digest_text(diff_id, text), created);
}

int push_as_one_layer(struct push_to *to, struct image *im, struct squash *sq,
		      struct digest *digest, struct err *e)
{
	auto_digest_ctx struct digest_ctx *diff = digest_begin(DIGEST_SHA256);
	auto_buf struct buf config = { 0 }, manifest = { 0 };
	auto_stream struct stream *s = NULL;
	struct digest diff_id, layer, cd;
	uint64_t size;
	size_t k;

	if (find_kind(to->req->compress, &k, e) < 0)
		return -1;
	s = stream_tee(sq ? tar_out_squash(sq) : tar_out_dir(im->fd), diff);
	s = stream_encode(s, kinds[k].how, kinds[k].level, cpus_usable("/"));
	if (push_stream(to, s, "layer", &layer, &size, e) < 0)
		return -1;
	make_config(&config, im, sq, digest_end(diff, &diff_id));
	digest_of(&cd, DIGEST_SHA256, config.data, config.len);
	if (push_memory(to, &cd, config.data, config.len, e) < 0)
		return -1;
	buf_adds(&manifest,
		 "{\"schemaVersion\":2,\"mediaType\":\"" PUSH_OCI_MANIFEST "\",\"config\":");
	push_descriptor(&manifest, PUSH_OCI_CONFIG, &cd, config.len);
	buf_adds(&manifest, "},\"layers\":[");
	push_descriptor(&manifest, kinds[k].type, &layer, size);
	buf_adds(&manifest, "}]}");
	digest_of(digest, DIGEST_SHA256, manifest.data, manifest.len);
	return push_manifest(to, PUSH_OCI_MANIFEST, manifest.data, manifest.len, e);
}

/* ---- the original layers ---- */

/* The digest that a pull has written into the image; anybody else could have, too. */
static bool claimed_digest(const struct image *im, struct digest *out)
{
	auto_json struct json *doc = NULL;
	const struct json *labels;
	const char *text;
	struct err ignored;

	if (!im->inspect.len ||
	    json_parse(&doc, buf_str(&im->inspect), im->inspect.len, 16u << 20, &ignored) < 0)
		return false;
	labels = json_get(json_get(json_get(doc, "data"), "attributes"), "labels");
	text = json_str(json_get(labels, "org.opencontainers.image.base.digest"));
	return text && digest_parse(out, text, &ignored) == 0;
}

static bool same_bytes(int a, int b)
{
	auto_free char *x = xmalloc(1 << 20), *y = xmalloc(1 << 20);
	struct stat sa, sb;

	if (fstat(a, &sa) < 0 || fstat(b, &sb) < 0 || sa.st_size != sb.st_size)
		return false;
	if (sa.st_ino == sb.st_ino && sa.st_dev == sb.st_dev)
		return true;
	for (off_t at = 0; at < sa.st_size; at += 1 << 20) {
		size_t n = (size_t)MIN(sa.st_size - at, (off_t)(1 << 20));

		if (fd_pread(a, x, n, at) != 0 || fd_pread(b, y, n, at) != 0 ||
		    memcmp(x, y, n) != 0)
			return false;
	}
	return true;
}

/* The image is byte for byte what the store has made from that manifest. */
static bool is_made_from(const struct image *im, struct store *store, const struct digest *d)
{
	auto_buf struct buf path = { 0 };
	char key[DIGEST_TEXT_MAX];
	auto_close int fd = -1;
	struct err ignored;

	pull_key_default(d, key);
	if (store_sif_find(store, key, &path, &ignored) != 1)
		return false;
	fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
	return fd >= 0 && same_bytes(fd, im->fd);
}

static bool has_all(struct store *store, const struct manifest *m)
{
	struct err ignored;

	for (size_t i = 0; i < m->nlayers; i++) {
		auto_close int fd = -1;

		if (store_find(store, &m->layers[i].digest, m->layers[i].size, &fd, &ignored) != 1)
			return false;
	}
	return true;
}

static int push_blob_of(struct push_to *to, struct store *store, const struct descriptor *d,
			const char *label, struct err *e)
{
	auto_close int fd = -1;
	int r = store_find(store, &d->digest, d->size, &fd, e);

	if (r == 0)
		return err_set(e, ERR_SYS, "%s vanished from the store", label);
	return r < 0 ? -1 : push_file(to, &d->digest, fd, 0, d->size, label, e);
}

int push_original(struct push_to *to, struct image *im, struct store *store, struct digest *digest,
		  struct err *e)
{
	auto_manifest struct manifest m = { 0 };
	auto_buf struct buf text = { 0 }, config = { 0 };
	struct digest d;
	const char *type;

	if (!store || !claimed_digest(im, &d) ||
	    store_read(store, &d, MANIFEST_MAX, &text, e) != 1 ||
	    manifest_type(&type, text.data, text.len, NULL, e) < 0 ||
	    manifest_parse(&m, text.data, text.len, type, e) < 0 || !has_all(store, &m) ||
	    store_read(store, &m.config.digest, OCI_CONFIG_MAX, &config, e) != 1 ||
	    !is_made_from(im, store, &d))
		return 1;
	for (size_t i = 0; i < m.nlayers; i++) {
		char label[32], hex[DIGEST_TEXT_MAX];

		snprintf(label, sizeof(label), "layer %.12s", digest_hex(&m.layers[i].digest, hex));
		if (push_blob_of(to, store, &m.layers[i], label, e) < 0)
			return -1;
	}
	*digest = d;
	if (push_memory(to, &m.config.digest, config.data, config.len, e) < 0)
		return -1;
	return push_manifest(to, type, text.data, text.len, e);
}
