#include "src/flow/build_glob.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"

#define MATCHES_MAX 100000

/* s without the backslashes that quote. */
static char *plain(const char *s, size_t n)
{
	char *out = xmalloc(n + 1), *p = out;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\' && i + 1 < n)
			i++;
		*p++ = s[i];
	}
	*p = '\0';
	return out;
}

static int list(int root, const char *dir, const char *pattern, struct strv *names)
{
	int fd = open_in_root(root, dir, O_RDONLY | O_DIRECTORY, 0);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		close_p_(&fd);
		return 0;
	}
	while ((de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 &&
		    fnmatch(pattern, de->d_name, FNM_PERIOD) == 0)
			strv_add(names, de->d_name);
	closedir(d);
	strv_sort(names);
	return 0;
}

static int expand(int root, const char *prefix, const char *rest, struct strv *out, struct err *e)
{
	auto_strv struct strv names = { 0 };
	auto_free char *comp = NULL;
	size_t n;

	while (*rest == '/')
		rest++;
	if (!*rest) {
		auto_close int fd = open_in_root(root, prefix, O_PATH | O_NOFOLLOW, 0);

		if (fd >= 0)
			strv_add(out, prefix);
		return 0;
	}
	if (out->n >= MATCHES_MAX)
		return err_set(e, ERR_LIMIT, "more than %d files match", MATCHES_MAX);
	n = strcspn(rest, "/");
	comp = xstrndup(rest, n);
	if (strpbrk(comp, "*?[")) {
		list(root, prefix, comp, &names);
	} else {
		auto_free char *name = plain(rest, n);

		strv_add(&names, name);
	}
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *next = path_join(prefix, names.v[i]);

		if (expand(root, next, rest + n, out, e) < 0)
			return -1;
	}
	return 0;
}

int glob_in_root(int root, const char *pattern, struct strv *out, struct err *e)
{
	return expand(root, "/", pattern, out, e);
}
