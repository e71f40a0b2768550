/* Layouts: arch/x86/include/uapi/asm/stat.h (both), include/uapi/asm-generic/stat.h. */
#include "src/enter/emul_stat.h"

#include <fcntl.h>
#include <string.h>

#include "src/enter/emul_priv.h"

struct layout {
	unsigned char size;
	/* offset and width of each field; width 0: absent */
	struct {
		unsigned char at, width;
	} dev, ino, ino_low, mode, nlink, uid, gid, rdev, bytes, blksize, blocks, times;
	unsigned char step; /* of the three pairs of times */
};

/* clang-format off */
static const struct layout x86_64 = {
	.size = 144, .dev = { 0, 8 }, .ino = { 8, 8 }, .nlink = { 16, 8 }, .mode = { 24, 4 },
	.uid = { 28, 4 }, .gid = { 32, 4 }, .rdev = { 40, 8 }, .bytes = { 48, 8 },
	.blksize = { 56, 8 }, .blocks = { 64, 8 }, .times = { 72, 8 }, .step = 8 };
static const struct layout generic = {
	.size = 128, .dev = { 0, 8 }, .ino = { 8, 8 }, .mode = { 16, 4 }, .nlink = { 20, 4 },
	.uid = { 24, 4 }, .gid = { 28, 4 }, .rdev = { 32, 8 }, .bytes = { 48, 8 },
	.blksize = { 56, 4 }, .blocks = { 64, 8 }, .times = { 72, 8 }, .step = 8 };
static const struct layout i386_stat64 = {
	.size = 96, .dev = { 0, 8 }, .ino_low = { 12, 4 }, .mode = { 16, 4 }, .nlink = { 20, 4 },
	.uid = { 24, 4 }, .gid = { 28, 4 }, .rdev = { 32, 8 }, .bytes = { 44, 8 },
	.blksize = { 52, 4 }, .blocks = { 56, 8 }, .times = { 64, 4 }, .ino = { 88, 8 }, .step = 4 };
static const struct layout i386_stat = {
	.size = 64, .dev = { 0, 4 }, .ino = { 4, 4 }, .mode = { 8, 2 }, .nlink = { 10, 2 },
	.uid = { 12, 2 }, .gid = { 14, 2 }, .rdev = { 16, 4 }, .bytes = { 20, 4 },
	.blksize = { 24, 4 }, .blocks = { 28, 4 }, .times = { 32, 4 }, .step = 4 };
/* clang-format on */

void emul_stat_apply(struct statx *st, const struct emul_rec *r)
{
	st->stx_uid = r->uid;
	st->stx_gid = r->gid;
	if (!r->type)
		return;
	st->stx_mode = (uint16_t)((st->stx_mode & 07777) | r->type);
	st->stx_rdev_major = r->dev_major;
	st->stx_rdev_minor = r->dev_minor;
	st->stx_size = st->stx_blocks = 0;
}

/* new_encode_dev() of the kernel. */
static uint64_t device(uint32_t dev_major, uint32_t dev_minor)
{
	return (dev_minor & 0xff) | (uint64_t)dev_major << 8 | (uint64_t)(dev_minor & ~0xffu) << 12;
}

static void set(unsigned char *out, unsigned at, unsigned width, uint64_t v)
{
	memcpy(out + at, &v, width); /* little-endian */
}
#define SET(field, v) set(out, l->field.at, l->field.width, v)

static void set_time(unsigned char *out, const struct layout *l, unsigned i,
		     const struct statx_timestamp *t)
{
	set(out, l->times.at + 2 * i * l->step, l->step, (uint64_t)t->tv_sec);
	set(out, l->times.at + (2 * i + 1) * l->step, l->step, t->tv_nsec);
}

/* Ids over 65535 in 16 bits: the overflow id, as the kernel has it. */
static uint64_t id(const struct layout *l, uint32_t v)
{
	return l->uid.width == 2 && v > UINT16_MAX ? 65534 : v;
}

