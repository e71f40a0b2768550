#include "src/flow/build_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "image/pack.h"
#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/base/path.h"
#include "src/flow/build_names.h"
#include "src/flow/owners.h"
#include "src/host/cpus.h"

#define GONE_NAME "gone" /* paths, each with a NUL behind it */
#define GONE_MAX  (256 << 20)

void build_shot_fini(struct build_shot *shot)
{
	arena_fini(&shot->arena);
	free(shot->v);
	*shot = (struct build_shot){ 0 };
}

static uint32_t mix(uint32_t h, const void *p, size_t n)
{
	const unsigned char *c = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ c[i]) * 16777619u;
	return h;
}

static uint32_t owner_hash(const struct emul_table *t, const struct statx *st, int dir,
			   const char *name)
{
	const struct emul_rec *r;
	struct emul_key k;
	uint32_t h = 2166136261u;

	emul_key_of(&k, st);
	if (!emul_table_may(t, &k))
		return 0;
	emul_key_life(&k, dir, name, AT_SYMLINK_NOFOLLOW);
	r = emul_table_get(t, &k);
	/* root's, which is the same as no record */
	if (!r || (!r->uid && !r->gid && !r->type && !r->xattrs))
		return 0;
	h = mix(h, &r->uid, sizeof(r->uid));
	h = mix(h, &r->gid, sizeof(r->gid));
	h = mix(h, &r->type, sizeof(r->type));
	h = mix(h, &r->dev_major, sizeof(r->dev_major));
	h = mix(h, &r->dev_minor, sizeof(r->dev_minor));
	for (const struct emul_xattr *x = r->xattrs; x; x = x->next) {
		h = mix(h, x->name, strlen(x->name));
		h = mix(h, x->value, x->len);
	}
	return h | 1;
}

static int walk(struct build_shot *s, const struct build_tree *t, int dir, const char *path,
		struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		close_p_(&fd);
		return err_sys(e, "list %s of the image", *path ? path : "/");
	}
	while (r == 0 && (de = readdir(d))) {
		struct statx st;
		struct shot_entry *x;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		if (statx(fd, de->d_name, AT_SYMLINK_NOFOLLOW, EMUL_KEY_MASK, &st) < 0) {
			r = err_sys(e, "%s/%s of the image", path, de->d_name);
			break;
		}
		xgrow(&s->v, &s->cap, s->n + 1, sizeof(*s->v));
		x = &s->v[s->n++];
		*x = (struct shot_entry){
			.path = arena_printf(&s->arena, "%s/%s", path, de->d_name),
			.ino = st.stx_ino,
			.ctime = st.stx_ctime.tv_sec * 1000000000ll + st.stx_ctime.tv_nsec,
			.size = S_ISDIR(st.stx_mode) ? 0 : st.stx_size,
			.mode = st.stx_mode,
			.owner = owner_hash(t->owners, &st, fd, de->d_name),
		};
		if (S_ISDIR(st.stx_mode)) {
			const char *below = x->path;
			auto_close int sub = openat(fd, de->d_name,
						    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			r = sub < 0 ? err_sys(e, "open %s of the image", below)
				    : walk(s, t, sub, below, e);
		}
	}
	closedir(d);
	return r;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct shot_entry *)a)->path, ((const struct shot_entry *)b)->path);
}

int build_shot_take(struct build_shot *shot, const struct build_tree *t, struct err *e)
{
	build_shot_fini(shot);
	if (walk(shot, t, t->fd, "", e) < 0)
		return -1;
	qsort(shot->v, shot->n, sizeof(*shot->v), by_path);
	return 0;
}

static struct shot_entry *find(const struct build_shot *s, const char *path)
{
	const struct shot_entry key = { .path = path };

	return bsearch(&key, s->v, s->n, sizeof(*s->v), by_path);
}

