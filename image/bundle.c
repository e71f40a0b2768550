/* What `docker save`, `podman save`, `skopeo copy` and buildkit write.  docker-archive members may
 * be links to others (docker save, before 25); names may begin with "./". */
#include "image/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/decode.h"
#include "image/tar.h"
#include "src/base/fd.h"
#include "src/base/path.h"

#define LINKS_MAX 8

struct entry {
	char *name;
	char *link; /* another entry; NULL: a file */
	uint64_t off, size;
	size_t order; /* of two with one name the later holds */
};

struct bundle {
	int dir; /* of a directory, else -1 */
	int fd;	 /* of the plain archive, else -1 */
	struct entry *v;
	size_t n, cap;
};

void bundle_close(struct bundle *p)
{
	if (!p)
		return;
	close_p_(&p->dir);
	close_p_(&p->fd);
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].name);
		free(p->v[i].link);
	}
	free(p->v);
	free(p);
}

static char *clean_name(const char *name)
{
	auto_free char *clean = path_clean("/", name);

	return xstrdup(clean + 1);
}

static int add_entry(struct bundle *p, const struct tar *t, const struct tar_entry *en,
		     struct err *e)
{
	struct entry *x;

	if (en->type != TAR_FILE && en->type != TAR_LINK && en->type != TAR_SYMLINK)
		return 0;
	if (p->n == BUNDLE_MAX_FILES)
		return err_set(e, ERR_LIMIT, "more than %d files: no saved image has so many",
			       BUNDLE_MAX_FILES);
	xgrow(&p->v, &p->cap, p->n + 1, sizeof(*p->v));
	x = &p->v[p->n];
	*x = (struct entry){ .name = clean_name(en->path), .order = p->n };
	p->n++;
	if (en->type == TAR_FILE) {
		x->off = tar_body_offset(t);
		x->size = en->size;
	} else if (en->type == TAR_LINK) {
		x->link = clean_name(en->link);
	} else {
		auto_free char *dir = path_dir(x->name);
		auto_free char *to = path_join(*dir == '.' ? "" : dir, en->link);

		x->link = clean_name(to);
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int v = strcmp(x->name, y->name);

	return v ? v : x->order < y->order ? 1 : -1;
}

static int make_index(struct bundle *p, struct err *e)
{
	auto_tar struct tar *t = tar_new(stream_fd(p->fd, 0, -1));
	const struct tar_entry *en;
	int r;

	while ((r = tar_next(t, &en, e)) > 0)
		if (add_entry(p, t, en, e) < 0)
			return -1;
	if (r < 0)
		return -1;
	qsort(p->v, p->n, sizeof(*p->v), by_name);
	return 0;
}

static int copy_stream(struct stream *in, int fd, struct err *e)
{
	auto_free char *chunk = xmalloc(256 << 10);
	ssize_t r;

	while ((r = stream_read(in, chunk, 256 << 10, e)) > 0)
		if (fd_write(fd, chunk, (size_t)r) < 0)
			return err_sys(e, "write the unpacked archive");
	return (int)r;
}

static int decompress(struct bundle *p, struct stream *in, int scratch, struct err *e)
{
	auto_stream struct stream *plain = NULL;

	if (stream_decode(&plain, in, e) < 0)
		return -1;
	p->fd = openat(scratch, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	/* NFS and others have no O_TMPFILE. */
	if (p->fd < 0) {
		auto_free char *name = xasprintf(".berth-unpack.%d", (int)getpid());

		p->fd = openat(scratch, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (p->fd >= 0)
			unlinkat(scratch, name, 0);
	}
	if (p->fd < 0)
		return err_sys(e, "room for the unpacked archive");
	return copy_stream(plain, p->fd, e);
}

static bool is_plain_tar(int fd)
{
	char h[512];

	return fd_pread(fd, h, sizeof(h), 0) == 0 && !memcmp(h + 257, "ustar", 5);
}

int bundle_open(struct bundle **out, const char *path, int scratch, struct err *e)
{
	auto_bundle struct bundle *p = xcalloc(1, sizeof(*p));
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	*out = NULL;
	p->dir = p->fd = -1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open %s", path);
	if (S_ISDIR(st.st_mode)) {
		p->dir = take_fd(&fd);
	} else if (!S_ISREG(st.st_mode)) {
		return err_set(e, ERR_INPUT, "%s is neither a directory nor an archive", path);
	} else if (is_plain_tar(fd)) {
		p->fd = take_fd(&fd);
	} else if (decompress(p, stream_fd(fd, 0, -1), scratch, e) < 0) {
		return err_wrap(e, "%s", path);
	}
	if (p->fd >= 0 && make_index(p, e) < 0)
		return err_wrap(e, "%s", path);
	*out = take_ptr(p);
	return 0;
}

int bundle_from_stream(struct bundle **out, struct stream *in, const char *name, int scratch,
		       struct err *e)
{
	auto_bundle struct bundle *p = xcalloc(1, sizeof(*p));

	*out = NULL;
	p->dir = p->fd = -1;
	if (decompress(p, in, scratch, e) < 0 || make_index(p, e) < 0)
		return err_wrap(e, "%s", name);
	*out = take_ptr(p);
	return 0;
}

static const struct entry *find_entry(const struct bundle *p, const char *name)
{
	size_t lo = 0, hi = p->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(p->v[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->n && !strcmp(p->v[lo].name, name) ? &p->v[lo] : NULL;
}

int bundle_find(struct bundle *p, const char *name, struct bundle_file *out, struct err *e)
{
	const struct entry *x;
	struct stat st;

	*out = (struct bundle_file){ .fd = -1, .own = -1 };
	if (p->dir >= 0) {
		out->own = out->fd =
			open_in_root(p->dir, name, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
		if (out->fd < 0)
			return errno == ENOENT ? 0 : err_sys(e, "open %s", name);
		if (fstat(out->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
			bundle_file_fini(out);
			return err_set(e, ERR_INPUT, "%s is no file", name);
		}
		out->size = st.st_size;
		return 1;
	}
	x = find_entry(p, name);
	for (int i = 0; x && x->link; i++) {
		if (i == LINKS_MAX)
			return err_set(e, ERR_INPUT, "%s is a link that leads nowhere", name);
		x = find_entry(p, x->link);
	}
	if (!x)
		return 0;
	out->fd = p->fd;
	out->off = (off_t)x->off;
	out->size = (off_t)x->size;
	return 1;
}

void bundle_file_fini(struct bundle_file *f)
{
	close_p_(&f->own);
	f->own = -1;
}

int bundle_read(const struct bundle_file *f, size_t max, struct buf *out, struct err *e)
{
	size_t n = (size_t)f->size;

	if (f->size < 0 || n > max)
		return err_set(e, ERR_LIMIT, "%zu bytes are more than the limit of %zu", n, max);
	buf_reserve(out, n + 1);
	if (fd_pread(f->fd, out->data + out->len, n, f->off) != 0)
		return err_set(e, ERR_INPUT, "the file ends early");
	out->len += n;
	out->data[out->len] = '\0';
	return 0;
}

struct bundle_stream {
	struct stream s;
	struct stream *src;
	int own;
};

static ssize_t bundle_stream_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	return stream_read(((struct bundle_stream *)s)->src, buf, n, e);
}

static void bundle_stream_close(struct stream *s)
{
	struct bundle_stream *p = (struct bundle_stream *)s;

	stream_close(p->src);
	close_p_(&p->own);
	free(p);
}

struct stream *bundle_stream(struct bundle_file *f)
{
	static const struct stream_ops ops = { bundle_stream_read, bundle_stream_close };
	struct bundle_stream *p = xcalloc(1, sizeof(*p));

	p->s.ops = &ops;
	p->src = stream_fd(f->fd, f->off, f->size);
	p->own = take_fd(&f->own);
	return &p->s;
}
