/* The handlers.  Whatever is not named here gets ENOSYS, which for most requests
 * makes the kernel stop sending them. */
#include "image/serve_priv.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/live.h"
#include "src/base/mem.h"

#define FOR_EVER (UINT64_C(1) << 31) /* seconds; the kernel clamps it */

enum {
	OLDEST_MINOR = 27, /* Linux 4.18, the first with FUSE in user namespaces */
	MAX_WRITE = 4096,
	BACKGROUND = 128,
	BLKSIZE = 4096, /* also the size of a script language's file buffer */
};

/* Virtual inode numbers lie above what 32 bits of the image can name. */
#define VIRTUAL_INO (UINT64_C(1) << 32)

void serve_attr_image(const struct serve *s, const struct squash_inode *i, struct fuse_attr *a)
{
	const struct vdir *d =
		S_ISDIR(i->mode) ? vtree_dir(s->tree, node_of_ref(s->img, i->ref)) : NULL;

	*a = (struct fuse_attr){
		.ino = i->number,
		.size = i->size,
		.blocks = (i->size + 511) / 512,
		.atime = i->mtime,
		.mtime = i->mtime,
		.ctime = i->mtime,
		.mode = i->mode,
		.nlink = i->nlink + (d ? d->subdirs : 0),
		.uid = s->uid,
		.gid = s->gid,
		.rdev = i->rdev,
		.blksize = BLKSIZE,
	};
}

void serve_attr_virtual(const struct serve *s, const struct vnode *v, struct fuse_attr *a)
{
	const struct vdir *d = vtree_dir(s->tree, v->node);
	uint64_t size = v->len;
	int64_t mtime = s->info.mtime;

	if (v->live)
		live_look(v->live, &size, &mtime);
	*a = (struct fuse_attr){
		.ino = VIRTUAL_INO + (v->node & ~VNODE_BIT),
		.size = size,
		.blocks = (size + 511) / 512,
		.atime = (uint64_t)mtime,
		.mtime = (uint64_t)mtime,
		.ctime = (uint64_t)mtime,
		.mode = v->mode,
		.nlink = S_ISDIR(v->mode) ? 2 + (d ? d->subdirs : 0) : 1,
		.uid = s->uid,
		.gid = s->gid,
		.blksize = BLKSIZE,
	};
}

uint64_t serve_attr_valid(const struct vnode *v)
{
	return v->live ? 0 : FOR_EVER;
}

void serve_entry(struct fuse_entry_out *o, uint64_t node)
{
	*o = (struct fuse_entry_out){
		.nodeid = node,
		.entry_valid = FOR_EVER,
		.attr_valid = FOR_EVER,
	};
}

int serve_inode(struct request *rq, struct squash_inode *i)
{
	if (rq->in->nodeid & VNODE_BIT || !rq->in->nodeid) {
		errno = EIO;
		return -1;
	}
	return squash_inode(rq->s->img, ref_of_node(rq->s->img, rq->in->nodeid), i);
}

static void do_init(struct request *rq)
{
	const struct fuse_init_in *in = rq->body;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_background = BACKGROUND,
		.congestion_threshold = BACKGROUND * 3 / 4,
		.max_write = MAX_WRITE,
		.time_gran = 1000000000,
	};
	uint32_t want = FUSE_ASYNC_READ | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |
			FUSE_PARALLEL_DIROPS | FUSE_CACHE_SYMLINKS | FUSE_MAX_PAGES |
			FUSE_EXPLICIT_INVAL_DATA | FUSE_NO_OPEN_SUPPORT | FUSE_NO_OPENDIR_SUPPORT;

	if (rq->len < 16 || in->major < FUSE_KERNEL_VERSION ||
	    (in->major == FUSE_KERNEL_VERSION && in->minor < OLDEST_MINOR)) {
		serve_reply_error(rq, EPROTO);
		return;
	}
	/* A newer major is answered with ours; the kernel then asks again. */
	if (in->major == FUSE_KERNEL_VERSION) {
		out.max_readahead = in->max_readahead;
		out.flags = in->flags & want;
		out.max_pages = (uint16_t)(SERVE_READ_MAX / (unsigned)sysconf(_SC_PAGESIZE));
		rq->s->no_open = in->flags & FUSE_NO_OPEN_SUPPORT;
	}
	serve_reply(rq, &out, sizeof(out));
}

static void reply_virtual(struct request *rq, const struct vnode *v)
{
	struct fuse_entry_out out;

	serve_entry(&out, v->node);
	out.attr_valid = serve_attr_valid(v);
	serve_attr_virtual(rq->s, v, &out.attr);
	serve_reply(rq, &out, sizeof(out));
}

