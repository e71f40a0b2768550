/* chown: what is asked is written down instead of done. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/enter/emul_priv.h"

struct chown_args {
	int dirfd;
	uint64_t path;
	uint32_t uid, gid;
	unsigned flags;
};

static uint32_t id_of(const struct emul_tracee *t, uint64_t v)
{
	if (t->nr->form == EMUL_IDS16)
		return (v & 0xffff) == 0xffff ? UINT32_MAX : (uint32_t)(v & 0xffff);
	return (uint32_t)v;
}

static struct chown_args args_of(const struct emul_tracee *t)
{
	const uint64_t *a = t->args;
	unsigned shift = t->nr->call == EMUL_FCHOWNAT ? 2 : 1;
	struct chown_args out = { .dirfd = AT_FDCWD,
				  .path = a[0],
				  .uid = id_of(t, a[shift]),
				  .gid = id_of(t, a[shift + 1]) };

	if (t->nr->call == EMUL_LCHOWN)
		out.flags = AT_SYMLINK_NOFOLLOW;
	if (t->nr->call == EMUL_FCHOWN) {
		out.dirfd = (int)a[0];
		out.path = 0;
		out.flags = AT_EMPTY_PATH;
	}
	if (t->nr->call == EMUL_FCHOWNAT) {
		out.dirfd = (int)a[0];
		out.path = a[1];
		out.flags = (unsigned)a[4];
	}
	return out;
}

/* old is what was known of the file, perhaps under another key: a chown makes an overlay copy it
 * up.  Keeps no record that says nothing. */
static void rec_set(struct emul_table *t, const struct emul_key *k, const struct emul_key *before,
		    const struct statx *st, uint32_t uid, uint32_t gid)
{
	const struct emul_rec *old = emul_table_get(t, before);
	struct emul_rec was = old ? *old : (struct emul_rec){ 0 };
	bool plain = !old || (!old->type && !old->xattrs);
	struct emul_rec *r;

	if (plain && uid == st->stx_uid && gid == st->stx_gid) {
		if (old)
			emul_table_drop(t, k);
		return;
	}
	if (old && old->uid == uid && old->gid == gid)
		return;
	r = emul_table_put(t, k);
	r->uid = uid;
	r->gid = gid;
	r->type = was.type;
	r->dev_major = was.dev_major;
	r->dev_minor = was.dev_minor;
}

enum emul_verdict emul_chown_call(const struct emul_tracee *t, int64_t *value)
{
	struct chown_args a = args_of(t);
	auto_place struct place p;
	auto_close int fd = -1;
	const struct emul_rec *r;
	struct emul_key k, after;
	struct statx st;
	uint32_t was[2], now[2];

	p.own = -1;
	/* The kernel knows best what is wrong with a name. */
	if (place_arg(&p, t, a.dirfd, a.path, a.flags & AT_SYMLINK_NOFOLLOW,
		      a.flags & AT_EMPTY_PATH) < 0)
		return EMUL_CONTINUE;
	fd = place_open(&p);
	if (fd < 0 || emul_key_at(&k, &st, fd, "", AT_EMPTY_PATH) < 0)
		return EMUL_CONTINUE;
	r = emul_table_get(t->s->table, &k);
	was[0] = r ? r->uid : st.stx_uid;
	was[1] = r ? r->gid : st.stx_gid;
	now[0] = a.uid != UINT32_MAX ? a.uid : was[0];
	now[1] = a.gid != UINT32_MAX ? a.gid : was[1];
	if (!emul_ids_may_chown(emul_who(t), was[0], was[1], now[0], now[1])) {
		*value = -EPERM;
		return EMUL_DONE;
	}
	if (!tracee_is_there(t))
		return EMUL_CONTINUE;
	/* Changes nobody, but does what else belongs to a chown: set-id bits and capabilities go,
	 * a read-only file system refuses.  Another one's file refuses as well; root could. */
	if (fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH) < 0 &&
	    !(errno == EPERM && st.stx_uid != 0)) {
		*value = -errno;
		return EMUL_DONE;
	}
	after = k;
	if (!k.life && emul_key_at(&after, NULL, fd, "", AT_EMPTY_PATH) < 0)
		return EMUL_CONTINUE;
	rec_set(t->s->table, &after, &k, &st, now[0], now[1]);
	*value = 0;
	return EMUL_DONE;
}
