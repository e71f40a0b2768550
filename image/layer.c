#include "image/layer.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "image/ahead.h"
#include "image/decode.h"
#include "image/hide.h"
#include "image/tar.h"

#define TARGET_MAX     4095	       /* of a symbolic link: what the kernel can follow */
#define XATTR_NAME_MAX 255	       /* XATTR_NAME_MAX of limits.h */
#define XATTR_SIZE_MAX ((size_t)65536) /* of one value, as the kernel's */

/* An open layer: the archive on top, the digest of what passes below it. */
struct source {
	struct guard guard;
	struct digest_ctx *digest;
	struct tar *tar;
};

static void source_fini(struct source *s)
{
	tar_free(s->tar);
	digest_free(s->digest);
}
#define auto_source auto_(source_fini)

static int source_open(struct source *s, const struct layer_reader *r, const struct layer_input *in,
		       struct err *e)
{
	struct stream *st;

	s->guard = r->limits;
	if (in->open(&st, in->arg, e) < 0 || stream_decode(&st, guard_count(&s->guard, st), e) < 0)
		return -1;
	st = guard_limit(&s->guard, st);
	if (in->diff_id.algo != DIGEST_NONE) {
		s->digest = digest_begin(in->diff_id.algo);
		if (r->many_threads)
			st = stream_ahead(st);
		st = stream_tee(st, s->digest);
	}
	/* Inflating and hashing happen behind stream_ahead(), as do the two from each other where
	 * there are so many compressors that one inflating and hashing thread would starve them. */
	s->tar = tar_new(stream_ahead(st));
	return 0;
}

static int check_digest(struct source *s, const struct layer_input *in, struct err *e)
{
	char want[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];
	struct digest d;

	if (!s->digest || digest_equal(digest_end(s->digest, &d), &in->diff_id))
		return 0;
	return err_set(e, ERR_INPUT, "its content has the digest %s, but the image names %s",
		       digest_text(&d, got), digest_text(&in->diff_id, want));
}

/* The rest behind the archive belongs to the digest. */
static int source_end(struct source *s, const struct layer_input *in, struct err *e)
{
	return tar_drain(s->tar, e) < 0 ? -1 : check_digest(s, in, e);
}

/* SquashFS stores user., trusted. and security.; labels belong to the host that made them, and
 * user.rootlesscontainers is umoci's own note. */
static bool xattr_is_kept(const char *name)
{
	if (!strcmp(name, "security.selinux") || !strcmp(name, "security.ima") ||
	    !strcmp(name, "security.evm") || !strcmp(name, "user.rootlesscontainers"))
		return false;
	return (!strncmp(name, "user.", 5) && name[5]) ||
	       (!strncmp(name, "trusted.", 8) && name[8]) ||
	       (!strncmp(name, "security.", 9) && name[9]);
}

