/* Sources are copied detached, before the new root is laid over "/": whatever the
 * container mounts where, it cannot change what a source path means.  One
 * descriptor a mount, so a plan with hundreds needs the hard limit (enter.c). */
#include "src/enter/state.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "src/base/fd.h"
#include "src/enter/mountapi.h"

static unsigned long attributes(unsigned flags)
{
	return (flags & PLAN_RO ? MOUNT_ATTR_RDONLY : 0) |
	       (flags & PLAN_NOSUID ? MOUNT_ATTR_NOSUID : 0) |
	       (flags & PLAN_NODEV ? MOUNT_ATTR_NODEV : 0) |
	       (flags & PLAN_NOEXEC ? MOUNT_ATTR_NOEXEC : 0);
}

static int bind_open(const struct plan_mount *m, uint64_t i, int *out, struct fault *f)
{
	/* A copy that leaves out submounts is refused (EINVAL) where one of them is
	 * locked, which those inherited by a user namespace are: hence PLAN_REC. */
	unsigned rec = m->flags & PLAN_REC ? AT_RECURSIVE : 0;
	unsigned long attr = attributes(m->flags);

	*out = sys_open_tree(AT_FDCWD, m->src, rec);
	if (*out < 0)
		return fault_at(f, FAULT_SOURCE, i);
	if (attr && sys_mount_setattr(*out, rec, attr, 0) < 0)
		return fault_at(f, FAULT_READONLY, i);
	return 0;
}

/* "a=1,b" -> two fsconfig() calls.  The text comes from the plan. */
static int configure(int fs, const char *data)
{
	char word[256];

	while (data && *data) {
		size_t len = strcspn(data, ",");
		char *value;

		if (len >= sizeof(word)) {
			errno = EINVAL;
			return -1;
		}
		memcpy(word, data, len);
		word[len] = '\0';
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		if (sys_fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, word, value,
				 0) < 0)
			return -1;
		data += len + (data[len] == ',');
	}
	return sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

int fs_mount_text(const char *type, const char *text, unsigned attr)
{
	auto_close int fs = sys_fsopen(type);

	return fs < 0 || configure(fs, text) < 0 ? -1 : sys_fsmount(fs, attr);
}

static int fs_open(const struct plan_mount *m, uint64_t i, int *out, struct fault *f)
{
	static const char *const types[] = { [PLAN_TMPFS] = "tmpfs",
					     [PLAN_PROC] = "proc",
					     [PLAN_SYSFS] = "sysfs",
					     [PLAN_DEVPTS] = "devpts",
					     [PLAN_MQUEUE] = "mqueue" };
	/* A tmpfs stays writable until targets were made in it (attach.c). */
	unsigned flags = m->kind == PLAN_TMPFS ? m->flags & ~(unsigned)PLAN_RO : m->flags;

	*out = fs_mount_text(types[m->kind], m->data, (unsigned)attributes(flags));
	return *out < 0 ? fault_at(f, FAULT_SOURCE, i) : 0;
}

/* A kernel that sees parts of the host's /proc mounted over refuses a new one (EPERM): what is
 * hidden there must not come to light. */
static int proc_open(struct enter *x, uint64_t i, struct fault *f)
{
	const struct plan_mount *m = &x->plan->mounts[i];
	struct plan_mount bind = *m;

	if (fs_open(m, i, &x->mounts[i], f) == 0)
		return 0;
	if (f->sys != EPERM || !m->src)
		return -1;
	if (x->nskipped < ENTER_SKIPPED_MAX)
		x->skipped[x->nskipped++] = (struct fault){ .step = FAULT_PROC, .sys = EPERM };
	bind.kind = PLAN_BIND;
	bind.flags = PLAN_REC;
	return bind_open(&bind, i, &x->mounts[i], f);
}

/* All are served before the first is looked into, and only then are they parked: a
 * copy can be taken of attached mounts only, and by now no source is looked up any more. */
static int images_open(struct enter *x, int keeper, struct fault *f)
{
	for (size_t i = 0; i < x->plan->nimages; i++)
		if (fuse_mount(x, keeper, &x->images[i], f) < 0)
			return -1;
	if (plan_needs_lifeline(x->plan) && fuse_mount(x, keeper, &x->lifeline, f) < 0)
		return -1;
	if (x->lifeline >= 0 && sys_move_mount(x->lifeline, AT_FDCWD, PARKING) < 0)
		return fault_at(f, FAULT_FUSE_MOUNT, 0);
	for (size_t i = 0; i < x->plan->nimages; i++)
		if (sys_move_mount(x->images[i], AT_FDCWD, PARKING) < 0)
			return fault_at(f, FAULT_FUSE_MOUNT, 0);
	return 0;
}

static int image_bind_open(struct enter *x, uint64_t i, struct fault *f)
{
	const struct plan_mount *m = &x->plan->mounts[i];
	auto_close int inner = open_in_root(x->images[m->image], m->src, O_PATH, 0);

	x->mounts[i] = inner < 0 ? -1 : sys_open_tree(inner, "", 0);
	return x->mounts[i] < 0 ? fault_at(f, FAULT_SOURCE, i) : 0;
}

int sources_open(struct enter *x, int keeper, struct fault *f)
{
	for (uint64_t i = 0; i < x->plan->nmounts; i++) {
		const struct plan_mount *m = &x->plan->mounts[i];
		int r;

		if (m->kind == PLAN_SYMLINK || m->kind == PLAN_IMAGE)
			continue;
		if (m->kind == PLAN_PROC)
			r = proc_open(x, i, f);
		else
			r = m->kind == PLAN_BIND ? bind_open(m, i, &x->mounts[i], f)
						 : fs_open(m, i, &x->mounts[i], f);
		if (r < 0 && enter_skip(x, m, f) < 0)
			return -1;
	}
	if (images_open(x, keeper, f) < 0)
		return -1;
	for (uint64_t i = 0; i < x->plan->nmounts; i++)
		if (x->plan->mounts[i].kind == PLAN_IMAGE && image_bind_open(x, i, f) < 0)
			return -1;
	return 0;
}
