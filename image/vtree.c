/* Directories with additions are few, so they hang in a small hash table that
 * every look-up in an image directory probes; all else costs the image nothing. */
#include "image/vtree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image/live.h"
#include "image/walk.h"
#include "src/base/arena.h"

enum { DIR_BUCKETS = 512, DIR_MODE = 0755 };

struct vtree {
	struct squash *img;
	struct arena a;
	struct vnode **node;
	size_t n, cap;
	struct vdir *bucket[DIR_BUCKETS];
	bool live;
};

/* The node that is being placed, for walk's make. */
struct placing {
	struct vtree *t;
	const struct serve_node *what;
};

uint64_t node_of_ref(const struct squash *s, uint64_t ref)
{
	return ref == squash_root(s) ? NODE_ROOT : ref + 2;
}

uint64_t ref_of_node(const struct squash *s, uint64_t node)
{
	return node == NODE_ROOT ? squash_root(s) : node - 2;
}

static size_t bucket_of(uint64_t node)
{
	return node * 0x9e3779b97f4a7c15u >> 32 & (DIR_BUCKETS - 1);
}

const struct vnode *vtree_node(const struct vtree *t, uint64_t node)
{
	uint64_t index = node & ~VNODE_BIT;

	return node & VNODE_BIT && index < t->n ? t->node[index] : NULL;
}

static struct vdir *find_dir(const struct vtree *t, uint64_t node)
{
	struct vdir *d = t->bucket[bucket_of(node)];

	while (d && d->node != node)
		d = d->chain;
	return d;
}

const struct vdir *vtree_dir(const struct vtree *t, uint64_t node)
{
	return find_dir(t, node);
}

