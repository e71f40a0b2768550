#include "src/enter/extfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/mem.h"
#include "src/enter/mountapi.h"
#include "src/enter/state.h"

/* What the holder has to say of one file system; with a mount when reason is EXTFS_REASONS. */
struct news {
	int reason, sys;
};

struct holder {
	const struct extfs *x;
	int channel, alive;
	int table; /* mountinfo */
	char place[8];
	pid_t *pid;
	pid_t overlay; /* fuse-overlayfs; 0: none */
	size_t lowers; /* what it lies over */
};

int extfs_init(struct extfs *x, struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, x->channel) < 0)
		return err_sys(e, "socket for ext file systems");
	return 0;
}

static void end_close(int *fd)
{
	close_p_(fd);
	*fd = -1;
}

void extfs_fini(struct extfs *x)
{
	if (!x->v)
		return;
	end_close(&x->channel[0]);
	end_close(&x->channel[1]);
	end_close(&x->alive);
	free(x->v);
}

int extfs_channel(struct extfs *x)
{
	end_close(&x->channel[0]);
	return x->channel[1];
}

static _Noreturn void tell(const struct holder *h, enum extfs_reason reason, int sys)
{
	const struct news n = { reason, sys };

	send(h->channel, &n, sizeof(n), MSG_NOSIGNAL);
	_exit(1);
}

/* Some directory that every root has and that nothing of ours is looked up in. */
static void place_make(struct holder *h)
{
	static const char *const places[] = { "/tmp", "/sys", "/mnt" };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		auto_close int fd =
			fs_mount_text("tmpfs", "size=64k", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);

		if (fd < 0 || sys_move_mount(fd, AT_FDCWD, places[i]) < 0)
			continue;
		snprintf(h->place, sizeof(h->place), "%s", places[i]);
		return;
	}
	tell(h, EXTFS_PLACE, errno);
}

/* exec takes the capabilities of a process that is not root, except ambient ones (Linux 4.3). */
static int capabilities_keep(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	if (syscall(SYS_capset, &head, data) < 0)
		return -1;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0);
}

/* The kernel may cache what it has seen for ever: nobody writes to it.  fakeroot: what the image's
 * maker could read we show, as a SquashFS would. */
static _Noreturn void program(const struct holder *h, size_t i, const char *dir)
{
	char file[40], options[160];
	int fd = dup(h->x->v[i].fd);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
	if (h->x->v[i].write)
		snprintf(options, sizeof(options), "fakeroot,offset=%lld",
			 (long long)h->x->v[i].off);
	else
		snprintf(
			options, sizeof(options),
			"ro,fakeroot,offset=%lld,no_default_opts,kernel_cache,use_ino,fsname=berth,"
			"attr_timeout=86400,entry_timeout=86400,negative_timeout=86400",
			(long long)h->x->v[i].off);
	if (fd >= 0 && capabilities_keep() == 0)
		execl(h->x->fuse2fs, "fuse2fs", "-f", "-o", options, file, dir, (char *)NULL);
	tell(h, EXTFS_EXEC, errno);
}

static bool is_mounted(const char *dir)
{
	struct stat below, here;

	/* The directory is there: what cannot be looked at is a broken file system. */
	return stat(dir, &here) < 0 || (stat(".", &below) == 0 && here.st_dev != below.st_dev);
}

/* The table of mounts says that it has changed; a pidfd, that the program has ended. */
static void mounted_wait(const struct holder *h, size_t i, const char *dir)
{
	struct pollfd p[] = { { .fd = h->table, .events = POLLPRI },
			      { .fd = h->alive, .events = POLLIN },
			      { .fd = (int)syscall(SYS_pidfd_open, h->pid[i], 0),
				.events = POLLIN } };
	int status = 0;

	while (!is_mounted(dir)) {
		if (p[2].revents) {
			waitpid(h->pid[i], &status, 0);
			tell(h, EXTFS_ENDED, WIFEXITED(status) ? WEXITSTATUS(status) : 128);
		}
		if (p[1].revents)
			_exit(1);
		poll(p, ARRAY_LEN(p), -1);
	}
	close_p_(&p[2].fd);
}

