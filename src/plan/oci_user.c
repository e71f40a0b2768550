#include "src/plan/oci_user.h"

#include <string.h>

#include "src/plan/names_line.h"

void oci_user_fini(struct oci_user *u)
{
	free(u->name);
	free(u->gecos);
	free(u->home);
	free(u->shell);
	free(u->group);
	strv_fini(&u->more);
}

/* The line of a name, else of an id; false when there is neither. */
static bool line_find(struct names_line *l, const char *file, const char *text, size_t n)
{
	uint32_t id, ignored;
	const char *p = file;

	while (names_line_next(&p, l))
		if (names_line_is(l, 0, text, n) && names_line_id(l, 2, &ignored))
			return true;
	if (!names_id_parse(&id, text, n))
		return false;
	for (p = file; names_line_next(&p, l);)
		if (names_line_is_id(l, 2, id))
			return true;
	return false;
}

static bool user_find(struct oci_user *u, const char *text, size_t n, const char *passwd)
{
	struct names_line l;

	if (!line_find(&l, passwd, text, n))
		return names_id_parse(&u->uid, text, n);
	names_line_id(&l, 2, &u->uid);
	names_line_id(&l, 3, &u->gid);
	u->name = names_line_take(&l, 0);
	u->gecos = names_line_take(&l, 4);
	u->home = names_line_take(&l, 5);
	u->shell = names_line_take(&l, 6);
	return true;
}

static void group_name(struct oci_user *u, const char *file)
{
	struct names_line l;

	while (!u->group && names_line_next(&file, &l))
		if (names_line_is_id(&l, 2, u->gid))
			u->group = names_line_take(&l, 0);
}

/* Groups that have the user as member. */
static void groups_more(struct oci_user *u, const char *file)
{
	struct names_line l;

	while (u->name && names_line_next(&file, &l)) {
		auto_free char *list = names_line_take(&l, 3);
		auto_strv struct strv members = { 0 };

		strv_split(&members, list ? list : "", ',');
		if (strv_has(&members, u->name) && !names_line_is_id(&l, 2, u->gid))
			strv_take(&u->more, names_line_take(&l, 0));
	}
}

int oci_user_find(struct oci_user *u, const char *user, const char *passwd, const char *group,
		  struct err *e)
{
	size_t n = strcspn(user, ":");
	const char *named = user[n] ? user + n + 1 : NULL;
	struct names_line l;

	*u = (struct oci_user){ 0 };
	if (!user_find(u, user, n, passwd))
		return err_set(e, ERR_INPUT,
			       "User %s of the image: its /etc/passwd has no user %.*s", user,
			       (int)n, user);
	if (!named) {
		groups_more(u, group);
	} else if (line_find(&l, group, named, strlen(named))) {
		names_line_id(&l, 2, &u->gid);
	} else if (!names_id_parse(&u->gid, named, strlen(named))) {
		return err_set(e, ERR_INPUT, "User %s of the image: its /etc/group has no group %s",
			       user, named);
	}
	group_name(u, group);
	return 0;
}
