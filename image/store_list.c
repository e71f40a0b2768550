#include "image/store_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "image/owner.h"
#include "image/store_impl.h"
#include "src/base/fd.h"
#include "src/base/log.h"

#define FRESH	    60 /* seconds: somebody may just have found it */
#define DEFAULT_MAX ((uint64_t)100 << 30)
#define DEFAULT_AGE (90 * 86400)

void store_items_fini(struct store_items *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].path);
		free(a->v[i].name);
	}
	free(a->v);
	*a = (struct store_items){ 0 };
}

static DIR *open_dir(struct store *s, const char *path)
{
	int fd = openat(s->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		close_p_(&fd);
	return d;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static void add_item(struct store_items *out, struct store *s, enum store_kind kind, char *path,
		     const char *name, enum digest_algo algo)
{
	struct store_item *i;
	struct stat st;

	if (fstatat(s->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) {
		free(path);
		return;
	}
	xgrow(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
	i = &out->v[out->n++];
	*i = (struct store_item){
		.kind = kind,
		.path = path,
		.name = xstrdup(name),
		.algo = algo,
		.size = st.st_nlink > 1 ? 0 : (uint64_t)st.st_blocks * 512,
		.length = (uint64_t)st.st_size,
		.made = st.st_mtime,
		.used = MAX(st.st_atime, MAX(st.st_mtime, st.st_ctime)),
	};
}

static void list_blobs(struct store_items *out, struct store *s, const char *algo,
		       enum digest_algo a)
{
	auto_free char *top = xasprintf("blobs/%s", algo);
	DIR *d = open_dir(s, top);
	struct dirent *de, *f;

	while (d && (de = readdir(d))) {
		auto_free char *sub = xasprintf("%s/%s", top, de->d_name);
		DIR *inner = is_dots(de->d_name) ? NULL : open_dir(s, sub);

		while (inner && (f = readdir(inner)))
			if (!is_dots(f->d_name))
				add_item(out, s, STORE_BLOB, xasprintf("%s/%s", sub, f->d_name),
					 f->d_name, a);
		if (inner)
			closedir(inner);
	}
	if (d)
		closedir(d);
}

static void list_images(struct store_items *out, struct store *s)
{
	DIR *d = open_dir(s, "sif");
	struct dirent *de, *f;

	while (d && (de = readdir(d))) {
		auto_free char *sub = xasprintf("sif/%s", de->d_name);
		DIR *inner = is_dots(de->d_name) ? NULL : open_dir(s, sub);

		while (inner && (f = readdir(inner)))
			if (str_has_suffix(f->d_name, ".sif"))
				add_item(out, s, STORE_IMAGE, xasprintf("%s/%s", sub, f->d_name),
					 de->d_name, DIGEST_NONE);
		if (inner)
			closedir(inner);
	}
	if (d)
		closedir(d);
}

static void list_notes(struct store_items *out, struct store *s, const char *dir)
{
	DIR *d = open_dir(s, dir);
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (de->d_name[0] != '.')
			add_item(out, s, STORE_NOTE, xasprintf("%s/%s", dir, de->d_name),
				 de->d_name, DIGEST_NONE);
	if (d)
		closedir(d);
}

/* Part files are listed; marks of use go to their images. */
static void list_tmp(struct store_items *out, struct store *s)
{
	DIR *d = open_dir(s, "tmp");
	struct dirent *de;

	while (d && (de = readdir(d))) {
		const char *dot = strchr(de->d_name, '.');
		auto_free char *user = dot ? owner_of_file(dot, ".", ".use") : NULL;

		if (str_has_suffix(de->d_name, ".part"))
			add_item(out, s, STORE_PART, xasprintf("tmp/%s", de->d_name), de->d_name,
				 DIGEST_NONE);
		if (!user || owner_state(user) == OWNER_GONE)
			continue;
		for (size_t i = 0; i < out->n; i++)
			if (out->v[i].kind == STORE_IMAGE &&
			    !strncmp(out->v[i].name, de->d_name, (size_t)(dot - de->d_name)))
				out->v[i].in_use = true;
	}
	if (d)
		closedir(d);
}

static int by_use(const void *a, const void *b)
{
	const struct store_item *x = a, *y = b;

	return x->used < y->used ? -1 : x->used > y->used;
}

int store_items(struct store_items *out, struct store *s, struct err *e)
{
	(void)e;
	list_blobs(out, s, "sha256", DIGEST_SHA256);
	list_blobs(out, s, "sha512", DIGEST_SHA512);
	list_images(out, s);
	list_notes(out, s, "signatures");
	list_notes(out, s, "blocks");
	list_tmp(out, s);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_use);
	return 0;
}

/* A name of its own first: whoever looks for it now does not find half of it. */
int store_item_remove(struct store *s, const struct store_item *i, struct err *e)
{
	char *slash;
	auto_free char *dir = xstrdup(i->path);

	if (unlinkat(s->root, i->path, 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove %s/%s", s->dir, i->path);
	slash = strrchr(dir, '/');
	if (i->kind == STORE_IMAGE && slash) {
		*slash = '\0';
		unlinkat(s->root, dir, AT_REMOVEDIR); /* stays when another is in it */
	}
	return 0;
}

void store_use(struct store *s, const char *key)
{
	auto_free char *me = owner_name();
	auto_free char *name = xasprintf("%s.%s.use", key, me);
	auto_close int fd =
		openat(s->tmp, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, STORE_FILE_MODE);

	(void)fd; /* a store that cannot be written is not made room in either */
}

/* "20G", "500M", "0". */
static int parse_size(const char *s, uint64_t *out)
{
	static const char units[] = "kMGT";
	char *end;
	double v = strtod(s, &end);
	const char *u = *end ? strchr(units, *end) : NULL;

	if (end == s || v < 0 || (*end && (!u || end[1])))
		return -1;
	for (const char *p = units; u && p <= u; p++)
		v *= 1024;
	*out = (uint64_t)v;
	return 0;
}

int store_limits_default(struct store_limits *out, struct store *s, char *const *env, struct err *e)
{
	const char *size = store_env(env, "BERTH_CACHE_MAX_SIZE");
	const char *days = store_env(env, "BERTH_CACHE_MAX_DAYS");
	struct statvfs st;
	uint64_t n;

	*out = (struct store_limits){ DEFAULT_MAX, DEFAULT_AGE };
	if (fstatvfs(s->root, &st) == 0)
		out->max_bytes = MIN(DEFAULT_MAX, (uint64_t)st.f_blocks * st.f_frsize / 4);
	if (size && parse_size(size, &out->max_bytes) < 0)
		return err_set(e, ERR_USAGE,
			       "BERTH_CACHE_MAX_SIZE is \"%.40s\": a size like 20G is "
			       "expected, 0 for no limit",
			       size);
	if (days && (parse_size(days, &n) < 0 || n > 100000))
		return err_set(e, ERR_USAGE,
			       "BERTH_CACHE_MAX_DAYS is \"%.40s\": a number is expected, "
			       "0 for no limit",
			       days);
	if (days)
		out->max_age = (int64_t)n * 86400;
	return 0;
}

int store_evict(struct store *s, const struct store_limits *l, uint64_t *freed, struct err *e)
{
	auto_store_items struct store_items all = { 0 };
	uint64_t total = 0;
	time_t now = time(NULL);

	*freed = 0;
	if (store_items(&all, s, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		total += all.v[i].size;
	for (size_t i = 0; i < all.n; i++) {
		const struct store_item *x = &all.v[i];
		bool old = l->max_age && now - x->used > l->max_age;
		bool over = l->max_bytes && total > l->max_bytes;

		/* Part files have rules of their own (store_sweep()). */
		if (x->kind == STORE_PART || x->in_use || now - x->used < FRESH ||
		    (!old && !(over && x->size)))
			continue;
		if (store_item_remove(s, x, e) < 0)
			return -1;
		total -= x->size;
		*freed += x->size;
	}
	return 0;
}