/* As Apptainer: whoever writes first makes them. */
static void work_make(const char *dir)
{
	static const char *const names[] = { "upper", "work" };
	char path[48];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		mkdir(path, 0755);
	}
}

/* False with errno.  Nobody else has a path to what is mounted on dir. */
static bool is_directory(const char *dir, const char *name)
{
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (lstat(path, &st) < 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

static _Noreturn void overlay_program(const struct holder *h, size_t i, size_t n, int fuse)
{
	auto_buf struct buf o = { 0 };
	char where[32];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t k = 0; k < n; k++)
		buf_printf(&o, "%s%s/l%zu", k ? ":" : "lowerdir=", h->place, k);
	buf_printf(&o, ",upperdir=%s/%zu/upper,workdir=%s/%zu/work", h->place, i, h->place, i);
	snprintf(where, sizeof(where), "/dev/fd/%d", dup(fuse));
	if (capabilities_keep() == 0)
		execl(h->x->overlayfs, "fuse-overlayfs", "-f", "-o", buf_str(&o), where,
		      (char *)NULL);
	_exit(1);
}

/* What the builder sends once all layers are there.  fuse-overlayfs takes a lower directory by its
 * real path only, so each is mounted here as well. */
static void over_serve(struct holder *h, size_t i)
{
	auto_close int fuse = -1;

	if (recv(h->channel, &h->lowers, sizeof(h->lowers), 0) != sizeof(h->lowers))
		_exit(1);
	for (size_t k = 0; k < h->lowers; k++) {
		auto_close int fd = fd_recv(h->channel);
		char dir[32];

		snprintf(dir, sizeof(dir), "%s/l%zu", h->place, k);
		if (fd < 0 || mkdir(dir, 0700) < 0 || sys_move_mount(fd, AT_FDCWD, dir) < 0)
			_exit(1);
	}
	fuse = fd_recv(h->channel);
	if (fuse < 0)
		_exit(1);
	h->overlay = fork();
	if (h->overlay == 0)
		overlay_program(h, i, h->lowers, fuse);
}

/* When the overlay is gone, the container is: what lies below it must go before the keeper can. */
static void over_end(struct holder *h)
{
	char dir[32];

	for (size_t k = 0; k < h->lowers; k++) {
		snprintf(dir, sizeof(dir), "%s/l%zu", h->place, k);
		sys_umount_detach(dir);
	}
}

static void one_serve(struct holder *h, size_t i)
{
	const struct news good = { EXTFS_REASONS, 0 };
	char dir[32], upper[48];
	int fd;

	snprintf(dir, sizeof(dir), "%s/%zu", h->place, i);
	snprintf(upper, sizeof(upper), "%s/upper", dir);
	if (mkdir(dir, 0700) < 0)
		tell(h, EXTFS_PLACE, errno);
	h->pid[i] = fork();
	if (h->pid[i] == 0)
		program(h, i, dir);
	if (h->pid[i] < 0)
		tell(h, EXTFS_EXEC, errno);
	mounted_wait(h, i, dir);
	if (h->x->v[i].write)
		work_make(dir);
	/* The image's maker may have put a link there, which would be followed to the host's files.
	 */
	if (!is_directory(dir, "upper") || (h->x->v[i].write && !is_directory(dir, "work")))
		tell(h, EXTFS_UPPER, errno);
	fd = sys_open_tree(AT_FDCWD, upper, AT_SYMLINK_NOFOLLOW);
	if (fd < 0)
		tell(h, EXTFS_UPPER, errno);
	if (send(h->channel, &good, sizeof(good), MSG_NOSIGNAL) < 0 || fd_send(h->channel, fd) < 0)
		_exit(1);
	close(fd);
}

/* Until the keeper lets go. */
static void all_keep(struct holder *h)
{
	char dir[32];
	struct pollfd p[] = { { .fd = h->alive, .events = POLLIN },
			      { .fd = h->overlay ? (int)syscall(SYS_pidfd_open, h->overlay, 0) : -1,
				.events = POLLIN } };

	close(h->channel);
	while (!p[0].revents) {
		poll(p, ARRAY_LEN(p), -1);
		if (p[1].revents) {
			over_end(h);
			p[1].fd = -1;
		}
	}
	over_end(h);
	for (size_t i = 0; i < h->x->n; i++) {
		snprintf(dir, sizeof(dir), "%s/%zu", h->place, i);
		sys_umount_detach(dir);
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
}

static _Noreturn void hold(struct holder *h)
{
	const struct extfs *x = h->x;
	struct pollfd p[] = { { .fd = h->channel, .events = POLLIN },
			      { .fd = h->alive, .events = POLLIN } };
	int user;

	/* The builder may give up, or the keeper, before there is a namespace. */
	while (poll(p, ARRAY_LEN(p), -1) < 0 && errno == EINTR)
		;
	if (p[1].revents || (user = fd_recv(h->channel)) < 0)
		_exit(0);
	if (setns(user, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0)
		tell(h, EXTFS_PLACE, errno);
	place_make(h);
	h->table = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (h->table < 0 || chdir(h->place) < 0)
		tell(h, EXTFS_PLACE, errno);
	for (size_t i = 0; i < x->n; i++)
		one_serve(h, i);
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].write)
			over_serve(h, i);
	all_keep(h);
	_exit(0);
}

/* Only what is needed: an inherited socket would hide somebody's end. */
static void others_close(struct holder *h)
{
	int most = MAX(h->channel, h->alive);

	for (size_t i = 0; i < h->x->n; i++)
		most = MAX(most, h->x->v[i].fd);
	for (int fd = 3; fd <= most; fd++) {
		bool needed = fd == h->channel || fd == h->alive;

		for (size_t i = 0; i < h->x->n; i++)
			needed |= fd == h->x->v[i].fd;
		if (!needed)
			close(fd);
	}
	syscall(SYS_close_range, (unsigned)most + 1, ~0U, 0);
}

int extfs_start(struct extfs *x, struct err *e)
{
	int ends[2];

	if (!x->n)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "pipe for ext file systems");
	x->alive = ends[1];
	x->holder = fork();
	if (x->holder == 0) {
		struct holder h = { .x = x, .channel = x->channel[0], .alive = ends[0] };

		h.pid = xcalloc(x->n, sizeof(*h.pid));
		signal(SIGCHLD, SIG_DFL);
		prctl(PR_SET_NAME, "berth-ext");
		others_close(&h);
		hold(&h);
	}
	close(ends[0]);
	end_close(&x->channel[0]);
	return x->holder < 0 ? err_sys(e, "start the holder of ext file systems") : 0;
}

