#include "src/flow/owners.h"

#include <fcntl.h>
#include <string.h>

#include "src/enter/emul_save.h"

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
	if (!strcmp(entry->path, "/" EMUL_SAVE_NAME))
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

void owners_fini(struct owners *o)
{
	free(o->xattrs);
}
