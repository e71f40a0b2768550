#include "src/flow/push.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/sif.h"
#include "image/tar_out.h"
#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/base/log.h"
#include "src/base/path.h"
#include "src/flow/output.h"
#include "src/flow/push_priv.h"
#include "src/flow/transport.h"

#define SIF_CONFIG_TYPE "application/vnd.sylabs.sif.config.v1+json"
#define SIF_LAYER_TYPE	"application/vnd.sylabs.sif.layer.v1.sif"

/* ---- a SIF as it is ---- */

int push_hash(int fd, struct digest *d, uint64_t *size, struct err *e)
{
	auto_digest_ctx struct digest_ctx *ctx = digest_begin(DIGEST_SHA256);
	auto_stream struct stream *s = stream_tee(stream_fd(fd, 0, -1), ctx);
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, "it is no regular file");
	*size = (uint64_t)st.st_size;
	if (stream_drain(s, e) < 0)
		return -1;
	digest_end(ctx, d);
	return 0;
}

/* As Apptainer writes it, key for key. */
static void sif_manifest(struct buf *out, const struct push_to *to, const char *title,
			 const struct digest *d, uint64_t size)
{
	struct jw w = { .out = out };
	struct digest config;

	digest_of(&config, DIGEST_SHA256, "{}", 2);
	buf_adds(out, "{\"schemaVersion\":2,\"mediaType\":\"" PUSH_OCI_MANIFEST "\"");
	push_add_subject(out, to);
	buf_adds(out, ",\"config\":");
	push_descriptor(out, SIF_CONFIG_TYPE, &config, 2);
	buf_adds(out, "},\"layers\":[");
	push_descriptor(out, SIF_LAYER_TYPE, d, size);
	buf_adds(out, ",\"annotations\":{\"org.opencontainers.image.title\":");
	jw_str(&w, NULL, title);
	buf_adds(out, "}}]}");
}

static int push_sif(struct push_to *to, struct digest *digest, struct err *e)
{
	const char *path = to->req->image;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	auto_sif struct sif *sif = NULL;
	auto_buf struct buf manifest = { 0 };
	struct digest d, config;
	uint64_t size;
	int r;

	if (fd < 0)
		return err_sys(e, "open %s", path);
	r = sif_read(&sif, fd, e);
	if (r < 0)
		return err_wrap(e, "%s", path);
	if (r == 1)
		return err_set(e, ERR_USAGE,
			       "%s is no SIF, and oras:// takes nothing else: push it to "
			       "docker://",
			       path);
	if (push_hash(fd, &d, &size, e) < 0 ||
	    push_file(to, &d, fd, 0, size, path_base(path), e) < 0)
		return err_wrap(e, "%s", path);
	digest_of(&config, DIGEST_SHA256, "{}", 2);
	if (push_memory(to, &config, "{}", 2, e) < 0)
		return -1;
	sif_manifest(&manifest, to, path_base(path), &d, size);
	digest_of(digest, DIGEST_SHA256, manifest.data, manifest.len);
	to->type = PUSH_OCI_MANIFEST;
	to->size = manifest.len;
	if (to->subject_type)
		return push_referrer(to, to->tag, SIF_CONFIG_TYPE, &manifest, e);
	return push_manifest(to, PUSH_OCI_MANIFEST, manifest.data, manifest.len, e);
}

/* ---- an OCI image ---- */

static struct store *find_store(const struct push_req *r)
{
	auto_free char *dir = NULL;
	struct store *s = NULL;
	struct err ignored;

	dir = r->cachedir ? xstrdup(r->cachedir) : store_default_dir(environ, &ignored);
	/* Without a store there are no original layers, no more. */
	if (!dir || access(dir, F_OK) < 0 || store_open(&s, dir, &ignored) < 0)
		return NULL;
	return s;
}

static int push_image(struct push_to *to, struct digest *digest, struct err *e)
{
	const char *path = to->req->image;
	auto_image struct image *im = NULL;
	auto_squash struct squash *sq = NULL;
	auto_store struct store *store = find_store(to->req);
	int r;

	if (image_open(&im, path, e) < 0)
		return -1;
	if (im->kind != IMAGE_DIR && squash_open(&sq, im->fd, im->off, im->size, NULL, e) < 0)
		return err_wrap(e, "%s", path);
	r = im->kind == IMAGE_SIF ? push_original(to, im, store, digest, e) : 1;
	if (r <= 0)
		return r;
	if (image_load_scripts(im, sq, e) < 0 || push_as_one_layer(to, im, sq, digest, e) < 0)
		return err_wrap(e, "%s", path);
	return 0;
}

