#include "src/enter/blockers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/base/mem.h"
#include "src/base/path.h"

static long switch_read(const char *root, const char *path)
{
	auto_free char *full = path_join(root, path);
	auto_buf struct buf b = { 0 };
	struct err ignored;
	char *end;
	long v;

	if (file_read(AT_FDCWD, full, &b, 64, &ignored) != 0)
		return -1;
	v = strtol(buf_str(&b), &end, 10);
	return end == buf_str(&b) ? -1 : v;
}

static bool exists(const char *root, const char *path, struct stat *st)
{
	auto_free char *full = path_join(root, path);

	return stat(full, st) == 0;
}

static bool filesystem_known(const char *root, const char *line)
{
	auto_free char *full = path_join(root, "proc/filesystems");
	auto_buf struct buf text = { 0 };
	struct err ignored;

	return file_read(AT_FDCWD, full, &text, 1 << 16, &ignored) == 0 &&
	       strstr(buf_str(&text), line) != NULL;
}

static void kernel_read(struct blockers *b, const char *root)
{
	auto_free char *full = path_join(root, "proc/sys/kernel/osrelease");
	auto_buf struct buf text = { 0 };
	struct err ignored;
	struct utsname u;

	if (file_read(AT_FDCWD, full, &text, 256, &ignored) == 0 && text.len)
		snprintf(b->kernel, sizeof(b->kernel), "%.*s", (int)strcspn(text.data, "\n"),
			 text.data);
	else if (!strcmp(root, "/") && uname(&u) == 0)
		memcpy(b->kernel, u.release, sizeof(b->kernel));
}

void blockers_probe(struct blockers *b, const char *root)
{
	struct stat st;

	*b = (struct blockers){ 0 };
	kernel_read(b, root);
	b->max_user_ns = switch_read(root, "proc/sys/user/max_user_namespaces");
	b->max_mnt_ns = switch_read(root, "proc/sys/user/max_mnt_namespaces");
	b->userns_clone = switch_read(root, "proc/sys/kernel/unprivileged_userns_clone");
	b->apparmor_restricts =
		switch_read(root, "proc/sys/kernel/apparmor_restrict_unprivileged_userns");
	b->has_proc = exists(root, "proc/self", &st);
	b->has_userns = exists(root, "proc/self/ns/user", &st) || b->max_user_ns >= 0;
	b->has_fuse = exists(root, "dev/fuse", &st);
	b->fuse_mode = b->has_fuse ? st.st_mode & 07777 : 0;
	b->knows_fuse = filesystem_known(root, "\tfuse\n");
	b->is_root = geteuid() == 0;
}

bool blockers_kernel_fits(const char *release)
{
	unsigned major, minor;

	if (sscanf(release, "%u.%u", &major, &minor) != 2)
		return true; /* not known: let the calls speak */
	return major > BLOCKERS_KERNEL_MAJOR ||
	       (major == BLOCKERS_KERNEL_MAJOR && minor >= BLOCKERS_KERNEL_MINOR);
}

/* A switch that is off, whatever errno the kernel made of it. */
static int switch_namespaces(const struct blockers *b, struct err *e)
{
	if (!b->has_proc)
		return err_set(e, ERR_HOST,
			       "/proc is not mounted here; the id maps of a user namespace are "
			       "written there: mount -t proc proc /proc");
	if (!blockers_kernel_fits(b->kernel))
		return err_set(e, ERR_HOST,
			       "Linux %s is too old: %d.%d or later is needed (mount_setattr)",
			       b->kernel, BLOCKERS_KERNEL_MAJOR, BLOCKERS_KERNEL_MINOR);
	if (!b->has_userns)
		return err_set(e, ERR_HOST,
			       "this kernel has no user namespaces: it was built without "
			       "CONFIG_USER_NS");
	if (b->max_user_ns == 0)
		return err_set(e, ERR_HOST,
			       "user namespaces are switched off (user.max_user_namespaces = 0); "
			       "an administrator allows them with: "
			       "sysctl -w user.max_user_namespaces=65536");
	if (b->max_mnt_ns == 0)
		return err_set(e, ERR_HOST,
			       "mount namespaces are switched off (user.max_mnt_namespaces = 0); "
			       "an administrator allows them with: "
			       "sysctl -w user.max_mnt_namespaces=65536");
	if (b->userns_clone == 0 && !b->is_root)
		return err_set(e, ERR_HOST,
			       "user namespaces are for root only "
			       "(kernel.unprivileged_userns_clone = 0); an administrator allows "
			       "them with: sysctl -w kernel.unprivileged_userns_clone=1");
	return 0;
}

static int apparmor(struct err *e)
{
	return err_set(e, ERR_HOST,
		       "AppArmor takes the rights out of user namespaces "
		       "(kernel.apparmor_restrict_unprivileged_userns = 1); an administrator loads "
		       "the profile that comes with Berth: apparmor_parser -r "
		       "/etc/apparmor.d/berth (etc/apparmor.d/berth below the prefix; it names the "
		       "program's path), or runs: "
		       "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
}

int blockers_namespaces(const struct blockers *b, int sys, struct err *e)
{
	if (switch_namespaces(b, e) < 0)
		return -1;
	if (b->apparmor_restricts == 1 && !b->is_root && (!sys || sys == EPERM || sys == EACCES))
		return apparmor(e);
	switch (sys) {
	case 0:
		return 0;
	case ENOSPC:
	case EUSERS:
		err_set(e, ERR_HOST,
			"no user namespace is left: the limit user.max_user_namespaces = %ld, or "
			"that of an outer container, or the nesting depth of 32 is reached",
			b->max_user_ns);
		break;
	case EPERM:
	case EACCES:
		err_set(e, ERR_HOST,
			"user namespaces are refused: %s; all sysctls allow them, so a chroot, a "
			"seccomp filter of an outer container or a security module is the cause",
			strerror(sys));
		break;
	case ENOSYS:
		err_set(e, ERR_HOST,
			"the mount calls of Linux %d.%d are not available on %s: an older kernel, "
			"or a seccomp filter of an outer container",
			BLOCKERS_KERNEL_MAJOR, BLOCKERS_KERNEL_MINOR, b->kernel);
		break;
	default:
		err_set(e, ERR_HOST, "user namespaces do not work here: %s", strerror(sys));
	}
	e->sys = sys;
	return -1;
}

int blockers_fuse(const struct blockers *b, int sys, struct err *e)
{
	if (!b->has_fuse && b->knows_fuse)
		err_set(e, ERR_HOST,
			"/dev/fuse is missing, though the kernel has FUSE: an outer container "
			"hides it; start that one with /dev/fuse (podman and docker: --device "
			"/dev/fuse), or run a directory (berth build --sandbox)");
	else if (!b->has_fuse || sys == ENODEV || sys == ENXIO)
		err_set(e, ERR_HOST,
			"/dev/fuse is %s; an administrator loads the module with: modprobe fuse",
			b->has_fuse ? "there, but the kernel has no FUSE" : "missing");
	else if (sys == EACCES || sys == EPERM || (!sys && (b->fuse_mode & 06) != 06))
		err_set(e, ERR_HOST,
			"/dev/fuse cannot be opened by this user (its mode is %04o); an "
			"administrator runs: chmod 0666 /dev/fuse",
			(unsigned)b->fuse_mode);
	else if (sys)
		err_set(e, ERR_HOST, "open /dev/fuse: %s", strerror(sys));
	else
		return 0;
	e->sys = sys;
	return -1;
}
