/* flatten: an image's layers become one SquashFS, in one pass and with no tree on disk.
 *
 *	struct flatten_opts o = { .threads = 4 };
 *	flatten_compression_parse(&o, "zstd:3", e);
 *	flatten(fd, offset, layers, n, extra, nextra, &o, &stat, e);
 *
 * Each layer is decoded once, the topmost first.  File bodies go straight to the compression
 * threads, bodies that upper layers hide are skipped, everything else is remembered (hide.h,
 * merge.h).  A body that is needed after all, because a hard link or a symbolic link keeps it
 * alive, is fetched by reading its layer again.  The tree is what `umoci unpack` makes of the same
 * layers.  The same layers and options give the same bytes on any number of threads. */
#ifndef IMAGE_FLATTEN_H
#define IMAGE_FLATTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/sqfs_comp.h"
#include "image/sqfs_known.h"
#include "src/base/digest.h"
#include "src/base/err.h"
#include "src/base/progress.h"
#include "src/base/stream.h"

#define FLATTEN_MAX_BYTES   ((uint64_t)1 << 40) /* decoded bytes of one layer, holes included */
#define FLATTEN_MAX_ENTRIES ((uint64_t)2000000) /* of all layers together */
#define FLATTEN_MAX_RATIO   1200.0		/* deflate cannot reach it, a zstd bomb does */
#define FLATTEN_MAX_LAYERS  4096

struct layer_input {
	struct digest diff_id; /* of the decoded bytes; DIGEST_NONE: not checked */
	const char *name;      /* for messages: "layer sha256:4f53cda1" */
	/* The blob as it is stored, from its start.  May be called again, from the same thread. */
	int (*open)(struct stream **out, void *arg, struct err *e);
	/* NULL, or: reading failed, and the stream is about to be closed.  A read that waits for
	 * bytes in another thread must end soon, since closing waits for it. */
	void (*give_up)(void *arg);
	void *arg;
};

/* What the engine adds on top of the layers, owned by root. */
struct flatten_node {
	const char *path;
	mode_t mode;	  /* with S_IFREG, S_IFDIR or S_IFLNK */
	const char *data; /* the body, or the target of a link */
	size_t len;
	int64_t mtime;
	bool replace; /* else only when the image has nothing there */
};

struct flatten_opts {
	enum sqfs_comp comp;		/* 0: zstd */
	int level;			/* 0: the compressor's default */
	unsigned threads;		/* that compress; 0: 1 */
	uint32_t block_size;		/* 0: 128 KiB */
	uint32_t mtime;			/* of the superblock */
	uint64_t max_bytes;		/* 0: FLATTEN_MAX_BYTES */
	uint64_t max_entries;		/* 0: FLATTEN_MAX_ENTRIES */
	double max_ratio;		/* 0: FLATTEN_MAX_RATIO, or none when max_bytes is given */
	const struct sqfs_known *known; /* blocks that need not be compressed; NULL: none */
	struct buf *index; /* gets the new image's (sqfs_known.h); NULL: it is not asked for */
	struct bar *bar;   /* gets the decoded bytes; NULL: none */
};

struct flatten_stat {
	uint64_t bytes;	  /* of the image, a multiple of 4096 */
	uint64_t decoded; /* bytes of all layers */
	uint64_t entries;
	uint64_t hidden; /* bytes of bodies that were not stored because upper layers hide them */
	uint32_t inodes;
	uint64_t blocks, copied; /* of data and fragments; known ones among them */
	uint32_t reread;	 /* layers that had to be read again */
};

/* Writes the image into fd from offset on and cuts fd off behind it.  layers stand bottom first.
 * An error names layer and path.  ERR_INPUT: a layer that is no archive, is cut or damaged, or
 * whose bytes are not those of its diff_id.  ERR_LIMIT: one of the limits, with its option. */
int flatten(int fd, off_t offset, const struct layer_input *layers, size_t n,
	    const struct flatten_node *extra, size_t nextra, const struct flatten_opts *o,
	    struct flatten_stat *st, struct err *e);

/* Sets comp and level from "zstd:3", "gzip", "xz", "lz4".  ERR_USAGE says what there is. */
int flatten_compression_parse(struct flatten_opts *o, const char *text, struct err *e);

#endif
