#include "src/base/near.h"

#include <string.h>

#include "src/base/mem.h"

unsigned near_distance(const char *a, const char *b)
{
	size_t n = strlen(b);
	unsigned row[64];

	if (n >= ARRAY_LEN(row) || strlen(a) >= ARRAY_LEN(row))
		return ~0u;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned above = row[j];
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);

			row[j] = MIN(MIN(above, row[j - 1]) + 1, change);
			diagonal = above;
		}
	}
	return row[n];
}

const char *near_word(const char *word, const char *const *words, size_t n)
{
	const char *best = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < n; i++) {
		unsigned d = near_distance(word, words[i]);

		if (d < least)
			least = d, best = words[i];
	}
	return best;
}
