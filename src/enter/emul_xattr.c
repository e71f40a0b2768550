/* Attributes that only real root may set: trusted.* and most of security.*.  user.* and
 * security.capability work in a user namespace, and the kernel does them.  An ACL that names ids
 * which are not mapped is refused by the kernel and written down here; nobody enforces it, and
 * SquashFS cannot store it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/enter/emul_priv.h"

#ifndef XATTR_CREATE
#define XATTR_CREATE  1
#define XATTR_REPLACE 2
#endif

static bool is_faked(const char *name)
{
	if (!strncmp(name, "trusted.", 8))
		return true;
	return !strncmp(name, "security.", 9) && strcmp(name + 9, "capability") != 0 &&
	       strcmp(name + 9, "selinux") != 0;
}

static bool is_acl(const char *name)
{
	return !strncmp(name, "system.posix_acl_", 17);
}

static bool by_fd(const struct emul_tracee *t)
{
	return t->nr->call == EMUL_FSETXATTR || t->nr->call == EMUL_FGETXATTR ||
	       t->nr->call == EMUL_FLISTXATTR || t->nr->call == EMUL_FREMOVEXATTR;
}

static bool no_follow(const struct emul_tracee *t)
{
	return t->nr->call == EMUL_LSETXATTR || t->nr->call == EMUL_LGETXATTR ||
	       t->nr->call == EMUL_LLISTXATTR || t->nr->call == EMUL_LREMOVEXATTR;
}

/* O_PATH on the file that the call is about. */
static int open_subject(const struct emul_tracee *t)
{
	auto_place struct place p;

	if (place_arg(&p, t, by_fd(t) ? (int)t->args[0] : AT_FDCWD, by_fd(t) ? 0 : t->args[0],
		      no_follow(t), by_fd(t)) < 0)
		return -1;
	return place_open(&p);
}

static enum emul_verdict done(int64_t *value, int64_t v)
{
	*value = v;
	return EMUL_DONE;
}

/* What the tracee's value argument holds, in a heap block. */
static void *value_read(const struct emul_tracee *t, size_t n)
{
	auto_free void *v = xmalloc(n + 1);

	if (n && tracee_read(t, t->args[2], v, n) < 0)
		return NULL;
	return take_ptr(v);
}

static int acl_for_real(int fd, const char *name, const void *v, size_t n, int flags)
{
	char path[40];

	snprintf(path, sizeof(path), "self/fd/%d", fd);
	return setxattr(path, name, v, n, flags);
}

static enum emul_verdict set_call(const struct emul_tracee *t, const char *name, int64_t *value)
{
	size_t n = (size_t)t->args[3];
	int flags = (int)t->args[4];
	auto_close int fd = -1;
	auto_free void *v = NULL;
	const struct emul_rec *old;
	bool there;
	struct emul_rec *r;
	struct statx st;
	struct emul_key k;

	if (n > XATTR_SIZE_MAX)
		return done(value, -E2BIG);
	fd = open_subject(t);
	v = value_read(t, n);
	if (fd < 0 || !v || emul_key_at(&k, &st, fd, "", AT_EMPTY_PATH) < 0 || !tracee_is_there(t))
		return EMUL_CONTINUE;
	if (is_acl(name) &&
	    (acl_for_real(fd, name, v, n, flags) == 0 || (errno != EINVAL && errno != EPERM)))
		return EMUL_CONTINUE; /* the same once more, or the same error */
	old = emul_table_get(t->s->table, &k);
	there = old && emul_rec_xattr(old, name);
	if (there && flags & XATTR_CREATE)
		return done(value, -EEXIST);
	if (!there && flags & XATTR_REPLACE)
		return done(value, -ENODATA);
	r = emul_table_put(t->s->table, &k);
	if (!old) {
		r->uid = st.stx_uid;
		r->gid = st.stx_gid;
	}
	emul_rec_xattr_set(t->s->table, r, name, v, n);
	return done(value, 0);
}

