/* STEP_COPY: %files, COPY, ADD, and the engine's own small files.
 *
 * The rules differ.  %files is cp: a directory goes into a directory that is there.  COPY puts what
 * is in a directory into the target.  Either way the target is resolved inside the tree. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/flow/build_add.h"
#include "src/flow/build_copy.h"
#include "src/flow/build_fetch.h"
#include "src/flow/build_glob.h"
#include "src/flow/build_names.h"
#include "src/flow/build_state.h"
#include "src/recipe/docker_ignore.h"

/* Where a step's sources are. */
struct source {
	int root;		       /* AT_FDCWD: the host's paths as they are */
	const struct build_tree *tree; /* of a stage; NULL */
	int fd;			       /* to close */
};

struct ignoring {
	const struct build *b;
	const struct step *step;
	const char *base; /* the source, relative to the context */
};

static bool is_docker(const struct step *s)
{
	return s->rules == COPY_DOCKER || s->rules == COPY_ADD;
}

static int source_open(struct build *b, const struct step *step, struct source *src, struct err *e)
{
	int i;

	*src = (struct source){ .root = AT_FDCWD, .fd = -1 };
	if (step->from) {
		i = build_find_stage(b, step->from, e);
		if (i < 0 || build_stage_make(b, (size_t)i, e) < 0)
			return -1;
		src->tree = &b->stages[i].tree;
		src->root = src->tree->fd;
	} else if (is_docker(step)) {
		src->fd = open(b->context, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (src->fd < 0)
			return err_sys(e, "open %s", b->context);
		src->root = src->fd;
	}
	return 0;
}

static int host_glob(const char *pattern, struct strv *out, struct err *e)
{
	glob_t g;
	int r = glob(pattern, GLOB_BRACE | GLOB_TILDE, NULL, &g);

	if (r == GLOB_NOSPACE)
		return err_set(e, ERR_LIMIT, "%s matches too much", pattern);
	for (size_t i = 0; r == 0 && i < g.gl_pathc; i++)
		strv_add(out, g.gl_pathv[i]);
	if (r == 0)
		globfree(&g);
	return 0;
}

static bool ignored(void *arg, const char *rel, bool is_dir)
{
	const struct ignoring *ig = arg;
	auto_free char *path = *ig->base ? path_join(ig->base, rel) : xstrdup(rel);
	const struct strv *p = &ig->b->ignore;

	for (const char *const *x = ig->step->exclude; x && *x; x++)
		if (docker_match(*x, path) || docker_match(*x, rel))
			return true;
	if (ig->step->from || !docker_ignored(p, path))
		return false;
	return !is_dir || !docker_ignore_has_exceptions(p);
}

static int find(struct build *b, const struct step *step, const struct source *src,
		const struct step_item *item, struct strv *out, struct err *e)
{
	size_t kept = 0;
	int r = src->root == AT_FDCWD ? host_glob(item->src, out, e)
				      : glob_in_root(src->root, item->src, out, e);

	if (r < 0)
		return -1;
	for (size_t i = 0; i < out->n && is_docker(step) && !step->from; i++) {
		struct ignoring ig = { b, step, "" };
		char *p = out->v[i];

		if (p[1] && ignored(&ig, p + 1, true))
			free(p);
		else
			out->v[kept++] = p;
	}
	if (is_docker(step) && !step->from && out->n) {
		out->n = kept;
		out->v[kept] = NULL;
	}
	if (!out->n)
		return err_set(e, ERR_NOTFOUND, "line %u: no such file: %s%s%s", item->line,
			       item->src, step->from ? " in stage " : "",
			       step->from ? step->from : "");
	return 0;
}

static int parse_owner(const struct build_tree *t, const struct step *step, struct copier *c,
		       struct err *e)
{
	if (step->chmod) {
		char *end;

		c->chmod = (int)strtol(step->chmod, &end, 8);
		c->chmod_set = true;
		if (*end || end == step->chmod || c->chmod < 0 || c->chmod > 07777)
			return err_set(e, ERR_INPUT, "line %u: --chmod=%s: it takes an octal mode",
				       step->line, step->chmod);
	}
	if (!step->chown)
		return 0;
	c->chown = true;
	return build_names_owner(t, step->chown, &c->uid, &c->gid, e);
}

/* The named source as a directory and a name; a link is followed inside of its root. */
static int locate(const struct source *src, const char *path, int *dir, char **name, struct err *e)
{
	char real[4097], proc[64];
	auto_close int fd = -1;
	ssize_t n;

	if (src->root == AT_FDCWD) {
		*dir = AT_FDCWD;
		*name = xstrdup(path);
		return 0;
	}
	fd = open_in_root(src->root, path, O_PATH, 0);
	if (fd < 0)
		return err_sys(e, "read %s", path);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	n = readlink(proc, real, sizeof(real) - 1);
	if (n <= 0)
		return err_sys(e, "read %s", path);
	real[n] = '\0';
	/* Its own directory, so that the name can be looked at without following. */
	*dir = AT_FDCWD;
	*name = xstrdup(real);
	return 0;
}

static bool is_dir_at(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static bool tree_has_dir(const struct build_tree *t, const char *path)
{
	auto_close int fd = open_in_root(t->fd, path, O_PATH | O_DIRECTORY, 0);

	return fd >= 0;
}

/* Copies one match to where the rules want it. */
static int put(struct build *b, struct build_stage *s, const struct step *step, struct copier *c,
	       const struct source *src, const char *match, const struct step_item *item,
	       struct err *e)
{
	struct ignoring ig = { b, step, is_docker(step) && match[0] == '/' ? match + 1 : match };
	const char *dst = item->dst ? item->dst : match;
	auto_free char *name = NULL, *full = path_clean("/", dst), *parent = NULL;
	bool into = str_has_suffix(dst, "/") || !strcmp(full, "/");
	auto_close int to = -1, from = -1;
	int dir, r;

	if (locate(src, match, &dir, &name, e) < 0)
		return -1;
	if (is_docker(step)) {
		c->skip = ignored;
		c->arg = &ig;
	}
	if (step->rules == COPY_ADD && !is_dir_at(dir, name)) {
		r = build_add_archive(&s->tree, name, full, e);
		if (r <= 0)
			return r;
	}
	if (is_docker(step) && is_dir_at(dir, name)) {
		to = build_tree_dir(&s->tree, full, e);
		from = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (to < 0)
			return -1;
		return from < 0 ? err_sys(e, "read %s", match) : copy_contents(c, from, to, e);
	}
	if (item->dst && (into || tree_has_dir(&s->tree, full))) {
		auto_free char *deeper = path_join(full, path_base(match));

		free(full);
		full = take_ptr(deeper);
	}
	parent = path_dir(full);
	to = build_tree_dir(&s->tree, parent, e);
	if (to < 0)
		return -1;
	r = copy_one(c, dir, name, to, path_base(full), e);
	copier_fini(c);
	return r;
}

static int put_data(struct build_stage *s, const struct step *step, const struct copier *c,
		    const struct step_item *item, struct err *e)
{
	mode_t mode = c->chmod_set ? (mode_t)c->chmod : 0644;
	struct emul_key k;
	auto_close int fd = -1;

	if (build_tree_write(&s->tree, item->dst, item->data, strlen(item->data), mode, e) < 0)
		return -1;
	(void)step;
	if (!c->chown)
		return 0;
	fd = open_in_root(s->tree.fd, item->dst, O_PATH | O_NOFOLLOW, 0);
	if (fd >= 0 && emul_key_at(&k, NULL, fd, "", AT_EMPTY_PATH) == 0) {
		struct emul_rec *r = emul_table_put(s->tree.owners, &k);

		r->uid = c->uid;
		r->gid = c->gid;
	}
	return 0;
}

/* ADD of a URL: the file as it came; archives are not unpacked. */
static int put_url(struct build *b, struct build_stage *s, const struct step *step,
		   struct copier *c, const struct step_item *item, struct err *e)
{
	auto_free char *file = NULL, *full = path_clean("/", item->dst), *parent = NULL;
	auto_close int to = -1;

	if (build_fetch(b, step, item, &file, e) < 0)
		return -1;
	if (str_has_suffix(item->dst, "/") || tree_has_dir(&s->tree, full)) {
		auto_free char *name = NULL, *deeper = NULL;

		if (build_fetch_name(item, &name, e) < 0)
			return -1;
		deeper = path_join(full, name);
		free(full);
		full = take_ptr(deeper);
	}
	parent = path_dir(full);
	to = build_tree_dir(&s->tree, parent, e);
	return to < 0 ? -1 : copy_one(c, AT_FDCWD, file, to, path_base(full), e);
}

int build_files(struct build *b, struct build_stage *s, const struct step *step, struct err *e)
{
	struct copier c = { .to = s->tree.owners,
			    /* A link of another stage means a path of that image. */
			    .follow = step->rules == COPY_HOST && !step->from,
			    .preserve = is_docker(step),
			    .skip_dev = b->workst.st_dev,
			    .skip_ino = b->workst.st_ino };
	struct source src;
	int r = parse_owner(&s->tree, step, &c, e);

	if (r < 0 || source_open(b, step, &src, e) < 0)
		return -1;
	if (is_docker(step) && src.tree)
		c.from = src.tree->owners;
	for (size_t i = 0; r == 0 && i < step->nitems; i++) {
		const struct step_item *item = &step->items[i];
		auto_strv struct strv found = { 0 };

		if (item->data || item->url) {
			r = item->url ? put_url(b, s, step, &c, item, e)
				      : put_data(s, step, &c, item, e);
			continue;
		}
		r = find(b, step, &src, item, &found, e);
		for (size_t k = 0; r == 0 && k < found.n; k++)
			r = put(b, s, step, &c, &src, found.v[k], item, e);
		if (r < 0 && e->kind != ERR_NOTFOUND)
			err_wrap(e, "line %u: %s", item->line, item->src);
	}
	close_p_(&src.fd);
	return r;
}

/* --- keys --- */

struct hashing {
	const struct copy_dir *above;
	struct digest_ctx *d;
	const struct build *b;
	const struct step *step;
};

static int hash_one(struct hashing *h, int dir, const char *name, const char *rel, unsigned depth,
		    struct err *e);

static int hash_bytes(struct hashing *h, int fd, const char *name, struct err *e)
{
	static char block[1 << 17];
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0)
		digest_update(h->d, block, (size_t)n);
	return n < 0 ? err_sys(e, "read %s", name) : 0;
}

static int hash_dir(struct hashing *h, int dir, const char *name, const char *rel, unsigned depth,
		    const struct stat *st, struct err *e)
{
	const struct copy_dir here = { st->st_dev, st->st_ino, h->above };
	auto_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_strv struct strv names = { 0 };
	int r = 0;

	if (fd < 0)
		return err_sys(e, "read %s", name);
	if (build_names_list(fd, &names) < 0)
		return err_sys(e, "list %s", name);
	if (copy_dir_check(&here, name, e) < 0)
		return -1;
	h->above = &here;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		auto_free char *below = *rel ? path_join(rel, names.v[i]) : xstrdup(names.v[i]);

		r = hash_one(h, fd, names.v[i], below, depth + 1, e);
	}
	h->above = here.up;
	return r;
}

