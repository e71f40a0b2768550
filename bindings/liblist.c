#include "bindings/liblist.h"

#include <string.h>

#define BLANKS " \t\r\f\v"

/* Sorted, and without a name that begins with another of the list, which stands for it: then of all
 * names only the last that does not sort behind a library can be the beginning of it. */
static void libs_sort(struct liblist *l)
{
	auto_strv struct strv all = { 0 };
	const char *last = NULL;

	for (size_t i = 0; i < l->libs.n; i++)
		strv_add(&all, l->libs.v[i]);
	strv_sort(&all);
	for (size_t i = 0; i < all.n; i++)
		if (!last || !str_has_prefix(all.v[i], last)) {
			last = all.v[i];
			strv_add(&l->sorted_, last);
		}
}

void liblist_parse(struct liblist *l, const char *text)
{
	auto_strv struct strv lines = { 0 };

	strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *word = lines.v[i] + strspn(lines.v[i], BLANKS);
		size_t n = strcspn(word, "#");

		while (n && strchr(BLANKS, word[n - 1]))
			n--;
		word[n] = '\0';
		if (!n)
			continue;
		if (strstr(word, ".so"))
			strv_add(&l->libs, word);
		else
			strv_add(word[0] == '/' ? &l->files : &l->programs, word);
	}
	libs_sort(l);
}

void liblist_fini(struct liblist *l)
{
	strv_fini(&l->libs);
	strv_fini(&l->files);
	strv_fini(&l->programs);
	strv_fini(&l->sorted_);
}

/* Asked about every library of a host, thousands. */
bool liblist_has(const struct liblist *l, const char *name)
{
	size_t lo = 0, hi = l->sorted_.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(l->sorted_.v[mid], name) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && str_has_prefix(name, l->sorted_.v[lo - 1]);
}
