#include "src/flow/build_user.h"

#include <stdio.h>
#include <string.h>

#include "src/flow/build_names.h"

#define NAMES_MAX (16 << 20)

/* name:x:uid:gid:comment:home:shell; the line whose uid it is. */
static bool by_uid(const char *text, uint32_t uid, struct strv *fields)
{
	auto_strv struct strv lines = { 0 };

	strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		unsigned long v;
		char colon;
		const char *p = strchr(lines.v[i], ':');

		p = p ? strchr(p + 1, ':') : NULL;
		if (!p || sscanf(p, ":%lu%c", &v, &colon) != 2 || colon != ':' || v != uid)
			continue;
		/* An empty field counts, too. */
		for (p = lines.v[i];; p++) {
			size_t n = strcspn(p, ":");
			auto_free char *field = xstrndup(p, n);

			strv_add(fields, field);
			p += n;
			if (!*p)
				return true;
		}
	}
	return false;
}

static bool lists(const char *members, const char *name)
{
	auto_strv struct strv v = { 0 };

	strv_split(&v, members, ',');
	return strv_has(&v, name);
}

static void other_groups(struct emul_ids *ids, const char *text, const char *name)
{
	auto_strv struct strv lines = { 0 };

	strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.n && ids->ngroups < EMUL_GROUPS_MAX; i++) {
		const char *members = strrchr(lines.v[i], ':');
		unsigned gid;

		if (members && sscanf(lines.v[i], "%*[^:]:%*[^:]:%u:", &gid) == 1 &&
		    lists(members + 1, name))
			ids->groups[ids->ngroups++] = gid;
	}
}

int build_user_find(struct build_user *u, const struct build_tree *t, const char *text,
		    struct err *e)
{
	auto_buf struct buf passwd = { 0 }, groups = { 0 };
	auto_strv struct strv f = { 0 };
	const char *group = strchr(text, ':');
	uint32_t uid, gid;
	bool known;

	if (build_names_owner(t, text, &uid, &gid, e) < 0 ||
	    build_tree_read(t, "/etc/passwd", NAMES_MAX, &passwd, e) < 0 ||
	    build_tree_read(t, "/etc/group", NAMES_MAX, &groups, e) < 0)
		return -1;
	known = by_uid(buf_str(&passwd), uid, &f) && f.n >= 6;
	if (!group)
		gid = known ? (uint32_t)strtoul(f.v[3], NULL, 10) : 0;
	emul_ids_init(&u->ids, uid, gid);
	if (known)
		u->home = xstrdup(f.v[5]);
	if (known && !group)
		other_groups(&u->ids, buf_str(&groups), f.v[0]);
	return 0;
}

void build_user_fini(struct build_user *u)
{
	free(u->home);
	*u = (struct build_user){ 0 };
}
