/* serve_priv: what the serve_*.c files share.  Transport (serve.c) and handlers
 * know each other only through struct request. */
#ifndef IMAGE_SERVE_PRIV_H
#define IMAGE_SERVE_PRIV_H

#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>

#include "image/serve.h"

enum { SERVE_THREADS_MAX = 16, STREAMS = 64 };

struct later;

/* A file that is being read; one place for many files: a loss only loses speed. */
struct stream_state {
	_Atomic uint64_t node;
	_Atomic uint64_t next;	/* where the furthest read ended */
	_Atomic uint64_t ahead; /* decoded, or queued to be, up to here */
	_Atomic unsigned run;	/* reads that went on where the one before ended */
};

struct serve {
	struct squash *img;
	struct squash_info info;
	struct vtree *tree;
	uid_t uid;
	gid_t gid;
	bool no_open;	     /* the kernel can do without OPEN and OPENDIR */
	struct later *store; /* NULL: do not */
	struct later *ahead; /* likewise */
	struct later *stale; /* NULL: nothing here ever changes */
	struct stream_state stream[STREAMS];
	char **warm;
	size_t nwarm;
	pthread_t warmer;
	bool warming;
	int fd;

	unsigned max_threads;
	atomic_uint idle;
	atomic_bool quit;
	pthread_mutex_t lock; /* of the two below */
	unsigned nthreads;
	pthread_t thread[SERVE_THREADS_MAX];
};

/* One request, and where its answer goes. */
struct request {
	struct serve *s;
	int fd;
	const struct fuse_in_header *in;
	const void *body; /* what follows the header: len bytes and a NUL */
	size_t len;
	uint8_t *out; /* SERVE_READ_MAX bytes */
};

/* Answers the request, or not, as its kind demands. */
void serve_handle(struct request *rq);
void serve_reply(const struct request *rq, const void *p, size_t n);
void serve_reply_error(const struct request *rq, int error);

/* READDIR and READDIRPLUS. */
void serve_readdir(struct request *rq);
void serve_read(struct request *rq);
/* GETXATTR and LISTXATTR. */
void serve_xattr(struct request *rq);

void serve_attr_image(const struct serve *s, const struct squash_inode *i, struct fuse_attr *a);
/* For how long an answer about v holds, in seconds. */
uint64_t serve_attr_valid(const struct vnode *v);
void serve_attr_virtual(const struct serve *s, const struct vnode *v, struct fuse_attr *a);
/* Fills an entry that is valid for ever; attr is filled by the caller. */
void serve_entry(struct fuse_entry_out *o, uint64_t node);
/* The inode of a node of the image; EIO for a virtual one. */
int serve_inode(struct request *rq, struct squash_inode *i);

/* Decodes what programs start with, until done or quit. */
void serve_warm(struct serve *s);

/* later: work that no request waits for, in a thread of its own that starts with
 * the first job.  A full queue drops: what is not done costs a request later. */
struct later_job {
	uint64_t node, off;
	size_t n;
};
typedef void later_work(struct serve *s, const struct later_job *j);
struct later *later_new(struct serve *s, later_work *work);
void later_free(struct later *l); /* ends the thread; NULL is fine */
void later_add(struct later *l, uint64_t node, uint64_t off, size_t n);

/* Pushes the rest of the blocks of [off, off + n), which was answered, into the page
 * cache.  Not from a worker: there it deadlocks, as the kernel waits for pages that
 * are locked by reads queued behind that worker. */
void serve_store(struct serve *s, const struct later_job *j);
/* Makes the kernel forget the pages of a file that is the host's.  Not from a worker, as
 * serve_store(). */
void serve_stale(struct serve *s, const struct later_job *j);
/* Decodes [off, off + n) into the cache. */
void serve_ahead(struct serve *s, const struct later_job *j);

#endif
