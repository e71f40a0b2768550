#include "image/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "image/pack_xattr.h"
#include "image/sqfs_data.h"
#include "image/sqfs_write.h"
#include "src/base/fd.h"

#define READ_SIZE   ((size_t)512 << 10)
#define STATX_WANTS (STATX_BASIC_STATS | STATX_BTIME)

/* A name of an inode that has several; open addressing. */
struct known {
	uint64_t dev, ino;
	struct inode *inode; /* NULL: free */
};

struct packer {
	const struct pack_opts *o;
	struct pack_stat *st;
	struct tree tree;
	struct sqfs_writer *writer;
	struct known *links;
	size_t nlinks, links_cap; /* a power of two */
	struct buf path;	  /* of the directory that is being read, "" for the root */
	unsigned char *chunk;
};

static void packer_fini(struct packer *p)
{
	sqfs_writer_free(p->writer);
	tree_fini(&p->tree);
	buf_fini(&p->path);
	free(p->links);
	free(p->chunk);
}
#define auto_packer auto_(packer_fini)

static struct known *links_slot(struct known *v, size_t cap, uint64_t dev, uint64_t ino)
{
	size_t i = (size_t)((ino ^ dev << 32) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (cap - 1);

	while (v[i].inode && (v[i].ino != ino || v[i].dev != dev))
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static struct known *links_find(struct packer *p, uint64_t dev, uint64_t ino)
{
	if (p->nlinks * 2 >= p->links_cap) {
		size_t cap = p->links_cap ? p->links_cap * 2 : 256;
		struct known *v = xcalloc(cap, sizeof(*v));

		for (size_t i = 0; i < p->links_cap; i++)
			if (p->links[i].inode)
				*links_slot(v, cap, p->links[i].dev, p->links[i].ino) = p->links[i];
		free(p->links);
		p->links = v;
		p->links_cap = cap;
	}
	return links_slot(p->links, p->links_cap, dev, ino);
}

static uint64_t stx_dev(const struct statx *st)
{
	return (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor;
}

static uint32_t mtime_of(const struct packer *p, const struct statx *st)
{
	int64_t t = st->stx_mtime.tv_sec;

	if (p->o->epoch >= 0)
		t = MIN(t, p->o->epoch);
	return t < 0 ? 0 : (uint32_t)MIN(t, (int64_t)UINT32_MAX);
}

/* [*at, *end): the next bytes that are there, [at, *at) a hole.  File systems that know no holes
 * have one piece. */
static int next_data(int fd, off_t at, off_t size, off_t *start, off_t *end, struct err *e)
{
	*start = lseek(fd, at, SEEK_DATA);
	if (*start < 0 && errno == ENXIO)
		*start = *end = size;
	else if (*start < 0)
		*start = at, *end = size;
	else
		*end = lseek(fd, *start, SEEK_HOLE);
	if (*end < 0)
		return err_sys(e, "look for holes");
	*start = MIN(*start, size);
	*end = MIN(*end, size);
	return 0;
}

static int copy_piece(struct packer *p, int fd, off_t at, off_t end, struct err *e)
{
	while (at < end) {
		ssize_t n = pread(fd, p->chunk, MIN(READ_SIZE, (size_t)(end - at)), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			return err_set(e, ERR_INPUT, "it shrank while it was read");
		if (sqfs_data_add(sqfs_writer_data(p->writer), p->chunk, (uint64_t)n, e) < 0)
			return -1;
		bar_add(p->o->bar, (uint64_t)n);
		at += n;
	}
	return 0;
}

static int body(struct packer *p, int dirfd, const char *name, const struct statx *st,
		struct inode *i, struct err *e)
{
	struct sqfs_data *data = sqfs_writer_data(p->writer);
	bool sparse = st->stx_blocks * 512 < st->stx_size;
	off_t size = (off_t)st->stx_size, at = 0;
	auto_close int fd = -1;

	i->size = st->stx_size;
	if (!size)
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_sys(e, "open");
	if (sqfs_data_begin(data, i->size, e) < 0)
		return -1;
	while (at < size) {
		off_t start = at, end = size;

		if (sparse && next_data(fd, at, size, &start, &end, e) < 0)
			return -1;
		if (start > at && sqfs_data_add(data, NULL, (uint64_t)(start - at), e) < 0)
			return -1;
		if (copy_piece(p, fd, start, end, e) < 0)
			return -1;
		at = end;
	}
	p->st->body += i->size;
	return sqfs_data_end(data, &i->body, e);
}

static int target(struct packer *p, int dirfd, const char *name, struct inode *i, struct err *e)
{
	char text[TREE_PATH_MAX + 1];
	ssize_t n = readlinkat(dirfd, name, text, sizeof(text));

	if (n < 0)
		return err_sys(e, "read link");
	i->mode = S_IFLNK | 0777;
	i->target = arena_strndup(&p->tree.arena, text, (size_t)n);
	return 0;
}

/* 1: it is to be left out. */
static int inode_make(struct packer *p, const struct pack_entry *entry, struct inode **out,
		      struct err *e)
{
	struct pack_attr a = { .mode = entry->st->stx_mode,
			       .rdev = pack_rdev(entry->st->stx_rdev_major,
						 entry->st->stx_rdev_minor) };
	int r = p->o->look ? p->o->look(p->o->arg, entry, &a, e) : PACK_KEEP;
	bool acl = false;
	struct inode *i;

	if (r != PACK_KEEP)
		return r;
	if (S_ISDIR(a.mode) != S_ISDIR(entry->st->stx_mode) ||
	    S_ISLNK(a.mode) != S_ISLNK(entry->st->stx_mode))
		return err_set(e, ERR_INPUT, "it cannot be stored as a file of mode %06o",
			       (unsigned)a.mode);
	i = tree_inode(&p->tree, a.mode);
	i->uid = a.uid;
	i->gid = a.gid;
	i->mtime = mtime_of(p, entry->st);
	if (pack_xattrs(&p->tree, entry->dirfd, entry->name, a.xattrs, a.nxattrs, &i->xattrs, &acl,
			e) < 0)
		return -1;
	p->st->acls += acl;
	*out = i;
	if (S_ISREG(a.mode))
		return body(p, entry->dirfd, entry->name, entry->st, i, e);
	if (S_ISLNK(a.mode))
		return target(p, entry->dirfd, entry->name, i, e);
	if (S_ISCHR(a.mode) || S_ISBLK(a.mode))
		i->rdev = a.rdev;
	return 0;
}

static int look(int dirfd, const char *name, struct statx *st, struct err *e)
{
	/* AT_EMPTY_PATH for the root, which has no name. */
	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_WANTS,
		  st) < 0)
		return err_sys(e, "stat");
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Takes dirfd.  Sorted: readdir's order is the file system's. */
static int names_read(int dirfd, struct strv *out, struct err *e)
{
	DIR *d = fdopendir(dirfd);
	struct dirent *ent;

	if (!d) {
		close(dirfd);
		return err_sys(e, "read directory");
	}
	while (errno = 0, (ent = readdir(d)))
		if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, ".."))
			strv_add(out, ent->d_name);
	if (errno) {
		int sys = errno;

		closedir(d);
		errno = sys;
		return err_sys(e, "read directory");
	}
	closedir(d);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_bytes);
	return 0;
}

