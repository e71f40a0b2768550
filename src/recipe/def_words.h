/* def_words: the lines of %files, %labels, %arguments and of the header. */
#ifndef RECIPE_DEF_WORDS_H
#define RECIPE_DEF_WORDS_H

#include "src/recipe/def.h"

/* "src [dst]": words with quotes and backslashes as in a shell.  A character of src that was quoted
 * and means something to glob(7) keeps a backslash.  dst is absolute and clean, below root unless
 * the text is absolute (root NULL: "/"); without one it is root as a directory, or NULL, which
 * means the source's own path.  0 an item was added, 1 nothing on the line; ERR_INPUT. */
int def_files_line(struct arena *a, struct def_files *f, const char *line, unsigned number,
		   const char *root, struct err *e);

/* "key value..." split at the first blank, or at sep when it is not 0.  1 nothing there. */
int def_pair_line(struct arena *a, struct def_pairs *p, const char *line, unsigned number,
		  char sep);
void def_pairs_add(struct arena *a, struct def_pairs *p, const char *key, const char *value,
		   unsigned line);
/* p grows to hold one more of size bytes; in the arena. */
void *def_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size);

#endif
