#include "src/flow/look.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/image.h"
#include "image/squash.h"
#include "image/tar_tree.h"
#include "src/base/digest.h"
#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/base/log.h"
#include "src/base/path.h"
#include "src/flow/packages.h"
#include "src/flow/source.h"

#define DATABASE_MAX ((size_t)256 << 20)

struct opened {
	struct image *image;
	struct squash *squash;
};

static void opened_fini(struct opened *o)
{
	squash_close(o->squash);
	image_free(o->image);
}
#define auto_opened auto_(opened_fini)

static int open_image(struct opened *o, const struct pull_req *pull, struct err *e)
{
	auto_buf struct buf path = { 0 };

	if (source_path(pull, &path, e) < 0)
		return -1;
	if (image_open(&o->image, buf_str(&path), e) < 0)
		return source_explain_missing(pull->uri, e);
	if (o->image->kind != IMAGE_DIR &&
	    squash_open(&o->squash, o->image->fd, o->image->off, o->image->size, NULL, e) < 0)
		return err_wrap(e, "%s", pull->uri);
	return 0;
}

static struct tar_tree *tree_of(const struct opened *o)
{
	return o->squash ? tar_tree_squash(o->squash) : tar_tree_dir(o->image->fd);
}

/* ---- ls ---- */

static void mode_text(mode_t m, char out[11])
{
	static const char bits[] = "rwxrwxrwx";

	out[0] = S_ISDIR(m)    ? 'd'
		 : S_ISLNK(m)  ? 'l'
		 : S_ISCHR(m)  ? 'c'
		 : S_ISBLK(m)  ? 'b'
		 : S_ISFIFO(m) ? 'p'
			       : '-';
	for (int i = 0; i < 9; i++)
		out[i + 1] = m & (0400u >> i) ? bits[i] : '-';
	if (m & S_ISUID)
		out[3] = m & 0100 ? 's' : 'S';
	if (m & S_ISGID)
		out[6] = m & 0010 ? 's' : 'S';
	if (m & S_ISVTX)
		out[9] = m & 0001 ? 't' : 'T';
	out[10] = '\0';
}

static void add_line(struct buf *out, const struct tar_item *i, bool longer)
{
	char mode[11], when[32];
	time_t t = (time_t)i->mtime;
	struct tm tm;

	if (longer) {
		mode_text(i->mode, mode);
		gmtime_r(&t, &tm);
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
		buf_printf(out, "%s %5u %5u %10llu %s ", mode, i->uid, i->gid,
			   (unsigned long long)i->size, when);
	}
	buf_addch(out, '/');
	buf_add_escaped(out, i->path, strlen(i->path));
	if (longer && *i->link) {
		buf_adds(out, i->hard ? " = /" : " -> ");
		buf_add_escaped(out, i->link, strlen(i->link));
	}
	buf_addch(out, '\n');
}

/* Below dir (relative, "" for the root), right below it unless recurse. */
static bool is_listed(const char *path, const char *dir, bool recurse)
{
	size_t n = strlen(dir);

	if (n && (strncmp(path, dir, n) != 0 || (path[n] && path[n] != '/')))
		return false;
	path += n + (n && path[n] == '/');
	return recurse || !strchr(path, '/');
}

int flow_ls(const struct look_req *r, struct buf *text, struct err *e)
{
	auto_opened struct opened o = { 0 };
	auto_free char *clean = path_clean("/", r->path ? r->path : "/");
	struct tar_tree *t;
	struct tar_item i;
	bool found = !clean[1];
	int v;

	if (open_image(&o, &r->pull, e) < 0)
		return -1;
	t = tree_of(&o);
	while ((v = tar_tree_next(t, &i, e)) == 1) {
		if (!is_listed(i.path, clean + 1, r->recurse))
			continue;
		found = true;
		/* Of a directory, what is in it. */
		if (strcmp(i.path, clean + 1) != 0 || !S_ISDIR(i.mode))
			add_line(text, &i, r->longer);
	}
	tar_tree_free(t);
	if (v < 0)
		return err_wrap(e, "%s", r->pull.uri);
	return found ? 0 : err_set(e, ERR_NOTFOUND, "%s has no %s", r->pull.uri, clean);
}

/* ---- cat ---- */

