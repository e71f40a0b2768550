#include "bindings/liblist.h"

#include <string.h>

#define BLANKS " \t\r\f\v"

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
}

void liblist_fini(struct liblist *l)
{
	strv_fini(&l->libs);
	strv_fini(&l->files);
	strv_fini(&l->programs);
}

bool liblist_has(const struct liblist *l, const char *name)
{
	for (size_t i = 0; i < l->libs.n; i++)
		if (str_has_prefix(name, l->libs.v[i]))
			return true;
	return false;
}
