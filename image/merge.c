#include "image/merge.h"

#include <string.h>

#define LINKS_MAX  40 /* as the kernel's own name look-up */
#define PASSES_MAX 40 /* of retry_links(): a longer backward chain is nobody's archive */

void merge_log_fini(struct merge_log *log)
{
	free(log->ops);
	*log = (struct merge_log){ 0 };
}

void merge_add(struct merge_log *log, enum merge_kind kind, struct node *at, void *what)
{
	struct merge_op *op;

	xgrow(&log->ops, &log->cap, log->n + 1, sizeof(*log->ops));
	op = &log->ops[log->n++];
	op->at = at;
	op->kind = kind;
	if (kind == MERGE_LINK)
		op->target = what;
	else
		op->inode = what;
}

/* Prefixes an error with the path. */
static int at_node(const struct node *n, struct err *e)
{
	auto_buf struct buf b = { 0 };

	node_path(n, &b);
	return err_wrap(e, "%s", buf_str(&b));
}

/* Walks rest from the root, following symbolic links inside it.  What is missing or no directory
 * counts as a name like any other, as in securejoin: whoever creates something there makes it a
 * directory. */
static struct node *follow(struct tree *t, const char *path, struct err *e)
{
	auto_buf struct buf rest = { 0 };
	struct node *n = t->root;
	size_t at = 0;
	int links = 0;

	buf_adds(&rest, path);
	while (n && at < rest.len) {
		const char *p = rest.data + at;
		size_t k = strcspn(p, "/");
		struct node *c;

		at += k + (p[k] == '/');
		if (k == 0 || (k == 1 && *p == '.'))
			continue;
		if (k == 2 && p[0] == '.' && p[1] == '.') {
			n = n->parent ? n->parent : n;
			continue;
		}
		c = tree_child(t, n, p, k, e);
		if (c && c->inode && S_ISLNK(c->inode->mode)) {
			auto_buf struct buf next = { 0 };

			if (++links > LINKS_MAX) {
				err_set(e, ERR_INPUT, "too many levels of symbolic links");
				return NULL;
			}
			buf_adds(&next, c->inode->target);
			buf_addch(&next, '/');
			buf_adds(&next, rest.data + at);
			if (*c->inode->target == '/')
				n = t->root;
			buf_fini(&rest);
			rest = next;
			next = (struct buf){ 0 };
			at = 0;
			continue;
		}
		n = c;
	}
	return n;
}

static void raw_path(const struct node *n, struct buf *out)
{
	if (n->depth > 1)
		raw_path(n->parent, out);
	buf_addch(out, '/');
	buf_add(out, n->name, n->len);
}

/* The directory that dir means as text.  Nearly always that is itself: then no name needs to be
 * looked up. */
static struct node *real_dir(struct tree *t, struct node *dir, struct err *e)
{
	auto_buf struct buf path = { 0 };
	const struct node *n = dir;

	while (n && (node_is_dir(n) || n == t->root))
		n = n->parent;
	if (!n)
		return dir;
	raw_path(dir, &path);
	return follow(t, buf_str(&path), e);
}

/* Where the entry at goes: its parent's links followed, its own name not. */
static struct node *real_node(struct tree *t, struct node *at, struct err *e)
{
	struct node *dir;

	if (!at->parent)
		return at;
	dir = real_dir(t, at->parent, e);
	if (!dir)
		return NULL;
	return dir == at->parent ? at : tree_child(t, dir, at->name, at->len, e);
}

/* This layer has something at or below n. */
static void touch(struct node *n, uint16_t layer)
{
	for (; n && n->touched != layer; n = n->parent)
		n->touched = layer;
}

/* Parents that no layer named: 0755, root's, as old as what made them necessary. */
static void make_dirs(struct tree *t, struct node *dir, uint32_t mtime)
{
	struct inode *i;

	if (node_is_dir(dir))
		return;
	if (dir->parent)
		make_dirs(t, dir->parent, mtime);
	tree_remove(dir);
	i = tree_inode(t, S_IFDIR | 0755);
	i->mtime = mtime;
	tree_put(dir, i);
}

