#include "src/flow/build_add.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/decode.h"
#include "image/tar.h"
#include "src/base/fd.h"
#include "src/base/path.h"

/* Is it a tar archive behind its compression?  The magic of ustar and of GNU stands at 257. */
static bool is_tar(int fd)
{
	auto_stream struct stream *s = NULL;
	unsigned char block[512];
	struct err ignored;

	if (stream_decode(&s, stream_fd(fd, 0, -1), &ignored) < 0)
		return false;
	return stream_read_full(s, block, sizeof(block), &ignored) == sizeof(block) &&
	       !memcmp(block + 257, "ustar", 5);
}

static int put_body(struct tar *tar, int fd, const char *name, struct err *e)
{
	const void *p;
	size_t n;
	int r;

	while ((r = tar_data(tar, &p, &n, e)) > 0) {
		if (p ? fd_write(fd, p, n) < 0 : lseek(fd, (off_t)n, SEEK_CUR) < 0)
			return err_sys(e, "write %s", name);
	}
	if (r == 0 && ftruncate(fd, lseek(fd, 0, SEEK_CUR)) < 0)
		return err_sys(e, "write %s", name);
	return r;
}

static int put_link(const struct build_tree *t, const char *dst, const struct tar_entry *en, int at,
		    const char *base, struct err *e)
{
	auto_free char *clean = path_clean("/", en->link), *full = path_join(dst, clean + 1);
	auto_free char *dir = path_dir(full);
	auto_close int from = build_tree_dir(t, dir, e);

	if (from < 0)
		return -1;
	return linkat(from, path_base(full), at, base, 0) < 0
		       ? err_sys(e, "link %s to %s", en->path, en->link)
		       : 0;
}

static int put_node(struct tar *tar, const struct build_tree *t, const char *dst,
		    const struct tar_entry *en, int at, const char *base, struct err *e)
{
	const struct timespec times[2] = { { en->mtime, 0 }, { en->mtime, 0 } };
	auto_close int fd = -1;
	int r = 0;

	if (unlinkat(at, base, 0) < 0 && errno != ENOENT &&
	    !(errno == EISDIR && en->type == TAR_DIR))
		return err_sys(e, "replace %s", en->path);
	switch (en->type) {
	case TAR_LINK:
		return put_link(t, dst, en, at, base, e);
	case TAR_SYMLINK:
		r = symlinkat(en->link, at, base);
		break;
	case TAR_DIR:
		r = mkdirat(at, base, 0755) < 0 && errno != EEXIST ? -1 : 0;
		break;
	case TAR_FIFO:
		r = mkfifoat(at, base, 0600);
		break;
	case TAR_CHAR:
	case TAR_BLOCK:
	case TAR_FILE:
		fd = openat(at, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		r = fd < 0 ? -1 : 0;
		if (r == 0 && en->type == TAR_FILE && put_body(tar, fd, en->path, e) < 0)
			return -1;
		break;
	}
	if (r < 0)
		return err_sys(e, "make %s", en->path);
	if (en->type != TAR_SYMLINK && fchmodat(at, base, en->mode, 0) < 0)
		return err_sys(e, "chmod %s", en->path);
	utimensat(at, base, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int own(const struct build_tree *t, const struct tar_entry *en, int at, const char *base)
{
	bool device = en->type == TAR_CHAR || en->type == TAR_BLOCK;
	struct emul_key k;
	struct emul_rec *r;

	if (emul_key_at(&k, NULL, at, base, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!en->uid && !en->gid && !device))
		return 0;
	r = emul_table_put(t->owners, &k);
	r->uid = en->uid;
	r->gid = en->gid;
	if (device) {
		r->type = en->type == TAR_CHAR ? S_IFCHR : S_IFBLK;
		r->dev_major = en->major;
		r->dev_minor = en->minor;
	}
	return 0;
}

int build_add_archive(const struct build_tree *t, const char *file, const char *dst, struct err *e)
{
	auto_close int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	auto_tar struct tar *tar = NULL;
	struct stream *plain = NULL;
	const struct tar_entry *en;
	int r;

	if (fd < 0 || !is_tar(fd))
		return 1;
	if (stream_decode(&plain, stream_fd(fd, 0, -1), e) < 0)
		return -1;
	tar = tar_new(plain);
	while ((r = tar_next(tar, &en, e)) > 0) {
		auto_free char *clean = path_clean("/", en->path);
		auto_free char *full = path_join(dst, clean + 1), *dir = path_dir(full);
		auto_close int at = -1;

		if (!clean[1])
			continue;
		at = build_tree_dir(t, dir, e);
		if (at < 0 || put_node(tar, t, dst, en, at, path_base(full), e) < 0 ||
		    own(t, en, at, path_base(full)) < 0)
			return -1;
	}
	return r;
}
