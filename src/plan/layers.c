#include "src/plan/layers.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/path.h"
#include "src/plan/mounts.h"

void overlay_words_fini(struct overlay_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].path);
	free(w->v);
	*w = (struct overlay_words){ 0 };
}

static int word_parse(struct overlay_words *out, char *text, const char *cwd, struct err *e)
{
	bool ro = str_has_suffix(text, ":ro"), rw = str_has_suffix(text, ":rw");
	auto_free char *name = xstrndup(text, strlen(text) - (ro || rw ? 3 : 0));

	if (!*name)
		return err_set(e, ERR_USAGE, "--overlay %s: it names no file or directory", text);
	if (*name != '/' && !cwd)
		return err_set(e, ERR_USAGE, "--overlay %s: it must start with / here", text);
	xgrow(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
	out->v[out->n++] = (struct overlay_word){ path_clean(cwd ? cwd : "/", name), ro, false };
	return 0;
}

int overlay_words_parse(struct overlay_words *out, const struct run_req *req, const char *cwd,
			struct err *e)
{
	for (size_t i = 0; i < req->overlays.n; i++) {
		auto_strv struct strv words = { 0 };

		strv_split(&words, req->overlays.v[i], ',');
		for (size_t k = 0; k < words.n; k++)
			if (word_parse(out, words.v[k], cwd, e) < 0)
				return -1;
	}
	return 0;
}

void overlay_words_own(struct overlay_words *out, const struct run_req *req,
		       const struct facts_image *image)
{
	if (!image->has_overlay)
		return;
	for (size_t i = 0; i < out->n; i++)
		if (!strcmp(out->v[i].path, image->path))
			return;
	xgrow(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
	out->v[out->n++] = (struct overlay_word){ xstrdup(image->path), !req->writable, true };
}

void layers_wants(struct strv *paths, const struct overlay_words *words)
{
	for (size_t i = 0; i < words->n; i++)
		strv_add(paths, words->v[i].path);
}

static int add_upper(struct plan *p, const char *dir, struct err *e)
{
	if (p->upper != PLAN_UPPER_NONE)
		return err_set(
			e, ERR_USAGE,
			"--overlay %s and --overlay %s: only one can be written to; give the "
			"others as DIR:ro",
			p->upper_dir, dir);
	p->upper = PLAN_UPPER_DIR;
	p->upper_dir = xstrdup(dir);
	return 0;
}

/* Served by fuse2fs.  The kernel takes no such upper directory (or, where ids are not mapped,
 * mounts it read-only without a word: Linux 6.18), so fuse-overlayfs makes the overlay then. */
static int add_ext(struct plan *p, const struct overlay_word *w, const struct fact_image *fact,
		   size_t file, struct err *e)
{
	/* Seen with fuse-overlayfs 1.10: it ends before it serves anything. */
	const char *unwritable = p->uid != p->host_uid || p->gid != p->host_gid
					 ? "fuse-overlayfs ends where ids are others inside "
					   "(--fakeroot, --security uid, a User of --oci-compat)"
					 : fact->unwritable;

	if (!w->ro && unwritable)
		return err_set(
			e, ERR_UNSUPPORTED,
			"%s %s: it cannot take changes: %s; %s and a directory takes changes "
			"without it (berth overlay create --dir)",
			w->own ? "--writable" : "--overlay", w->path, unwritable,
			w->own ? "without --writable it is read," : "FILE:ro is read,");
	if (!w->ro && add_upper(p, w->path, e) < 0)
		return -1;
	p->exts[p->nexts] = (struct plan_ext){ xstrdup(fact->path), fact->off, file, !w->ro };
	if (!w->ro) {
		p->upper = PLAN_UPPER_EXT;
		p->nexts++;
		return 0;
	}
	p->layers[p->nlayers++] = (struct plan_layer){ .is_ext = true, .image = p->nexts++ };
	return 0;
}

static int add_image(struct plan *p, const struct overlay_word *w, const struct facts *f,
		     struct err *e)
{
	const struct fact_image *fact = NULL;
	size_t file = 0;

	for (size_t i = 0; i < f->nimages && !fact; i++)
		if (f->images[i].use == FACT_IMAGE_OVERLAY && !strcmp(f->images[i].path, w->path))
			fact = &f->images[file = i];
	if (!fact || !fact->mode)
		return err_set(e, ERR_NOTFOUND, "%s%s: %s",
			       w->own ? "overlay partition of " : "--overlay ", w->path,
			       fact ? fact->why : "the image was not looked at");
	if (fact->is_ext)
		return add_ext(p, w, fact, file, e);
	p->layers[p->nlayers++] = (struct plan_layer){ .image = fact->file };
	return 0;
}

static int add_overlay(struct plan *p, const struct overlay_word *w, const struct facts *f,
		       struct err *e)
{
	const struct fact_path *fact = fact_path_find(f, w->path);

	if (w->own)
		return add_image(p, w, f, e);
	if (!fact || !fact->mode)
		return err_set(e, ERR_NOTFOUND, "--overlay %s: %s", w->path,
			       strerror(fact && fact->error ? fact->error : ENOENT));
	if (!S_ISDIR(fact->mode))
		return add_image(p, w, f, e);
	if (!w->ro)
		return add_upper(p, w->path, e);
	p->layers[p->nlayers++] = (struct plan_layer){ .dir = path_join(w->path, "upper") };
	return 0;
}

/* A layer in memory may take what the job may take; without a limit tmpfs stops at half of
 * the machine's memory. */
static void add_tmpfs(struct plan *p, const struct run_req *req, const struct facts *f)
{
	uint64_t size = req->tmpfs_size;

	p->upper = PLAN_UPPER_TMPFS;
	if (size) {
		p->upper_size_from = xstrdup("--tmpfs-size");
	} else if (f->memory_from) {
		size = f->memory_limit;
		p->upper_size_from = xstrdup(f->memory_from);
	} else {
		p->upper_size_from = xstrdup("half of the memory");
	}
	p->upper_data = size ? xasprintf("size=%" PRIu64 ",mode=0755", size)
			     : xstrdup("size=50%,mode=0755");
}

int layers_make(struct plan *p, const struct overlay_words *words, const struct run_req *req,
		const struct facts *f, struct err *e)
{
	p->layers = xcalloc(words->n + 1, sizeof(*p->layers));
	p->exts = xcalloc(words->n + 1, sizeof(*p->exts));
	if (req->writable && req->overlays.n)
		return err_set(e, ERR_USAGE,
			       "--writable and --overlay exclude each other: with an overlay, "
			       "changes go there");
	for (size_t i = 0; i < words->n; i++)
		if (add_overlay(p, &words->v[i], f, e) < 0)
			return -1;
	if (req->writable && p->root != PLAN_ROOT_DIR && p->upper != PLAN_UPPER_EXT)
		return err_set(e, ERR_USAGE,
			       "--writable: %s is an image file, which is read-only; use "
			       "--writable-tmpfs, --overlay DIR, or a directory (berth build "
			       "--sandbox)",
			       p->image);
	p->writable = req->writable && p->root == PLAN_ROOT_DIR;
	if (!req->writable_tmpfs)
		return 0;
	/* --compat implies it: what the user named himself wins without a word. */
	if (p->writable || p->upper != PLAN_UPPER_NONE) {
		if (!req->compat)
			strv_addf(&p->notes, "--writable-tmpfs is not used: %s takes the changes",
				  p->writable ? "--writable" : p->upper_dir);
		return 0;
	}
	add_tmpfs(p, req, f);
	return 0;
}
