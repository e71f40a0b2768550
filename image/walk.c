/* The remaining path is one string; a link's target is put before it.  The way
 * down from the root is kept for "..", which a target may start with. */
#include "image/walk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/mem.h"

enum { LINKS_MAX = 40, DEPTH_MAX = 1024, REST_MAX = 2 * PATH_MAX };

struct walk {
	const struct walk_ops *ops;
	void *arg;
	uint64_t way[DEPTH_MAX]; /* way[0] is the root */
	size_t depth;
	unsigned links;
	char rest[REST_MAX];
	size_t at;
};

static int fail(int error)
{
	errno = error;
	return -1;
}

/* Replaces what is left by target + "/" + what is left. */
static int prepend(struct walk *w, const char *target, size_t n)
{
	size_t left = strlen(w->rest + w->at);

	if (++w->links > LINKS_MAX)
		return fail(ELOOP);
	if (n + 1 + left + 1 > REST_MAX)
		return fail(ENAMETOOLONG);
	memmove(w->rest + n + 1, w->rest + w->at, left + 1);
	memcpy(w->rest, target, n);
	w->rest[n] = '/';
	w->at = 0;
	if (target[0] == '/')
		w->depth = 0;
	return 0;
}

static int follow(struct walk *w, uint64_t link)
{
	char target[PATH_MAX];
	ssize_t n = w->ops->readlink(w->arg, link, target, sizeof(target));

	if (n < 0)
		return -1;
	if (n == 0 || n >= PATH_MAX)
		return fail(n ? ENAMETOOLONG : ENOENT);
	return prepend(w, target, (size_t)n);
}

/* The next component of the rest: its length, 0 at the end. */
static size_t next_name(struct walk *w, const char **name)
{
	size_t n;

	w->at += strspn(w->rest + w->at, "/");
	*name = w->rest + w->at;
	n = strcspn(*name, "/");
	w->at += n;
	return n;
}

static bool is_last(const struct walk *w)
{
	return w->rest[w->at + strspn(w->rest + w->at, "/")] == '\0';
}

/* One ordinary component.  0 went on, 1 not there, -1. */
static int step(struct walk *w, const char *name, size_t n, unsigned flags, struct walk_end *end)
{
	uint64_t dir = w->way[w->depth], child = 0;
	bool last = is_last(w);
	mode_t type = 0;
	int r;

	if (n > NAME_MAX)
		return fail(ENAMETOOLONG);
	r = w->ops->lookup(w->arg, dir, name, n, &child, &type);
	end->made = r == 0 && w->ops->make;
	if (end->made)
		r = w->ops->make(w->arg, dir, name, n, last, &child, &type);
	if (r <= 0) {
		if (r == 0)
			errno = ENOENT;
		return r == 0 ? 1 : -1;
	}
	end->dir = dir;
	memcpy(end->name, name, n);
	end->name[n] = '\0';
	if (S_ISLNK(type) && (!last || flags & WALK_FOLLOW))
		return follow(w, child);
	end->node = child;
	end->type = type;
	if (S_ISDIR(type)) {
		if (++w->depth == DEPTH_MAX)
			return fail(ENAMETOOLONG);
		w->way[w->depth] = child;
	} else if (!last) {
		errno = ENOTDIR;
		return 1;
	}
	return 0;
}

int walk_path(const struct walk_ops *ops, void *arg, uint64_t root, const char *path,
	      unsigned flags, struct walk_end *end)
{
	struct walk w;
	const char *name;
	size_t n;
	int r;

	w.ops = ops;
	w.arg = arg;
	w.way[0] = root;
	w.depth = w.links = 0;
	w.at = 0;
	if (strlen(path) >= PATH_MAX)
		return fail(ENAMETOOLONG);
	strcpy(w.rest, path);
	*end = (struct walk_end){ .node = root, .type = S_IFDIR, .dir = root };
	while ((n = next_name(&w, &name))) {
		if (n == 1 && name[0] == '.')
			continue;
		if (n == 2 && name[0] == '.' && name[1] == '.') {
			w.depth -= w.depth > 0;
			end->name[0] = '\0';
		} else {
			r = step(&w, name, n, flags, end);
			if (r)
				return r;
			if (!S_ISDIR(end->type))
				continue;
		}
		end->node = w.way[w.depth];
		end->type = S_IFDIR;
	}
	return 0;
}
