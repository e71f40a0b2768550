/* Superblock and look-up tables (formats: SquashFS 4.0).  Nothing is read before
 * somebody needs it: a launcher opens an image for two small files. */
#include "image/squash_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"

#define MAGIC	      0x73717368u
#define BLOCK_MIN     4096u
#define BLOCK_MAX     (1u << 20)
#define META_RESIDENT ((size_t)1 << 30) /* a bomb's metadata stops here */
#define ADVISE_MAX    ((uint64_t)8 << 20)

int squash_fail(int error)
{
	errno = error;
	return -1;
}

int squash_pread(const struct squash *s, void *buf, size_t n, uint64_t pos)
{
	int r;

	if (pos > s->used || n > s->used - pos)
		return squash_fail(EIO);
	r = fd_pread(s->fd, buf, n, (off_t)(s->off + pos));
	return r == 0 ? 0 : squash_fail(EIO);
}

int squash_charge(struct squash *s, size_t n)
{
	if (atomic_fetch_add_explicit(&s->resident, n, memory_order_relaxed) + n <= META_RESIDENT)
		return 0;
	atomic_fetch_sub_explicit(&s->resident, n, memory_order_relaxed);
	return squash_fail(ENOMEM);
}

static void parse_super(struct squash *s, const uint8_t *p)
{
	s->inodes = le32(p + 4);
	s->mtime = le32(p + 8);
	s->block_size = le32(p + 12);
	s->nfrags = le32(p + 16);
	s->comp = le16(p + 20);
	s->nids = le16(p + 26);
	s->root = le64(p + 32);
	s->used = le64(p + 40);
	s->id_table = le64(p + 48);
	s->xattr_table = le64(p + 56);
	s->inode_table = le64(p + 64);
	s->dir_table = le64(p + 72);
	s->frag_table = le64(p + 80);
}

static bool inside(const struct squash *s, uint64_t pos)
{
	return pos >= SUPER_SIZE && pos < s->used;
}

/* room: the bytes that the file offers. */
static int check_super(const struct squash *s, const uint8_t *p, uint64_t room, struct err *e)
{
	if (le32(p) != MAGIC)
		return err_set(e, ERR_INPUT, "not a SquashFS image (no magic number)");
	if (le16(p + 28) != 4 || le16(p + 30) != 0)
		return err_set(e, ERR_UNSUPPORTED,
			       "SquashFS version %u.%u: not supported; rebuild with version 4.0",
			       le16(p + 28), le16(p + 30));
	if (codec_check(s->comp, e) < 0)
		return -1;
	if (s->block_size < BLOCK_MIN || s->block_size > BLOCK_MAX ||
	    (s->block_size & (s->block_size - 1)) || s->block_size != 1u << (le16(p + 22) & 31))
		return err_set(e, ERR_INPUT, "SquashFS with a bad block size (%u)", s->block_size);
	if (s->used > room)
		return err_set(e, ERR_INPUT,
			       "SquashFS image is cut short: %llu bytes of %llu are there",
			       (unsigned long long)room, (unsigned long long)s->used);
	if (!inside(s, s->inode_table) || !inside(s, s->dir_table) || !inside(s, s->id_table) ||
	    s->dir_table < s->inode_table || !s->nids || (s->nfrags && !inside(s, s->frag_table)) ||
	    (s->xattr_table != SQUASH_NONE && !inside(s, s->xattr_table)))
		return err_set(e, ERR_INPUT, "SquashFS with a table outside the image");
	return 0;
}

/* Bytes of the file from off on, at most size when that is given. */
static int room_of(int fd, off_t off, off_t size, uint64_t *room, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "read the image");
	if (S_ISBLK(st.st_mode) && size < 0)
		st.st_size = lseek(fd, 0, SEEK_END);
	else if (!S_ISREG(st.st_mode))
		st.st_size = size < 0 ? 0 : off + size;
	if (off < 0 || off > st.st_size)
		return err_set(e, ERR_INPUT, "SquashFS lies beyond the end of the file");
	*room = (uint64_t)(st.st_size - off);
	if (size >= 0 && (uint64_t)size < *room)
		*room = (uint64_t)size;
	return 0;
}