static int place(struct tree *t, struct node *n, struct inode *inode, uint16_t layer, struct err *e)
{
	if (!n->parent && !S_ISDIR(inode->mode))
		return err_set(e, ERR_INPUT, "the root can only be a directory");
	if (n->parent)
		make_dirs(t, n->parent, inode->mtime);
	if (!node_is_dir(n) || !S_ISDIR(inode->mode))
		tree_remove(n);
	tree_put(n, inode);
	touch(n, layer);
	return 0;
}

int merge_put(struct tree *t, struct node *at, struct inode *inode, bool keep, uint16_t layer,
	      struct err *e)
{
	struct node *n = real_node(t, at, e);

	if (!n)
		return at_node(at, e);
	if (keep && n->inode)
		return 1;
	return place(t, n, inode, layer, e) < 0 ? at_node(at, e) : 0;
}

/* 1: the target is not there (yet). */
static int link_to(struct tree *t, const struct merge_op *op, bool late, uint16_t layer,
		   struct err *e)
{
	struct node *n = real_node(t, op->at, e), *target;

	if (!n)
		return -1;
	if (late && n->inode)
		return 0; /* a later entry has this name */
	/* The old object goes before the target is looked up, so a link to itself has none. */
	tree_remove(n);
	target = real_node(t, op->target, e);
	if (!target)
		return -1;
	if (!target->inode)
		return 1;
	if (S_ISDIR(target->inode->mode))
		return err_set(e, ERR_INPUT, "a hard link to a directory");
	return place(t, n, target->inode, layer, e);
}

/* Removes what lower layers have at n and below; this layer's own stays. */
static void purge(struct node *n, uint16_t layer)
{
	if (!n->inode)
		return;
	if (n->touched != layer) {
		tree_remove(n);
		return;
	}
	for (struct node *c = n->child; c; c = c->sibling)
		purge(c, layer);
}

static int whiteout(struct tree *t, const struct merge_op *op, uint16_t layer, struct err *e)
{
	struct node *n;

	if (op->kind == MERGE_WHITEOUT) {
		n = real_node(t, op->at, e);
		if (n && n->parent)
			purge(n, layer);
		return n ? 0 : -1;
	}
	n = real_dir(t, op->at, e);
	if (n && n->inode)
		for (struct node *c = n->child; c; c = c->sibling)
			purge(c, layer);
	return n ? 0 : -1;
}

/* Some archivers write a link before the file that it names.  Tried again while that helps. */
static int retry_links(struct tree *t, struct merge_log *late, uint16_t layer, struct err *e)
{
	size_t before;
	int passes = 0;

	do {
		size_t n = late->n;

		before = n;
		late->n = 0;
		for (size_t i = 0; i < n; i++) {
			struct merge_op op = late->ops[i];
			int r = link_to(t, &op, true, layer, e);

			if (r < 0)
				return at_node(op.at, e);
			if (r > 0)
				late->ops[late->n++] = op;
		}
	} while (late->n > 0 && late->n < before && ++passes < PASSES_MAX);
	if (late->n > 0) {
		auto_buf struct buf b = { 0 };

		node_path(late->ops[0].target, &b);
		err_set(e, ERR_INPUT, "a hard link to %s, which is in no layer", buf_str(&b));
		return at_node(late->ops[0].at, e);
	}
	return 0;
}

int merge_replay(struct tree *t, const struct merge_log *log, uint16_t layer, struct err *e)
{
	struct merge_log late = { 0 };
	int r = 0;

	for (size_t i = 0; i < log->n && r == 0; i++) {
		const struct merge_op *op = &log->ops[i];

		if (op->kind == MERGE_PUT) {
			r = merge_put(t, op->at, op->inode, false, layer, e);
			continue;
		}
		r = op->kind == MERGE_LINK ? link_to(t, op, false, layer, e)
					   : whiteout(t, op, layer, e);
		if (r < 0)
			at_node(op->at, e);
		if (r > 0) {
			merge_add(&late, MERGE_LINK, op->at, op->target);
			r = 0;
		}
	}
	if (r == 0)
		r = retry_links(t, &late, layer, e);
	merge_log_fini(&late);
	return r;
}
