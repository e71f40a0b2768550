#include "src/enter/emul_ids.h"

#include <errno.h>
#include <string.h>

#define KEEP UINT32_MAX

enum { REAL, EFFECTIVE, SAVED, FS };

struct emul_idsets {
	struct emul_ids *v;
	size_t n, cap;
};

void emul_ids_init(struct emul_ids *ids, uint32_t uid, uint32_t gid)
{
	*ids = (struct emul_ids){ 0 };
	for (size_t i = 0; i < 4; i++) {
		ids->uid[i] = uid;
		ids->gid[i] = gid;
	}
}

bool emul_ids_root(const struct emul_ids *ids)
{
	return ids->uid[EFFECTIVE] == 0;
}

static bool one_of(const uint32_t id[4], uint32_t v)
{
	return v == id[REAL] || v == id[EFFECTIVE] || v == id[SAVED];
}

/* kernel/sys.c: __sys_setuid(), __sys_setgid(). */
static long set(uint32_t id[4], bool root, uint32_t v)
{
	if (v == KEEP)
		return -EINVAL;
	if (root)
		id[REAL] = id[SAVED] = v;
	else if (v != id[REAL] && v != id[SAVED])
		return -EPERM;
	id[EFFECTIVE] = id[FS] = v;
	return 0;
}

/* __sys_setreuid(), __sys_setregid(). */
static long set_re(uint32_t id[4], bool root, uint32_t r, uint32_t e)
{
	uint32_t was = id[REAL];

	if (!root && r != KEEP && r != id[REAL] && r != id[EFFECTIVE])
		return -EPERM;
	if (!root && e != KEEP && !one_of(id, e))
		return -EPERM;
	if (r != KEEP)
		id[REAL] = r;
	if (e != KEEP)
		id[EFFECTIVE] = e;
	if (r != KEEP || (e != KEEP && e != was))
		id[SAVED] = id[EFFECTIVE];
	id[FS] = id[EFFECTIVE];
	return 0;
}

static long set_res(uint32_t id[4], bool root, const uint32_t a[3])
{
	for (size_t i = 0; !root && i < 3; i++)
		if (a[i] != KEEP && !one_of(id, a[i]))
			return -EPERM;
	for (size_t i = 0; i < 3; i++)
		if (a[i] != KEEP)
			id[i] = a[i];
	id[FS] = id[EFFECTIVE];
	return 0;
}

static long set_fs(uint32_t id[4], bool root, uint32_t v)
{
	uint32_t old = id[FS];

	if (v != KEEP && (root || one_of(id, v) || v == old))
		id[FS] = v;
	return old;
}

static long set_any(struct emul_ids *ids, enum emul_call call, const uint32_t a[3])
{
	bool root = emul_ids_root(ids) || ids->kept;

	switch (call) {
	case EMUL_SETUID:
		return set(ids->uid, root, a[0]);
	case EMUL_SETGID:
		return set(ids->gid, root, a[0]);
	case EMUL_SETREUID:
		return set_re(ids->uid, root, a[0], a[1]);
	case EMUL_SETREGID:
		return set_re(ids->gid, root, a[0], a[1]);
	case EMUL_SETRESUID:
		return set_res(ids->uid, root, a);
	case EMUL_SETRESGID:
		return set_res(ids->gid, root, a);
	case EMUL_SETFSUID:
		return set_fs(ids->uid, root, a[0]);
	case EMUL_SETFSGID:
		return set_fs(ids->gid, root, a[0]);
	default:
		return -EINVAL;
	}
}

/* security/commoncap.c: cap_emulate_setxuid(). */
long emul_ids_set(struct emul_ids *ids, enum emul_call call, const uint32_t a[3])
{
	bool had = one_of(ids->uid, 0);
	long r = set_any(ids, call, a);

	if (had && !one_of(ids->uid, 0))
		ids->kept = ids->keep;
	return r;
}

/* fs/attr.c: chown_ok(), chgrp_ok(). */
bool emul_ids_may_chown(const struct emul_ids *ids, uint32_t uid, uint32_t gid, uint32_t new_uid,
			uint32_t new_gid)
{
	bool member = new_gid == gid || new_gid == ids->gid[FS];

	if (emul_ids_root(ids))
		return true;
	for (uint32_t i = 0; !member && i < ids->ngroups; i++)
		member = ids->groups[i] == new_gid;
	return uid == ids->uid[FS] && new_uid == uid && member;
}

struct emul_idsets *emul_idsets_new(void)
{
	struct emul_idsets *s = xcalloc(1, sizeof(*s));

	xgrow(&s->v, &s->cap, 1, sizeof(*s->v));
	emul_ids_init(&s->v[s->n++], 0, 0);
	return s;
}

void emul_idsets_free(struct emul_idsets *s)
{
	if (!s)
		return;
	free(s->v);
	free(s);
}

size_t emul_idsets_count(const struct emul_idsets *s)
{
	return s->n;
}

const struct emul_ids *emul_idsets_get(const struct emul_idsets *s, size_t n)
{
	return &s->v[n < s->n ? n : 0];
}

size_t emul_idsets_put(struct emul_idsets *s, const struct emul_ids *ids)
{
	for (size_t i = 0; i < s->n; i++)
		if (!memcmp(&s->v[i], ids, sizeof(*ids)))
			return i;
	if (s->n == EMUL_SETS_MAX)
		return 0;
	xgrow(&s->v, &s->cap, s->n + 1, sizeof(*s->v));
	s->v[s->n] = *ids;
	return s->n++;
}