static void keep_parents(struct build_shot *s, const char *path)
{
	auto_free char *p = xstrdup(path);
	char *slash;

	while ((slash = strrchr(p, '/')) != p) {
		struct shot_entry *x;

		*slash = '\0';
		x = find(s, p);
		if (!x || x->keep)
			break;
		x->keep = true;
	}
}

/* Marks what is new or changed in after, with the directories above it; adds what is gone. */
static size_t compare(const struct build_shot *before, struct build_shot *after, struct buf *gone)
{
	size_t changed = 0;

	for (size_t i = 0; i < after->n; i++) {
		struct shot_entry *x = &after->v[i];
		const struct shot_entry *old = find(before, x->path);

		x->changed = !old || old->ino != x->ino || old->ctime != x->ctime ||
			     old->size != x->size || old->mode != x->mode || old->owner != x->owner;
		if (!x->changed)
			continue;
		changed++;
		x->keep = true;
		keep_parents(after, x->path);
	}
	for (size_t i = 0; i < before->n; i++) {
		const struct shot_entry *old = &before->v[i], *now = find(after, old->path);

		/* A directory that became a file, or a file a directory, is in the way as well. */
		if (now && S_ISDIR(now->mode) == S_ISDIR(old->mode))
			continue;
		buf_add(gone, old->path, strlen(old->path) + 1);
		changed++;
	}
	return changed;
}

struct looking {
	struct owners owners;
	const struct build_shot *after;
};

static int look(void *arg, const struct pack_entry *entry, struct pack_attr *attr, struct err *e)
{
	struct looking *l = arg;
	const struct shot_entry *x = strcmp(entry->path, "/") ? find(l->after, entry->path) : NULL;

	if (strcmp(entry->path, "/") != 0 && (!x || !x->keep))
		return PACK_SKIP;
	return owners_look(&l->owners, entry, attr, e);
}

static char *name_of(const struct build_key *key)
{
	return xasprintf("step-%.64s", key->hex);
}

bool build_cache_has(struct build *b, const struct build_key *key)
{
	auto_free char *name = name_of(key);
	auto_buf struct buf path = { 0 };
	struct err ignored;

	return b->store && *key->hex && !b->req->no_cache &&
	       store_sif_find(b->store, name, &path, &ignored) == 1;
}

static int write_difference(int fd, const struct build_tree *t, const struct build_shot *after,
			    const struct buf *gone, struct err *e)
{
	struct looking l = { { .table = t->owners }, after };
	struct pack_opts o = {
		.comp = COMP_LZ4, .threads = cpus_usable("/"), .epoch = -1, .look = look, .arg = &l
	};
	struct pack_object object = { SIF_JSON, GONE_NAME, gone->data, gone->len };
	struct pack_stat st;
	int r = pack_sif(fd, t->fd, "amd64", &object, gone->len ? 1 : 0, &o, &st, e);

	owners_fini(&l.owners);
	return r;
}

int build_cache_put(struct build *b, const struct build_key *key, const struct build_tree *t,
		    struct build_shot *before, struct err *e)
{
	struct build_shot after = { 0 };
	auto_free char *name = name_of(key), *draft = NULL;
	auto_buf struct buf gone = { 0 }, path = { 0 };
	auto_close int fd = -1;
	struct err why;