static void make_caches(struct squash *s, const struct squash_opts *o)
{
	uint64_t meta = s->used - s->inode_table;
	const uint64_t *random = (const void *)getauxval(AT_RANDOM);

	/* Metadata shrinks to a half or less, so this is about two blocks a bucket. */
	s->meta_bits = 4;
	while (s->meta_bits < 16 && (uint64_t)META_SIZE << s->meta_bits < meta)
		s->meta_bits++;
	s->meta = xcalloc((size_t)1 << s->meta_bits, sizeof(*s->meta));
	s->cache = blockcache_new(o && o->cache_bytes ? o->cache_bytes : SQUASH_CACHE_DEFAULT,
				  s->block_size);
	if (random)
		memcpy(&s->seed, random, sizeof(s->seed));
}

int squash_open(struct squash **out, int fd, off_t off, off_t size, const struct squash_opts *o,
		struct err *e)
{
	auto_squash struct squash *s = xcalloc(1, sizeof(*s));
	uint8_t super[SUPER_SIZE];
	uint64_t room = 0;
	int r;

	if (room_of(fd, off, size, &room, e) < 0)
		return -1;
	r = room < SUPER_SIZE ? 1 : fd_pread(fd, super, SUPER_SIZE, off);
	if (r < 0)
		return err_sys(e, "read the SquashFS superblock");
	if (r > 0)
		return err_set(e, ERR_INPUT, "not a SquashFS image (too short)");
	s->fd = fd;
	s->off = (uint64_t)off;
	parse_super(s, super);
	if (check_super(s, super, room, e) < 0)
		return -1;
	make_caches(s, o);
	*out = take_ptr(s);
	return 0;
}

void squash_close(struct squash *s)
{
	if (!s)
		return;
	squash_maps_free(s);
	squash_hashes_free(s);
	squash_meta_free(s);
	blockcache_free(s->cache);
	free(s->id_index);
	free(s->frag_index);
	free(s->xattr_index);
	free(s);
}

struct squash_info squash_info(const struct squash *s)
{
	return (struct squash_info){
		.compressor = codec_name(s->comp),
		.block_size = s->block_size,
		.inodes = s->inodes,
		.mtime = s->mtime,
		.bytes = s->used,
		.xattrs = s->xattr_table != SQUASH_NONE,
	};
}

void squash_advise(const struct squash *s)
{
	posix_fadvise(s->fd, (off_t)(s->off + s->inode_table),
		      (off_t)MIN(s->used - s->inode_table, ADVISE_MAX), POSIX_FADV_WILLNEED);
}

uint64_t squash_root(const struct squash *s)
{
	return s->root;
}

const struct table_index *squash_index(struct squash *s, _Atomic(struct table_index *) *slot,
				       uint64_t table, uint64_t n)
{
	struct table_index *t = atomic_load_explicit(slot, memory_order_acquire);
	struct table_index *seen = NULL;

	if (t)
		return t;
	if (table > s->used || n > (s->used - table) / 8) {
		errno = EIO;
		return NULL;
	}
	if (squash_charge(s, n * 8) < 0)
		return NULL;
	t = xmalloc(sizeof(*t) + n * 8);
	t->n = n;
	if (squash_pread(s, t->pos, n * 8, table) < 0) {
		free(t);
		errno = EIO;
		return NULL;
	}
	for (uint64_t k = 0; k < n; k++)
		t->pos[k] = le64((const uint8_t *)&t->pos[k]);
	if (atomic_compare_exchange_strong(slot, &seen, t))
		return t;
	free(t);
	return seen;
}

int squash_id(struct squash *s, unsigned index, uint32_t *id)
{
	const struct table_index *t =
		squash_index(s, &s->id_index, s->id_table, (s->nids + 2047u) / 2048);
	struct squash_cur c;
	uint8_t raw[4];

	if (!t)
		return -1;
	if (index >= s->nids)
		return squash_fail(EIO);
	c = (struct squash_cur){ t->pos[index / 2048], index % 2048 * 4 };
	if (squash_meta_read(s, &c, raw, 4) < 0)
		return -1;
	*id = le32(raw);
	return 0;
}
