#include "src/flow/run_emul.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/enter/emul_save.h"

void run_emul_fini(struct run_emul *r)
{
	emul_free(r->emul);
	emul_table_free(r->table);
	if (r->emul || r->table)
		close_p_(&r->tree);
}

/* In the supervisor, which has no stderr any more: what cannot be saved is found missing by the
 * next one. */
static void save(struct emul_table *table, void *arg)
{
	struct err ignored;

	(void)emul_save(table, *(int *)arg, &ignored);
}

/* Held until the supervisor has saved: whoever reads the table next waits for that. */
static int lock(int tree, const char *path, struct err *e)
{
	if (flock(tree, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK) {
		log_info("%s: another --fakeroot run writes to it; waiting for its end", path);
		if (flock(tree, LOCK_EX) == 0)
			return 0;
	}
	/* A file system without locks. */
	return errno == EOPNOTSUPP || errno == ENOLCK || errno == EINVAL
		       ? 0
		       : err_sys(e, "lock %s", path);
}

static int table_read(struct run_emul *r, const struct plan *p, struct err *e)
{
	struct emul_load_stat st;
	int got;

	r->tree = open(p->image, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->tree < 0)
		return err_sys(e, "open %s", p->image);
	if (p->writable && lock(r->tree, p->image, e) < 0)
		return -1;
	got = emul_load(r->table, r->tree, &st, e);
	if (got < 0)
		return err_wrap(e, "%s", p->image);
	if (got == 0 && st.dropped)
		log_warn("%s: %zu files were replaced without root emulation and belong to root "
			 "since",
			 p->image, st.dropped);
	return 0;
}

int run_emul_start(struct run_emul *r, const struct plan *p, struct err *e)
{
	struct emul_opts o = { .stat = p->emulation == EMULATION_FULL };

	if (!p->fakeroot || p->emulation == EMULATION_NONE || p->emulation == EMULATION_SUBUID)
		return 0;
	r->tree = -1;
	r->table = emul_table_new();
	if (p->root == PLAN_ROOT_DIR && table_read(r, p, e) < 0)
		return -1;
	o.table = r->table;
	if (p->root == PLAN_ROOT_DIR && p->writable) {
		o.save = save;
		o.arg = &r->tree;
		o.keep = &r->tree;
		o.nkeep = 1;
	}
	return emul_start(&r->emul, &o, e);
}

int run_emul_attach(struct run_emul *r, struct fault *f)
{
	return r->emul ? emul_attach(r->emul, f) : 0;
}
