/* squash: reads a SquashFS 4.0 image that lies somewhere in a file.
 *
 *	squash_open(&s, fd, off, size, NULL, e);
 *	squash_read_file(s, "/etc/os-release", &text, 1 << 20, e);
 *	squash_close(s);
 *
 * Opening reads the superblock and nothing else.  Metadata is decoded when first
 * touched and kept until squash_close(); file data goes through a cache with a
 * budget.  All functions but open and close may be called from several threads.
 * fd is borrowed and read with pread only.
 *
 * Two layers: whole paths, with sentences for errors, for a launcher; and inodes
 * by reference, with errno, for the server (EIO: the image is damaged). */
#ifndef IMAGE_SQUASH_H
#define IMAGE_SQUASH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/buf.h"
#include "src/base/err.h"

#define SQUASH_NAME_MAX	     256 /* bytes of a name on disk */
#define SQUASH_CACHE_DEFAULT ((size_t)32 << 20)

struct squash;

struct squash_opts {
	size_t cache_bytes; /* of decoded file data; 0: SQUASH_CACHE_DEFAULT */
};

/* size < 0: up to the end of the file.  ERR_INPUT: not a SquashFS, damaged or cut
 * short; ERR_UNSUPPORTED: another version or compressor.  o may be NULL. */
int squash_open(struct squash **out, int fd, off_t off, off_t size, const struct squash_opts *o,
		struct err *e);
/* NULL is fine. */
void squash_close(struct squash *s);
static inline void squash_closep_(struct squash **s)
{
	squash_close(*s);
}
#define auto_squash auto_(squash_closep_)

struct squash_stat {
	mode_t mode; /* type and permission bits as stored */
	uint32_t uid, gid;
	uint32_t nlink;
	uint32_t number; /* inode number */
	uint64_t size;
	int64_t mtime;
	uint64_t ref; /* for the functions below */
};

/* Absolute paths; symbolic links are followed inside the image.
 * The bytes of a file are added to out; larger than max: ERR_LIMIT.
 * 1: not there, or not a file. */
int squash_read_file(struct squash *s, const char *path, struct buf *out, size_t max,
		     struct err *e);
/* The names in a directory, sorted.  1: not there, or not a directory. */
int squash_list_dir(struct squash *s, const char *path, struct strv *names, struct err *e);
/* follow: also when the last component is a link.  1: not there. */
int squash_stat_path(struct squash *s, const char *path, bool follow, struct squash_stat *st,
		     struct err *e);

/* What the superblock says. */
struct squash_info {
	const char *compressor;
	uint32_t block_size;
	uint32_t inodes;
	uint32_t mtime;
	uint64_t bytes; /* of the image, without padding */
	bool xattrs;	/* some inode may have some */
};
struct squash_info squash_info(const struct squash *s);

/* Asks the kernel to read the metadata's bytes from disk or network now. */
void squash_advise(const struct squash *s);

/* --- by reference: 0 or more, -1 with errno --- */

/* A position in the decoded metadata: the block that starts at pos of the image. */
struct squash_cur {
	uint64_t pos;
	uint32_t off;
};

/* One inode as read from disk.  A reference is (block << 16 | offset). */
struct squash_inode {
	uint64_t ref;
	mode_t mode;
	uint16_t uid, gid; /* indices into the id table */
	uint32_t mtime, number, nlink;
	uint32_t xattr;		 /* index, all ones: none */
	uint64_t size;		 /* of a file, of a link's target, of a listing */
	struct squash_cur tail;	 /* block sizes, target or directory index */
	uint64_t start;		 /* first data block; of a directory: its listing's block */
	uint32_t frag, frag_off; /* frag all ones: none */
	uint64_t blocks;	 /* number of block sizes */
	uint32_t dir_off, parent, nindex;
	uint32_t rdev;
};

uint64_t squash_root(const struct squash *s);
int squash_inode(struct squash *s, uint64_t ref, struct squash_inode *out);
int squash_id(struct squash *s, unsigned index, uint32_t *id);
/* Up to cap bytes of a link's target (no NUL is added); returns its length. */
ssize_t squash_readlink(struct squash *s, const struct squash_inode *i, char *buf, size_t cap);
/* Up to n bytes of a file; short only at its end.  *decoded (may be NULL) grows by
 * the blocks that had to be decoded into the cache. */
ssize_t squash_read(struct squash *s, const struct squash_inode *i, uint64_t off, void *buf,
		    size_t n, unsigned *decoded);

/* A piece of a file in the cache, pinned until squash_piece_put(). */
struct squash_piece {
	const uint8_t *data;
	uint64_t off; /* in the file */
	size_t len;
	const struct block *pin;
};
/* The piece that holds byte off, which is below the size.  1 done, 0 a hole or
 * stored uncompressed: nothing worth keeping. */
int squash_piece_get(struct squash *s, const struct squash_inode *i, uint64_t off,
		     struct squash_piece *out);
void squash_piece_put(struct squash *s, struct squash_piece *p);

/* Listing a directory.  "." and ".." are not in it. */
struct squash_dir {
	struct squash_cur cur;
	uint64_t at, size;    /* position in the listing, its length */
	uint64_t run;	      /* where the current run's header starts */
	uint32_t left, index; /* entries of the run: to come, done */
	uint64_t block;
	uint32_t base;
	char name[SQUASH_NAME_MAX]; /* of an entry that crosses metadata blocks */
};
struct squash_dirent {
	const char *name; /* len bytes, no NUL; valid until the next call */
	unsigned len;
	mode_t type; /* S_IFMT bits */
	uint64_t ref;
	uint32_t number;
	uint64_t next; /* cookie: where to go on after this entry, > 0 */
};
/* cookie 0: from the start; else an entry's next (EINVAL when it cannot be one). */
int squash_dir_open(struct squash *s, const struct squash_inode *dir, uint64_t cookie,
		    struct squash_dir *d);
/* 1 an entry, 0 the end. */
int squash_dir_next(struct squash *s, struct squash_dir *d, struct squash_dirent *ent);
/* 1 found, 0 not there. */
int squash_lookup(struct squash *s, const struct squash_inode *dir, const char *name, size_t len,
		  uint64_t *ref);

/* The names of i's extended attributes, NUL-terminated one after the other, as
 * listxattr(2) has them; the value of one (1 done, 0 no such attribute). */
int squash_xattr_list(struct squash *s, const struct squash_inode *i, struct buf *out);
int squash_xattr_get(struct squash *s, const struct squash_inode *i, const char *name,
		     struct buf *out);

#endif
