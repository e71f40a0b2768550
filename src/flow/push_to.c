#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "image/owner.h"
#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/base/log.h"
#include "src/flow/push_priv.h"

#define REF_NAME  "org.opencontainers.image.ref.name"
#define INDEX_MAX (4u << 20)

/* One source of bytes for both places. */
struct part {
	const char *mem;
	int fd;
	off_t off;
	struct stream *stream;
	struct digest_ctx *ctx;
	struct digest digest;
	struct bar *bar;
	uint64_t size;
};

static int part_read(void *arg, uint64_t off, void *p, size_t n, struct err *e)
{
	struct part *t = arg;

	if (t->mem)
		memcpy(p, t->mem + off, n);
	else if (fd_pread(t->fd, p, n, t->off + (off_t)off) != 0)
		return err_set(e, ERR_SYS, "the file became shorter while it was sent");
	return 0;
}

static ssize_t part_next(void *arg, void *p, size_t n, struct err *e)
{
	struct part *t = arg;
	ssize_t r = stream_read(t->stream, p, n, e);

	if (r > 0) {
		digest_update(t->ctx, p, (size_t)r);
		t->size += (uint64_t)r;
	}
	return r;
}

static void part_digest(void *arg, struct digest *out)
{
	struct part *t = arg;

	/* It may be asked twice, when the last request is sent again. */
	if (t->digest.algo == DIGEST_NONE)
		digest_end(t->ctx, &t->digest);
	*out = t->digest;
}

static void part_sent(void *arg, uint64_t bytes)
{
	bar_set(((struct part *)arg)->bar, bytes);
}

/* ---- a layout ---- */

static char *blob_path(const struct digest *d)
{
	char hex[DIGEST_TEXT_MAX];

	return xasprintf("blobs/%s/%s", digest_algo_name(d->algo), digest_hex(d, hex));
}

/* All of the part into fd, and what it hashes to. */
static int copy_part(struct part *t, int fd, uint64_t size, const char *name, struct digest *is,
		     struct err *e)
{
	auto_digest_ctx struct digest_ctx *ctx = digest_begin(DIGEST_SHA256);
	auto_free char *chunk = xmalloc(256 << 10);
	uint64_t at = 0;

	for (;;) {
		size_t want = t->stream ? 256 << 10 : (size_t)MIN(size - at, 256u << 10);
		ssize_t n = (ssize_t)want;

		if (t->stream)
			n = part_next(t, chunk, want, e);
		else if (want && part_read(t, at, chunk, want, e) < 0)
			n = -1;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		if (fd_write(fd, chunk, (size_t)n) < 0)
			return err_sys(e, "write %s", name);
		if (!t->stream)
			digest_update(ctx, chunk, (size_t)n);
		at += (uint64_t)n;
		bar_set(t->bar, at);
	}
	if (t->stream)
		part_digest(t, is);
	else
		digest_end(ctx, is);
	return fsync(fd) < 0 ? err_sys(e, "write %s", name) : 0;
}

/* Writes the part under a private name, then gives it the name of its digest.  Others may write to
 * the directory: what they laid out under that name is not followed. */
static int to_layout(struct push_to *to, struct part *t, struct digest *d, uint64_t size,
		     struct err *e)
{
	auto_free char *me = owner_name(), *path = NULL;
	auto_free char *tmp = xasprintf("blobs/.berth-%s.part", me);
	auto_close int fd = -1;
	struct digest is;
	char text[DIGEST_TEXT_MAX];

	unlinkat(to->dirfd, tmp, 0);
	fd = openat(to->dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "create %s/%s", to->dir, tmp);
	if (copy_part(t, fd, size, to->dir, &is, e) < 0)
		goto failed;
	if (!t->stream && d->algo == DIGEST_SHA256 && !digest_equal(&is, d)) {
		err_set(e, ERR_INPUT,
			"blob %.19s was changed or damaged: it hashes to another name",
			digest_text(d, text));
		goto failed;
	}
	if (t->stream)
		*d = is;
	path = blob_path(d);
	if (renameat(to->dirfd, tmp, to->dirfd, path) == 0)
		return 0;
	err_sys(e, "write %s/%s", to->dir, path);
failed:
	unlinkat(to->dirfd, tmp, 0);
	return -1;
}

/* ---- both ---- */

