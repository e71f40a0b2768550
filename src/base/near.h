/* near: the known word that somebody who mistyped one may have meant. */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include <stddef.h>

/* How far two words are apart (Levenshtein); the largest number for words of 64 bytes or more. */
unsigned near_distance(const char *a, const char *b);

/* The one of words[0..n) that is at most two steps from word, NULL when none is; the first of
 * several. */
const char *near_word(const char *word, const char *const *words, size_t n);

#endif
