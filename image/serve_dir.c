/* READDIR and READDIRPLUS: ".", "..", the image's entries, then what is virtual.
 *
 * An offset says where to go on without state here: 1 and 2 stand behind the two
 * dots, a virtual child is its index with a bit set, and anything else is the
 * image's own cookie, which is never as small as 2. */
#include "image/serve_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/mem.h"

#define VIRTUAL_BIT (UINT64_C(1) << 62)

enum { AFTER_DOT = 1, AFTER_DOTDOT = 2 };

/* The answer as it grows. */
struct listing {
	struct request *rq;
	bool plus;
	size_t len, room;
	const struct vdir *added;
};

struct item {
	const char *name;
	size_t len;
	uint64_t ino, next;
	mode_t type;
};

/* Where an entry of len bytes of name goes; NULL when the answer is full.  In a
 * plus listing *e is what stands before it, zeroed. */
static struct fuse_dirent *add(struct listing *l, const struct item *it, struct fuse_entry_out **e)
{
	size_t head = l->plus ? sizeof(struct fuse_entry_out) : 0;
	size_t n = FUSE_DIRENT_ALIGN(head + sizeof(struct fuse_dirent) + it->len);
	uint8_t *p = l->rq->out + l->len;
	struct fuse_dirent *d = (void *)(p + head);

	if (n > l->room - l->len)
		return NULL;
	memset(p, 0, head);
	*e = l->plus ? (void *)p : NULL;
	d->ino = it->ino;
	d->off = it->next;
	d->namelen = (uint32_t)it->len;
	d->type = it->type >> 12;
	memcpy(d->name, it->name, it->len);
	memset(p + head + sizeof(*d) + it->len, 0, n - head - sizeof(*d) - it->len);
	l->len += n;
	return d;
}

/* The dots.  Their attributes are known to the kernel already: node 0. */
static int add_dots(struct listing *l, uint64_t off, uint64_t self, uint64_t parent)
{
	const struct item dot = { ".", 1, self, AFTER_DOT, S_IFDIR };
	const struct item dotdot = { "..", 2, parent, AFTER_DOTDOT, S_IFDIR };
	struct fuse_entry_out *e;

	if (off < AFTER_DOT && !add(l, &dot, &e))
		return 0;
	return off >= AFTER_DOTDOT || add(l, &dotdot, &e);
}

/* 1 all added, 0 full, -1. */
static int add_image(struct listing *l, const struct squash_inode *dir, uint64_t off)
{
	struct serve *s = l->rq->s;
	struct squash_dirent ent;
	struct squash_dir d;
	int r = squash_dir_open(s->img, dir, off > AFTER_DOTDOT ? off : 0, &d);

	while (r >= 0 && (r = squash_dir_next(s->img, &d, &ent)) > 0) {
		const struct item it = { ent.name, ent.len, ent.number, ent.next, ent.type };
		struct fuse_entry_out *e;
		struct squash_inode i;

		if (l->added && vdir_find(l->added, ent.name, ent.len))
			continue;
		if (!add(l, &it, &e))
			return 0;
		/* A bad inode leaves node 0: the name is listed, its look-up fails. */
		if (e && squash_inode(s->img, ent.ref, &i) == 0) {
			serve_entry(e, node_of_ref(s->img, ent.ref));
			serve_attr_image(s, &i, &e->attr);
		}
	}
	return r < 0 ? -1 : 1;
}

static void add_virtual(struct listing *l, uint64_t off)
{
	size_t k = off & VIRTUAL_BIT ? off & ~VIRTUAL_BIT : 0;

	for (; l->added && k < l->added->n; k++) {
		const struct vnode *v = l->added->child[k];
		struct fuse_attr a;
		struct item it = { v->name, v->name_len, 0, VIRTUAL_BIT | (k + 1), v->mode };
		struct fuse_entry_out *e;

		serve_attr_virtual(l->rq->s, v, &a);
		it.ino = a.ino;
		if (!add(l, &it, &e))
			return;
		if (e) {
			serve_entry(e, v->node);
			e->attr_valid = serve_attr_valid(v);
			e->attr = a;
		}
	}
}

static uint64_t ino_of(struct serve *s, uint64_t node)
{
	const struct vnode *v = vtree_node(s->tree, node);
	struct squash_inode i;
	struct fuse_attr a = { .ino = 1 };

	if (v)
		serve_attr_virtual(s, v, &a);
	else if (squash_inode(s->img, ref_of_node(s->img, node), &i) == 0)
		a.ino = i.number;
	return a.ino;
}

void serve_readdir(struct request *rq)
{
	const struct fuse_read_in *in = rq->body;
	struct serve *s = rq->s;
	const struct vnode *v = vtree_node(s->tree, rq->in->nodeid);
	struct listing l = {
		.rq = rq,
		.plus = rq->in->opcode == FUSE_READDIRPLUS,
		.room = MIN(in->size, SERVE_READ_MAX),
		.added = vtree_dir(s->tree, rq->in->nodeid),
	};
	struct squash_inode dir;
	int r = 1;

	if (v) {
		if (add_dots(&l, in->offset, ino_of(s, v->node), ino_of(s, v->parent)))
			add_virtual(&l, in->offset);
		serve_reply(rq, rq->out, l.len);
		return;
	}
	if (serve_inode(rq, &dir) < 0) {
		serve_reply_error(rq, errno);
		return;
	}
	if (!(in->offset & VIRTUAL_BIT)) {
		uint64_t up = rq->in->nodeid == NODE_ROOT ? dir.number : dir.parent;

		r = add_dots(&l, in->offset, dir.number, up);
		if (r > 0)
			r = add_image(&l, &dir, in->offset);
	}
	/* Damage after some good entries is reported when the rest is asked for. */
	if (r < 0 && !l.len) {
		serve_reply_error(rq, errno);
		return;
	}
	if (r > 0)
		add_virtual(&l, in->offset);
	serve_reply(rq, rq->out, l.len);
}
