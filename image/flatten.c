#include "image/flatten.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "image/layer.h"
#include "image/sqfs_write.h"
#include "src/base/buf.h"

#define MANY_THREADS   4   /* compressors that one thread of inflating and hashing cannot feed */
#define META_PER_ENTRY 512 /* bytes of names and attributes that --max-entries stands for */

struct work {
	struct tree tree;
	struct sqfs_writer *writer;
	struct layer_reader reader;
	struct merge_log *logs; /* one a layer */
	size_t n;
};

static void work_fini(struct work *w)
{
	sqfs_writer_free(w->writer);
	for (size_t i = 0; i < w->n; i++)
		merge_log_fini(&w->logs[i]);
	free(w->logs);
	tree_fini(&w->tree);
}
#define auto_work auto_(work_fini)

/* Who states the size that a layer may have need not state how it may be compressed. */
static double max_ratio(const struct flatten_opts *o)
{
	if (o->max_ratio > 0)
		return o->max_ratio;
	return o->max_bytes ? HUGE_VAL : FLATTEN_MAX_RATIO;
}

static int work_init(struct work *w, int fd, off_t offset, size_t nlayers,
		     const struct flatten_opts *o, struct flatten_stat *st, struct err *e)
{
	struct sqfs_writer_opts wo = { .comp = o->comp,
				       .level = o->level,
				       .threads = o->threads,
				       .block_size = o->block_size,
				       .mtime = o->mtime };
	uint64_t entries = o->max_entries ? o->max_entries : FLATTEN_MAX_ENTRIES;

	/* Each entry may bring parents and link targets of its own. */
	tree_init(&w->tree, (size_t)MIN(entries, SIZE_MAX / 1024) * 2 + 4096,
		  (size_t)MIN(entries, SIZE_MAX / 1024) * META_PER_ENTRY + (1 << 20));
	w->logs = xcalloc(nlayers, sizeof(*w->logs));
	w->n = nlayers;
	if (sqfs_writer_new(&w->writer, fd, offset, &wo, &w->tree.arena, e) < 0)
		return -1;
	sqfs_data_reuse(sqfs_writer_data(w->writer), o->known, o->index);
	w->reader = (struct layer_reader){
		.tree = &w->tree,
		.data = sqfs_writer_data(w->writer),
		.limits = { .max_bytes = o->max_bytes ? o->max_bytes : FLATTEN_MAX_BYTES,
			    .max_ratio = max_ratio(o) },
		.max_entries = entries,
		.many_threads = o->threads >= MANY_THREADS,
		.bar = o->bar,
		.st = st,
	};
	return 0;
}

/* The root of an image that has no entry for it. */
static void make_root(struct tree *t)
{
	tree_put(t->root, tree_inode(t, S_IFDIR | 0755));
}

static int replay(struct work *w, const struct layer_input *layers, struct err *e)
{
	make_root(&w->tree);
	for (size_t i = 0; i < w->n; i++)
		if (merge_replay(&w->tree, &w->logs[i], (uint16_t)(i + 1), e) < 0)
			return err_wrap(e, "%s", layers[i].name);
	return 0;
}

static int fetch(struct work *w, const struct layer_input *layers, struct err *e)
{
	for (size_t i = w->n; i-- > 0;) {
		if (!layer_lacks(&w->logs[i]))
			continue;
		w->reader.st->reread++;
		if (layer_fetch(&w->reader, &layers[i], &w->logs[i], e) < 0)
			return -1;
	}
	return 0;
}

static int store_extra(struct work *w, struct inode *i, const struct flatten_node *x, struct err *e)
{
	if (S_ISLNK(x->mode)) {
		i->mode = S_IFLNK | 0777;
		i->target = arena_strndup(&w->tree.arena, x->data, x->len);
	}
	if (!S_ISREG(x->mode) || x->len == 0)
		return 0;
	i->size = x->len;
	if (sqfs_data_begin(w->reader.data, x->len, e) < 0 ||
	    sqfs_data_add(w->reader.data, x->data, x->len, e) < 0)
		return -1;
	return sqfs_data_end(w->reader.data, &i->body, e);
}

static int add_extra(struct work *w, const struct flatten_node *x, struct err *e)
{
	struct inode *i = tree_inode(&w->tree, x->mode);
	struct node *n;
	int r;

	i->mtime = x->mtime < 0 ? 0 : (uint32_t)MIN(x->mtime, (int64_t)UINT32_MAX);
	if (tree_path(&w->tree, &n, x->path, e) < 0)
		return err_wrap(e, "%s", x->path);
	r = merge_put(&w->tree, n, i, !x->replace, (uint16_t)(w->n + 1), e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	return store_extra(w, i, x, e);
}

int flatten(int fd, off_t offset, const struct layer_input *layers, size_t n,
	    const struct flatten_node *extra, size_t nextra, const struct flatten_opts *o,
	    struct flatten_stat *st, struct err *e)
{
	auto_work struct work w = { 0 };
	struct sqfs_stat sq;

	*st = (struct flatten_stat){ 0 };
	if (n > FLATTEN_MAX_LAYERS)
		return err_set(e, ERR_LIMIT, "the image has %zu layers, %d is the limit", n,
			       FLATTEN_MAX_LAYERS);
	if (work_init(&w, fd, offset, n, o, st, e) < 0)
		return -1;
	for (size_t i = n; i-- > 0;)
		if (layer_read(&w.reader, &layers[i], (uint16_t)(i + 1), &w.logs[i], e) < 0)
			return -1;
	if (replay(&w, layers, e) < 0 || fetch(&w, layers, e) < 0)
		return -1;
	for (size_t i = 0; i < nextra; i++)
		if (add_extra(&w, &extra[i], e) < 0)
			return -1;
	if (sqfs_writer_finish(w.writer, w.tree.root, &sq, e) < 0)
		return -1;
	st->bytes = sq.bytes;
	st->inodes = sq.inodes;
	sqfs_data_count(w.reader.data, &st->blocks, &st->copied);
	return 0;
}

int flatten_compression_parse(struct flatten_opts *o, const char *text, struct err *e)
{
	return sqfs_comp_parse(&o->comp, &o->level, text, e);
}
