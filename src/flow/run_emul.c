#include "src/flow/run_emul.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/enter/emul_save.h"
#include "src/flow/owners.h"

void run_emul_fini(struct run_emul *r)
{
	emul_free(r->emul);
	emul_table_free(r->table);
	image_owners_fini(&r->owners);
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

static void begin(struct emul_table *table, void *arg)
{
	image_owners_fill(arg, table);
}

static int apt_write(int tree, const char *path, struct err *e)
{
	auto_close int fd = openat(tree, &EMULATION_APT_PATH[1],
				   O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0 || fd_write(fd, EMULATION_APT_TEXT, strlen(EMULATION_APT_TEXT)) < 0)
		return err_sys(e, "write %s" EMULATION_APT_PATH, path);
	return 0;
}

/* Before the table is read: two writers would each save their own. */
static int tree_open(struct run_emul *r, const struct plan *p, struct err *e)
{
	r->tree = open(p->image, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->tree < 0)
		return err_sys(e, "open %s", p->image);
	if (!p->writable)
		owners_wait(r->tree, p->image);
	else if (lock(r->tree, p->image, e) < 0 || apt_write(r->tree, p->image, e) < 0)
		return -1;
	return owners_load(r->table, r->tree, p->image, e);
}

int run_emul_start(struct run_emul *r, const struct plan *p, struct err *e)
{
	struct emul_opts o = { .stat = p->emulation == EMULATION_FULL };

	if (!p->fakeroot || p->emulation == EMULATION_NONE || p->emulation == EMULATION_SUBUID)
		return 0;
	r->tree = -1;
	r->table = emul_table_new();
	if (p->root == PLAN_ROOT_DIR && tree_open(r, p, e) < 0)
		return -1;
	if (p->root == PLAN_ROOT_SQUASH) {
		if (image_owners_read(&r->owners, p->image, e) < 0)
			return -1;
		o.begin = begin;
		o.arg = &r->owners;
	}
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
