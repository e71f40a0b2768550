/* flat_reference: what layers become, done the slow and obvious way: from the bottom up, on a list
 * of path strings, with the steps of umoci's UnpackEntry.  The yardstick for merge.c. */
#ifndef TESTS_UNIT_FLAT_REFERENCE_H
#define TESTS_UNIT_FLAT_REFERENCE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "src/base/buf.h"
#include "src/base/path.h"

struct ref_ino {
	char type; /* f d l p */
	unsigned mode, uid, gid, mtime;
	char text[64]; /* content, or a link's target */
};

struct ref_entry {
	char kind;     /* f d l p, h hard link, w whiteout, o opaque */
	char path[64]; /* clean and absolute; of w: what it removes */
	char target[64];
	struct ref_ino ino;
};

struct ref_at {
	char *path;
	struct ref_ino *ino;
};

struct ref_tree {
	struct ref_at at[512];
	size_t n;
	struct ref_ino pool[512];
	size_t npool;
	struct strv touched; /* by this layer, ancestors included */
};

static struct ref_at *ref_find(struct ref_tree *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->at[i].path, path))
			return &t->at[i];
	return NULL;
}

static void ref_drop(struct ref_tree *t, size_t i)
{
	free(t->at[i].path);
	t->at[i] = t->at[--t->n];
}

static void ref_remove(struct ref_tree *t, const char *path)
{
	for (size_t i = t->n; i-- > 0;)
		if (path_is_below(t->at[i].path, path))
			ref_drop(t, i);
}

static void ref_set(struct ref_tree *t, const char *path, struct ref_ino *ino)
{
	struct ref_at *a = ref_find(t, path);

	if (!a) {
		a = &t->at[t->n++];
		a->path = xstrdup(path);
	}
	a->ino = ino;
}

static struct ref_ino *ref_ino(struct ref_tree *t, struct ref_ino ino)
{
	t->pool[t->npool] = ino;
	return &t->pool[t->npool++];
}

/* securejoin.  false: a loop. */
static bool ref_resolve(struct ref_tree *t, const char *path, char *out, size_t size)
{
	auto_free char *rest = xstrdup(path);
	int links = 0;

	strcpy(out, "/");
	while (*rest) {
		size_t k = strcspn(rest, "/");
		auto_free char *comp = xstrndup(rest, k);
		auto_free char *next = NULL, *tail = xstrdup(rest + k + (rest[k] == '/'));
		struct ref_at *a;

		if (k == 0 || !strcmp(comp, ".")) {
			next = xstrdup(out);
		} else if (!strcmp(comp, "..")) {
			next = path_dir(out);
		} else {
			next = path_join(out, comp);
			a = ref_find(t, next);
			if (a && a->ino->type == 'l') {
				if (++links > 40)
					return false;
				free(rest);
				rest = xasprintf("%s/%s", a->ino->text, tail);
				if (a->ino->text[0] == '/')
					strcpy(out, "/");
				continue;
			}
		}
		snprintf(out, size, "%s", next);
		free(rest);
		rest = xstrdup(tail);
	}
	return true;
}

/* The parent resolved, the last name not. */
static bool ref_place(struct ref_tree *t, const char *path, char *out, size_t size)
{
	auto_free char *dir = path_dir(path), *p = NULL;
	char real[4096];

	if (!ref_resolve(t, dir, real, sizeof(real)))
		return false;
	p = path_join(real, path_base(path));
	snprintf(out, size, "%s", p);
	return true;
}

static void ref_touch(struct ref_tree *t, const char *path)
{
	auto_free char *p = xstrdup(path);

	while (strcmp(p, "/") != 0) {
		char *up = path_dir(p);

		strv_add(&t->touched, p);
		free(p);
		p = up;
	}
}

static void ref_mkdirs(struct ref_tree *t, const char *dir, unsigned mtime)
{
	struct ref_at *a = ref_find(t, dir);

	if (a && a->ino->type == 'd')
		return;
	if (strcmp(dir, "/") != 0) {
		auto_free char *up = path_dir(dir);

		ref_mkdirs(t, up, mtime);
	}
	ref_remove(t, dir);
	ref_set(t, dir, ref_ino(t, (struct ref_ino){ .type = 'd', .mode = 0755, .mtime = mtime }));
}

static void ref_purge(struct ref_tree *t, const char *path, bool itself)
{
	for (size_t i = t->n; i-- > 0;)
		if (path_is_below(t->at[i].path, path) && !strv_has(&t->touched, t->at[i].path) &&
		    (itself || strcmp(t->at[i].path, path) != 0))
			ref_drop(t, i);
}

/* false: umoci gives up here. */
static bool ref_apply(struct ref_tree *t, const struct ref_entry *en)
{
	char real[4096], target[4096];
	auto_free char *up = NULL;
	struct ref_ino *ino;
	struct ref_at *a;

	if (en->kind == 'o') {
		if (!ref_resolve(t, en->path, real, sizeof(real)))
			return false;
		if (ref_find(t, real))
			ref_purge(t, real, false);
		return true;
	}
	if (!ref_place(t, en->path, real, sizeof(real)))
		return false;
	if (en->kind == 'w') {
		ref_purge(t, real, true);
		return true;
	}
	a = ref_find(t, real);
	if (!(a && a->ino->type == 'd' && en->kind == 'd'))
		ref_remove(t, real);
	if (en->kind == 'h') {
		if (!ref_place(t, en->target, target, sizeof(target)))
			return false;
		a = ref_find(t, target);
		if (!a || a->ino->type == 'd')
			return false;
		ino = a->ino;
	} else {
		ino = ref_ino(t, en->ino);
	}
	up = path_dir(real);
	ref_mkdirs(t, up, ino->mtime);
	ref_set(t, real, ino);
	ref_touch(t, real);
	return true;
}

static void ref_begin(struct ref_tree *t)
{
	ref_set(t, "/", ref_ino(t, (struct ref_ino){ .type = 'd', .mode = 0755 }));
}

static void ref_next_layer(struct ref_tree *t)
{
	strv_fini(&t->touched);
	t->touched = (struct strv){ 0 };
}

static void ref_fini(struct ref_tree *t)
{
	while (t->n)
		ref_drop(t, 0);
	strv_fini(&t->touched);
}

#endif
