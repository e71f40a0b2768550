#include "src/flow/siftool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/sif_edit.h"
#include "image/sif_text.h"
#include "image/store.h"
#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/base/stream.h"

static int open_sif(int *fd, struct sif **s, const char *path, int flags, struct err *e)
{
	int r;

	*fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0)
		return err_sys(e, "open %s", path);
	r = sif_read(s, *fd, e);
	if (r == 1)
		return err_set(e, ERR_INPUT, "%s is no SIF file", path);
	return r < 0 ? err_wrap(e, "%s", path) : 0;
}

static const struct sif_object *object(const struct sif *s, const char *path, unsigned id,
				       struct err *e)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->obj[i].id == id)
			return &s->obj[i];
	err_set(e, ERR_NOTFOUND, "%s has no object %u (berth sif list shows them)", path, id);
	return NULL;
}

int flow_sif_show(const char *path, enum sif_show what, unsigned id, struct buf *text,
		  struct err *e)
{
	auto_close int fd = -1;
	auto_sif struct sif *s = NULL;
	const struct sif_object *o;

	if (open_sif(&fd, &s, path, O_RDONLY, e) < 0)
		return -1;
	switch (what) {
	case SIF_SHOW_HEADER:
		sif_text_header(s, text);
		return 0;
	case SIF_SHOW_LIST:
		sif_text_list(s, text);
		return 0;
	case SIF_SHOW_INFO:
		break;
	}
	o = object(s, path, id, e);
	if (!o)
		return -1;
	sif_text_info(o, text);
	return 0;
}

int flow_sif_dump(const char *path, unsigned id, int to, struct err *e)
{
	auto_close int fd = -1;
	auto_sif struct sif *s = NULL;
	auto_stream struct stream *in = NULL;
	auto_free char *chunk = xmalloc(256 << 10);
	const struct sif_object *o;
	ssize_t n;

	if (open_sif(&fd, &s, path, O_RDONLY, e) < 0)
		return -1;
	o = object(s, path, id, e);
	if (!o)
		return -1;
	in = stream_fd(fd, o->off, o->size);
	while ((n = stream_read(in, chunk, 256 << 10, e)) > 0)
		if (fd_write(to, chunk, (size_t)n) < 0)
			return err_sys(e, "write");
	return n < 0 ? err_wrap(e, "%s", path) : 0;
}

int flow_sif_new(const char *path, struct err *e)
{
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0777);
	auto_sif_writer struct sif_writer *w = NULL;
	struct sif_write_opts o = { .launch = SIF_LAUNCH };

	if (fd < 0)
		return err_sys(e, "create %s", path);
	if (sif_write_begin(&w, fd, &o, e) < 0 || sif_write_end(w, e) < 0 ||
	    ftruncate(fd, 32176) < 0)
		return err_wrap(e, "%s", path);
	return 0;
}

/* A file with two names is another's too (the store's, perhaps): it gets bytes of its own first. */
static int open_own(int *fd, const char *path, struct err *e)
{
	auto_free char *dir = path_dir(path);
	auto_free char *tmp = xasprintf(".berth-%d.sif", (int)getpid());
	auto_close int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int old = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (old < 0 || fstat(old, &st) < 0)
		return err_sys(e, "open %s", path);
	if (S_ISREG(st.st_mode) && st.st_nlink > 1) {
		if (dirfd < 0)
			return err_sys(e, "open %s", dir);
		if (store_copy_out(old, "", dirfd, tmp, e) < 0)
			return -1;
		if (fchmodat(dirfd, tmp, st.st_mode & 0777, 0) < 0 ||
		    renameat(dirfd, tmp, dirfd, path_base(path)) < 0)
			return err_sys(e, "replace %s", path);
	}
	*fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return *fd < 0 ? err_sys(e, "open %s", path) : 0;
}

