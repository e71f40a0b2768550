/* Who a process is, where it carries that, and the calls that ask for it or change it.
 *
 * A number has to go with each process through fork() and execve() as its ids would, must be the
 * same for all its threads, and be readable from outside.  A soft resource limit is all that: it
 * belongs to the process (signal_struct), is inherited and survives execve, and prlimit() reads and
 * writes it for a process with the same ids.  RLIMIT_RTTIME is the one that means nothing: how many
 * microseconds a real-time thread may run without sleeping; 37 years are no limit.  The table of
 * processes that one would keep instead cannot be right: who inherits from a parent that is gone is
 * not told by anything.
 *
 * Where the hard limit is lower (systemd's LimitRTTIME), all is as for root: the ids are set, and
 * are 0. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/enter/emul_priv.h"

#define MARK ((rlim_t)0x42657274 << 20) /* with room for the number */

int emul_who_mark(pid_t pid, size_t n)
{
	struct rlimit old;

	if (prlimit(pid, RLIMIT_RTTIME, NULL, &old) < 0)
		return -1;
	if (!n && old.rlim_cur >> 20 != MARK >> 20)
		return 0;
	old.rlim_cur = n ? MARK + n : old.rlim_max;
	return prlimit(pid, RLIMIT_RTTIME, &old, NULL);
}

const struct emul_ids *emul_who(const struct emul_tracee *t)
{
	struct rlimit now;

	if (emul_idsets_count(t->s->sets) == 1 || prlimit(t->pid, RLIMIT_RTTIME, NULL, &now) < 0 ||
	    now.rlim_cur >> 20 != MARK >> 20)
		return emul_idsets_get(t->s->sets, 0);
	return emul_idsets_get(t->s->sets, now.rlim_cur & 0xfffff);
}

static bool wide(const struct emul_tracee *t)
{
	return t->nr->form != EMUL_IDS16;
}

static uint32_t id_in(const struct emul_tracee *t, uint64_t v)
{
	if (wide(t))
		return (uint32_t)v;
	return (v & 0xffff) == 0xffff ? UINT32_MAX : (uint32_t)(v & 0xffff);
}