/* The place of name among the children: *found tells whether it is there. */
static size_t place_of(const struct vdir *d, const char *name, size_t len, bool *found)
{
	size_t lo = 0, hi = d->n;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct vnode *v = d->child[mid];
		int order = memcmp(name, v->name, MIN(len, v->name_len));

		if (order == 0)
			order = (len > v->name_len) - (len < v->name_len);
		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

const struct vnode *vdir_find(const struct vdir *d, const char *name, size_t len)
{
	bool found;
	size_t k = place_of(d, name, len, &found);

	return found ? d->child[k] : NULL;
}

static struct vdir *make_dir(struct vtree *t, uint64_t node)
{
	struct vdir *d = find_dir(t, node);

	if (!d) {
		d = arena_new(&t->a, struct vdir);
		d->node = node;
		d->chain = t->bucket[bucket_of(node)];
		t->bucket[bucket_of(node)] = d;
	}
	return d;
}

/* Adds a child to a directory, or finds the one there was. */
static struct vnode *add(struct vtree *t, uint64_t dir, const char *name, size_t len)
{
	struct vdir *d = make_dir(t, dir);
	struct vnode *v;
	bool found;
	size_t k = place_of(d, name, len, &found);

	if (found)
		return d->child[k];
	v = arena_new(&t->a, struct vnode);
	v->name = arena_strndup(&t->a, name, len);
	v->name_len = len;
	v->node = VNODE_BIT | t->n;
	v->parent = dir;
	xgrow(&t->node, &t->cap, t->n + 1, sizeof(*t->node));
	t->node[t->n++] = v;
	xgrow(&d->child, &d->cap, d->n + 1, sizeof(*d->child));
	memmove(d->child + k + 1, d->child + k, (d->n - k) * sizeof(*d->child));
	d->child[k] = v;
	d->n++;
	return v;
}

/* A node that is a directory gets its list of children at once, if empty. */
static void set(struct vtree *t, struct vnode *v, mode_t mode, const void *data, size_t len)
{
	live_free(v->live);
	v->live = NULL;
	if (S_ISDIR(v->mode) != S_ISDIR(mode))
		make_dir(t, v->parent)->subdirs += S_ISDIR(mode) ? 1u : -1u;
	v->mode = mode;
	v->data = len ? arena_memdup(&t->a, data, len) : NULL;
	v->len = len;
	if (S_ISDIR(mode))
		make_dir(t, v->node);
}

/* What the caller wants to have there. */
static void set_wanted(struct vtree *t, struct vnode *v, const struct serve_node *what)
{
	set(t, v, what->mode, what->data, what->len);
	if (what->host) {
		v->live = live_new(what->host);
		t->live = true;
	}
}

static int lookup(void *arg, uint64_t dir, const char *name, size_t len, uint64_t *child,
		  mode_t *type)
{
	struct vtree *t = ((struct placing *)arg)->t;
	const struct vdir *d = find_dir(t, dir);
	const struct vnode *v = d ? vdir_find(d, name, len) : NULL;
	struct squash_inode i;
	uint64_t ref;
	int r;

	if (v) {
		*child = v->node;
		*type = v->mode & S_IFMT;
		return 1;
	}
	if (dir & VNODE_BIT)
		return 0;
	if (squash_inode(t->img, ref_of_node(t->img, dir), &i) < 0)
		return -1;
	r = squash_lookup(t->img, &i, name, len, &ref);
	if (r <= 0)
		return r;
	if (squash_inode(t->img, ref, &i) < 0)
		return -1;
	*child = node_of_ref(t->img, ref);
	*type = i.mode & S_IFMT;
	return 1;
}

static ssize_t readlink_of(void *arg, uint64_t node, char *buf, size_t cap)
{
	struct vtree *t = ((struct placing *)arg)->t;
	const struct vnode *v = vtree_node(t, node);
	struct squash_inode i;

	if (v) {
		memcpy(buf, v->data, MIN(cap, v->len));
		return (ssize_t)MIN(cap, v->len);
	}
	if (squash_inode(t->img, ref_of_node(t->img, node), &i) < 0)
		return -1;
	return squash_readlink(t->img, &i, buf, cap);
}

static int make(void *arg, uint64_t dir, const char *name, size_t len, bool last, uint64_t *child,
		mode_t *type)
{
	struct placing *p = arg;
	struct vnode *v = add(p->t, dir, name, len);

	if (last)
		set_wanted(p->t, v, p->what);
	else
		set(p->t, v, S_IFDIR | DIR_MODE, NULL, 0);
	*child = v->node;
	*type = v->mode & S_IFMT;
	return 1;
}

static int place(struct vtree *t, const struct serve_node *what, struct err *e)
{
	static const struct walk_ops ops = { lookup, readlink_of, make };
	struct placing p = { t, what };
	struct walk_end end;
	int r = walk_path(&ops, &p, NODE_ROOT, what->path, what->replace ? 0 : WALK_FOLLOW, &end);

	if (r > 0)
		return err_set(e, ERR_INPUT, "%s: leads through %s, which is a file in the image",
			       what->path, end.name);
	if (r < 0 && errno == EIO)
		return err_set(e, ERR_INPUT, "%s: the image is damaged", what->path);
	if (r < 0)
		return err_sys(e, "%s in the image", what->path);
	if (!what->replace || end.made)
		return 0;
	if (!end.name[0])
		return err_set(e, ERR_USAGE, "%s: names no file that could be replaced",
			       what->path);
	set_wanted(t, add(t, end.dir, end.name, strlen(end.name)), what);
	return 0;
}

int vtree_new(struct vtree **out, struct squash *img, const struct serve_node *nodes, size_t n,
	      struct err *e)
{
	struct vtree *t = xcalloc(1, sizeof(*t));

	t->img = img;
	for (size_t k = 0; k < n; k++)
		if (place(t, &nodes[k], e) < 0) {
			vtree_free(t);
			return -1;
		}
	*out = t;
	return 0;
}

bool vtree_is_live(const struct vtree *t)
{
	return t->live;
}

void vtree_free(struct vtree *t)
{
	if (!t)
		return;
	for (size_t k = 0; k < t->n; k++)
		live_free(t->node[k]->live);
	for (size_t k = 0; k < DIR_BUCKETS; k++)
		for (struct vdir *d = t->bucket[k]; d; d = d->chain)
			free(d->child);
	free(t->node);
	arena_fini(&t->a);
	free(t);
}
