/* store: blobs by digest, and finished SIFs, below one directory.
 *
 *	DIR/v1/blobs/sha256/4f/4f53cda1...          complete, named by what they hash to
 *	DIR/v1/tmp/4f53cda1....HOST.PID.START.part  being written by that process
 *	DIR/v1/tmp/KEY.HOST.PID.START.copy, .turn   see store_sif.c, store_turn.h
 *	DIR/v1/sif/KEY/SIZE-MTIME.sif               images made from them
 *	DIR/v1/signatures/sha256-4f53...            what was found beside an image
 *(flow/signatures.h) DIR/v1/blocks/image-KEY, layer-DIFFID-...   what blocks an image has
 *(flow/pull_known.h)
 *
 *	r = store_find(s, &d, size, &fd, e);                // 1: there, fd open
 *	if (r == 0 && store_begin(s, &d, size, &put, e) == 0) {
 *		... store_put_write(put, p, n, e) ...       // from store_put_have() on
 *		store_put_commit(put, e);                   // verified, then visible
 *		store_put_free(put);
 *	}
 *
 * Several processes on several hosts may use one directory at a time, on NFS too, because no
 * lock is needed: each writes files of its own name, and rename() onto a digest's name can
 * only replace bytes by the same bytes.
 *
 * A part file that its writer left behind (killed, power cut) is adopted by the next who wants
 * the blob: renamed when the writer was a process of this host and is gone, copied when it was
 * of another host and the file has not changed for an hour.
 *
 * What store_find() checks is the size.  The digest of a big blob is not recomputed on every
 * use, because its reader verifies the layer's diffID anyway; store_verify() is for when that
 * fails.  store_read() verifies, as what it reads is small. */
#ifndef IMAGE_STORE_H
#define IMAGE_STORE_H

#include <stdint.h>

#include "src/base/buf.h"
#include "src/base/digest.h"
#include "src/base/err.h"
#include "src/base/mem.h"
#include "src/base/stream.h"

struct store;

/* Where the store lives: $BERTH_CACHEDIR, else $APPTAINER_CACHEDIR, $SINGULARITY_CACHEDIR, else
 * ~/.berth/cache.  env as environ; empty values count as unset.  Heap string; NULL with
 * ERR_HOST when there is no home either. */
char *store_default_dir(char *const *env, struct err *e);

/* Makes the directories that are not there, mode 0700 for the new ones. */
int store_open(struct store **out, const char *dir, struct err *e);
void store_close(struct store *s);
static inline void store_close_p_(struct store **s)
{
	store_close(*s);
}
#define auto_store auto_(store_close_p_)
/* A descriptor of the directory, borrowed (for free space), and of its tmp. */
int store_fd(const struct store *s);
int store_tmp_fd(const struct store *s);
const char *store_dir(const struct store *s);

#define STORE_ANY_SIZE UINT64_MAX
/* 1 found, *fd open for reading; 0 not there (a file of another size is removed). */
int store_find(struct store *s, const struct digest *d, uint64_t size, int *fd, struct err *e);
/* Adds a small blob to out, its digest verified.  1 found, 0 not there (a damaged one is
 * removed). */
int store_read(struct store *s, const struct digest *d, size_t max, struct buf *out, struct err *e);
/* Rehashes a blob.  1 good, 0 not there or damaged, and then removed. */
int store_verify(struct store *s, const struct digest *d, struct err *e);
/* A small blob at once.  ERR_INPUT when p does not hash to d. */
int store_write(struct store *s, const struct digest *d, const void *p, size_t n, struct err *e);

struct store_put;

/* One writer; any number of readers, see store_put_stream(). */
int store_begin(struct store *s, const struct digest *d, uint64_t size, struct store_put **out,
		struct err *e);
/* A put that nobody writes yet, because another process may bring the blob; it may have readers,
 * who wait.  One of the two next calls goes on with it. */
