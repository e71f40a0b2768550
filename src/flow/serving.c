#include "src/flow/serving.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "image/serve.h"
#include "image/squash_empty.h"
#include "src/flow/upper.h"
#include "src/plan/names.h"

/* The plan's files and mount points, as the server shows them.  Heap array. */
static struct serve_node *nodes_make(const struct plan *p, size_t *n)
{
	struct serve_node *nodes = xcalloc(p->nfiles + p->nmounts + 1, sizeof(*nodes));

	*n = 0;
	for (size_t i = 0; i < p->nfiles; i++) {
		const struct plan_file *f = &p->files[i];

		nodes[(*n)++] = (struct serve_node){ .path = f->path,
						     .mode = f->mode,
						     .data = f->data,
						     .len = f->len,
						     .host = f->host,
						     .replace = f->replace };
	}
	for (size_t i = 0; i < p->nmounts; i++) {
		const struct plan_mount *m = &p->mounts[i];

		if (m->kind == PLAN_SYMLINK || plan_mount_is_covered(p, i))
			continue;
		nodes[(*n)++] = (struct serve_node){
			.path = m->dst,
			.mode = m->flags & PLAN_IS_DIR ? S_IFDIR | 0755 : S_IFREG | 0644,
			.replace = (m->flags & PLAN_HIDE) != 0,
		};
	}
	return nodes;
}

static void file_replace(struct plan *p, const char *path, struct buf *text)
{
	for (size_t i = 0; i < p->nfiles; i++)
		if (!strcmp(p->files[i].path, path)) {
			free(p->files[i].data);
			p->files[i].len = text->len;
			p->files[i].data = buf_take(text);
		}
}

/* The plan was made without the image's own names; here they come in. */
static void names_add(struct serving *s)
{
	const char *home = strv_env_get(&s->plan->env, "HOME");
	auto_buf struct buf passwd = { 0 }, group = { 0 };

	run_image_names(s->image, &s->facts->image);
	names_passwd(&passwd, s->facts->image.passwd, s->facts, home ? home : "/");
	names_group(&group, s->facts->image.group, s->facts);
	file_replace(s->plan, "/etc/passwd", &passwd);
	file_replace(s->plan, "/etc/group", &group);
}

/* Where the program may be: decoding it begins before it is asked for. */
static void program_names(const struct plan *p, struct strv *out)
{
	const char *path = strv_env_get(&p->env, "PATH");
	auto_strv struct strv dirs = { 0 };

	if (strchr(p->argv.v[0], '/')) {
		if (p->argv.v[0][0] == '/')
			strv_add(out, p->argv.v[0]);
		return;
	}
	strv_split(&dirs, path ? path : "", ':');
	for (size_t i = 0; i < dirs.n; i++)
		strv_addf(out, "%s/%s", dirs.v[i], p->argv.v[0]);
}

static int root_prepare(struct serving *s, struct err *e)
{
	struct serve_opts o = {
		.uid = s->plan->uid, .gid = s->plan->gid, .threads = s->threads, .store = true
	};
	auto_strv struct strv warm = { 0 };

	names_add(s);
	program_names(s->plan, &warm);
	o.nodes = nodes_make(s->plan, &o.nnodes);
	o.warm = (const char *const *)strv_list(&warm);
	o.nwarm = warm.n;
	return serve_new(&s->serve[0], s->image->squash, &o, e);
}

/* A file that somebody writes to cannot be read beside it: the lock is for as long as the holder
 * has the descriptor.  Where there are no locks nobody is hindered. */
static int exts_lock(const struct serving *s, struct err *e)
{
	for (size_t i = 0; i < s->ext.n; i++)
		if (flock(s->ext.v[i].fd, (s->ext.v[i].write ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0 &&
		    errno == EWOULDBLOCK)
			return err_set(e, ERR_EXISTS, "--overlay %s: somebody is %s it",
				       s->plan->exts[i].path,
				       s->ext.v[i].write ? "using" : "writing to");
	return 0;
}

static int exts_init(struct serving *s, struct err *e)
{
	const struct plan *p = s->plan;

	if (!p->nexts)
		return 0;
	s->ext.v = xcalloc(p->nexts, sizeof(*s->ext.v));
	for (; s->ext.n < p->nexts; s->ext.n++) {
		const struct run_image_file *f = s->images->of[p->exts[s->ext.n].file];

		s->ext.v[s->ext.n] =
			(struct extfs_file){ f->part.fd, f->part.off, p->exts[s->ext.n].write };
		s->ext.fuse2fs = f->fuse2fs;
		s->ext.overlayfs = f->overlayfs;
		s->keep[s->nkeep++] = f->part.fd;
	}
	if (extfs_init(&s->ext, e) < 0)
		return -1;
	s->keep[s->nkeep++] = s->ext.channel[0];
	return 0;
}

static int serving_prepare(void *arg, struct err *e)
{
	struct serving *s = arg;
	struct serve_opts o = {
		.uid = s->plan->uid, .gid = s->plan->gid, .store = true, .cold = true
	};
	unsigned first = s->plan->root == PLAN_ROOT_SQUASH;
	size_t n = s->images->nfiles;

	if (upper_take(&s->lease, s->plan, e) < 0)
		return -1;
	if (exts_lock(s, e) < 0 || extfs_start(&s->ext, e) < 0) {
		lease_drop(&s->lease);
		return -1;
	}
	if (first && root_prepare(s, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (serve_new(&s->serve[first + i], s->images->files[i]->squash, &o, e) < 0)
			return -1;
	return s->empty ? serve_new(&s->serve[first + n], s->empty, &o, e) : 0;
}

static void serving_end(void *arg)
{
	struct serving *s = arg;

	extfs_end(&s->ext);
	lease_drop(&s->lease);
}

static int serving_run(void *arg, unsigned which, int fuse_fd, struct err *e)
{
	struct serving *s = arg;

	return serve_run(s->serve[which], fuse_fd, e);
}

int serving_init(struct serving *s, struct keeper_work *work, struct plan *p, struct facts *facts,
		 struct run_image *image, struct run_images *images, struct err *e)
{
	*s = (struct serving){ .image = image,
			       .images = images,
			       .facts = facts,
			       .plan = p,
			       .empty_fd = -1,
			       .ext = EXTFS_NONE };
	s->serve = xcalloc(images->nfiles + 2, sizeof(*s->serve));
	s->keep = xcalloc(images->nfiles + p->nexts + 3, sizeof(*s->keep));
	if (p->root == PLAN_ROOT_SQUASH)
		s->keep[s->n++] = image->image->fd;
	for (size_t i = 0; i < images->nfiles; i++)
		s->keep[s->n++] = images->files[i]->part.fd;
	if (plan_needs_lifeline(p)) {
		if (squash_empty_open(&s->empty_fd, &s->empty, e) < 0)
			return -1;
		s->keep[s->n++] = s->empty_fd;
	}
	s->nkeep = s->n;
	if (exts_init(s, e) < 0)
		return -1;
	*work = (struct keeper_work){ .prepare = serving_prepare,
				      .serve = serving_run,
				      .finish = serving_end,
				      .announce = p->upper == PLAN_UPPER_DIR || p->nexts,
				      .nfuse = s->n,
				      .arg = s,
				      .keep = s->keep,
				      .nkeep = s->nkeep };
	return 0;
}

void serving_fini(struct serving *s)
{
	if (!s->serve)
		return; /* not begun */
	squash_close(s->empty);
	extfs_fini(&s->ext);
	close_p_(&s->empty_fd);
	free(s->serve);
	free(s->keep);
}