static int by_xattr_name(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

static int add_xattrs(struct tree *t, struct inode *i, const struct tar_entry *en, struct err *e)
{
	struct xattrs *x;

	if (en->nxattrs == 0)
		return 0;
	x = arena_alloc(&t->arena, sizeof(*x) + en->nxattrs * sizeof(x->v[0]));
	for (size_t k = 0; k < en->nxattrs; k++) {
		const struct tar_xattr *v = &en->xattrs[k];

		if (!xattr_is_kept(v->name))
			continue;
		if (strlen(v->name) > XATTR_NAME_MAX || v->len > XATTR_SIZE_MAX)
			return err_set(e, ERR_LIMIT,
				       "an extended attribute is over the limit of "
				       "%zu bytes",
				       XATTR_SIZE_MAX);
		x->v[x->n++] = (struct xattr){ arena_strdup(&t->arena, v->name),
					       arena_memdup(&t->arena, v->value, v->len),
					       (uint32_t)v->len };
	}
	if (x->n) {
		qsort(x->v, x->n, sizeof(x->v[0]), by_xattr_name);
		i->xattrs = x;
	}
	return 0;
}

static mode_t type_bits(enum tar_type type)
{
	static const mode_t bits[] = {
		[TAR_FILE] = S_IFREG,  [TAR_SYMLINK] = S_IFLNK, [TAR_CHAR] = S_IFCHR,
		[TAR_BLOCK] = S_IFBLK, [TAR_DIR] = S_IFDIR,	[TAR_FIFO] = S_IFIFO,
	};

	return bits[type];
}

/* As SquashFS and the kernel's new_encode_dev() have it. */
static uint32_t encode_dev(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

static int make_inode(struct layer_reader *r, struct inode **out, const struct tar_entry *en,
		      struct err *e)
{
	struct inode *i = tree_inode(r->tree, type_bits(en->type) | en->mode);

	i->uid = en->uid;
	i->gid = en->gid;
	i->mtime = en->mtime < 0 ? 0 : (uint32_t)MIN(en->mtime, (int64_t)UINT32_MAX);
	i->size = en->size;
	i->ordinal = r->ordinal;
	if (en->type == TAR_SYMLINK) {
		i->mode = S_IFLNK | 0777;
		if (strlen(en->link) > TARGET_MAX)
			return err_set(e, ERR_INPUT, "a symbolic link's target is longer than %d",
				       TARGET_MAX);
		i->target = arena_strdup(&r->tree->arena, en->link);
	} else if (en->type == TAR_CHAR || en->type == TAR_BLOCK) {
		i->rdev = encode_dev(en->major, en->minor);
	}
	*out = i;
	/* Also for a path that is known: what stood there keeps its memory. */
	return add_xattrs(r->tree, i, en, e) < 0 ? -1 : tree_check_size(r->tree, e);
}

static int store_body(struct layer_reader *r, struct source *s, struct inode *i, struct err *e)
{
	const void *p;
	size_t n;
	int got;

	if (sqfs_data_begin(r->data, i->size, e) < 0)
		return -1;
	while ((got = tar_data(s->tar, &p, &n, e)) > 0)
		if (sqfs_data_add(r->data, p, n, e) < 0)
			return -1;
	return got < 0 ? -1 : sqfs_data_end(r->data, &i->body, e);
}

enum mark { MARK_NONE, MARK_WHITEOUT, MARK_OPAQUE, MARK_IGNORED };

/* What an entry with this path is, and in *out the path that it is about. */
static int mark_of(struct buf *out, const char *path, struct err *e)
{
	size_t n = strlen(path), at;
	auto_free char *name = NULL;
	const char *p = path;

	/* What aufs leaves behind: ".wh..wh.plnk/" and the like. */
	while ((p = strstr(p, ".wh..wh."))) {
		bool starts = p == path || p[-1] == '/';
		size_t k = strcspn(p, "/");

		if (starts && (k != 12 || strncmp(p, ".wh..wh..opq", k) != 0))
			return MARK_IGNORED;
		p++;
	}
	while (n > 0 && path[n - 1] == '/')
		n--; /* whatever type it has, a marker is one by its name */
	for (at = n; at > 0 && path[at - 1] != '/';)
		at--;
	if (n - at < 4 || strncmp(path + at, ".wh.", 4) != 0)
		return MARK_NONE;
	buf_add(out, path, at);
	name = xstrndup(path + at + 4, n - at - 4);
	if (!strcmp(name, ".wh..opq"))
		return MARK_OPAQUE;
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return err_set(e, ERR_INPUT, "a whiteout of nothing");
	buf_adds(out, name);
	return MARK_WHITEOUT;
}

/* 1 it was a whiteout, or is ignored. */
static int add_mark(struct layer_reader *r, struct merge_log *log, const struct tar_entry *en,
		    uint16_t layer, struct err *e)
{
	auto_buf struct buf path = { 0 };
	int m = mark_of(&path, en->path, e);
	struct node *n;

	if (m < 0)
		return -1;
	if (m == MARK_NONE || m == MARK_IGNORED)
		return m != MARK_NONE;
	if (tree_path(r->tree, &n, buf_str(&path), e) < 0)
		return -1;
	if (m == MARK_WHITEOUT) {
		hide_whiteout(n, layer);
		merge_add(log, MERGE_WHITEOUT, n, NULL);
	} else {
		hide_opaque(n, layer);
		merge_add(log, MERGE_OPAQUE, n, NULL);
	}
	return 1;
}

static int add_link(struct layer_reader *r, struct merge_log *log, const struct tar_entry *en,
		    struct node *n, uint16_t layer, struct err *e)
{
	struct node *target;

	if (tree_path(r->tree, &target, en->link, e) < 0)
		return -1;
	if (!hide_covers(n, layer))
		hide_want(target);
	hide_entry(n, layer, false);
	merge_add(log, MERGE_LINK, n, target);
	return 0;
}

/* Does the path as text climb out of the root?  One that starts with "/" only says where the
 * root is, as some packers do. */
static bool climbs_out(const char *path)
{
	size_t depth = 0;

	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.') {
			if (depth-- == 0)
				return true;
		} else if (n > 1 || (n == 1 && p[0] != '.')) {
			depth++;
		}
		p += n + (p[n] == '/');
	}
	return false;
}

/* Nothing could leave the image by such a name, but no honest layer has one. */
static int check_names(const struct tar_entry *en, struct err *e)
{
	auto_buf struct buf b = { 0 };

	if (climbs_out(en->path))
		return err_set(e, ERR_INPUT, "its name leads out of the image");
	if (en->type != TAR_LINK || !climbs_out(en->link))
		return 0;
	buf_add_escaped(&b, en->link, strnlen(en->link, 512));
	return err_set(e, ERR_INPUT, "a hard link to %s, which leads out of the image",
		       buf_str(&b));
}

