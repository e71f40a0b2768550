/* An image of any bytes: opened, walked, read. Depth, entries and bytes are bounded
 * here; what is under test is that no claim of the image is believed unchecked. */
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/squash.h"
#include "src/base/fd.h"

enum { DEPTH = 6, ENTRIES = 2000, READ = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_file(struct squash *s, const struct squash_inode *i)
{
	static char buf[READ];
	struct squash_piece p;

	squash_read(s, i, 0, buf, sizeof(buf), NULL);
	squash_read(s, i, i->size / 2, buf, 5000, NULL);
	squash_read(s, i, i->size ? i->size - 1 : 0, buf, sizeof(buf), NULL);
	if (squash_piece_get(s, i, i->size / 3, &p) > 0)
		squash_piece_put(s, &p);
}

static void use_attributes(struct squash *s, const struct squash_inode *i)
{
	auto_buf struct buf list = { 0 }, value = { 0 };
	uint32_t id;

	squash_id(s, i->uid, &id);
	if (squash_xattr_list(s, i, &list) == 0 && list.len)
		squash_xattr_get(s, i, list.data, &value);
}

static void walk(struct squash *s, uint64_t ref, int depth, int *left)
{
	char target[4096];
	struct squash_inode i;
	struct squash_dirent ent;
	struct squash_dir d;
	uint64_t found;

	if (squash_inode(s, ref, &i) < 0)
		return;
	use_attributes(s, &i);
	if (S_ISLNK(i.mode))
		squash_readlink(s, &i, target, sizeof(target));
	if (S_ISREG(i.mode))
		use_file(s, &i);
	if (!S_ISDIR(i.mode) || !depth || squash_dir_open(s, &i, 0, &d) < 0)
		return;
	squash_lookup(s, &i, "hostname", 8, &found);
	while (*left > 0 && squash_dir_next(s, &d, &ent) > 0) {
		--*left;
		squash_lookup(s, &i, ent.name, ent.len, &found);
		walk(s, ent.ref, depth - 1, left);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	auto_squash struct squash *s = NULL;
	auto_strv struct strv names = { 0 };
	auto_buf struct buf b = { 0 };
	struct err e;
	int left = ENTRIES;

	if (fd < 0)
		fd = memfd_create("image", MFD_CLOEXEC);
	if (ftruncate(fd, (off_t)size) < 0 || fd_pwrite(fd, data, size, 0) < 0)
		return 0;
	if (squash_open(&s, fd, 0, -1, &(struct squash_opts){ .cache_bytes = 1 << 20 }, &e) < 0)
		return 0;
	walk(s, squash_root(s), DEPTH, &left);
	squash_read_file(s, "/usr/up", &b, READ, &e);
	squash_list_dir(s, "/etc", &names, &e);
	return 0;
}
