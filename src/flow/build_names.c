#include "src/flow/build_names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/plan/names_line.h"

#define NAMES_MAX (16 << 20)

/* The fields 2 and 3 of the line whose first is name. */
static bool look_up(const char *text, const char *name, size_t n, uint32_t *id, uint32_t *second)
{
	struct names_line l;

	while (names_line_next(&text, &l))
		if (names_line_is(&l, 0, name, n) && names_line_id(&l, 2, id)) {
			if (second)
				names_line_id(&l, 3, second);
			return true;
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
	if (names_id_parse(uid, text, n))
		*gid = *uid;
	else if (!look_up(buf_str(&passwd), text, n, uid, gid))
		return err_set(e, ERR_INPUT, "no user %.*s in the image's /etc/passwd", (int)n,
			       text);
	if (group && !names_id_parse(gid, group, strlen(group)) &&
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