static int pack_children(struct packer *p, int dirfd, struct node *dir, struct err *e);

static int at_path(const struct packer *p, struct err *e)
{
	auto_buf struct buf b = { 0 };

	buf_add_escaped(&b, buf_str(&p->path), p->path.len);
	return err_wrap(e, "%s", p->path.len ? buf_str(&b) : "/");
}

/* p->path is that of the entry. */
static int pack_one(struct packer *p, int dirfd, const char *name, struct node *dir, struct err *e)
{
	struct pack_entry entry = { .dirfd = dirfd, .name = name, .path = buf_str(&p->path) };
	struct known *link = NULL;
	struct inode *i = NULL;
	struct statx st;
	struct node *n;
	auto_close int sub = -1;
	int r;

	entry.st = &st;
	n = tree_child(&p->tree, dir, name, strlen(name), e);
	if (!n || look(dirfd, name, &st, e) < 0)
		return at_path(p, e);
	if (st.stx_nlink > 1 && !S_ISDIR(st.stx_mode)) {
		link = links_find(p, stx_dev(&st), st.stx_ino);
		if (link->inode) {
			tree_put(n, link->inode);
			return 0;
		}
	}
	r = inode_make(p, &entry, &i, e);
	if (r != 0)
		return r < 0 ? at_path(p, e) : 0;
	tree_put(n, i);
	if (link) {
		*link = (struct known){ stx_dev(&st), st.stx_ino, i };
		p->nlinks++;
	}
	if (!S_ISDIR(i->mode))
		return 0;
	sub = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0) {
		err_sys(e, "open");
		return at_path(p, e);
	}
	return pack_children(p, sub, n, e);
}

