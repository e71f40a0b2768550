/* Writing: a table knows inodes, so one walk finds their names.  readdir() gives inode numbers,
 * and only those that the table has are looked at: some milliseconds for a Debian. */
#include "src/enter/emul_save.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/fd.h"

struct saver {
	struct emul_table *t;
	struct buf *out;
	uint64_t dev;
	size_t n;
	char path[PATH_MAX];
};

static void add_path(struct buf *out, const char *path)
{
	for (const unsigned char *p = (const unsigned char *)path; *p; p++)
		if (*p <= ' ' || *p == 127 || *p == '\\')
			buf_printf(out, "\\%03o", *p);
		else
			buf_addch(out, (char)*p);
}

static void add_xattr(struct buf *out, const struct emul_xattr *x)
{
	buf_adds(out, "x ");
	add_path(out, x->name);
	buf_addch(out, ' ');
	for (size_t i = 0; i < x->len; i++)
		buf_printf(out, "%02x", ((const unsigned char *)x->value)[i]);
	buf_addch(out, '\n');
}

static void add_rec(struct saver *s, const struct emul_rec *r, const char *path)
{
	char kind = S_ISCHR(r->type) ? 'c' : S_ISBLK(r->type) ? 'b' : 'f';

	buf_printf(s->out, "%c %" PRIu64 " %" PRId64 " %" PRIu64 " %u %u ", kind, r->key.ino,
		   r->key.btime, r->key.life, r->uid, r->gid);
	if (r->type)
		buf_printf(s->out, "%u:%u ", r->dev_major, r->dev_minor);
	add_path(s->out, path);
	buf_addch(s->out, '\n');
	for (const struct emul_xattr *x = r->xattrs; x; x = x->next)
		add_xattr(s->out, x);
	s->n++;
}

static void look(struct saver *s, int dir, const char *name)
{
	const struct emul_rec *r;
	struct emul_key k;

	if (emul_key_at(&k, NULL, dir, name, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	r = emul_table_get(s->t, &k);
	if (r && emul_table_mark(s->t, &k))
		add_rec(s, r, s->path);
}

static int open_dir(int at, const char *name)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
				.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };

	return (int)syscall(SYS_openat2, at, name, &how, sizeof(how));
}

/* Takes fd.  len is that of s->path without its NUL. */
static int walk(struct saver *s, int fd, size_t len, struct err *e)
{
	DIR *d = fdopendir(fd);
	struct dirent *ent;
	int r = 0;

	if (!d) {
		close(fd);
		return err_sys(e, "read directory");
	}
	while (r == 0 && (ent = readdir(d))) {
		size_t n = strlen(ent->d_name);

		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, "..") ||
		    len + n + 2 > sizeof(s->path))
			continue;
		memcpy(s->path + len, ent->d_name, n + 1);
		if (emul_table_has(s->t, s->dev, ent->d_ino))
			look(s, dirfd(d), ent->d_name);
		if (ent->d_type == DT_DIR || ent->d_type == DT_UNKNOWN) {
			int sub = open_dir(dirfd(d), ent->d_name);

			/* No directory, another file system, or gone. */
			if (sub < 0)
				continue;
			memcpy(s->path + len + n, "/", 2);
			r = walk(s, sub, len + n + 1, e);
		}
	}
	closedir(d);
	return r;
}

int emul_save(struct emul_table *t, int tree, struct err *e)
{
	auto_buf struct buf out = { 0 };
	struct saver s = { .t = t, .out = &out, .path = "." };
	struct emul_key root;
	int fd = open_dir(tree, ".");

	if (fd < 0 || emul_key_at(&root, NULL, fd, "", AT_EMPTY_PATH) < 0) {
		close_p_(&fd);
		return err_sys(e, "save owners");
	}
	s.dev = root.dev;
	emul_table_unmark(t);
	buf_printf(&out, "berth-owners 1\nroot %" PRIu64 " %" PRId64 "\n", root.ino, root.btime);
	look(&s, fd, ".");
	if (walk(&s, fd, 0, e) < 0)
		return err_wrap(e, "save owners");
	buf_printf(&out, "end %zu\n", s.n);
	if (file_write_atomic(tree, EMUL_SAVE_NAME, out.data, out.len, 0644, e) < 0)
		return err_wrap(e, "save owners");
	return 0;
}

struct loader {
	struct emul_table *t;
	struct emul_load_stat *st;
	struct emul_key *root;
	int tree;
	bool known; /* whether the tree is a copy */
};

static bool is_moved(const struct loader *l)
{
	struct emul_key now;

	return emul_key_at(&now, NULL, l->tree, "", AT_EMPTY_PATH) < 0 || now.ino != l->root->ino ||
	       (now.btime && l->root->btime && now.btime != l->root->btime);
}

static bool fits(const struct loader *l, const struct emul_rec *r, const struct emul_key *now,
		 mode_t mode)
{
	if (r->type && !S_ISREG(mode))
		return false;
	if (l->st->moved)
		return true;
	return r->key.ino == now->ino &&
	       (!r->key.btime || !now->btime || r->key.btime == now->btime) &&
	       (!r->key.life || !now->life || r->key.life == now->life);
}

static int load_one(void *arg, const struct emul_line *line, struct err *e)
{
	struct loader *l = arg;
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	auto_close int fd = (int)syscall(SYS_openat2, l->tree, line->path, &how, sizeof(how));
	struct emul_rec *r;
	struct emul_key k;
	struct statx st;

	(void)e;
	if (!l->known) {
		l->st->moved = is_moved(l);
		l->known = true;
	}
	if (fd < 0 || emul_key_at(&k, &st, fd, "", AT_EMPTY_PATH) < 0 ||
	    !fits(l, &line->rec, &k, st.stx_mode)) {
		l->st->dropped++;
		return 0;
	}
	r = emul_table_put(l->t, &k);
	r->uid = line->rec.uid;
	r->gid = line->rec.gid;
	r->type = line->rec.type;
	r->dev_major = line->rec.dev_major;
	r->dev_minor = line->rec.dev_minor;
	for (const struct emul_xattr *x = line->rec.xattrs; x; x = x->next)
		emul_rec_xattr_set(l->t, r, x->name, x->value, x->len);
	l->st->loaded++;
	return 0;
}

int emul_load(struct emul_table *t, int tree, struct emul_load_stat *st, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct emul_key root = { 0 }, here;
	struct loader l = { .t = t, .st = st, .root = &root, .tree = tree };
	bool dirty = emul_table_is_dirty(t);
	int r;

	*st = (struct emul_load_stat){ 0 };
	if (emul_key_at(&here, NULL, tree, "", AT_EMPTY_PATH) == 0)
		emul_table_alias(t, here.dev);
	r = file_read(tree, EMUL_SAVE_NAME, &text, EMUL_SAVE_MAX, e);
	if (r != 0)
		return r;
	if (emul_save_parse(buf_str(&text), text.len, &root, load_one, &l, e) < 0)
		return err_wrap(e, EMUL_SAVE_NAME);
	if (!dirty && !st->moved && !st->dropped)
		emul_table_clean(t);
	return 0;
}
