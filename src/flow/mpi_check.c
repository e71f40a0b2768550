#include "src/flow/mpi_check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bindings/mpi.h"
#include "mpi/verdict.h"
#include "src/base/log.h"
#include "src/flow/run_image.h"
#include "src/flow/run_lend.h"
#include "src/flow/run_program.h"

extern char **environ;

/* Two floors' words for the same. */
_Static_assert((int)MPI_ABI_OPEN == (int)MPI_OPEN && (int)MPI_ABI_MPICH == (int)MPI_MPICH &&
		       (int)MPI_ABI_STANDARD == (int)MPI_STANDARD_ABI,
	       "families are numbered alike");

static void parts_of(struct mpi_parts *p, const struct mpi_stack *s)
{
	*p = (struct mpi_parts){ .families = s->families,
				 .open_pmi = s->open_pmi,
				 .mpich_pmix = s->mpich_pmix,
				 .mpich_vendor = s->mpich_vendor,
				 .pmix = s->pmix,
				 .ucx = s->ucx,
				 .fabric = s->fabric };
	memcpy(p->open, s->open, sizeof(p->open));
	memcpy(p->mpich, s->mpich, sizeof(p->mpich));
	memcpy(p->pmix_version, s->pmix_version, sizeof(p->pmix_version));
	memcpy(p->fabric_abi, s->fabric_abi, sizeof(p->fabric_abi));
}

/* Of the image, or of this host when that is whose MPI will run. */
static int look(struct mpi_parts *p, const struct facts *facts, struct run_image *image, bool host,
		struct err *e)
{
	struct lend_host h = { .rootfd = AT_FDCWD,
			       .environ = facts->environ,
			       .image = { .ops = image ? &run_lend_image : NULL, .arg = image } };
	struct lend_config c = { .image_env = facts->image.env };
	struct mpi_stack s = { 0 };
	int r = 0;

	if (host)
		r = mpi_stack_host(&s, &h, &c, e);
	else
		mpi_stack_inside(&s, &h, &c);
	lend_host_fini(&h);
	parts_of(p, &s);
	return r;
}

int mpi_word_check(const struct run_req *req, struct err *e)
{
	if (!req->mpi || !strcmp(req->mpi, "auto") || !strcmp(req->mpi, "image") ||
	    !strcmp(req->mpi, "host"))
		return 0;
	return err_set(e, ERR_USAGE, "--mpi=%s: write auto, image or host", req->mpi);
}

/* Families that the program itself asks for. */
static unsigned program_families(const struct plan *p, struct run_image *image)
{
	auto_elf struct elf f = { 0 };
	unsigned families = 0;

	if (run_program_elf(&f, p, image) != 0)
		return 0;
	for (size_t i = 0; i < f.nneeded; i++)
		families |= mpi_abi_of(f.needed[i]);
	return families;
}

static bool has_others(const struct launcher *l)
{
	return l->name && (l->size ? l->size > 1 : l->local_size != 1);
}

int mpi_check_start(const struct run_req *req, const struct plan *plan, const struct facts *facts,
		    struct run_image *image, const struct launcher *l, struct err *e)
{
	bool host = req->mpi && !strcmp(req->mpi, "host");
	auto_buf struct buf text = { 0 };
	struct mpi_parts parts = { 0 };

	if (!has_others(l) || (req->mpi && !strcmp(req->mpi, "image")))
		return 0;
	parts.families = program_families(plan, image);
	/* What any build of that family could do first: most starts are well. */
	if (parts.families) {
		unsigned families = parts.families;

		if (mpi_verdict(&text, l, &parts) == 0)
			return 0;
		if (look(&parts, facts, image, host, e) < 0)
			return -1;
		parts.families = families;
		buf_clear(&text);
		if (mpi_verdict(&text, l, &parts) == 0)
			return 0;
		return err_set(e, ERR_HOST, "%s: %s; --mpi=image starts it in any case",
			       plan->argv.v[0], buf_str(&text));
	}
	if (l->rank != 0 || l->wire == WIRE_NONE)
		return 0;
	if (look(&parts, facts, image, host, e) < 0)
		return -1;
	if (mpi_verdict(&text, l, &parts) > 0)
		log_warn("%s", buf_str(&text));
	return 0;
}

static void line(struct buf *text, const char *who, const struct mpi_parts *p)
{
	buf_printf(text, "%s: ", who);
	mpi_parts_words(text, p);
	buf_addch(text, '\n');
}

/* Would --mpi=host do?  The sentence is the one that a start would end with. */
static void swap_line(struct buf *text, const char *path, struct facts *facts,
		      struct run_image *image)
{
	struct run_req req = { .image = path, .mpi = "host" };
	auto_lent struct lent lent = { 0 };
	struct err why;

	if (run_lend(&lent, &req, facts, image, &why) < 0) {
		buf_printf(text, "%s%s\n",
			   str_has_prefix(why.text, "--mpi=host") ? "" : "--mpi=host: ", why.text);
		return;
	}
	buf_adds(text, "--mpi=host: the host's MPI fits into the image\n");
	for (size_t i = 0; i < lent.notes.n; i++)
		buf_printf(text, "%s\n", lent.notes.v[i]);
}

int flow_mpi_check(const char *path, struct buf *text, struct err *e)
{
	auto_run_image struct run_image image = { 0 };
	auto_free char *cwd = getcwd(NULL, 0);
	struct mpi_parts host = { 0 }, inside = { 0 };
	struct run_req req = { .image = path };
	struct facts facts = { .environ = environ, .cwd = cwd };
	struct launcher l;
	int r;

	if (path && run_image_open(&image, path, cwd, &req, &facts.image, e) < 0)
		return -1;
	if (look(&host, &facts, NULL, true, e) < 0)
		return -1;
	launcher_find(&l, environ);
	line(text, "host", &host);
	if (path) {
		if (look(&inside, &facts, &image, false, e) < 0)
			return -1;
		line(text, "image", &inside);
		swap_line(text, path, &facts, &image);
	}
	buf_adds(text, "verdict: ");
	r = mpi_verdict(text, &l, path ? &inside : &host);
	buf_addch(text, '\n');
	return r;
}
