#include "image/tree.h"

#include <stddef.h>
#include <string.h>

static size_t hash(const struct node *dir, const char *name, size_t len)
{
	uint64_t h = (uintptr_t)dir * UINT64_C(0x9e3779b97f4a7c15);

	/* FNV-1a's step, mixed at the end.  A layer made to collide costs its owner time only
	 * up to the bounds on entries. */
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 29);
}

static struct node *node_new(struct tree *t, struct node *dir, const char *name, size_t len)
{
	struct node *n = arena_alloc(&t->arena, offsetof(struct node, name) + len + 1);

	n->parent = dir;
	n->depth = dir ? dir->depth + 1 : 0;
	n->len = (uint8_t)len;
	memcpy(n->name, name, len);
	return n;
}

void tree_init(struct tree *t, size_t max_nodes, size_t max_meta)
{
	*t = (struct tree){ .max_nodes = max_nodes, .max_meta = max_meta };
	t->nslots = 1024;
	t->slots = xcalloc(t->nslots, sizeof(*t->slots));
	t->root = node_new(t, NULL, "", 0);
}

void tree_fini(struct tree *t)
{
	arena_fini(&t->arena);
	buf_fini(&t->last_prefix);
	free(t->slots);
	*t = (struct tree){ 0 };
}

static void grow(struct tree *t)
{
	size_t n = t->nslots * 2;
	struct node **slots = xcalloc(n, sizeof(*slots));

	for (size_t i = 0; i < t->nslots; i++) {
		struct node *next, *it = t->slots[i];

		for (; it; it = next) {
			size_t h = hash(it->parent, it->name, it->len) & (n - 1);

			next = it->chain;
			it->chain = slots[h];
			slots[h] = it;
		}
	}
	free(t->slots);
	t->slots = slots;
	t->nslots = n;
}

struct node *tree_find(const struct tree *t, const struct node *dir, const char *name, size_t len)
{
	struct node *n = t->slots[hash(dir, name, len) & (t->nslots - 1)];

	while (n && (n->parent != dir || n->len != len || memcmp(n->name, name, len) != 0))
		n = n->chain;
	return n;
}

int tree_check_size(const struct tree *t, struct err *e)
{
	if (t->arena.total <= t->max_meta)
		return 0;
	return err_set(e, ERR_LIMIT,
		       "the image's names, links and attributes take more than "
		       "%zu bytes; --max-entries raises this limit",
		       t->max_meta);
}

struct node *tree_child(struct tree *t, struct node *dir, const char *name, size_t len,
			struct err *e)
{
	struct node *n = tree_find(t, dir, name, len);
	size_t h;

	if (n)
		return n;
	if (len > TREE_NAME_MAX) {
		err_set(e, ERR_INPUT, "a name of %zu bytes is over the limit of %d", len,
			TREE_NAME_MAX);
		return NULL;
	}
	if (dir->depth == TREE_DEPTH_MAX) {
		err_set(e, ERR_LIMIT, "directories are nested deeper than the limit of %d",
			TREE_DEPTH_MAX);
		return NULL;
	}
	if (t->nnodes == t->max_nodes) {
		err_set(e, ERR_LIMIT,
			"the layers name more than %zu paths; --max-entries "
			"raises this limit",
			t->max_nodes);
		return NULL;
	}
	if (tree_check_size(t, e) < 0)
		return NULL;
	if (++t->nnodes > t->nslots)
		grow(t);
	n = node_new(t, dir, name, len);
	h = hash(dir, name, len) & (t->nslots - 1);
	n->chain = t->slots[h];
	t->slots[h] = n;
	return n;
}

/* Walks path from n by its text alone. */
static struct node *walk(struct tree *t, struct node *n, const char *path, size_t len,
			 struct err *e)
{
	const char *end = path + len;

	while (n && path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		size_t k = (size_t)((slash ? slash : end) - path);

		if (k == 2 && path[0] == '.' && path[1] == '.')
			n = n->parent ? n->parent : n;
		else if (k > 1 || (k == 1 && path[0] != '.'))
			n = tree_child(t, n, path, k, e);
		path += k + (slash != NULL);
	}
	return n;
}

int tree_path(struct tree *t, struct node **out, const char *path, struct err *e)
{
	size_t len = strlen(path), dir;
	struct node *n = t->root;

	if (len > TREE_PATH_MAX)
		return err_set(e, ERR_INPUT, "a path of %zu bytes is over the limit of %d", len,
			       TREE_PATH_MAX);
	while (len > 0 && path[len - 1] == '/')
		len--;
	for (dir = len; dir > 0 && path[dir - 1] != '/';)
		dir--;
	if (t->last_dir && t->last_prefix.len == dir &&
	    !memcmp(buf_str(&t->last_prefix), path, dir)) {
		n = t->last_dir;
	} else {
		n = walk(t, n, path, dir, e);
		if (!n)
			return -1;
		t->last_dir = n;
		buf_clear(&t->last_prefix);
		buf_add(&t->last_prefix, path, dir);
	}
	*out = walk(t, n, path + dir, len - dir, e);
	return *out ? 0 : -1;
}

void tree_put(struct node *n, struct inode *inode)
{
	if (n->inode)
		n->inode->nlink--;
	n->inode = inode;
	inode->nlink++;
	if (n->parent && !n->linked) {
		n->linked = true;
		n->sibling = n->parent->child;
		n->parent->child = n;
	}
}

void tree_remove(struct node *n)
{
	struct node *c, *next;

	if (!n->inode)
		return;
	for (c = n->child; c; c = next) {
		next = c->sibling;
		tree_remove(c);
		c->linked = false;
		c->sibling = NULL;
	}
	n->child = NULL;
	n->inode->nlink--;
	n->inode = NULL;
}

void node_path(const struct node *n, struct buf *out)
{
	if (n->depth > 1)
		node_path(n->parent, out);
	buf_addch(out, '/');
	buf_add_escaped(out, n->name, n->len);
}

struct inode *tree_inode(struct tree *t, mode_t mode)
{
	struct inode *i = arena_new(&t->arena, struct inode);

	i->mode = (uint16_t)mode;
	i->ref = UINT64_MAX;
	return i;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct node *const *)a)->name, (*(struct node *const *)b)->name);
}

size_t node_children(const struct node *dir, struct node ***out)
{
	struct node **v = NULL;
	size_t n = 0, cap = 0;

	for (struct node *c = dir->child; c; c = c->sibling) {
		if (!c->inode)
			continue;
		xgrow(&v, &cap, n + 1, sizeof(struct node *));
		v[n++] = c;
	}
	if (n > 1)
		qsort(v, n, sizeof(struct node *), by_name);
	*out = v;
	return n;
}
