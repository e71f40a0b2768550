#include "src/plan/plan_lent.h"

#include <string.h>

#include "src/base/path.h"

#define HOST_DIRS ".host" /* in a directory of libraries: where those of the host lie */

void plan_lent_say(struct plan *p, const struct lent *l)
{
	for (size_t i = 0; i < l->nverdicts; i++) {
		auto_buf struct buf line = { 0 };

		lent_line(&line, &l->verdicts[i]);
		strv_add(&p->lent, buf_str(&line));
	}
	for (size_t i = 0; i < l->notes.n; i++)
		strv_add(&p->notes, l->notes.v[i]);
}

static struct plan_mount *add(struct plan *p, enum plan_mount_kind kind, const char *src,
			      const char *dst, unsigned flags)
{
	struct plan_mount *m;

	xgrow(&p->mounts, &p->mounts_cap, p->nmounts + 1, sizeof(*p->mounts));
	m = &p->mounts[p->nmounts++];
	*m = (struct plan_mount){ .kind = kind,
				  .origin = PLAN_LENT,
				  .src = src ? xstrdup(src) : NULL,
				  .dst = xstrdup(dst),
				  .flags = flags };
	return m;
}

static bool is_free(const struct binds *user, const char *dst)
{
	for (size_t i = 0; i < user->n; i++)
		if (path_is_below(dst, user->v[i].dst))
			return false;
	return true;
}

/* The deepest of the first n mounts that dst lies in shows the host's src there already. */
static bool is_shown(const struct plan *p, size_t n, const char *src, const char *dst)
{
	const struct plan_mount *best = NULL;
	size_t len;

	for (size_t i = 0; i < n; i++) {
		const struct plan_mount *m = &p->mounts[i];

		if (m->kind != PLAN_SYMLINK && path_is_below(dst, m->dst) &&
		    (!best || strlen(m->dst) >= strlen(best->dst)))
			best = m;
	}
	if (!best || best->kind != PLAN_BIND || !(best->flags & PLAN_IS_DIR))
		return false;
	len = strlen(best->dst);
	return path_is_below(src, best->src) && !strcmp(src + strlen(best->src), dst + len);
}

static void add_libs_dir(struct plan *p, const struct binds *user, const char *dir)
{
	if (is_free(user, dir))
		add(p, PLAN_TMPFS, NULL, dir, PLAN_IS_DIR | PLAN_NOSUID | PLAN_NODEV | PLAN_RO)
			->data = xstrdup("mode=0755");
}

/* Whether the two directories of libraries are ours to fill: a link needs that. */
static bool in_bound_libs(const struct binds *user, const char *dst)
{
	auto_free char *dir = path_dir(dst);

	return !is_free(user, dir);
}

/* One mount a library is what a driver's hundred libraries would cost; so the directory of the
 * host that they lie in is mounted once, out of the loader's sight, and each is a link into it.
 * With all that is mounted below it: a container around us may have placed its files one by
 * one, and the kernel lets nobody look under them. */
static void add_lib(struct plan *p, const struct lent_item *it, size_t defaults, unsigned flags)
{
	auto_free char *from = path_dir(it->src), *libs = path_dir(it->dst), *text = NULL;
	auto_free char *all = path_join(libs, HOST_DIRS);
	struct plan_mount *dir = NULL;
	unsigned n = 0;

	for (size_t i = defaults; i < p->nmounts && !dir; i++) {
		struct plan_mount *m = &p->mounts[i];

		if (m->kind != PLAN_BIND || !path_is_below(m->dst, all))
			continue;
		dir = strcmp(m->src, from) ? NULL : m;
		n++;
	}
	if (!dir) {
		auto_free char *dst = xasprintf("%s/%u", all, n);

		dir = add(p, PLAN_BIND, from, dst,
			  flags | PLAN_IS_DIR | PLAN_REC | PLAN_NODEV | PLAN_RO);
	}
	if (it->must)
		dir->flags &= ~PLAN_OPTIONAL;
	text = xasprintf("%s/%s/%s", HOST_DIRS, path_base(dir->dst), path_base(it->src));
	add(p, PLAN_SYMLINK, text, it->dst, 0);
}

static void add_item(struct plan *p, const struct lent_item *it, const struct binds *user,
		     size_t defaults)
{
	unsigned flags = PLAN_NOSUID | (it->must ? 0 : PLAN_OPTIONAL) | (it->dir ? PLAN_IS_DIR : 0);

	if (!is_free(user, it->dst) || is_shown(p, defaults, it->src, it->dst))
		return;
	switch (it->kind) {
	case LENT_LIB:
		if (in_bound_libs(user, it->dst))
			add(p, PLAN_BIND, it->src, it->dst, flags | PLAN_NODEV | PLAN_RO);
		else
			add_lib(p, it, defaults, flags);
		break;
	case LENT_LINK:
		if (!in_bound_libs(user, it->dst))
			add(p, PLAN_SYMLINK, it->src, it->dst, 0);
		break;
	case LENT_BIND:
		add(p, PLAN_BIND, it->src, it->dst,
		    flags | PLAN_NODEV | (it->dir ? PLAN_REC : 0) | (it->writable ? 0 : PLAN_RO));
		break;
	case LENT_TMPFS:
		add(p, PLAN_TMPFS, NULL, it->dst,
		    flags | PLAN_NODEV | (it->noexec ? PLAN_NOEXEC : 0) |
			    (it->writable ? 0 : PLAN_RO))
			->data = xstrdup(it->src);
		break;
	case LENT_DEVICE:
		add(p, PLAN_BIND, it->src, it->dst, flags | (it->dir ? PLAN_REC : 0));
		break;
	}
}

void plan_lent_mounts(struct plan *p, const struct lent *l, const struct binds *user)
{
	size_t defaults = p->nmounts;

	if (l->libs)
		add_libs_dir(p, user, LENT_LIBS_DIR);
	if (l->libs32)
		add_libs_dir(p, user, LENT_LIBS32_DIR);
	for (size_t i = 0; i < l->nitems; i++)
		add_item(p, &l->items[i], user, defaults);
}