void extfs_end(struct extfs *x)
{
	if (x->holder <= 0)
		return;
	end_close(&x->alive);
	/* ECHILD once it has ended: some keepers ignore SIGCHLD. */
	while (waitpid(x->holder, NULL, 0) < 0 && errno == EINTR)
		;
}

int extfs_begin(int channel, struct fault *f)
{
	auto_close int user = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);

	if (user < 0 || fd_send(channel, user) < 0)
		return fault_at(f, FAULT_EXTFS, EXTFS_LOST);
	return 0;
}

int extfs_take(int channel, size_t i, int *mount, struct fault *f)
{
	struct news n = { EXTFS_LOST, EPIPE };

	while (recv(channel, &n, sizeof(n), 0) < 0 && errno == EINTR)
		;
	if (n.reason == EXTFS_REASONS && (*mount = fd_recv(channel)) >= 0)
		return 0;
	errno = n.sys;
	return fault_at(f, FAULT_EXTFS, i * EXTFS_REASONS + (uint64_t)n.reason % EXTFS_REASONS);
}

/* A copy: what is attached here cannot be attached in the holder's namespace. */
static int lower_send(int channel, int lower)
{
	auto_close int copy = sys_open_tree(lower, "", 0);

	return copy < 0 ? -1 : fd_send(channel, copy);
}

int extfs_over(int channel, const int *lower, size_t n, int fuse, struct fault *f)
{
	bool sent = send(channel, &n, sizeof(n), MSG_NOSIGNAL) == sizeof(n);

	for (size_t i = 0; sent && i < n; i++)
		sent = lower_send(channel, lower[i]) == 0;
	if (sent && fd_send(channel, fuse) == 0)
		return 0;
	return fault_at(f, FAULT_EXTFS, EXTFS_LOST);
}