static void do_lookup(struct request *rq)
{
	struct serve *s = rq->s;
	const char *name = rq->body;
	size_t len = strlen(name);
	const struct vdir *d = vtree_dir(s->tree, rq->in->nodeid);
	const struct vnode *v = d ? vdir_find(d, name, len) : NULL;
	struct fuse_entry_out out;
	struct squash_inode i;
	uint64_t ref;
	int r = 0;

	if (v) {
		reply_virtual(rq, v);
		return;
	}
	if (!(rq->in->nodeid & VNODE_BIT)) {
		r = serve_inode(rq, &i);
		if (r == 0)
			r = squash_lookup(s->img, &i, name, len, &ref);
		if (r > 0 && squash_inode(s->img, ref, &i) < 0)
			r = -1;
	}
	if (r < 0) {
		serve_reply_error(rq, errno);
		return;
	}
	/* Node 0 is an absence that the kernel may remember. */
	serve_entry(&out, r ? node_of_ref(s->img, ref) : 0);
	if (r)
		serve_attr_image(s, &i, &out.attr);
	serve_reply(rq, &out, sizeof(out));
}

static void do_getattr(struct request *rq)
{
	const struct vnode *v = vtree_node(rq->s->tree, rq->in->nodeid);
	struct fuse_attr_out out = { .attr_valid = FOR_EVER };
	struct squash_inode i;

	if (v) {
		out.attr_valid = serve_attr_valid(v);
		serve_attr_virtual(rq->s, v, &out.attr);
	} else if (serve_inode(rq, &i) == 0) {
		serve_attr_image(rq->s, &i, &out.attr);
	} else {
		serve_reply_error(rq, errno);
		return;
	}
	serve_reply(rq, &out, sizeof(out));
}

static void do_readlink(struct request *rq)
{
	const struct vnode *v = vtree_node(rq->s->tree, rq->in->nodeid);
	struct squash_inode i;
	ssize_t n;

	if (v && S_ISLNK(v->mode)) {
		serve_reply(rq, v->data, v->len);
		return;
	}
	n = serve_inode(rq, &i);
	if (n == 0)
		n = squash_readlink(rq->s->img, &i, (char *)rq->out, PATH_MAX);
	if (n < 0 || n == PATH_MAX)
		serve_reply_error(rq, n < 0 ? errno : ENAMETOOLONG);
	else
		serve_reply(rq, rq->out, (size_t)n);
}

/* Asked only without default_permissions.  Reading is everybody's; what may be
 * executed is what the image marks so. */
static void do_access(struct request *rq)
{
	const struct fuse_access_in *in = rq->body;
	const struct vnode *v = vtree_node(rq->s->tree, rq->in->nodeid);
	struct squash_inode i = { 0 };
	mode_t mode;

	if (!v && serve_inode(rq, &i) < 0) {
		serve_reply_error(rq, errno);
		return;
	}
	mode = v ? v->mode : i.mode;
	if (in->mask & X_OK && S_ISREG(mode) && !(mode & 0111))
		serve_reply_error(rq, EACCES);
	else
		serve_reply_error(rq, in->mask & W_OK ? EROFS : 0);
}

static void do_open(struct request *rq)
{
	struct fuse_open_out out = { .open_flags = FOPEN_KEEP_CACHE };

	if (rq->s->no_open) {
		serve_reply_error(rq, ENOSYS);
		return;
	}
	if (rq->in->opcode == FUSE_OPENDIR)
		out.open_flags |= FOPEN_CACHE_DIR;
	serve_reply(rq, &out, sizeof(out));
}

static void do_statfs(struct request *rq)
{
	const struct squash_info *info = &rq->s->info;
	struct fuse_statfs_out out = {
		.st =
			{
				.blocks = (info->bytes + info->block_size - 1) / info->block_size,
				.files = info->inodes,
				.bsize = info->block_size,
				.frsize = info->block_size,
				.namelen = 255,
			},
	};

	serve_reply(rq, &out, sizeof(out));
}

void serve_handle(struct request *rq)
{
	switch (rq->in->opcode) {
	case FUSE_INIT:
		do_init(rq);
		return;
	case FUSE_LOOKUP:
		do_lookup(rq);
		return;
	case FUSE_GETATTR:
		do_getattr(rq);
		return;
	case FUSE_READLINK:
		do_readlink(rq);
		return;
	case FUSE_READ:
		serve_read(rq);
		return;
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
		serve_readdir(rq);
		return;
	case FUSE_GETXATTR:
	case FUSE_LISTXATTR:
		serve_xattr(rq);
		return;
	case FUSE_ACCESS:
		do_access(rq);
		return;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		do_open(rq);
		return;
	case FUSE_STATFS:
		do_statfs(rq);
		return;
	case FUSE_FORGET: /* nodes carry all they mean: nothing to forget, no answer */
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT: /* no request takes long; the answer comes anyway */
		return;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_DESTROY:
		serve_reply_error(rq, 0);
		return;
	default:
		serve_reply_error(rq, ENOSYS);
	}
}
