#include "image/walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/unit.h"

/* A tree as a table: node n is tree[n]; node 0 is the root. */
struct entry {
	uint64_t dir;
	const char *name;
	mode_t type;
	const char *target;
};

static struct entry tree[32];
static size_t n_entries;

static int lookup(void *arg, uint64_t dir, const char *name, size_t len, uint64_t *child,
		  mode_t *type)
{
	(void)arg;
	for (size_t k = 1; k < n_entries; k++)
		if (tree[k].dir == dir && strlen(tree[k].name) == len &&
		    memcmp(tree[k].name, name, len) == 0) {
			*child = k;
			*type = tree[k].type;
			return 1;
		}
	return 0;
}

static ssize_t readlink_of(void *arg, uint64_t node, char *buf, size_t cap)
{
	size_t n = strlen(tree[node].target);

	(void)arg;
	ck_assert_uint_le(n, cap);
	memcpy(buf, tree[node].target, n);
	return (ssize_t)n;
}

static int make(void *arg, uint64_t dir, const char *name, size_t len, bool last, uint64_t *child,
		mode_t *type)
{
	static char names[32][32];

	(void)arg;
	snprintf(names[n_entries], sizeof(names[0]), "%.*s", (int)len, name);
	tree[n_entries] = (struct entry){ dir, names[n_entries], last ? S_IFREG : S_IFDIR, NULL };
	*child = n_entries;
	*type = tree[n_entries++].type;
	return 1;
}

enum { ETC = 1, HOSTS, USR, BIN, SH, TO_BIN, TO_ETC, SELF, DANGLING, UP, COUNT };

static void plant(void)
{
	memset(tree, 0, sizeof(tree));
	tree[ETC] = (struct entry){ 0, "etc", S_IFDIR, NULL };
	tree[HOSTS] = (struct entry){ ETC, "hosts", S_IFREG, NULL };
	tree[USR] = (struct entry){ 0, "usr", S_IFDIR, NULL };
	tree[BIN] = (struct entry){ USR, "bin", S_IFDIR, NULL };
	tree[SH] = (struct entry){ BIN, "sh", S_IFREG, NULL };
	tree[TO_BIN] = (struct entry){ 0, "bin", S_IFLNK, "usr/bin" };
	tree[TO_ETC] = (struct entry){ BIN, "conf", S_IFLNK, "/etc" };
	tree[SELF] = (struct entry){ 0, "self", S_IFLNK, "self" };
	tree[DANGLING] = (struct entry){ 0, "scratch", S_IFLNK, "/gpfs/scratch" };
	tree[UP] = (struct entry){ ETC, "up", S_IFLNK, "../../../usr" };
	n_entries = COUNT;
}

static int go(const char *path, unsigned flags, bool making, struct walk_end *end)
{
	const struct walk_ops ops = { lookup, readlink_of, making ? make : NULL };

	errno = 0;
	return walk_path(&ops, NULL, 0, path, flags, end);
}

START_TEST(paths_lead_where_the_kernel_would_go)
{
	static const struct {
		const char *path;
		uint64_t node;
	} want[] = {
		{ "/", 0 },
		{ "/etc/hosts", HOSTS },
		{ "//etc/./hosts/", HOSTS },
		{ "/bin/sh", SH },
		{ "/bin/conf/hosts", HOSTS },
		{ "/bin/../bin", BIN },
		{ "/../../etc", ETC },
		{ "/etc/up/bin/sh", SH },
		{ "/usr/bin/../..", 0 },
	};
	struct walk_end end;

	plant();
	for (size_t k = 0; k < ARRAY_LEN(want); k++) {
		ck_assert_msg(go(want[k].path, WALK_FOLLOW, false, &end) == 0, "%s", want[k].path);
		ck_assert_msg(end.node == want[k].node, "%s", want[k].path);
	}
}
END_TEST

START_TEST(the_last_link_is_followed_only_on_demand)
{
	struct walk_end end;

	plant();
	ck_assert_int_eq(go("/bin", 0, false, &end), 0);
	ck_assert_uint_eq(end.node, TO_BIN);
	ck_assert_int_eq(go("/bin", WALK_FOLLOW, false, &end), 0);
	ck_assert_uint_eq(end.node, BIN);
	ck_assert_str_eq(end.name, "bin");
	ck_assert_uint_eq(end.dir, USR);
}
END_TEST

START_TEST(what_is_not_there_is_no_error)
{
	struct walk_end end;

	plant();
	ck_assert_int_eq(go("/nothing", 0, false, &end), 1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(go("/etc/hosts/x", 0, false, &end), 1);
	ck_assert_int_eq(errno, ENOTDIR);
	ck_assert_int_eq(go("/scratch", WALK_FOLLOW, false, &end), 1);
}
END_TEST

START_TEST(circles_and_endless_names_are_errors)
{
	static char path[PATH_MAX + 10];
	struct walk_end end;

	plant();
	ck_assert_int_eq(go("/self", WALK_FOLLOW, false, &end), -1);
	ck_assert_int_eq(errno, ELOOP);
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	ck_assert_int_eq(go(path, 0, false, &end), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
	path[300] = '\0';
	ck_assert_int_eq(go(path, 0, false, &end), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

START_TEST(missing_names_are_made_where_links_point)
{
	struct walk_end end;

	plant();
	ck_assert_int_eq(go("/scratch/user/job", WALK_FOLLOW, true, &end), 0);
	ck_assert(end.made);
	ck_assert_int_eq(go("/gpfs/scratch/user/job", 0, false, &end), 0);
	ck_assert_uint_eq(end.type, S_IFREG);
	ck_assert_int_eq(go("/etc/hosts", WALK_FOLLOW, true, &end), 0);
	ck_assert(!end.made);
}
END_TEST

UNIT(walk, paths_lead_where_the_kernel_would_go, the_last_link_is_followed_only_on_demand,
     what_is_not_there_is_no_error, circles_and_endless_names_are_errors,
     missing_names_are_made_where_links_point)