/* ---- where to ---- */

static int open_layout(struct push_to *to, const char *rest, char **dir, char **tag, struct err *e)
{
	const char *slash = strrchr(rest, '/');
	const char *colon = strrchr(slash ? slash : rest, ':');
	size_t n = colon ? (size_t)(colon - rest) : strlen(rest);

	if (!n)
		return err_set(e, ERR_USAGE, "no directory behind oci:");
	*dir = xstrndup(rest, n);
	*tag = xstrdup(colon && colon[1] ? colon + 1 : "latest");
	to->dir = *dir;
	to->tag = *tag;
	if (dir_make_all(AT_FDCWD, *dir, 0777, e) < 0)
		return -1;
	to->dirfd = open(*dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to->dirfd < 0)
		return err_sys(e, "open %s", *dir);
	return dir_make_all(to->dirfd, "blobs/sha256", 0777, e);
}

static int write_archive(struct output *out, const char *dir, struct err *e)
{
	auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *chunk = xmalloc(256 << 10);
	auto_stream struct stream *tar = NULL;
	ssize_t n;

	if (fd < 0)
		return err_sys(e, "open %s", dir);
	if (output_create(out, e) < 0)
		return -1;
	tar = tar_out_dir(fd);
	while ((n = stream_read(tar, chunk, 256 << 10, e)) > 0)
		if (fd_write(out->fd, chunk, (size_t)n) < 0)
			return err_sys(e, "write %s", out->path);
	return n < 0 ? -1 : 0;
}

static int push_to_layout(struct push_to *to, const char *rest, struct digest *digest,
			  struct err *e)
{
	auto_free char *dir = NULL, *tag = NULL;
	int r = open_layout(to, rest, &dir, &tag, e);

	if (r == 0)
		r = push_image(to, digest, e);
	close_p_(&to->dirfd);
	return r;
}

/* A layout beside the archive, which then becomes its content. */
static int push_to_archive(struct push_to *to, const char *rest, struct digest *digest,
			   struct err *e)
{
	const char *slash = strrchr(rest, '/');
	const char *colon = strrchr(slash ? slash : rest, ':');
	auto_free char *file = xstrndup(rest, colon ? (size_t)(colon - rest) : strlen(rest));
	auto_output struct output out = { 0 };
	auto_free char *dir = NULL, *layout = NULL;
	int r;

	if (output_check(&out, file, to->req->force, e) < 0)
		return -1;
	dir = output_private_dir(&out);
	layout = xasprintf("%s:%s", dir, colon && colon[1] ? colon + 1 : "latest");
	r = push_to_layout(to, layout, digest, e);
	if (r == 0)
		r = write_archive(&out, dir, e);
	output_remove_tree(out.dirfd, path_base(dir));
	return r < 0 ? -1 : output_publish(&out, e);
}

static int check_target(const struct ref *ref, struct err *e)
{
	if (ref->digest.algo != DIGEST_NONE)
		return err_set(e, ERR_USAGE, "%s: a push goes to a tag; its digest follows from it",
			       ref->text);
	return 0;
}

