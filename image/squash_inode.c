/* Inodes: a common header of 16 bytes, then one of fourteen layouts. */
#include "image/squash_priv.h"

#include <errno.h>
#include <sys/stat.h>

#include "src/base/mem.h"

enum {
	T_DIR = 1,
	T_FILE,
	T_LINK,
	T_BLK,
	T_CHR,
	T_FIFO,
	T_SOCK,
	T_LDIR,
	T_LFILE,
	T_LLINK,
	T_LBLK,
	T_LCHR,
	T_LFIFO,
	T_LSOCK
};

enum { COMMON = 16, BODY_MAX = 40, TARGET_MAX = 65535 };

static const mode_t type_bits[] = { 0,	     S_IFDIR, S_IFREG, S_IFLNK,
				    S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK };

/* Bytes of the fixed part after the common header. */
static const uint8_t body_size[] = {
	[T_DIR] = 16,  [T_FILE] = 16, [T_LINK] = 8,  [T_BLK] = 8,    [T_CHR] = 8,
	[T_FIFO] = 4,  [T_SOCK] = 4,  [T_LDIR] = 24, [T_LFILE] = 40, [T_LLINK] = 8,
	[T_LBLK] = 12, [T_LCHR] = 12, [T_LFIFO] = 8, [T_LSOCK] = 8,
};

static void parse_dir(struct squash_inode *i, const uint8_t *p)
{
	i->start = le32(p);
	i->nlink = le32(p + 4);
	i->size = le16(p + 8);
	i->dir_off = le16(p + 10);
	i->parent = le32(p + 12);
}

static void parse_long_dir(struct squash_inode *i, const uint8_t *p)
{
	i->nlink = le32(p);
	i->size = le32(p + 4);
	i->start = le32(p + 8);
	i->parent = le32(p + 12);
	i->nindex = le16(p + 16);
	i->dir_off = le16(p + 18);
	i->xattr = le32(p + 20);
}

static void parse_file(struct squash_inode *i, const uint8_t *p)
{
	i->start = le32(p);
	i->frag = le32(p + 4);
	i->frag_off = le32(p + 8);
	i->size = le32(p + 12);
	i->nlink = 1;
}

static void parse_long_file(struct squash_inode *i, const uint8_t *p)
{
	i->start = le64(p);
	i->size = le64(p + 8);
	i->nlink = le32(p + 24);
	i->frag = le32(p + 28);
	i->frag_off = le32(p + 32);
	i->xattr = le32(p + 36);
}

/* The extended link keeps its xattr index behind the target. */
static int parse_link(struct squash *s, struct squash_inode *i, const uint8_t *p, bool extended)
{
	struct squash_cur c = i->tail;
	uint8_t raw[4];

	i->nlink = le32(p);
	i->size = le32(p + 4);
	if (!i->size || i->size > TARGET_MAX)
		return squash_fail(EIO);
	if (!extended)
		return 0;
	if (squash_meta_skip(s, &c, i->size) < 0 || squash_meta_read(s, &c, raw, 4) < 0)
		return -1;
	i->xattr = le32(raw);
	return 0;
}

/* What a listing or a list of sizes claims must fit what the format allows. */
static int check(const struct squash *s, struct squash_inode *i)
{
	if (S_ISDIR(i->mode)) {
		i->size = i->size < 3 ? 0 : i->size - 3;
		i->start += s->dir_table;
		return i->dir_off <= META_SIZE ? 0 : squash_fail(EIO);
	}
	if (S_ISREG(i->mode)) {
		if (i->size > INT64_MAX)
			return squash_fail(EIO);
		i->blocks = i->size / s->block_size;
		if (i->frag == NO_FRAG && i->size % s->block_size)
			i->blocks++;
		if (i->frag != NO_FRAG && i->frag >= s->nfrags)
			return squash_fail(EIO);
	}
	return 0;
}

static int parse_body(struct squash *s, struct squash_inode *i, unsigned type, const uint8_t *p)
{
	switch (type) {
	case T_DIR:
		parse_dir(i, p);
		return 0;
	case T_LDIR:
		parse_long_dir(i, p);
		return 0;
	case T_FILE:
		parse_file(i, p);
		return 0;
	case T_LFILE:
		parse_long_file(i, p);
		return 0;
	case T_LINK:
	case T_LLINK:
		return parse_link(s, i, p, type == T_LLINK);
	}
	i->nlink = le32(p);
	if (type == T_BLK || type == T_CHR || type == T_LBLK || type == T_LCHR)
		i->rdev = le32(p + 4);
	if (type >= T_LBLK)
		i->xattr = le32(p + body_size[type] - 4);
	return 0;
}

int squash_inode(struct squash *s, uint64_t ref, struct squash_inode *out)
{
	struct squash_cur c = { s->inode_table + (ref >> 16), (uint32_t)(ref & 0xffff) };
	uint8_t head[COMMON], body[BODY_MAX];
	const uint8_t *p;
	unsigned type;

	if (ref >> 48 || c.pos >= s->dir_table || c.off >= META_SIZE)
		return squash_fail(EIO);
	p = squash_meta_view(s, &c, head, COMMON);
	if (!p)
		return -1;
	type = le16(p);
	if (type < T_DIR || type > T_LSOCK)
		return squash_fail(EIO);
	*out = (struct squash_inode){
		.ref = ref,
		.mode = type_bits[type > T_SOCK ? type - 7 : type] | (le16(p + 2) & 07777),
		.uid = le16(p + 4),
		.gid = le16(p + 6),
		.mtime = le32(p + 8),
		.number = le32(p + 12),
		.xattr = NO_XATTR,
		.frag = NO_FRAG,
	};
	p = squash_meta_view(s, &c, body, body_size[type]);
	if (!p)
		return -1;
	out->tail = c;
	if (parse_body(s, out, type, p) < 0)
		return -1;
	return check(s, out);
}

ssize_t squash_readlink(struct squash *s, const struct squash_inode *i, char *buf, size_t cap)
{
	struct squash_cur c = i->tail;

	if (!S_ISLNK(i->mode))
		return squash_fail(EINVAL);
	if (squash_meta_read(s, &c, buf, MIN(cap, i->size)) < 0)
		return -1;
	if (memchr(buf, 0, MIN(cap, i->size)))
		return squash_fail(EIO);
	return (ssize_t)MIN(cap, i->size);
}