struct store_put *store_await(struct store *s, const struct digest *d, uint64_t size);
/* It is ours to write, from store_put_have() on: store_begin() is both at once. */
int store_put_start(struct store_put *p, struct err *e);
/* 1 the store has it: done, readers read that; 0 not there. */
int store_put_found(struct store_put *p, struct err *e);
/* How many bytes of a blob lie in the store as somebody's part file. */
uint64_t store_part_bytes(struct store *s, const struct digest *d);
/* For bytes whose digest nobody has told: name stands for where they come from, so that a later run
 * finds what is there.  Only store_put_commit_sif() ends it. */
int store_begin_named(struct store *s, const struct digest *name, uint64_t size,
		      struct store_put **out, struct err *e);
/* Bytes that are there already: go on behind them. */
uint64_t store_put_have(const struct store_put *p);
/* ERR_INPUT when more than size bytes come. */
int store_put_write(struct store_put *p, const void *data, size_t n, struct err *e);
/* Start over at 0. */
int store_put_restart(struct store_put *p, struct err *e);
/* Size and digest checked, fsync, rename.  When they are wrong the bytes are thrown away; but 1
 * when some of them were an earlier run's: store_put_restart() and fetch all of it again. */
int store_put_commit(struct store_put *p, struct err *e);
/* The same for a whole SIF file, which becomes the finished image of key instead of a blob; its
 * path is added to path.  ERR_INPUT when it is no SIF. */
int store_put_commit_sif(struct store_put *p, const char *key, struct buf *path, struct err *e);
/* Readers get this error instead of waiting for ever.  The part file stays for the next run. */
void store_put_fail(struct store_put *p, const struct err *why);
/* The writer is done; not committed: as store_put_fail().  Readers may outlive it. */
void store_put_free(struct store_put *p);
static inline void store_put_free_p_(struct store_put **p)
{
	store_put_free(*p);
}
#define auto_store_put auto_(store_put_free_p_)
/* Reads the blob from its start while it grows; ends once the commit has verified it.  A put that
 * nobody reads when it is committed keeps no file open. */
struct stream *store_put_stream(struct store_put *p);

/* Finished images.  key: a name without '/'.  The file's own name records its size and mtime,
 * so an image that somebody changed in place (it may be a hard link of a pulled file) is
 * noticed and dropped. */
/* 1 found, its path added to path. */
int store_sif_find(struct store *s, const char *key, struct buf *path, struct err *e);
/* Brings the finished, synced file fd into the store: as a clone, a hard link (name: its path
 * relative to dirfd) or a copy, whichever comes cheapest here. */
int store_sif_put(struct store *s, const char *key, int fd, int dirfd, const char *name,
		  struct err *e);
/* For an image that is to live in the store only: its (unfinished) path in the store's tmp, as a
 * heap string, and its publication.  fd is the finished, synced file, name its path relative to
 * dirfd, which is on the store's file system; the final path is added to path. */
char *store_sif_draft(const struct store *s, const char *key);
int store_sif_publish(struct store *s, const char *key, int fd, int dirfd, const char *name,
		      struct buf *path, struct err *e);
/* fd's content as the new file name below dirfd, synced: a clone, else a hard link of path (fd's
 * name) when nothing but the store has one, else a copy.  Two outputs are never one file: they
 * would be signed or overwritten together.  ERR_SYS when name is there. */
int store_copy_out(int fd, const char *path, int dirfd, const char *name, struct err *e);

/* A small file of a plain name, for what no digest names; dir is "signatures" or "blocks".  1
 * there, added to out; 0 not. */
int store_note_read(struct store *s, const char *dir, const char *name, size_t max, struct buf *out,
		    struct err *e);
int store_note_write(struct store *s, const char *dir, const char *name, const void *p, size_t n,
		     struct err *e);

/* Removes what processes that are gone have left: their part files when older than max_age
 * seconds, all else at once; and what other hosts left when older than that. */
int store_sweep(struct store *s, int64_t max_age, struct err *e);

#endif
