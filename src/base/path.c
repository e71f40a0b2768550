#include "src/base/path.h"

#include <string.h>

bool path_is_clean(const char *p)
{
	if (p[0] != '/')
		return false;
	if (!p[1])
		return true;
	while (*p == '/') {
		size_t len = strcspn(p + 1, "/");

		if (len == 0 || (len == 1 && p[1] == '.') ||
		    (len == 2 && p[1] == '.' && p[2] == '.'))
			return false;
		p += 1 + len;
	}
	return true;
}

static void add_components(struct buf *b, const char *p)
{
	while (*p) {
		size_t len = strcspn(p, "/");

		if (len == 2 && p[0] == '.' && p[1] == '.') {
			while (b->len && b->data[--b->len] != '/')
				;
		} else if (len && !(len == 1 && p[0] == '.')) {
			buf_addch(b, '/');
			buf_add(b, p, len);
		}
		p += len;
		p += strspn(p, "/");
	}
}

char *path_clean(const char *base, const char *p)
{
	struct buf b = { 0 };

	buf_reserve(&b, strlen(p) + 1);
	if (p[0] != '/')
		add_components(&b, base);
	add_components(&b, p);
	if (!b.len)
		buf_addch(&b, '/');
	b.data[b.len] = '\0';
	return buf_take(&b);
}

bool path_is_below(const char *p, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1)
		return true;
	return !strncmp(p, dir, n) && (p[n] == '/' || !p[n]);
}

const char *path_base(const char *p)
{
	const char *slash = strrchr(p, '/');

	return slash ? slash + 1 : p;
}

char *path_dir(const char *p)
{
	const char *slash = strrchr(p, '/');

	if (!slash)
		return xstrdup(".");
	return slash == p ? xstrdup("/") : xstrndup(p, (size_t)(slash - p));
}

char *path_join(const char *a, const char *b)
{
	size_t n = strlen(a);

	while (n && a[n - 1] == '/')
		n--;
	while (*b == '/')
		b++;
	return xasprintf("%.*s/%s", (int)n, a, b);
}