static int add_entry(struct layer_reader *r, struct source *s, struct merge_log *log,
		     const struct tar_entry *en, uint16_t layer, struct err *e)
{
	struct inode *i = NULL;
	struct node *n;
	int m = check_names(en, e) < 0 ? -1 : add_mark(r, log, en, layer, e);

	if (m != 0)
		return m < 0 ? -1 : 0;
	if (tree_path(r->tree, &n, en->path, e) < 0)
		return -1;
	if (en->type == TAR_LINK)
		return add_link(r, log, en, n, layer, e);
	if (make_inode(r, &i, en, e) < 0)
		return -1;
	if (i->size > 0) {
		if (hide_covers(n, layer))
			r->st->hidden += i->size;
		else if (store_body(r, s, i, e) < 0)
			return -1;
	}
	hide_entry(n, layer, en->type == TAR_DIR);
	merge_add(log, MERGE_PUT, n, i);
	return 0;
}

/* Adds the path to what add_entry() or tar_data() said; tar_data() has named it already. */
static int at_entry(const struct tar_entry *en, struct err *e)
{
	auto_buf struct buf b = { 0 };

	buf_add_escaped(&b, en->path, strnlen(en->path, 512));
	if (str_has_prefix(e->text, buf_str(&b)))
		return -1;
	return err_wrap(e, "%s", buf_str(&b));
}

/* Holes cost no bytes in the archive, so they are counted apart. */
static int check_limits(struct layer_reader *r, const struct tar_entry *en, uint64_t *sizes,
			struct err *e)
{
	if (++r->st->entries > r->max_entries)
		return err_set(e, ERR_LIMIT,
			       "the layers have more than %llu entries; "
			       "--max-entries raises this limit",
			       (unsigned long long)r->max_entries);
	if (en->size > r->limits.max_bytes || (*sizes += en->size) > r->limits.max_bytes)
		return err_set(e, ERR_LIMIT,
			       "its files hold more than %llu bytes; --max-layer-size "
			       "raises this limit",
			       (unsigned long long)r->limits.max_bytes);
	return 0;
}

static int read_entries(struct layer_reader *r, struct source *s, struct merge_log *log,
			uint16_t layer, struct err *e)
{
	const struct tar_entry *en;
	uint64_t sizes = 0;
	int got;

	r->ordinal = 0;
	while ((got = tar_next(s->tar, &en, e)) > 0) {
		r->ordinal++;
		if (check_limits(r, en, &sizes, e) < 0)
			return -1;
		if (add_entry(r, s, log, en, layer, e) < 0)
			return at_entry(en, e);
		bar_add(r->bar, 512 + en->size);
	}
	return got;
}

/* Before the source is closed. */
static int give_up(const struct layer_input *in, struct err *e)
{
	if (in->give_up)
		in->give_up(in->arg);
	return err_wrap(e, "%s", in->name);
}

int layer_read(struct layer_reader *r, const struct layer_input *in, uint16_t layer,
	       struct merge_log *log, struct err *e)
{
	auto_source struct source s = { 0 };

	if (source_open(&s, r, in, e) < 0 || read_entries(r, &s, log, layer, e) < 0 ||
	    source_end(&s, in, e) < 0)
		return give_up(in, e);
	r->st->decoded += s.guard.decoded;
	return 0;
}

static bool lacks(const struct merge_op *op)
{
	return op->kind == MERGE_PUT && S_ISREG(op->inode->mode) && op->inode->nlink > 0 &&
	       op->inode->size > 0 && !op->inode->body;
}

bool layer_lacks(const struct merge_log *log)
{
	for (size_t i = 0; i < log->n; i++)
		if (lacks(&log->ops[i]))
			return true;
	return false;
}

int layer_fetch(struct layer_reader *r, const struct layer_input *in, struct merge_log *log,
		struct err *e)
{
	auto_source struct source s = { 0 };
	const struct tar_entry *en;
	uint32_t ordinal = 0;
	int got;

	if (source_open(&s, r, in, e) < 0)
		return err_wrap(e, "%s", in->name);
	for (size_t i = 0; (got = tar_next(s.tar, &en, e)) > 0;) {
		ordinal++;
		while (i < log->n &&
		       (log->ops[i].kind != MERGE_PUT || log->ops[i].inode->ordinal < ordinal))
			i++;
		if (i == log->n)
			break;
		if (log->ops[i].inode->ordinal == ordinal && lacks(&log->ops[i])) {
			if (en->size != log->ops[i].inode->size)
				return err_set(e, ERR_INPUT, "%s changed while it was read",
					       in->name);
			if (store_body(r, &s, log->ops[i].inode, e) < 0)
				return err_wrap(e, "%s: %s", in->name, en->path);
		}
	}
	return got < 0 ? err_wrap(e, "%s", in->name) : 0;
}