static int hash_one(struct hashing *h, int dir, const char *name, const char *rel, unsigned depth,
		    struct err *e)
{
	bool follow = h->step->rules == COPY_HOST;
	struct ignoring ig = { h->b, h->step, "" };
	char head[64], target[4097];
	auto_close int fd = -1;
	struct stat st;
	ssize_t n;

	if (fstatat(dir, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "read %s", name);
	if ((st.st_ino == h->b->workst.st_ino && st.st_dev == h->b->workst.st_dev) || depth > 256)
		return 0;
	if (is_docker(h->step) && *rel && ignored(&ig, rel, S_ISDIR(st.st_mode)))
		return 0;
	n = snprintf(head, sizeof(head), "%o %lld %lld ", st.st_mode, (long long)st.st_size,
		     is_docker(h->step) ? (long long)st.st_mtim.tv_sec : 0);
	if (S_ISDIR(st.st_mode))
		n = snprintf(head, sizeof(head), "%o ", st.st_mode);
	digest_update(h->d, rel, strlen(rel) + 1);
	digest_update(h->d, head, (size_t)n);
	if (S_ISDIR(st.st_mode))
		return hash_dir(h, dir, name, rel, depth, &st, e);
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(dir, name, target, sizeof(target));
		digest_update(h->d, target, n > 0 ? (size_t)n : 0);
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
	return fd < 0 ? err_sys(e, "read %s", name) : hash_bytes(h, fd, name, e);
}

int build_files_key(struct build *b, const struct step *step, struct buf *key, struct err *e)
{
	auto_digest_ctx struct digest_ctx *d = digest_begin(DIGEST_SHA256);
	struct hashing h = { .d = d, .b = b, .step = step };
	char hex[DIGEST_TEXT_MAX];
	struct source src;
	struct digest got;
	int r = 0, stage;

	if (step->from) {
		stage = build_find_stage(b, step->from, e);
		if (stage < 0)
			return -1;
		buf_printf(key, " from=%s",
			   b->stages[stage].steps.n
				   ? b->stages[stage].keys[b->stages[stage].steps.n - 1].hex
				   : b->stages[stage].base.hex);
		return 0;
	}
	if (source_open(b, step, &src, e) < 0)
		return -1;
	for (size_t i = 0; r == 0 && i < step->nitems; i++) {
		auto_strv struct strv found = { 0 };

		if (step->items[i].url)
			r = build_fetch_key(b, step, &step->items[i], key, e);
		if (step->items[i].data || step->items[i].url)
			continue;
		r = find(b, step, &src, &step->items[i], &found, e);
		for (size_t k = 0; r == 0 && k < found.n; k++) {
			auto_free char *name = NULL;
			int dir;

			r = locate(&src, found.v[k], &dir, &name, e);
			digest_update(d, found.v[k], strlen(found.v[k]) + 1);
			if (r == 0)
				r = hash_one(&h, dir, name, is_docker(step) ? found.v[k] + 1 : "",
					     0, e);
			if (r < 0)
				err_wrap(e, "line %u: %s", step->items[i].line, found.v[k]);
		}
	}
	close_p_(&src.fd);
	buf_printf(key, " files=%s", digest_hex(digest_end(d, &got), hex));
	return r;
}