static uint32_t id_out(const struct emul_tracee *t, uint32_t v)
{
	return wide(t) || v <= UINT16_MAX ? v : 65534;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int read_groups(const struct emul_tracee *t, struct emul_ids *ids)
{
	size_t n = (size_t)t->args[0], width = wide(t) ? 4 : 2;
	unsigned char raw[EMUL_GROUPS_MAX * 4];

	if (n > EMUL_GROUPS_MAX)
		return -EINVAL;
	if (n && tracee_read(t, t->args[1], raw, n * width) < 0)
		return -EFAULT;
	memset(ids->groups, 0, sizeof(ids->groups));
	for (size_t i = 0; i < n; i++)
		memcpy(&ids->groups[i], raw + i * width, width);
	ids->ngroups = (uint32_t)n;
	qsort(ids->groups, n, sizeof(*ids->groups), by_number); /* as the kernel tells them */
	return 0;
}

/* Told by its file: no call that we see says that another one was started. */
static uint64_t program_of(const struct emul_tracee *t)
{
	char name[32];
	struct stat st;

	snprintf(name, sizeof(name), "%d/exe", t->pid);
	return stat(name, &st) < 0 ? 0 : st.st_ino;
}

static struct emul_ids who_now(const struct emul_tracee *t)
{
	struct emul_ids ids = *emul_who(t);

	if ((ids.keep || ids.kept) && program_of(t) != ids.program) {
		ids.keep = ids.kept = false;
		ids.program = 0;
	}
	return ids;
}

static enum emul_verdict keep_capabilities(const struct emul_tracee *t)
{
	struct emul_ids ids = who_now(t);

	ids.keep = t->args[1] != 0;
	ids.program = ids.keep || ids.kept ? program_of(t) : 0;
	if (tracee_is_there(t))
		(void)emul_who_mark(t->pid, emul_idsets_put(t->s->sets, &ids));
	return EMUL_CONTINUE;
}

static int64_t set(const struct emul_tracee *t)
{
	struct emul_ids ids = who_now(t);
	const uint32_t a[3] = { id_in(t, t->args[0]), id_in(t, t->args[1]), id_in(t, t->args[2]) };
	long r;

	if (t->nr->call == EMUL_SETGROUPS)
		r = emul_ids_root(&ids) || ids.kept ? read_groups(t, &ids) : -EPERM;
	else
		r = emul_ids_set(&ids, t->nr->call, a);
	if (r < 0 || !tracee_is_there(t))
		return r;
	(void)emul_who_mark(t->pid, emul_idsets_put(t->s->sets, &ids));
	return r;
}

static int64_t get_three(const struct emul_tracee *t, const uint32_t id[4])
{
	for (size_t i = 0; i < 3; i++) {
		uint32_t v = id_out(t, id[i]);

		if (tracee_write(t, t->args[i], &v, wide(t) ? 4 : 2) < 0)
			return -EFAULT;
	}
	return 0;
}

static int64_t get_groups(const struct emul_tracee *t, const struct emul_ids *ids)
{
	size_t width = wide(t) ? 4 : 2;
	int room = (int)t->args[0];

	if (room < 0 || (room && (uint32_t)room < ids->ngroups))
		return -EINVAL;
	for (uint32_t i = 0; room && i < ids->ngroups; i++) {
		uint32_t v = id_out(t, ids->groups[i]);

		if (tracee_write(t, t->args[1] + i * width, &v, width) < 0)
			return -EFAULT;
	}
	return ids->ngroups;
}

static enum emul_verdict get(const struct emul_tracee *t, int64_t *value)
{
	const struct emul_ids *ids = emul_who(t);

	/* The kernel's own answer is root's too, and it has no other groups to tell. */
	if (ids == emul_idsets_get(t->s->sets, 0))
		return EMUL_CONTINUE;
	switch (t->nr->call) {
	case EMUL_GETUID:
	case EMUL_GETEUID:
		*value = id_out(t, ids->uid[t->nr->call == EMUL_GETEUID]);
		break;
	case EMUL_GETGID:
	case EMUL_GETEGID:
		*value = id_out(t, ids->gid[t->nr->call == EMUL_GETEGID]);
		break;
	case EMUL_GETRESUID:
		*value = get_three(t, ids->uid);
		break;
	case EMUL_GETRESGID:
		*value = get_three(t, ids->gid);
		break;
	default:
		*value = get_groups(t, ids);
		break;
	}
	return EMUL_DONE;
}

/* Whoever sets all limits anew (pam_limits does) changes nothing, and whoever asks is told that
 * there is no limit. */
static enum emul_verdict limit(const struct emul_tracee *t, int64_t *value)
{
	bool both = t->nr->call == EMUL_PRLIMIT;
	uint64_t old = both ? t->args[3] : t->nr->call == EMUL_GETRLIMIT ? t->args[1] : 0;
	const uint64_t none[2] = { RLIM_INFINITY, RLIM_INFINITY };
	size_t n = t->nr->form == EMUL_STAT32 ? 8 : 16;

	if (emul_who(t) == emul_idsets_get(t->s->sets, 0))
		return EMUL_CONTINUE;
	*value = old && tracee_write(t, old, none, n) < 0 ? -EFAULT : 0;
	return EMUL_DONE;
}

enum emul_verdict emul_id_call(const struct emul_tracee *t, int64_t *value)
{
	if (t->nr->call >= EMUL_GETUID)
		return get(t, value);
	if (t->nr->call == EMUL_PRCTL)
		return keep_capabilities(t);
	if (t->nr->call > EMUL_PRCTL)
		return limit(t, value);
	*value = set(t);
	return EMUL_DONE;
}
