/* mountapi: the mount calls of Linux 5.2 to 5.12 as functions.
 *
 * glibc has them from 2.36 on only, and its <sys/mount.h> of that version cannot
 * be included beside <linux/mount.h>; EL 9 has 2.34.  So: the kernel's header,
 * and the system calls by number.  All return -1 with errno. */
#ifndef ENTER_MOUNTAPI_H
#define ENTER_MOUNTAPI_H

#include <fcntl.h>
#include <linux/mount.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* A detached copy of the mount at path (flags: AT_RECURSIVE, AT_SYMLINK_NOFOLLOW). */
static inline int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dirfd, path,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags);
}

/* Attaches the mount behind from at the place behind to, a descriptor or a path. */
static inline int sys_move_mount(int from, int to, const char *to_path)
{
	return (int)syscall(SYS_move_mount, from, "", to, to_path,
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* Sets MOUNT_ATTR_* and propagation of the mount behind fd (flags: AT_RECURSIVE). */
static inline int sys_mount_setattr(int fd, unsigned flags, unsigned long set,
				    unsigned long propagation)
{
	struct mount_attr attr = { .attr_set = set, .propagation = propagation };

	return (int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr));
}

static inline int sys_fsopen(const char *type)
{
	return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static inline int sys_fsconfig(int fs, unsigned cmd, const char *key, const char *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fs, cmd, key, value, aux);
}

static inline int sys_fsmount(int fs, unsigned attr)
{
	return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

static inline int sys_umount_detach(const char *path)
{
	return (int)syscall(SYS_umount2, path, 2 /* MNT_DETACH */);
}

#endif
