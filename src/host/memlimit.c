/* cgroups(7): /proc/self/cgroup has the group's path, for v2 behind "0::", for v1 behind the
 * list of controllers; /proc/self/mountinfo has where the hierarchy is mounted and which
 * group is the root of that mount (in a cgroup namespace or a container: not "/"). */
#include "src/host/memlimit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/base/path.h"

#define TEXT_MAX (4u << 20)
/* v1 says "no limit" with the largest number of whole pages. */
#define NO_LIMIT ((uint64_t)1 << 62)

static bool text_read(int rootfd, const char *path, struct buf *out)
{
	auto_close int fd = rootfd == AT_FDCWD ? open(path, O_RDONLY | O_CLOEXEC)
					       : open_in_root(rootfd, path, O_RDONLY, 0);
	struct err ignored;

	buf_clear(out);
	return fd >= 0 && fd_read_all(fd, out, TEXT_MAX, path, &ignored) == 0;
}

/* True when list, separated by commas, names word. */
static bool list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (!strncmp(list, word, n) && (list[n] == ',' || !list[n]))
			return true;
	return false;
}

/* The group's path in the hierarchy of v2 or of the memory controller; heap. */
static char *group_find(const char *text, bool v2)
{
	auto_strv struct strv lines = { 0 };

	strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *names = strchr(lines.v[i], ':');
		char *path = names ? strchr(names + 1, ':') : NULL;

		if (!path || path[1] != '/')
			continue;
		*path++ = '\0';
		if (v2 ? !strcmp(names, ":") && !strncmp(lines.v[i], "0:", 2)
		       : list_has(names + 1, "memory"))
			return path_clean("/", path);
	}
	return NULL;
}

/* Where the hierarchy is mounted, and the group that is its root there. */
static bool mount_find(const char *text, bool v2, char **at, char **root)
{
	auto_strv struct strv lines = { 0 };

	strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *type = strstr(lines.v[i], " - ");
		auto_strv struct strv front = { 0 }, back = { 0 };

		if (!type)
			continue;
		*type = '\0';
		strv_split(&front, lines.v[i], ' ');
		strv_split(&back, type + 3, ' ');
		if (front.n < 5 || back.n < 3 || strcmp(back.v[0], v2 ? "cgroup2" : "cgroup") ||
		    (!v2 && !list_has(back.v[2], "memory")))
			continue;
		*root = xstrdup(front.v[3]);
		*at = xstrdup(front.v[4]);
		return true;
	}
	return false;
}

static void limit_look(struct memory_limit *out, int rootfd, const char *dir, bool v2)
{
	auto_free char *path = path_join(dir, v2 ? "memory.max" : "memory.limit_in_bytes");
	auto_buf struct buf text = { 0 };
	unsigned long long n;
	char *end;

	if (!text_read(rootfd, path, &text))
		return;
	errno = 0;
	n = strtoull(buf_str(&text), &end, 10);
	if (end == buf_str(&text) || errno || n >= NO_LIMIT || n >= out->bytes)
		return; /* "max" is no number */
	out->bytes = n;
	free(out->from);
	out->from = take_ptr(path);
}

static void hierarchy_look(struct memory_limit *out, int rootfd, const char *groups,
			   const char *mounts, bool v2)
{
	auto_free char *group = group_find(groups, v2), *at = NULL, *root = NULL;
	auto_free char *dir = NULL;

	if (!group || !mount_find(mounts, v2, &at, &root))
		return;
	/* A group above the mount's root is not to be seen from here. */
	if (strcmp(root, "/") != 0)
		dir = path_is_below(group, root) ? path_join(at, group + strlen(root))
						 : xstrdup(at);
	else
		dir = path_join(at, group[1] ? group + 1 : "");
	for (char *slash; strlen(dir) >= strlen(at); *slash = '\0') {
		limit_look(out, rootfd, dir, v2);
		slash = strrchr(dir, '/');
		if (slash == dir)
			break;
	}
}

void memory_limit_find(struct memory_limit *out, int rootfd)
{
	auto_buf struct buf groups = { 0 }, mounts = { 0 };

	*out = (struct memory_limit){ .bytes = UINT64_MAX };
	if (!text_read(rootfd, "/proc/self/cgroup", &groups) ||
	    !text_read(rootfd, "/proc/self/mountinfo", &mounts))
		return;
	hierarchy_look(out, rootfd, buf_str(&groups), buf_str(&mounts), true);
	hierarchy_look(out, rootfd, buf_str(&groups), buf_str(&mounts), false);
}

void memory_limit_fini(struct memory_limit *m)
{
	free(m->from);
	m->from = NULL;
}
