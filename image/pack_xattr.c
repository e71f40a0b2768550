/* A link's own attributes can only be named by a path (lgetxattr), and a path below a directory
 * descriptor goes through /proc: also for files without read permission. */
#include "image/pack_xattr.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "src/base/mem.h"

/* struct vfs_ns_cap_data of linux/capability.h: magic, two pairs of sets, root id. */
enum { CAP_V2_LEN = 20, CAP_V3_LEN = 24 };
#define CAP_REVISION_2 0x02

struct collector {
	struct tree *t;
	struct xattr *v;
	size_t n, cap;
};

static bool is_stored(const char *name)
{
	static const char *const left_out[] = { "security.selinux", "user.overlay.",
						"trusted.overlay." };

	for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
		if (!strncmp(name, left_out[i], strlen(left_out[i])))
			return false;
	return !strncmp(name, "user.", 5) || !strncmp(name, "trusted.", 8) ||
	       !strncmp(name, "security.", 9);
}

static void put(struct collector *c, const char *name, const void *value, size_t len)
{
	struct xattr *x = NULL;

	for (size_t i = 0; i < c->n && !x; i++)
		if (!strcmp(c->v[i].name, name))
			x = &c->v[i];
	if (!x) {
		xgrow(&c->v, &c->cap, c->n + 1, sizeof(*c->v));
		x = &c->v[c->n++];
		x->name = arena_strdup(&c->t->arena, name);
	}
	x->value = arena_memdup(&c->t->arena, value, len);
	x->len = (uint32_t)len;
}

static void put_own(struct collector *c, const char *name, unsigned char *value, size_t len)
{
	if (!strcmp(name, "security.capability") && len == CAP_V3_LEN) {
		value[3] = CAP_REVISION_2; /* top byte of a little-endian word */
		len = CAP_V2_LEN;
	}
	put(c, name, value, len);
}

static int own(struct collector *c, const char *path, bool *acl, struct err *e)
{
	char names[8192];
	auto_free char *big = NULL;
	auto_free unsigned char *value = NULL;
	char *list = names;
	ssize_t n = llistxattr(path, names, sizeof(names));

	if (n < 0 && errno == ERANGE) {
		list = big = xmalloc(XATTR_LIST_MAX);
		n = llistxattr(path, big, XATTR_LIST_MAX);
	}
	if (n < 0 && (errno == ENOTSUP || errno == ENOSYS))
		return 0;
	if (n < 0)
		return err_sys(e, "list attributes");
	for (const char *name = list; name < list + n; name += strlen(name) + 1) {
		ssize_t len;

		*acl = *acl || !strncmp(name, "system.posix_acl_", 17);
		if (!is_stored(name))
			continue;
		if (!value)
			value = xmalloc(XATTR_SIZE_MAX);
		len = lgetxattr(path, name, value, XATTR_SIZE_MAX);
		if (len < 0 && errno == ENODATA)
			continue;
		if (len < 0)
			return err_sys(e, "read attribute %s", name);
		put_own(c, name, value, (size_t)len);
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

int pack_xattrs(struct tree *t, int dirfd, const char *name, const struct xattr *more, size_t n,
		const struct xattrs **out, bool *acl, struct err *e)
{
	struct collector c = { .t = t };
	char path[64 + TREE_NAME_MAX + 1];
	struct xattrs *all;
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	r = own(&c, path, acl, e);
	for (size_t i = 0; i < n && r == 0; i++)
		put(&c, more[i].name, more[i].value, more[i].len);
	*out = NULL;
	if (r == 0 && c.n) {
		qsort(c.v, c.n, sizeof(*c.v), by_name);
		all = arena_alloc(&t->arena, sizeof(*all) + c.n * sizeof(*c.v));
		all->n = (uint32_t)c.n;
		memcpy(all->v, c.v, c.n * sizeof(*c.v));
		*out = all;
	}
	free(c.v);
	return r;
}
