/* tar_priv: what the files of the tar reader share; nobody else includes this. */
#ifndef IMAGE_TAR_PRIV_H
#define IMAGE_TAR_PRIV_H

#include <stdbool.h>

#include "image/tar.h"
#include "src/base/arena.h"
#include "src/base/buf.h"

#define TAR_BLOCK_SIZE	 512
#define TAR_BUFFER	 ((size_t)256 << 10)
#define TAR_HEADER_MAX	 ((uint64_t)4 << 20) /* one PAX header or GNU long name */
#define TAR_RECORDS_MAX	 1024		     /* different keys that hold at a time */
#define TAR_SEGMENTS_MAX ((size_t)1 << 18)   /* pieces of one sparse file */

struct tar_segment {
	uint64_t off, len;
};

struct tar_record {
	char *key, *value; /* both followed by a NUL; the value may hold others */
	size_t len;
};

struct tar_records {
	struct tar_record *v;
	size_t n, cap;
	uint64_t bytes; /* of all texts: many headers may add up */
};

struct tar {
	struct stream *src;
	unsigned char *buf; /* TAR_BUFFER bytes, [pos, have) not yet used */
	size_t pos, have;
	uint64_t taken; /* bytes got from the stream */
	bool eof;	/* the stream has ended */
	bool end;	/* the archive has ended */

	uint64_t stored; /* bytes of the current body that are still in the stream */
	unsigned pad;	 /* and what pads it to a block */
	uint64_t logical;
	struct tar_segment *seg;
	size_t nseg, segcap, iseg;

	struct tar_records global, local;
	struct tar_records map; /* GNU.sparse.offset and .numbytes, in their order */
	struct tar_xattr *xattrs;
	size_t nxattrs, xattrcap;
	char *long_path, *long_link; /* GNU L and K */
	struct tar_entry entry;
	char name[260], target[104]; /* what the header block itself says */
	struct arena arena;	     /* decoded extended attributes of the current entry */
};

/* Makes n <= TAR_BUFFER bytes available at *p.  1 done, 0 the stream ends before. */
int tar_want(struct tar *t, size_t n, unsigned char **p, struct err *e);
/* Takes the next block of the current body (a sparse map).  ERR_INPUT at the end. */
int tar_body_block(struct tar *t, unsigned char **p, struct err *e);
/* An octal or base-256 field.  -1 when it is neither or does not fit. */
int tar_number(const unsigned char *p, size_t n, int64_t *out);

/* The body of an x or g header, n bytes, into the records of t. */
int tar_pax_parse(struct tar *t, const char *p, size_t n, bool global, struct err *e);
void tar_pax_clear(struct tar_records *r);
/* The value of key: the entry's own before the global one; NULL when absent or emptied. */
const struct tar_record *tar_pax_get(const struct tar *t, const char *key);
/* Lets the records override what the header block says. */
int tar_pax_apply(struct tar *t, struct err *e);
/* "123", decimal, up to a fraction.  -1 when it is no number. */
int tar_decimal(const char *s, int64_t *out);

/* Sets up t->seg for the entry just read: header is its block.  Reads maps that stand in front
 * of the body. */
int tar_sparse_setup(struct tar *t, const unsigned char *header, bool old_gnu, struct err *e);

#endif
