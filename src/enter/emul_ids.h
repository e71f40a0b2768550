/* emul_ids: who a process believes to be, under root emulation, by the kernel's own rules.
 *
 *	struct emul_idsets *s = emul_idsets_new();        // set 0 is root
 *	struct emul_ids now = *emul_idsets_get(s, n);
 *	long r = emul_ids_set(&now, EMUL_SETRESUID, (uint32_t[]){ 33, 33, 33 });
 *	if (r >= 0) n = emul_idsets_put(s, &now);
 *
 * A set of ids has a number, and the number is all that a process carries (emul_who.c).  Who has
 * the effective id 0, or kept its capabilities, may become anybody (CAP_SETUID), others only what
 * they are already (credentials(7)).  Pure. */
#ifndef ENTER_EMUL_IDS_H
#define ENTER_EMUL_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/mem.h"
#include "src/enter/emul_calls.h"

#define EMUL_GROUPS_MAX 256
#define EMUL_SETS_MAX	4096

struct emul_ids {
	/* real, effective, saved, of the file system */
	uint32_t uid[4], gid[4];
	uint32_t groups[EMUL_GROUPS_MAX];
	uint32_t ngroups;
	/* PR_SET_KEEPCAPS was asked for, and by which program (it ends with execve); and it kept
	 * the capabilities when the user changed, so that the group can be changed after it. */
	bool keep, kept;
	uint64_t program;
};

/* uid and gid everywhere, and no other groups. */
void emul_ids_init(struct emul_ids *ids, uint32_t uid, uint32_t gid);
bool emul_ids_root(const struct emul_ids *ids);
/* What the call of the set*id family does to ids; setgroups is the caller's, who has the list.
 * -EPERM, -EINVAL, else what the call returns (setfsuid: the old id). */
long emul_ids_set(struct emul_ids *ids, enum emul_call call, const uint32_t a[3]);
/* May a process with these ids give the file of uid:gid away to new_uid:new_gid? */
bool emul_ids_may_chown(const struct emul_ids *ids, uint32_t uid, uint32_t gid, uint32_t new_uid,
			uint32_t new_gid);

struct emul_idsets;
struct emul_idsets *emul_idsets_new(void);
void emul_idsets_free(struct emul_idsets *s);
/* How many there are; 1 when nobody was ever anything but root. */
size_t emul_idsets_count(const struct emul_idsets *s);
/* The set of that number, root's for one that is not known. */
const struct emul_ids *emul_idsets_get(const struct emul_idsets *s, size_t n);
/* Its number, a new one if need be; 0 when there are EMUL_SETS_MAX already. */
size_t emul_idsets_put(struct emul_idsets *s, const struct emul_ids *ids);

#endif
