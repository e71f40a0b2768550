#include "src/flow/owners.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "src/base/log.h"
#include "src/enter/emul_save.h"
#include "src/plan/emulation.h"

#define WAIT_STEP_MS 10
#define WAIT_MAX_MS  5000

int owners_made(void *arg, const struct unpack_entry *entry, struct err *e)
{
	struct emul_table *t = arg;
	bool device = S_ISCHR(entry->mode) || S_ISBLK(entry->mode);
	struct emul_key k;
	struct emul_rec *r;

	if (!entry->uid && !entry->gid && !device && !entry->nxattrs)
		return 0;
	if (emul_key_at(&k, NULL, entry->dirfd, entry->name, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat");
	r = emul_table_put(t, &k);
	r->uid = entry->uid;
	r->gid = entry->gid;
	if (device) {
		r->type = entry->mode & S_IFMT;
		r->dev_major = (entry->rdev & 0xfff00) >> 8;
		r->dev_minor = (entry->rdev & 0xff) | (entry->rdev >> 12 & 0xfff00);
	}
	for (size_t i = 0; i < entry->nxattrs; i++)
		emul_rec_xattr_set(t, r, entry->xattrs[i].name, entry->xattrs[i].value,
				   entry->xattrs[i].len);
	return 0;
}

static void take_xattrs(struct owners *o, const struct emul_rec *r, struct pack_attr *attr)
{
	size_t n = 0;

	for (const struct emul_xattr *x = r->xattrs; x; x = x->next) {
		if (!strncmp(x->name, "system.", 7))
			continue; /* SquashFS has no place for it */
		xgrow(&o->xattrs, &o->cap, n + 1, sizeof(*o->xattrs));
		o->xattrs[n++] = (struct xattr){ x->name, x->value, (uint32_t)x->len };
	}
	attr->xattrs = o->xattrs;
	attr->nxattrs = n;
}

int owners_look(void *arg, const struct pack_entry *entry, struct pack_attr *attr, struct err *e)
{
	struct owners *o = arg;
	const struct emul_rec *r;
	struct emul_key k;

	(void)e;
	if (!strncmp(entry->path, EMULATION_PREFIX, strlen(EMULATION_PREFIX)))
		return PACK_SKIP;
	emul_key_of(&k, entry->st);
	if (!emul_table_may(o->table, &k))
		return PACK_KEEP;
	emul_key_life(&k, entry->dirfd, entry->name, AT_SYMLINK_NOFOLLOW);
	r = emul_table_get(o->table, &k);
	if (!r)
		return PACK_KEEP;
	attr->uid = r->uid;
	attr->gid = r->gid;
	if (r->type) {
		attr->mode = r->type | (attr->mode & 07777);
		attr->rdev = pack_rdev(r->dev_major, r->dev_minor);
	}
	take_xattrs(o, r, attr);
	return PACK_KEEP;
}

/* The supervisor of a run that has just ended may still be saving. */
void owners_wait(int tree, const char *path)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000L };

	for (int ms = 0; ms < WAIT_MAX_MS; ms += WAIT_STEP_MS) {
		if (flock(tree, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
			flock(tree, LOCK_UN);
			return;
		}
		nanosleep(&step, NULL);
	}
	log_warn("%s: a --fakeroot run is writing to it; what it changes of owners is not known "
		 "here",
		 path);
}

int owners_load(struct emul_table *t, int tree, const char *path, struct err *e)
{
	struct emul_load_stat st;
	int r = emul_load(t, tree, &st, e);

	if (r < 0)
		return err_wrap(e, "%s", path);
	if (r == 0 && st.dropped)
		log_warn("%s: %zu files were replaced without root emulation and belong to root "
			 "since",
			 path, st.dropped);
	return 0;
}

void owners_fini(struct owners *o)
{
	free(o->xattrs);
}
