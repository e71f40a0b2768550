#include "src/host/upperfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/mem.h"

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT 4
#endif

/* f_type, by the kernel's magic.h and the file systems' own sources.  remote: refused by
 * overlayfs as upper layer, or known to lose whiteouts, whatever the probes say. */
static const struct fs {
	unsigned long magic;
	const char *name;
	bool remote;
} known[] = {
	{ 0xEF53, "ext4", false },	{ 0x58465342, "XFS", false },
	{ 0x9123683E, "Btrfs", false }, { 0x01021994, "tmpfs", false },
	{ 0x858458f6, "ramfs", false }, { 0x2FC12FC1, "ZFS", false },
	{ 0xF2F52010, "F2FS", false },	{ 0x794c7630, "overlayfs", false },
	{ 0x6969, "NFS", true },	{ 0x0BD00BD0, "Lustre", true },
	{ 0x47504653, "GPFS", true },	{ 0x65735546, "FUSE", true },
	{ 0x19830326, "BeeGFS", true }, { 0xAAD7AAEA, "PanFS", true },
	{ 0x00C36400, "Ceph", true },	{ 0xFF534D42, "CIFS", true },
	{ 0xFE534D42, "SMB", true },	{ 0x01021997, "9p", true },
	{ 0x5346414F, "AFS", true },	{ 0xF15F, "eCryptfs", true },
	{ 0x4d44, "FAT", false },	{ 0x2011BAB0, "exFAT", false },
	{ 0x5346544e, "NTFS", false },	{ 0x7366746e, "NTFS", false },
};

static const struct fs *fs_find(const char *path, unsigned long *type)
{
	struct statfs st;

	*type = 0;
	if (statfs(path, &st) < 0)
		return NULL;
	*type = (unsigned long)st.f_type & 0xFFFFFFFFul;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].magic == *type)
			return &known[i];
	return NULL;
}

const char *fs_name(const char *path, char *text, size_t n)
{
	unsigned long type;
	const struct fs *fs = fs_find(path, &type);

	if (fs)
		return fs->name;
	snprintf(text, n, "a file system of type 0x%lx", type);
	return text;
}

/* What is lacking, or NULL.  names[0] and names[1] are free to be used. */
static const char *probe(int dir, const char *const *names)
{
	auto_close int fd = openat(dir, names[0], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		return "new files";
	if (fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) < 0)
		return "extended attributes of users (user_xattr)";
	if (mknodat(dir, names[1], S_IFCHR, makedev(0, 0)) < 0)
		return "whiteouts (device 0:0)";
	unlinkat(dir, names[1], 0);
	if (syscall(SYS_renameat2, dir, names[0], dir, names[1], RENAME_WHITEOUT) < 0)
		return "RENAME_WHITEOUT";
	return NULL;
}

static int refuse(const char *path, const char *lacks, struct err *e)
{
	char text[64];

	return err_set(e, ERR_HOST,
		       "%s lies on %s, which cannot hold the %s of an overlay's upper layer; use a "
		       "directory on a local disk or in memory (/tmp, /dev/shm), --writable-tmpfs, "
		       "or read it only (%s:ro)",
		       path, fs_name(path, text, sizeof(text)), lacks, path);
}

int upper_fs_known(const char *path, struct err *e)
{
	unsigned long type;
	const struct fs *fs = fs_find(path, &type);

	return fs && fs->remote ? refuse(path, "whiteouts", e) : 0;
}

int upper_fs_check(const char *path, struct err *e)
{
	auto_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *one = xasprintf(".berth-probe-%ld-1", (long)getpid());
	auto_free char *two = xasprintf(".berth-probe-%ld-2", (long)getpid());
	const char *const names[] = { one, two };
	const char *lacks;
	int sys;

	if (dir < 0 || faccessat(dir, ".", W_OK, AT_EACCESS) < 0)
		return err_sys(e, "%s", path);
	if (upper_fs_known(path, e) < 0)
		return -1;
	lacks = probe(dir, names);
	sys = errno;
	unlinkat(dir, one, 0);
	unlinkat(dir, two, 0);
	errno = sys;
	if (lacks && (sys == ENOSPC || sys == EDQUOT || sys == EIO))
		return err_sys(e, "%s: make %s", path, lacks);
	return lacks ? refuse(path, lacks, e) : 0;
}
