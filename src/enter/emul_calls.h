/* emul_calls: the system calls that root emulation answers, and their numbers.
 *
 *	const struct emul_nr *t = emul_abi_calls(AUDIT_ARCH_X86_64, &n);   // for the filter
 *	enum emul_call c = emul_call_of(arch, nr);                         // for the supervisor
 *
 * One table an ABI; all of them are in every build, so that each has its test.
 * Numbers: arch/x86/entry/syscalls/syscall_{64,32}.tbl, include/uapi/asm-generic/unistd.h. */
#ifndef ENTER_EMUL_CALLS_H
#define ENTER_EMUL_CALLS_H

#include <linux/audit.h>
#include <stddef.h>
#include <stdint.h>

/* Calls with the same arguments are one call; what differs is in struct emul_nr. */
enum emul_call {
	EMUL_OTHER,
	EMUL_CHOWN,    /* path, uid, gid */
	EMUL_LCHOWN,   /* path, uid, gid */
	EMUL_FCHOWN,   /* fd, uid, gid */
	EMUL_FCHOWNAT, /* dirfd, path, uid, gid, flags */
	EMUL_MKNOD,    /* path, mode, dev */
	EMUL_MKNODAT,  /* dirfd, path, mode, dev */
	EMUL_STAT,     /* path, buffer */
	EMUL_LSTAT,
	EMUL_FSTAT,    /* fd, buffer */
	EMUL_FSTATAT,  /* dirfd, path, buffer, flags */
	EMUL_STATX,    /* dirfd, path, flags, mask, buffer */
	EMUL_SETXATTR, /* path, name, value, size, flags */
	EMUL_LSETXATTR,
	EMUL_FSETXATTR, /* fd, ... */
	EMUL_GETXATTR,	/* path, name, value, size */
	EMUL_LGETXATTR,
	EMUL_FGETXATTR,
	EMUL_LISTXATTR, /* path, list, size */
	EMUL_LLISTXATTR,
	EMUL_FLISTXATTR,
	EMUL_REMOVEXATTR, /* path, name */
	EMUL_LREMOVEXATTR,
	EMUL_FREMOVEXATTR,
	EMUL_OPEN,	/* path, flags, mode; with O_CREAT only, as the next */
	EMUL_OPENAT,	/* dirfd, path, flags, mode */
	EMUL_OPENAT2,	/* dirfd, path, struct open_how, size; always */
	EMUL_CREAT,	/* path, mode */
	EMUL_MKDIR,	/* path, mode */
	EMUL_MKDIRAT,	/* dirfd, path, mode */
	EMUL_SYMLINK,	/* text, path */
	EMUL_SYMLINKAT, /* text, dirfd, path */
	EMUL_CHROOT,	/* these may give a process another root or another tree of mounts */
	EMUL_PIVOT_ROOT,
	EMUL_SETNS,
	EMUL_UNSHARE, /* flags */
	EMUL_CLONE,   /* flags, ... */
	EMUL_CLONE3,  /* struct clone_args, size */
	EMUL_SETUID,  /* who a process is; those that ask come last */
	EMUL_SETGID,
	EMUL_SETREUID,
	EMUL_SETREGID,
	EMUL_SETRESUID,
	EMUL_SETRESGID,
	EMUL_SETFSUID,
	EMUL_SETFSGID,
	EMUL_SETGROUPS, /* n, list */
	EMUL_PRCTL,	/* option, value */
	EMUL_SETRLIMIT, /* resource, limits */
	EMUL_GETRLIMIT,
	EMUL_PRLIMIT, /* pid, resource, new limits, old limits */
	EMUL_GETUID,
	EMUL_GETEUID,
	EMUL_GETGID,
	EMUL_GETEGID,
	EMUL_GETRESUID, /* three places for ids */
	EMUL_GETRESGID,
	EMUL_GETGROUPS, /* n, list */
};

/* What the filter does. */
enum emul_action {
	EMUL_NOTIFY,	    /* the supervisor answers */
	EMUL_NOTIFY_STAT,   /* the same, but with full emulation only */
	EMUL_NOTIFY_CREATE, /* ... only with O_CREAT among the flags */
	EMUL_NOTIFY_LIMIT,  /* ... only RLIMIT_RTTIME */
	EMUL_NOTIFY_KEEP,   /* ... only PR_SET_KEEPCAPS */
	EMUL_NOTIFY_NS,	    /* ... only with flags for a new user or mount namespace */
	EMUL_ZERO,	    /* returns 0 */
	EMUL_ZERO_SYNC,	    /* the same, where data need not reach the disk */
	EMUL_ENOSYS,	    /* is not there */
};

/* How a call differs from the others of its name. */
enum emul_form {
	EMUL_NATIVE,
	EMUL_IDS16,  /* 16-bit ids */
	EMUL_STAT64, /* i386 struct stat64 */
	EMUL_STAT32, /* i386 struct stat, or struct rlimit */
};

struct emul_nr {
	int nr;
	enum emul_call call;
	enum emul_action action;
	enum emul_form form;
	unsigned char arg; /* which argument the action looks at: flags */
};

/* The calls of an ABI (AUDIT_ARCH_*), NULL for one that is not known. */
const struct emul_nr *emul_abi_calls(uint32_t arch, size_t *n);
/* The row of nr, NULL when it is none of ours. */
const struct emul_nr *emul_call_find(uint32_t arch, int nr);

#endif