static int hex(const char *s, uint8_t *out, size_t n)
{
	unsigned v;

	for (size_t i = 0; i < n; i++) {
		if (sscanf(s + 2 * i, "%2x", &v) != 1)
			return -1;
		out[i] = (uint8_t)v;
	}
	return 0;
}

static void put32(uint8_t *p, unsigned v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static int sbom_number(const char *name)
{
	static const char *const names[] = { "cyclonedx-json", "cyclonedx-xml", "github-json",
					     "spdx-json",      "spdx-rdf",	"spdx-tag-value",
					     "spdx-yaml",      "syft-json" };

	for (size_t i = 0; name && i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], name))
			return (int)i + 1;
	return 0;
}

static int fill_like(const struct sif_add_req *r, struct sif_object *o, struct err *e)
{
	char arch[3];

	if (r->datatype < 1 || r->datatype > 11)
		return err_set(
			e, ERR_USAGE,
			"--datatype: 1 definition file, 2 environment, 3 labels, 4 partition, "
			"5 signature, 6 JSON, 7 generic, 8 crypto message, 9 SBOM, 10 OCI index, "
			"11 OCI blob");
	o->type = (int32_t)(SIF_DEFFILE + r->datatype - 1);
	o->group = r->groupid;
	o->link = r->link;
	snprintf(o->name, sizeof(o->name), "%s", r->filename ? r->filename : path_base(r->file));
	if (o->type == SIF_PARTITION) {
		if (r->partfs < 1 || r->partfs > 6 || r->parttype < 1 || r->parttype > 4 ||
		    r->partarch < 1 || r->partarch > 13)
			return err_set(e, ERR_USAGE,
				       "a partition takes --partfs (1-6), --parttype (1-4) and "
				       "--partarch (1-13; 2 is amd64, 4 arm64)");
		o->fs = (int32_t)r->partfs;
		o->part = (int32_t)r->parttype;
		snprintf(arch, sizeof(arch), "%02u", r->partarch);
		memcpy(o->arch, arch, sizeof(arch));
	}
	if (o->type == SIF_SIGNATURE) {
		if (r->signhash < 1 || r->signhash > 5 || !r->signentity ||
		    strlen(r->signentity) != 40 || hex(r->signentity, o->extra + 4, 20) < 0)
			return err_set(e, ERR_USAGE,
				       "a signature takes --signhash (1 SHA-256, 2 SHA-384, 3 "
				       "SHA-512) and --signentity (40 hex digits)");
		put32(o->extra, r->signhash);
	}
	if (o->type == SIF_SBOM) {
		if (!sbom_number(r->sbomformat))
			return err_set(e, ERR_USAGE,
				       "an SBOM takes --sbomformat: cyclonedx-json, "
				       "spdx-json, syft-json, ...");
		put32(o->extra, (unsigned)sbom_number(r->sbomformat));
	}
	return 0;
}

int flow_sif_add(const struct sif_add_req *r, struct err *e)
{
	auto_close int fd = -1, data = -1;
	struct sif_object like = { 0 };

	if (fill_like(r, &like, e) < 0)
		return -1;
	data = !strcmp(r->file, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
				     : open(r->file, O_RDONLY | O_CLOEXEC);
	if (data < 0)
		return err_sys(e, "open %s", r->file);
	if (open_own(&fd, r->path, e) < 0)
		return -1;
	return sif_edit_add(fd, &like, data, (int64_t)r->alignment, e) < 0
		       ? err_wrap(e, "%s", r->path)
		       : 0;
}

int flow_sif_delete(const char *path, unsigned id, struct err *e)
{
	auto_close int fd = -1;

	if (open_own(&fd, path, e) < 0)
		return -1;
	return sif_edit_delete(fd, id, e) < 0 ? err_wrap(e, "%s", path) : 0;
}

int flow_sif_primary(const char *path, unsigned id, struct err *e)
{
	auto_close int fd = -1;

	if (open_own(&fd, path, e) < 0)
		return -1;
	return sif_edit_primary(fd, id, e) < 0 ? err_wrap(e, "%s", path) : 0;
}
