/* mini: the least work that starts a program in another root.
 *
 *	mini DIR PROGRAM [ARG...]
 *
 * New user and mount namespaces, identity ids, the root and the usual host directories bound in,
 * pivot_root, exec: no image, no configuration, no look-ups, no messages beyond errno.  It is the
 * physical limit the start-up rows are held against, and the way the import rows enter a mounted
 * image.  Linked statically, so that only PROGRAM pays the dynamic loader. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static void try(int bad, const char *what)
{
	if (bad) {
		perror(what);
		_exit(125);
	}
}

static void put(const char *path, const char *text, int n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	try(fd < 0 || write(fd, text, n) != n, path);
	close(fd);
}

int main(int argc, char **argv)
{
	static const char *const binds[] = { "proc", "sys", "dev", "tmp", "home" };
	unsigned long quiet = MS_NOSUID | MS_NODEV;
	uid_t uid = getuid();
	gid_t gid = getgid();
	char map[64], dst[16];

	try(argc < 3, "mini DIR PROGRAM");
	try(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare");
	put("/proc/self/setgroups", "deny", 4);
	put("/proc/self/uid_map", map, snprintf(map, sizeof(map), "%u %u 1", uid, uid));
	put("/proc/self/gid_map", map, snprintf(map, sizeof(map), "%u %u 1", gid, gid));
	try(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make private");
	try(mount(argv[1], argv[1], NULL, MS_BIND | MS_REC | quiet, NULL), "bind root");
	try(chdir(argv[1]), argv[1]);
	for (size_t i = 0; i < sizeof(binds) / sizeof(*binds); i++) {
		char src[16];

		snprintf(src, sizeof(src), "/%s", binds[i]);
		snprintf(dst, sizeof(dst), "%s", binds[i]);
		try(mount(src, dst, NULL, MS_BIND | MS_REC, NULL), src);
	}
	try(syscall(SYS_pivot_root, ".", ".") < 0, "pivot_root");
	try(umount2(".", MNT_DETACH), "umount");
	try(chdir("/"), "chdir");
	execv(argv[2], argv + 2);
	try(1, argv[2]);
}