int flow_push(const struct push_req *r, struct digest *digest, struct err *e)
{
	struct push_to to = { .req = r, .dirfd = -1 };
	auto_remote struct remote *remote = NULL;
	auto_ref struct ref named = { 0 }, ref = { 0 };
	const struct transport *t;
	const char *rest;
	struct stat st;

	if (digest_ready(e) < 0)
		return -1;
	t = transport_of(r->uri, &rest);
	if (t != &transport_docker && t != &transport_oras && t != &transport_oci &&
	    t != &transport_oci_archive)
		return err_set(e, ERR_USAGE,
			       "%s: a push goes to docker://, oras://, oci:DIR[:TAG] or "
			       "oci-archive:FILE[:TAG]",
			       r->uri);
	if (r->subject && t != &transport_oras)
		return err_set(e, ERR_USAGE,
			       "--subject: a SIF that goes to oras:// can belong to an "
			       "image there, nothing else");
	if (r->attach.n && t != &transport_docker && t != &transport_oras)
		return err_set(e, ERR_USAGE,
			       "--attach: what belongs to an image is kept by registries "
			       "(docker://, oras://)");
	if (stat(r->image, &st) < 0)
		return err_sys(e, "image %s", r->image);
	if (t == &transport_oci)
		return push_to_layout(&to, rest, digest, e);
	if (t == &transport_oci_archive)
		return push_to_archive(&to, rest, digest, e);
	if (ref_parse(&named, rest, e) < 0 || check_target(&named, e) < 0 ||
	    access_open_place(&remote, &r->access, &named, &ref, e) < 0)
		return -1;
	to.remote = remote;
	to.tag = ref.tag;
	if (r->subject && push_find_subject(&to, e) < 0)
		return -1;
	if ((t == &transport_oras ? push_sif(&to, digest, e) : push_image(&to, digest, e)) < 0)
		return -1;
	return push_beside(&to, digest, e);
}

/* ---- tags ---- */

static int get(struct remote *remote, const struct ref *ref, struct manifest_doc *doc,
	       struct err *e)
{
	char text[DIGEST_TEXT_MAX];

	return remote_manifest(
		remote, ref->digest.algo ? digest_text(&ref->digest, text) : ref->tag, doc, e);
}

static int open_and_get(const struct tag_req *r, struct ref *ref, struct remote **remote,
			struct manifest_doc *doc, struct err *e)
{
	auto_ref struct ref named = { 0 };

	if (digest_ready(e) < 0 || access_ref(&named, r->uri, e) < 0 ||
	    access_open_place(remote, &r->access, &named, ref, e) < 0)
		return -1;
	return get(*remote, ref, doc, e);
}

int flow_tag(const struct tag_req *r, struct digest *digest, struct err *e)
{
	auto_manifest_doc struct manifest_doc doc = { 0 };
	auto_remote struct remote *remote = NULL;
	auto_ref struct ref ref = { 0 }, check = { 0 };
	auto_free char *with = xasprintf("x:%s", r->tag);

	if (ref_parse(&check, with, e) < 0)
		return err_set(e, ERR_USAGE, "\"%.140s\" is no tag", r->tag);
	if (open_and_get(r, &ref, &remote, &doc, e) < 0)
		return -1;
	*digest = doc.digest;
	return remote_push_manifest(remote, r->tag, doc.media_type, doc.body.data, doc.body.len,
				    NULL, e);
}

int flow_delete(const struct tag_req *r, struct digest *digest, struct err *e)
{
	auto_manifest_doc struct manifest_doc doc = { 0 };
	auto_remote struct remote *remote = NULL;
	auto_ref struct ref ref = { 0 };

	if (open_and_get(r, &ref, &remote, &doc, e) < 0)
		return -1;
	*digest = doc.digest;
	return remote_delete_manifest(remote, &doc.digest, e);
}

/* Of the first place that knows it, as a pull would find it. */
int flow_resolve(const struct tag_req *r, struct digest *digest, struct err *e)
{
	auto_regconf struct regconf *c = NULL;
	auto_routes struct routes routes = { 0 };
	auto_ref struct ref ref = { 0 };
	int v = -1;

	if (digest_ready(e) < 0 || access_ref(&ref, r->uri, e) < 0 || regconf_load(&c, e) < 0 ||
	    regconf_route(c, &ref, &routes, e) < 0)
		return -1;
	for (size_t i = 0; v < 0 && i < routes.n; i++) {
		auto_manifest_doc struct manifest_doc doc = { 0 };
		auto_remote struct remote *remote = NULL;

		if (i)
			log_info("%s; trying %s", e->text, routes.v[i].ref.host);
		v = access_open_route(&remote, &r->access, &ref, &routes.v[i], e);
		if (v == 0)
			v = get(remote, &routes.v[i].ref, &doc, e);
		if (v == 0)
			*digest = doc.digest;
		else if (e->kind == ERR_INTR || e->kind == ERR_USAGE)
			break;
	}
	return v;
}
