#include "src/flow/run_images.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/flow/program.h"

void run_images_fini(struct run_images *r)
{
	for (size_t i = 0; i < r->n; i++) {
		squash_close(r->file[i].squash);
		part_close(&r->file[i].part);
		free(r->file[i].fuse2fs);
		free(r->file[i].overlayfs);
	}
	for (size_t i = 0; r->why && i < r->wants.n; i++)
		free(r->why[i]);
	free(r->why);
	free(r->file);
	free(r->files);
	free(r->of);
	free(r->facts);
	free(r->file_facts);
	plan_image_wants_fini(&r->wants);
}

static void ext_program(struct run_image_file *f)
{
	f->fuse2fs = program_find("fuse2fs");
	f->overlayfs = program_find("fuse-overlayfs");
	if (!f->overlayfs)
		f->unwritable = "that takes fuse-overlayfs, which is not installed (package "
				"fuse-overlayfs)";
	if (faccessat(AT_FDCWD, f->path, W_OK, AT_EACCESS) < 0)
		f->unwritable = "you may not write to the file";
	if (!f->fuse2fs)
		err_set(&f->why, ERR_HOST,
			"it is an ext3 file system, which the program fuse2fs serves, and that is "
			"not installed (package fuse2fs); berth overlay create --dir makes a layer "
			"that needs none");
}

static void open_one(struct run_image_file *f)
{
	enum part_use use = f->use == FACT_IMAGE_DATA ? PART_DATA : PART_OVERLAY;

	struct stat st;

	/* A directory is no image but a layer itself. */
	if (f->use == FACT_IMAGE_OVERLAY && stat(f->path, &st) == 0 && S_ISDIR(st.st_mode)) {
		err_set(&f->why, ERR_INPUT, "%s is a directory", f->path);
		return;
	}
	if (part_open(&f->part, f->path, use, f->id, &f->why) < 0)
		return;
	if (f->part.is_ext && f->use == FACT_IMAGE_OVERLAY)
		ext_program(f);
	else if (f->part.is_ext)
		err_set(&f->why, ERR_UNSUPPORTED,
			"image %s: it is an ext3 file system; binds are made from SquashFS (make "
			"one with mksquashfs)",
			f->path);
	else if (squash_open(&f->squash, f->part.fd, f->part.off, f->part.size, NULL, &f->why) < 0)
		err_wrap(&f->why, "image %s", f->path);
}

/* The file of a want, opened when it is the first that names it. */
static struct run_image_file *file_of(struct run_images *r, const struct plan_image_want *w)
{
	struct run_image_file *f;

	for (size_t i = 0; i < r->n; i++) {
		f = &r->file[i];
		if (f->id == w->id && f->use == w->use && !strcmp(f->path, w->path))
			return f;
	}
	f = &r->file[r->n++];
	*f = (struct run_image_file){ .path = w->path, .id = w->id, .use = w->use, .part.fd = -1 };
	open_one(f);
	if (f->why.kind == ERR_NONE && !f->fuse2fs) {
		f->index = r->nfiles;
		r->file_facts[r->nfiles] =
			(struct fact_image_file){ f->path, f->part.off, f->part.size };
		r->files[r->nfiles++] = f;
	}
	return f;
}

static void look(struct run_images *r, size_t i)
{
	const struct plan_image_want *w = &r->wants.v[i];
	struct run_image_file *f = file_of(r, w);
	struct err why = f->why;
	struct squash_stat st;
	int found = -1;

	r->facts[i] = (struct fact_image){
		.path = w->path, .id = w->id, .use = w->use, .inner = w->inner, .file = f->index
	};
	r->of[i] = f;
	if (f->fuse2fs) {
		r->facts[i].is_ext = true;
		r->facts[i].unwritable = f->unwritable;
		r->facts[i].off = f->part.off;
		r->facts[i].mode = S_IFDIR | 0755;
		return;
	}
	if (why.kind == ERR_NONE)
		found = squash_stat_path(f->squash, w->inner, true, &st, &why);
	if (found == 0) {
		r->facts[i].mode = st.mode;
		return;
	}
	if (found > 0)
		err_set(&why, ERR_NOTFOUND, "image %s: there is no %s in it", w->path, w->inner);
	r->facts[i].why = r->why[i] = xstrdup(why.text);
}

int run_images_gather(struct run_images *r, const struct run_req *req, struct facts *f,
		      struct err *e)
{
	*r = (struct run_images){ 0 };
	if (plan_wants_images(&r->wants, req, f, e) < 0)
		return -1;
	if (!r->wants.n)
		return 0;
	r->file = xcalloc(r->wants.n, sizeof(*r->file));
	r->files = xcalloc(r->wants.n, sizeof(*r->files));
	r->facts = xcalloc(r->wants.n, sizeof(*r->facts));
	r->file_facts = xcalloc(r->wants.n, sizeof(*r->file_facts));
	r->of = xcalloc(r->wants.n, sizeof(*r->of));
	r->why = xcalloc(r->wants.n, sizeof(*r->why));
	for (size_t i = 0; i < r->wants.n; i++)
		look(r, i);
	f->images = r->facts;
	f->nimages = r->wants.n;
	f->image_files = r->file_facts;
	f->nimage_files = r->nfiles;
	return 0;
}
