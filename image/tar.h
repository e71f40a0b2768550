/* tar: a reader of tar archives as image layers have them.
 *
 *	auto_tar struct tar *t = tar_new(stream);       // owns the stream
 *	while ((r = tar_next(t, &entry, e)) > 0)
 *		while ((r = tar_data(t, &p, &n, e)) > 0)
 *			...                             // p == NULL: a hole of n bytes
 *
 * Understands v7, ustar, PAX (x and g headers, SCHILY.xattr, LIBARCHIVE.xattr), GNU long names,
 * GNU and PAX sparse files, base-256 numbers.  Names are bytes.  The bytes come from strangers:
 * sizes are bounded before memory is taken for them. */
#ifndef IMAGE_TAR_H
#define IMAGE_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/base/mem.h"
#include "src/base/stream.h"

enum tar_type { TAR_FILE, TAR_LINK, TAR_SYMLINK, TAR_CHAR, TAR_BLOCK, TAR_DIR, TAR_FIFO };

struct tar_xattr {
	const char *name;
	const void *value;
	size_t len;
};

struct tar_entry {
	enum tar_type type;
	const char *path; /* as the archive has it: may start with "/" or hold ".."; not empty */
	const char *link; /* target of a link or symlink, else "" */
	uint16_t mode;	  /* permission bits and suid, sgid, sticky */
	uint32_t uid, gid;
	int64_t mtime;
	uint32_t major, minor;
	uint64_t size; /* of a TAR_FILE, holes included; 0 for all others */
	const struct tar_xattr *xattrs;
	size_t nxattrs;
};

struct tar;

/* Reads from src, which it owns from now on. */
struct tar *tar_new(struct stream *src);
/* NULL is fine. */
void tar_free(struct tar *t);
static inline void tar_free_p_(struct tar **t)
{
	tar_free(*t);
}
#define auto_tar auto_(tar_free_p_)

/* The next entry; what is left of the one before is skipped.  *out lives until the next call.
 * Returns 1, or 0 at the end of the archive: two zero blocks, or no more bytes at a record's
 * boundary (umoci insert writes no end and does not pad its last file).  -1: ERR_INPUT,
 * ERR_LIMIT for an extended header over 4 MiB. */
int tar_next(struct tar *t, const struct tar_entry **out, struct err *e);
/* The next piece of the current file: 1 and n > 0 bytes at p, which live until the next call, or
 * a hole when p is NULL; 0 at its end. */
int tar_data(struct tar *t, const void **p, size_t *n, struct err *e);
/* Where in the stream the body of the entry that tar_next() gave begins; only before the first
 * tar_data(), and of no use for sparse files. */
uint64_t tar_body_offset(const struct tar *t);
/* Reads on to the end of the stream, so that a digest over it is complete. */
int tar_drain(struct tar *t, struct err *e);

#endif