	if (!b->store || !*key->hex)
		return 0;
	if (build_shot_take(&after, t, e) < 0) {
		build_shot_fini(&after);
		return -1;
	}
	compare(before, &after, &gone);
	draft = store_sif_draft(b->store, name);
	fd = open(draft, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	/* Not to be able to keep something is no failure of the build. */
	if (fd < 0 || write_difference(fd, t, &after, &gone, &why) < 0 ||
	    store_sif_publish(b->store, name, fd, AT_FDCWD, draft, &path, &why) < 0) {
		log_verbose("step not kept in the store");
		unlink(draft);
	}
	build_shot_fini(before);
	*before = after;
	return 0;
}

/* --- applying --- */

static int remove_gone(const struct build_tree *t, const struct buf *gone, struct err *e)
{
	size_t at = gone->len;

	/* From the end: what is in a directory stands behind it. */
	while (at > 0) {
		size_t end = at - 1;
		const char *path;
		auto_free char *dir = NULL;
		auto_close int fd = -1;

		for (at = end; at > 0 && gone->data[at - 1]; at--)
			;
		path = gone->data + at;
		if (*path != '/')
			return err_set(e, ERR_INPUT, "a step in the store is damaged");
		dir = path_dir(path);
		fd = open_in_root(t->fd, dir, O_PATH | O_DIRECTORY, 0);
		if (fd >= 0 && unlinkat(fd, path_base(path), 0) < 0 && errno == EISDIR)
			unlinkat(fd, path_base(path), AT_REMOVEDIR);
	}
	return 0;
}

/* Moves everything of the directory from into to; directories that are there stay, and take over
 * mode and times. */
static int merge(struct emul_table *owners, int from, int to, struct err *e)
{
	auto_strv struct strv names = { 0 };

	if (build_names_list(from, &names) < 0)
		return err_sys(e, "list a step's files");
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.v[i];
		auto_close int in = -1, out = -1;
		struct stat st, old;
		struct emul_key a, k;

		if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(e, "%s", name);
		if (!S_ISDIR(st.st_mode) || fstatat(to, name, &old, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISDIR(old.st_mode)) {
			if (renameat(from, name, to, name) < 0)
				return err_sys(e, "place %s", name);
			continue;
		}
		in = openat(from, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (in < 0 || out < 0 || merge(owners, in, out, e) < 0)
			return in < 0 || out < 0 ? err_sys(e, "%s", name) : -1;
		fchmod(out, st.st_mode & 07777);
		futimens(out, (const struct timespec[2]){ st.st_atim, st.st_mtim });
		if (emul_key_at(&a, NULL, in, "", AT_EMPTY_PATH) == 0 &&
		    emul_key_at(&k, NULL, out, "", AT_EMPTY_PATH) == 0) {
			const struct emul_rec *r = emul_table_get(owners, &a);
			uint32_t uid = r ? r->uid : 0, gid = r ? r->gid : 0;

			if (uid || gid || emul_table_get(owners, &k)) {
				struct emul_rec *put = emul_table_put(owners, &k);

				put->uid = uid;
				put->gid = gid;
			}
		}
	}
	return 0;
}

int build_cache_apply(struct build *b, const struct build_key *key, struct build_tree *t,
		      struct err *e)
{
	auto_free char *name = name_of(key);
	auto_buf struct buf path = { 0 }, gone = { 0 };
	auto_sif struct sif *sif = NULL;
	auto_close int fd = -1, tmp = -1;
	auto_squash struct squash *sq = NULL;
	struct unpack_opts o = { .made = owners_made, .arg = t->owners };
	const struct sif_object *part, *list;
	struct unpack_stat st;
	int r;

	if (store_sif_find(b->store, name, &path, e) != 1)
		return err_set(e, ERR_NOTFOUND, "a step has vanished from the store: run it again");
	fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || sif_read(&sif, fd, e) != 0 || !(part = sif_primary(sif)))
		return err_set(e, ERR_INPUT, "%s is damaged: remove it", buf_str(&path));
	list = sif_find(sif, SIF_JSON, GONE_NAME);
	if (list && sif_object_read(sif, fd, list, &gone, GONE_MAX, e) < 0)
		return -1;
	if (remove_gone(t, &gone, e) < 0 ||
	    squash_open(&sq, fd, part->off, part->size, NULL, e) < 0)
		return -1;
	output_remove_tree(b->workfd, "step");
	if (mkdirat(b->workfd, "step", 0755) < 0)
		return err_sys(e, "make %s/step", b->work);
	tmp = openat(b->workfd, "step", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = tmp < 0 ? err_sys(e, "open %s/step", b->work) : unpack_squash(sq, tmp, &o, &st, e);
	if (r == 0)
		r = merge(t->owners, tmp, t->fd, e);
	output_remove_tree(b->workfd, "step");
	return r;
}