static int cat_squash(struct squash *s, const char *path, int to, struct err *e)
{
	auto_free char *chunk = xmalloc(1 << 20);
	struct squash_stat st;
	struct squash_inode inode;
	ssize_t n;
	int r = squash_stat_path(s, path, true, &st, e);

	if (r)
		return r;
	if (!S_ISREG(st.mode))
		return err_set(e, ERR_USAGE, "%s is no file", path);
	if (squash_inode(s, st.ref, &inode) < 0)
		return err_sys(e, "read %s", path);
	for (uint64_t at = 0; at < st.size; at += (uint64_t)n) {
		n = squash_read(s, &inode, at, chunk, 1 << 20, NULL);
		if (n <= 0)
			return err_sys(e, "read %s", path);
		if (fd_write(to, chunk, (size_t)n) < 0)
			return err_sys(e, "write");
	}
	return 0;
}

static int cat_dir(int dirfd, const char *path, int to, struct err *e)
{
	auto_close int fd = open_in_root(dirfd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
	auto_free char *chunk = xmalloc(1 << 20);
	ssize_t n;

	if (fd < 0)
		return 1;
	while ((n = read(fd, chunk, 1 << 20)) > 0)
		if (fd_write(to, chunk, (size_t)n) < 0)
			return err_sys(e, "write");
	return n < 0 ? err_sys(e, "read %s", path) : 0;
}

int flow_cat(const struct look_req *r, int fd, struct err *e)
{
	auto_opened struct opened o = { 0 };
	auto_free char *clean = path_clean("/", r->path);
	int v;

	if (open_image(&o, &r->pull, e) < 0)
		return -1;
	v = o.squash ? cat_squash(o.squash, clean, fd, e) : cat_dir(o.image->fd, clean, fd, e);
	if (v == 1)
		return err_set(e, ERR_NOTFOUND, "%s has no file %s", r->pull.uri, clean);
	return v < 0 ? err_wrap(e, "%s", r->pull.uri) : 0;
}

/* ---- diff ---- */

/* Everything about an entry but its path, times apart: as a digest. */
struct seen {
	char *path;
	struct digest what;
};
struct listing {
	struct seen *v;
	size_t n, cap;
};

static void listing_fini(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].path);
	free(l->v);
}
#define auto_listing auto_(listing_fini)

static int hash_item(struct tar_tree *t, const struct tar_item *i, struct digest *out,
		     struct err *e)
{
	auto_digest_ctx struct digest_ctx *c = digest_begin(DIGEST_SHA256);
	auto_free char *chunk = xmalloc(256 << 10);
	auto_buf struct buf head = { 0 };
	ssize_t n;

	buf_printf(&head, "%o %u %u %llu %d %s", i->mode, i->uid, i->gid,
		   (unsigned long long)i->rdev, i->hard, i->link);
	digest_update(c, head.data, head.len);
	for (uint64_t at = 0; at < i->size; at += (uint64_t)n) {
		n = tar_tree_read(t, at, chunk, 256 << 10, e);
		if (n <= 0)
			return n < 0 ? -1 : err_set(e, ERR_INPUT, "%s ends early", i->path);
		digest_update(c, chunk, (size_t)n);
	}
	digest_end(c, out);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct seen *)a)->path, ((const struct seen *)b)->path);
}

static int list_all(struct listing *l, const struct pull_req *pull, struct err *e)
{
	auto_opened struct opened o = { 0 };
	struct tar_tree *t;
	struct tar_item i;
	int v;

	if (open_image(&o, pull, e) < 0)
		return -1;
	t = tree_of(&o);
	while ((v = tar_tree_next(t, &i, e)) == 1) {
		xgrow(&l->v, &l->cap, l->n + 1, sizeof(*l->v));
		l->v[l->n] = (struct seen){ .path = xstrdup(i.path) };
		l->n++;
		v = hash_item(t, &i, &l->v[l->n - 1].what, e);
		if (v < 0)
			break;
	}
	tar_tree_free(t);
	qsort(l->v, l->n, sizeof(*l->v), by_path);
	return v < 0 ? err_wrap(e, "%s", pull->uri) : 0;
}

static void add_diff(struct buf *out, char how, const char *path)
{
	buf_printf(out, "%c /", how);
	buf_add_escaped(out, path, strlen(path));
	buf_addch(out, '\n');
}

int flow_diff(const struct look_req *r, struct buf *text, struct err *e)
{
	auto_listing struct listing a = { 0 }, b = { 0 };
	struct pull_req other = r->pull;
	size_t i = 0, k = 0;

	other.uri = r->other;
	if (digest_ready(e) < 0 || list_all(&a, &r->pull, e) < 0 || list_all(&b, &other, e) < 0)
		return -1;
	while (i < a.n || k < b.n) {
		int v = i == a.n ? 1 : k == b.n ? -1 : strcmp(a.v[i].path, b.v[k].path);

		if (v < 0)
			add_diff(text, '-', a.v[i++].path);
		else if (v > 0)
			add_diff(text, '+', b.v[k++].path);
		else if (!digest_equal(&a.v[i++].what, &b.v[k++].what))
			add_diff(text, 'M', a.v[i - 1].path);
	}
	return text->len ? 1 : 0;
}