static const struct emul_rec *subject_rec(const struct emul_tracee *t, int *fd, struct emul_key *k)
{
	*fd = open_subject(t);
	if (*fd < 0 || emul_key_at(k, NULL, *fd, "", AT_EMPTY_PATH) < 0)
		return NULL;
	return emul_table_get(t->s->table, k);
}

static enum emul_verdict give_bytes(const struct emul_tracee *t, uint64_t to, size_t room,
				    const void *p, size_t n, int64_t *value)
{
	if (room == 0)
		return done(value, (int64_t)n);
	if (n > room)
		return done(value, -ERANGE);
	if (!tracee_is_there(t) || (n && tracee_write(t, to, p, n) < 0))
		return EMUL_CONTINUE;
	return done(value, (int64_t)n);
}

static enum emul_verdict get_call(const struct emul_tracee *t, const char *name, int64_t *value)
{
	auto_close int fd = -1;
	struct emul_key k;
	const struct emul_rec *r = subject_rec(t, &fd, &k);
	const struct emul_xattr *x = r ? emul_rec_xattr(r, name) : NULL;

	if (!x)
		return EMUL_CONTINUE;
	return give_bytes(t, t->args[2], (size_t)t->args[3], x->value, x->len, value);
}

static enum emul_verdict remove_call(const struct emul_tracee *t, const char *name, int64_t *value)
{
	auto_close int fd = -1;
	struct emul_key k;
	const struct emul_rec *r = subject_rec(t, &fd, &k);

	if (fd < 0 || (is_acl(name) && !(r && emul_rec_xattr(r, name))))
		return EMUL_CONTINUE;
	if (!r || !emul_rec_xattr(r, name))
		return done(value, -ENODATA);
	emul_rec_xattr_set(t->s->table, emul_table_put(t->s->table, &k), name, NULL, 0);
	return done(value, 0);
}

/* The real names, then ours. */
static enum emul_verdict list_call(const struct emul_tracee *t, int64_t *value)
{
	auto_close int fd = -1;
	struct emul_key k;
	const struct emul_rec *r = subject_rec(t, &fd, &k);
	auto_buf struct buf b = { 0 };
	char path[40];
	ssize_t n;

	if (!r || !r->xattrs)
		return EMUL_CONTINUE;
	snprintf(path, sizeof(path), "self/fd/%d", fd);
	buf_reserve(&b, XATTR_LIST_MAX);
	n = listxattr(path, b.data, XATTR_LIST_MAX);
	b.len = n > 0 ? (size_t)n : 0;
	for (const struct emul_xattr *x = r->xattrs; x; x = x->next)
		buf_add(&b, x->name, strlen(x->name) + 1);
	return give_bytes(t, t->args[1], (size_t)t->args[2], b.data, b.len, value);
}

enum emul_verdict emul_xattr_call(const struct emul_tracee *t, int64_t *value)
{
	enum emul_call c = t->nr->call;
	bool sets = c == EMUL_SETXATTR || c == EMUL_LSETXATTR || c == EMUL_FSETXATTR;
	char name[XATTR_NAME_MAX + 1];

	if (!sets && !emul_table_has_xattrs(t->s->table) && c != EMUL_REMOVEXATTR &&
	    c != EMUL_LREMOVEXATTR && c != EMUL_FREMOVEXATTR)
		return EMUL_CONTINUE;
	if (c == EMUL_LISTXATTR || c == EMUL_LLISTXATTR || c == EMUL_FLISTXATTR)
		return list_call(t, value);
	if (tracee_string(t, t->args[1], name, sizeof(name)) < 0 ||
	    (!is_faked(name) && !is_acl(name)))
		return EMUL_CONTINUE;
	if (sets)
		return set_call(t, name, value);
	if (c == EMUL_GETXATTR || c == EMUL_LGETXATTR || c == EMUL_FGETXATTR)
		return get_call(t, name, value);
	return remove_call(t, name, value);
}