static int pack_children(struct packer *p, int dirfd, struct node *dir, struct err *e)
{
	auto_strv struct strv names = { 0 };
	size_t len = p->path.len;
	int again = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (again < 0) {
		err_sys(e, "open");
		return at_path(p, e);
	}
	if (names_read(again, &names, e) < 0)
		return at_path(p, e);
	for (size_t i = 0; i < names.n; i++) {
		buf_addch(&p->path, '/');
		buf_adds(&p->path, names.v[i]);
		if (pack_one(p, dirfd, names.v[i], dir, e) < 0)
			return -1;
		p->path.len = len;
		p->path.data[len] = '\0';
	}
	return 0;
}

static int pack_root(struct packer *p, int dirfd, struct err *e)
{
	struct pack_entry entry = { .dirfd = dirfd, .name = ".", .path = "/" };
	struct statx st;
	struct inode *i = NULL;
	int r;

	entry.st = &st;
	if (look(dirfd, ".", &st, e) < 0)
		return at_path(p, e);
	r = inode_make(p, &entry, &i, e);
	if (r > 0)
		err_set(e, ERR_USAGE, "the root cannot be left out");
	if (r != 0)
		return at_path(p, e);
	tree_put(p->tree.root, i);
	return pack_children(p, dirfd, p->tree.root, e);
}

int pack_dir(int fd, off_t offset, int dirfd, const struct pack_opts *o, struct pack_stat *st,
	     struct err *e)
{
	auto_packer struct packer p = { .o = o, .st = st };
	struct sqfs_writer_opts wo = { .comp = o->comp,
				       .level = o->level,
				       .threads = o->threads,
				       .block_size = o->block_size,
				       .mtime = o->epoch < 0 ? 0 : (uint32_t)o->epoch };
	struct sqfs_stat sq;

	*st = (struct pack_stat){ 0 };
	/* The tree is on disk already: its size needs no limit of ours. */
	tree_init(&p.tree, SIZE_MAX, SIZE_MAX);
	p.chunk = xmalloc(READ_SIZE);
	if (sqfs_writer_new(&p.writer, fd, offset, &wo, &p.tree.arena, e) < 0)
		return -1;
	sqfs_data_reuse(sqfs_writer_data(p.writer), o->known, o->index);
	if (pack_root(&p, dirfd, e) < 0 || sqfs_writer_finish(p.writer, p.tree.root, &sq, e) < 0)
		return -1;
	st->bytes = sq.bytes;
	st->inodes = sq.inodes;
	return 0;
}

int pack_sif(int fd, int dirfd, const char *arch, const struct pack_object *objects, size_t n,
	     const struct pack_opts *o, struct pack_stat *st, struct err *e)
{
	struct sif_write_opts so = { .deterministic = true, .launch = SIF_LAUNCH };
	auto_sif_writer struct sif_writer *w = NULL;
	off_t off;

	if (sif_write_begin(&w, fd, &so, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (sif_write_object(w, objects[i].type, objects[i].name, objects[i].data,
				     objects[i].len, e) < 0)
			return -1;
	if (sif_write_partition_begin(w, &off, e) < 0 || pack_dir(fd, off, dirfd, o, st, e) < 0 ||
	    sif_write_partition_end(w, SIF_FS_SQUASH, SIF_PART_PRIMARY, sif_arch_code(arch),
				    st->bytes, e) < 0)
		return -1;
	return sif_write_end(w, e);
}