/* ---- packages ---- */

/* Where a distribution has moved one, the old place may be a link to the new: the first of a family
 * is the one. */
static const struct {
	int family;
	const char *path;
	int (*read)(const char *text, size_t n, struct package_list *out); /* NULL: not read */
} databases[] = {
	{ 0, "/var/lib/dpkg/status", packages_dpkg },
	{ 1, "/lib/apk/db/installed", packages_apk },
	{ 1, "/usr/lib/apk/db/installed", packages_apk },
	{ 2, "/usr/lib/sysimage/rpm/rpmdb.sqlite", packages_rpm_sqlite },
	{ 2, "/var/lib/rpm/rpmdb.sqlite", packages_rpm_sqlite },
	{ 2, "/usr/lib/sysimage/rpm/Packages.db", packages_rpm_ndb },
	{ 2, "/var/lib/rpm/Packages.db", packages_rpm_ndb },
	{ 2, "/usr/lib/sysimage/rpm/Packages", NULL },
	{ 2, "/var/lib/rpm/Packages", NULL },
};

static bool has_file(struct opened *o, const char *path)
{
	auto_close int fd = -1;
	struct squash_stat st;
	struct err ignored;

	if (o->squash)
		return squash_stat_path(o->squash, path, true, &st, &ignored) == 0;
	fd = open_in_root(o->image->fd, path, O_PATH, 0);
	return fd >= 0;
}

/* 1: it is not there. */
static int read_database(struct opened *o, size_t i, struct package_list *list, struct err *e)
{
	const char *path = databases[i].path;
	auto_free char *log = xasprintf("%s-wal", path);
	auto_buf struct buf text = { 0 }, pending = { 0 };
	int r;

	if (!databases[i].read)
		return has_file(o, path)
			       ? err_set(e, ERR_UNSUPPORTED,
					 "its packages are in rpm's Berkeley database %s, which is "
					 "not read: berth exec IMAGE rpm -qa",
					 path)
			       : 1;
	r = image_read_file(o->image, o->squash, path, DATABASE_MAX, &text, e);
	if (r)
		return r;
	if (databases[i].read(buf_str(&text), text.len, list) < 0)
		return err_set(e, ERR_INPUT, "%s is damaged", path);
	/* What a program that was killed has left there. */
	if (image_read_file(o->image, o->squash, log, DATABASE_MAX, &pending, e) == 0 &&
	    pending.len)
		log_warn("%s holds changes that are not in the list", log);
	return 0;
}

static int read_databases(struct opened *o, struct package_list *list, struct err *e)
{
	int done = -1;

	for (size_t i = 0; i < ARRAY_LEN(databases); i++) {
		int r = databases[i].family == done ? 1 : read_database(o, i, list, e);

		if (r < 0)
			return -1;
		if (r == 0)
			done = databases[i].family;
	}
	return done >= 0 ? 0
			 : err_set(e, ERR_NOTFOUND,
				   "it has no database of packages (dpkg's, apk's or rpm's)");
}

int flow_packages(const struct look_req *r, struct buf *text, struct err *e)
{
	auto_opened struct opened o = { 0 };
	auto_package_list struct package_list list = { 0 };
	struct jw w = { .out = text, .indent = 2 };

	if (open_image(&o, &r->pull, e) < 0)
		return -1;
	if (read_databases(&o, &list, e) < 0)
		return err_wrap(e, "%s", r->pull.uri);
	packages_sort(&list);
	if (!r->json) {
		for (size_t i = 0; i < list.n; i++)
			buf_printf(text, "%s\t%s\t%s\n", list.v[i].name, list.v[i].version,
				   list.v[i].arch);
		return 0;
	}
	jw_arr(&w, NULL);
	for (size_t i = 0; i < list.n; i++) {
		jw_obj(&w, NULL);
		jw_str(&w, "name", list.v[i].name);
		jw_str(&w, "version", list.v[i].version);
		jw_str(&w, "architecture", list.v[i].arch);
		jw_end(&w);
	}
	jw_end(&w);
	buf_addch(text, '\n');
	return 0;
}
