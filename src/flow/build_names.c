#include "src/flow/build_names.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MAX (16 << 20)

static bool number(const char *s, size_t n, uint32_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]) ||
		    (v = v * 10 + (uint64_t)(s[i] - '0')) > UINT32_MAX - 1)
			return false;
	}
	*out = (uint32_t)v;
	return n > 0;
}

/* The fields 2 and 3 of the line whose first is name. */
static bool look_up(const char *text, const char *name, size_t n, uint32_t *id, uint32_t *second)
{
	for (const char *line = text; *line;) {
		const char *end = strchrnul(line, '\n'), *p = line;
		const char *field[4] = { line };
		size_t k = 1;

		for (; p < end && k < 4; p++)
			if (*p == ':')
				field[k++] = p + 1;
		if (k == 4 && (size_t)(field[1] - line) == n + 1 && !strncmp(line, name, n) &&
		    number(field[2], strcspn(field[2], ":\n"), id)) {
			if (second)
				number(field[3], strcspn(field[3], ":\n"), second);
			return true;
		}
		line = *end ? end + 1 : end;
	}
	return false;
}

int build_names_owner(const struct build_tree *t, const char *text, uint32_t *uid, uint32_t *gid,
		      struct err *e)
{
	size_t n = strcspn(text, ":");
	const char *group = text[n] ? text + n + 1 : NULL;
	auto_buf struct buf passwd = { 0 }, groups = { 0 };

	*uid = *gid = 0;
	if (build_tree_read(t, "/etc/passwd", NAMES_MAX, &passwd, e) < 0 ||
	    build_tree_read(t, "/etc/group", NAMES_MAX, &groups, e) < 0)
		return -1;
	if (number(text, n, uid))
		*gid = *uid;
	else if (!look_up(buf_str(&passwd), text, n, uid, gid))
		return err_set(e, ERR_INPUT, "no user %.*s in the image's /etc/passwd", (int)n,
			       text);
	if (group && !number(group, strlen(group), gid) &&
	    !look_up(buf_str(&groups), group, strlen(group), gid, NULL))
		return err_set(e, ERR_INPUT, "no group %s in the image's /etc/group", group);
	return 0;
}

int build_names_list(int dir, struct strv *out)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		close_p_(&fd);
		return -1;
	}
	while ((de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			strv_add(out, de->d_name);
	closedir(d);
	strv_sort(out);
	return 0;
}
