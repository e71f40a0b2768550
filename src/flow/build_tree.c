#include "src/flow/build_tree.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/enter/emul_save.h"
#include "src/flow/build_copy.h"
#include "src/flow/owners.h"

int build_tree_make(struct build_tree *t, int dirfd, const char *dir, const char *name,
		    struct err *e)
{
	if (mkdirat(dirfd, name, 0755) < 0)
		return err_sys(e, "make %s/%s", dir, name);
	t->path = path_join(dir, name);
	t->fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->fd < 0)
		return err_sys(e, "open %s", t->path);
	/* The umask is not the image's business. */
	fchmod(t->fd, 0755);
	t->owners = emul_table_new();
	return 0;
}

int build_tree_adopt(struct build_tree *t, const char *path, struct err *e)
{
	struct emul_load_stat st;

	t->path = realpath(path, NULL);
	t->fd = t->path ? open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (t->fd < 0)
		return err_sys(e, "open %s", path);
	t->owners = emul_table_new();
	return emul_load(t->owners, t->fd, &st, e) < 0 ? err_wrap(e, "%s", path) : 0;
}

void build_tree_fini(struct build_tree *t)
{
	if (!t->path)
		return;
	close_p_(&t->fd);
	emul_table_free(t->owners);
	free(t->path);
	*t = (struct build_tree){ .fd = -1 };
}

static int from_directory(struct build_tree *t, int dir, struct err *e)
{
	auto_emul_table struct emul_table *owners = emul_table_new();
	struct emul_load_stat st;
	struct copier c = { .from = owners, .to = t->owners, .preserve = true };

	if (emul_load(owners, dir, &st, e) < 0 || copy_root(&c, dir, t->fd, e) < 0)
		return -1;
	unlinkat(t->fd, EMUL_SAVE_NAME, 0);
	return 0;
}

int build_tree_unpack(struct build_tree *t, const char *image, struct err *e)
{
	struct unpack_opts o = { .made = owners_made, .arg = t->owners };
	auto_image struct image *im = NULL;
	auto_squash struct squash *sq = NULL;
	struct unpack_stat st = { 0 };
	int r;

	if (image_open(&im, image, e) < 0)
		return -1;
	if (im->kind == IMAGE_DIR) {
		r = from_directory(t, im->fd, e);
	} else {
		r = squash_open(&sq, im->fd, im->off, im->size, NULL, e);
		if (r == 0)
			r = unpack_squash(sq, t->fd, &o, &st, e);
	}
	return r < 0 ? err_wrap(e, "unpack %s", image) : 0;
}

int build_tree_dir(const struct build_tree *t, const char *path, struct err *e)
{
	auto_free char *part = path_clean("/", path);
	auto_close int at = open_in_root(t->fd, "/", O_PATH | O_DIRECTORY, 0);

	for (char *p = part + 1, *end; at >= 0 && *p; p = end + 1) {
		char saved;
		int next;

		end = strchrnul(p, '/');
		saved = *end;
		*end = '\0';
		next = open_in_root(t->fd, part, O_PATH | O_DIRECTORY, 0);
		if (next < 0 && errno == ENOENT && mkdirat(at, p, 0755) == 0 &&
		    fchmodat(at, p, 0755, 0) == 0)
			next = open_in_root(t->fd, part, O_PATH | O_DIRECTORY, 0);
		if (next < 0 && errno == EEXIST)
			return err_set(e, ERR_INPUT, "%s of the image is a link that leads nowhere",
				       part);
		if (next < 0)
			return err_sys(e, "directory %s of the image", part);
		close(at);
		at = next;
		if (!saved)
			break;
		*end = saved;
	}
	if (at < 0)
		return err_sys(e, "directory %s of the image", path);
	return take_fd(&at);
}

int build_tree_write(const struct build_tree *t, const char *path, const void *p, size_t n,
		     mode_t mode, struct err *e)
{
	auto_free char *dir = path_dir(path);
	auto_close int at = build_tree_dir(t, dir, e), fd = -1;
	const char *name = path_base(path);

	if (at < 0)
		return -1;
	if (unlinkat(at, name, 0) < 0 && errno != ENOENT)
		return err_sys(e, "replace %s of the image", path);
	fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write(fd, p, n) < 0 || fchmod(fd, mode) < 0)
		return err_sys(e, "write %s of the image", path);
	return 0;
}

int build_tree_read(const struct build_tree *t, const char *path, size_t max, struct buf *out,
		    struct err *e)
{
	auto_close int fd = open_in_root(t->fd, path, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 1;
	return fd_read_all(fd, out, max, path, e);
}

const char *build_tree_arch(const struct build_tree *t)
{
	static const struct {
		unsigned char class, data;
		uint16_t machine;
		const char *arch;
	} known[] = {
		{ ELFCLASS64, ELFDATA2LSB, EM_X86_64, "amd64" },
		{ ELFCLASS32, ELFDATA2LSB, EM_386, "386" },
		{ ELFCLASS64, ELFDATA2LSB, EM_AARCH64, "arm64" },
		{ ELFCLASS32, ELFDATA2LSB, EM_ARM, "arm" },
		{ ELFCLASS64, ELFDATA2LSB, EM_PPC64, "ppc64le" },
		{ ELFCLASS64, ELFDATA2MSB, EM_PPC64, "ppc64" },
		{ ELFCLASS64, ELFDATA2MSB, EM_S390, "s390x" },
		{ ELFCLASS64, ELFDATA2LSB, EM_RISCV, "riscv64" },
	};
	auto_close int fd = open_in_root(t->fd, "/bin/sh", O_RDONLY | O_NONBLOCK, 0);
	unsigned char h[20];
	uint16_t machine;

	if (fd < 0 || fd_pread(fd, h, sizeof(h), 0) != 0 || memcmp(h, ELFMAG, SELFMAG) != 0)
		return image_host_arch();
	machine = h[EI_DATA] == ELFDATA2MSB ? (uint16_t)(h[18] << 8 | h[19])
					    : (uint16_t)(h[19] << 8 | h[18]);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].class == h[EI_CLASS] && known[i].data == h[EI_DATA] &&
		    known[i].machine == machine)
			return known[i].arch;
	return image_host_arch();
}