static int send(struct push_to *to, struct part *t, struct digest *d, uint64_t size,
		const char *label, struct err *e)
{
	struct upload u = { .digest = *d,
			    .size = size,
			    .read = t->stream ? NULL : part_read,
			    .next = t->stream ? part_next : NULL,
			    .digest_at_end = part_digest,
			    .sent = part_sent,
			    .mount_from = to->req->mount_from,
			    .arg = t };
	int r;

	t->bar = label ? progress_bar(to->req->progress, label, t->stream ? 0 : size) : NULL;
	r = to->remote ? remote_push_blob(to->remote, &u, e) : to_layout(to, t, d, size, e);
	bar_done(t->bar, r < 0 ? "failed" : r == 1 ? "already there" : r == 2 ? "mounted" : "done");
	return r < 0 ? -1 : 0;
}

int push_file(struct push_to *to, const struct digest *d, int fd, off_t off, uint64_t size,
	      const char *label, struct err *e)
{
	struct part t = { .fd = fd, .off = off };
	struct digest digest = *d;

	return send(to, &t, &digest, size, label, e);
}

int push_memory(struct push_to *to, const struct digest *d, const void *p, size_t n, struct err *e)
{
	struct part t = { .mem = p };
	struct digest digest = *d;

	return send(to, &t, &digest, n, NULL, e);
}

int push_stream(struct push_to *to, struct stream *s, const char *label, struct digest *digest,
		uint64_t *size, struct err *e)
{
	auto_digest_ctx struct digest_ctx *ctx = digest_begin(DIGEST_SHA256);
	struct part t = { .stream = s, .ctx = ctx };
	struct digest none = { 0 };
	int r = send(to, &t, &none, BLOB_ANY_SIZE, label, e);

	if (r < 0)
		return -1;
	part_digest(&t, digest);
	*size = t.size;
	return 0;
}

void push_descriptor(struct buf *out, const char *type, const struct digest *d, uint64_t size)
{
	char text[DIGEST_TEXT_MAX];

	buf_printf(out, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%llu", type,
		   digest_text(d, text), (unsigned long long)size);
}

/* index.json with the entry of this tag replaced, all others kept as they are. */
static int enter_in_index(struct push_to *to, const char *type, const struct digest *d, size_t n,
			  struct err *e)
{
	static const char *const kept[] = { "mediaType", "artifactType", "annotations" };
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	auto_buf struct buf old = { 0 }, out = { 0 };
	auto_json struct json *doc = NULL;
	const struct json *entry, *list;
	struct jw w = { .out = &out };
	int r;

	/* Until the push ends; where there are no locks, the last of two at once is in the index. */
	(void)flock(to->dirfd, LOCK_EX);
	r = file_read(to->dirfd, "index.json", &old, INDEX_MAX, e);

	if (r < 0 || (r == 0 && json_parse(&doc, buf_str(&old), old.len, INDEX_MAX, e) < 0))
		return err_wrap(e, "%s/index.json", to->dir);
	list = json_get(doc, "manifests");
	if (doc && json_kind(list) != JSON_ARRAY)
		return err_set(e, ERR_INPUT,
			       "%s/index.json is no OCI index: name another directory", to->dir);
	buf_adds(&out, "{\"schemaVersion\":2,");
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (json_get(doc, kept[i])) {
			buf_printf(&out, "\"%s\":", kept[i]);
			json_dump(json_get(doc, kept[i]), &out);
			buf_addch(&out, ',');
		}
	buf_adds(&out, "\"manifests\":[");
	json_each (list, i, entry) {
		const char *name = json_str(json_get(json_get(entry, "annotations"), REF_NAME));

		if (name && !strcmp(name, to->tag))
			continue;
		json_dump(entry, &out);
		buf_addch(&out, ',');
	}
	push_descriptor(&out, type, d, n);
	buf_adds(&out, ",\"annotations\":{\"" REF_NAME "\":");
	jw_str(&w, NULL, to->tag);
	buf_adds(&out, "}}]}");
	if (file_write_atomic(to->dirfd, "oci-layout", layout, strlen(layout), 0644, e) < 0)
		return -1;
	return file_write_atomic(to->dirfd, "index.json", out.data, out.len, 0644, e);
}

int push_manifest(struct push_to *to, const char *type, const void *p, size_t n, struct err *e)
{
	struct digest d;

	to->type = type;
	to->size = n;
	if (to->remote)
		return remote_push_manifest(to->remote, to->tag, type, p, n, NULL, e);
	digest_of(&d, DIGEST_SHA256, p, n);
	if (push_memory(to, &d, p, n, e) < 0)
		return -1;
	return enter_in_index(to, type, &d, n, e);
}