size_t emul_stat_encode(unsigned char out[EMUL_STAT_MAX], uint32_t arch, enum emul_form form,
			const struct statx *st)
{
	const struct layout *l = form == EMUL_STAT64	      ? &i386_stat64
				 : form == EMUL_STAT32	      ? &i386_stat
				 : arch == AUDIT_ARCH_AARCH64 ? &generic
							      : &x86_64;

	memset(out, 0, l->size);
	SET(dev, device(st->stx_dev_major, st->stx_dev_minor));
	SET(ino, st->stx_ino);
	SET(ino_low, st->stx_ino);
	SET(mode, st->stx_mode);
	SET(nlink, st->stx_nlink);
	SET(uid, id(l, st->stx_uid));
	SET(gid, id(l, st->stx_gid));
	SET(rdev, device(st->stx_rdev_major, st->stx_rdev_minor));
	SET(bytes, st->stx_size);
	SET(blksize, st->stx_blksize);
	SET(blocks, st->stx_blocks);
	set_time(out, l, 0, &st->stx_atime);
	set_time(out, l, 1, &st->stx_mtime);
	set_time(out, l, 2, &st->stx_ctime);
	return l->size;
}

/* The arguments of each member of the family, by position. */
struct stat_args {
	int dirfd;
	uint64_t path, buffer;
	unsigned flags;
	unsigned mask;
};

static struct stat_args args_of(const struct emul_tracee *t)
{
	const uint64_t *a = t->args;

	switch (t->nr->call) {
	case EMUL_FSTAT:
		return (struct stat_args){ (int)a[0], 0, a[1], AT_EMPTY_PATH, EMUL_KEY_MASK };
	case EMUL_FSTATAT:
		return (struct stat_args){ (int)a[0], a[1], a[2], (unsigned)a[3], EMUL_KEY_MASK };
	case EMUL_STATX:
		return (struct stat_args){ (int)a[0], a[1], a[4], (unsigned)a[2],
					   (unsigned)a[3] | EMUL_KEY_MASK };
	case EMUL_LSTAT:
		return (struct stat_args){ AT_FDCWD, a[0], a[1], AT_SYMLINK_NOFOLLOW,
					   EMUL_KEY_MASK };
	default:
		return (struct stat_args){ AT_FDCWD, a[0], a[1], 0, EMUL_KEY_MASK };
	}
}

/* Whatever is odd, fails or has no record is the kernel's to answer. */
enum emul_verdict emul_stat_call(const struct emul_tracee *t, int64_t *value)
{
	struct stat_args a = args_of(t);
	const unsigned passed = AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC;
	auto_place struct place p;
	const struct emul_rec *r;
	unsigned char out[EMUL_STAT_MAX];
	struct statx st;
	struct emul_key k;
	size_t n = sizeof(st);

	p.own = -1;
	if (emul_table_count(t->s->table) == 0)
		return EMUL_CONTINUE;
	if (place_arg(&p, t, a.dirfd, a.path, a.flags & AT_SYMLINK_NOFOLLOW,
		      a.flags & AT_EMPTY_PATH) < 0 ||
	    statx(p.dirfd, p.path, p.flags | (int)(a.flags & passed), a.mask, &st) < 0)
		return EMUL_CONTINUE;
	emul_key_of(&k, &st);
	if (!emul_table_may(t->s->table, &k))
		return EMUL_CONTINUE;
	emul_key_life(&k, p.dirfd, p.path, p.flags);
	r = emul_table_get(t->s->table, &k);
	if (!r)
		return EMUL_CONTINUE;
	emul_stat_apply(&st, r);
	if (t->nr->call != EMUL_STATX)
		n = emul_stat_encode(out, t->arch, t->nr->form, &st);
	if (!tracee_is_there(t) ||
	    tracee_write(t, a.buffer, t->nr->call == EMUL_STATX ? (void *)&st : out, n) < 0)
		return EMUL_CONTINUE;
	*value = 0;
	return EMUL_DONE;
}
