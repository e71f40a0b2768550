/* emul_table: who owns a file, where the file system cannot say.
 *
 *	struct emul_table *t = emul_table_new();
 *	struct emul_key k;
 *	if (emul_key_at(&k, NULL, dirfd, name, AT_SYMLINK_NOFOLLOW) == 0) {
 *		struct emul_rec *r = emul_table_put(t, &k);
 *		r->uid = 33;
 *	}
 *	... const struct emul_rec *r = emul_table_get(t, &k);   // NULL: it is as it looks
 *
 * A file without a record belongs to root:root, or to whom it seems to inside.  The key is device,
 * inode number and time of birth.  A number that is used again within the clock tick of its first
 * use (4 ms on ext4) would still lie, so where the file system makes file handles, which count an
 * inode's lives, their hash is compared as well.  Where there is no time of birth (some network
 *file systems) the handle alone tells, and without both the number: nothing else is there that a
 * symbolic link or a fifo could carry (user attributes are refused on them).
 *
 * A table is used by one thread.  fork() copies it. */
#ifndef ENTER_EMUL_TABLE_H
#define ENTER_EMUL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "src/base/mem.h"

#define EMUL_KEY_MASK (STATX_BASIC_STATS | STATX_BTIME)

struct emul_key {
	uint64_t dev; /* major << 32 | minor */
	uint64_t ino;
	int64_t btime; /* nanoseconds, 0: not known */
	uint64_t life; /* hash of the file handle, 0: not known */
};

struct emul_xattr {
	struct emul_xattr *next;
	char *name;
	void *value;
	size_t len;
};

struct emul_rec {
	struct emul_key key;
	uint32_t uid, gid;
	mode_t type; /* S_IFCHR or S_IFBLK when a plain file stands for a device, else 0 */
	uint32_t dev_major, dev_minor;
	struct emul_xattr *xattrs;
	bool used, marked; /* private */
};

struct emul_table;

struct emul_table *emul_table_new(void);
void emul_table_free(struct emul_table *t);
static inline void emul_table_free_p_(struct emul_table **t)
{
	emul_table_free(*t);
}
#define auto_emul_table auto_(emul_table_free_p_)

/* The key without the file handle, from what statx() with EMUL_KEY_MASK said. */
void emul_key_of(struct emul_key *k, const struct statx *st);
/* Adds the hash of the file handle; flags as for statx(). */
void emul_key_life(struct emul_key *k, int dirfd, const char *path, int flags);
/* All of it; *st, if not NULL, gets the status.  -1 with errno. */
int emul_key_at(struct emul_key *k, struct statx *st, int dirfd, const char *path, int flags);

/* The record, NULL when there is none.  emul_table_may() asks without looking at the life: false
 * is final, and the usual case. */
const struct emul_rec *emul_table_get(const struct emul_table *t, const struct emul_key *k);
bool emul_table_may(const struct emul_table *t, const struct emul_key *k);
/* The record, made when there is none: root's.  Valid until the next put. */
struct emul_rec *emul_table_put(struct emul_table *t, const struct emul_key *k);
/* Forgets it; nothing happens when there is none. */
void emul_table_drop(struct emul_table *t, const struct emul_key *k);

/* The tree of device dev is also seen through an overlay, which shows other devices: a file that no
 * device has is looked for there, by inode number and time of birth. */
void emul_table_alias(struct emul_table *t, uint64_t dev);

/* All records: *at starts at 0; NULL at the end. */
const struct emul_rec *emul_table_next(const struct emul_table *t, size_t *at);
size_t emul_table_count(const struct emul_table *t);
/* Whether put or drop was called since the last emul_table_clean(). */
bool emul_table_is_dirty(const struct emul_table *t);
void emul_table_clean(struct emul_table *t);
/* Whether any record has attributes. */
bool emul_table_has_xattrs(const struct emul_table *t);

/* For a walk over a tree: is there any record of that inode; true once for each record since
 * emul_table_unmark(). */
bool emul_table_has(const struct emul_table *t, uint64_t dev, uint64_t ino);
bool emul_table_mark(struct emul_table *t, const struct emul_key *k);
void emul_table_unmark(struct emul_table *t);

/* value NULL removes it.  Marks nothing: r came from emul_table_put(). */
void emul_rec_xattr_set(struct emul_table *t, struct emul_rec *r, const char *name,
			const void *value, size_t len);
const struct emul_xattr *emul_rec_xattr(const struct emul_rec *r, const char *name);

#endif
