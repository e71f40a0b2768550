/* hide: while layers are read from the top down, which bodies need not be stored?
 *
 *	if (!hide_covers(n, layer)) store the body;
 *	hide_entry(n, layer, false);
 *
 * A file that an upper layer replaces, or that lies below something it removes, is dead, and
 * skipping it is what makes reading from the top worth while.  This looks at names as text only,
 * so it can be wrong both ways when a layer reaches a directory through a symbolic link.  It
 * need not be right: merge.h decides what the image holds, a body stored in vain costs its bytes,
 * and one skipped wrongly is read again.
 *
 * Layers are numbered from 1, the lowest; a layer hides in the layers below only. */
#ifndef IMAGE_HIDE_H
#define IMAGE_HIDE_H

#include "image/tree.h"

static inline void hide_mark_(uint16_t *mark, uint16_t layer)
{
	if (!*mark) /* the topmost is the one that counts, and it comes first */
		*mark = layer;
}

/* layer has an entry at n. */
static inline void hide_entry(struct node *n, uint16_t layer, bool is_dir)
{
	hide_mark_(&n->named, layer);
	if (!is_dir)
		hide_mark_(&n->gone, layer);
}
/* layer removes n, or all that is below n. */
static inline void hide_whiteout(struct node *n, uint16_t layer)
{
	hide_mark_(&n->gone, layer);
}
static inline void hide_opaque(struct node *n, uint16_t layer)
{
	hide_mark_(&n->opaque, layer);
}
/* A hard link points at n: its body is needed even where its own name is hidden. */
static inline void hide_want(struct node *n)
{
	n->wanted = true;
}
/* Is a file of layer at n dead? */
static inline bool hide_covers(const struct node *n, uint16_t layer)
{
	if (n->wanted)
		return false;
	if (n->named > layer || n->gone > layer)
		return true;
	while ((n = n->parent))
		if (n->gone > layer || n->opaque > layer)
			return true;
	return false;
}

#endif
