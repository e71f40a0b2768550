/* serve_mount: mounts an image for one command, as an ordinary user; for tests and
 * benchmarks of the read path alone, without the rest of Berth.
 *
 *	berth-serve-test [-o offset] [-v path]... [-r path=text]... [-t threads] [-c MiB]
 *			 [-n] [-A] [-a] [-m] IMG MNT -- CMD ...
 *
 * -o where the image starts in the file      -v a virtual directory
 * -r a file with this text over the image's  -t, -c threads, cache
 * -n do not store pages                      -A decode ahead whatever the CPUs
 * -a mount without default_permissions       -m print the server's time and memory
 * Exits as the command did, 125 when there was no command. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/serve.h"
#include "src/base/mem.h"

enum { NODES_MAX = 8192, FAILED = 125 };

struct setup {
	off_t off;
	const char *image, *mnt;
	char **cmd;
	struct serve_node *nodes;
	size_t nnodes;
	unsigned threads;
	size_t cache;
	bool no_store, access, measure, ahead;
};

static void die(const char *what)
{
	fprintf(stderr, "berth-serve-test: %s: %s\n", what, strerror(errno));
	_exit(FAILED);
}

static void die_err(const struct err *e)
{
	fprintf(stderr, "berth-serve-test: %s\n", e->text);
	_exit(FAILED);
}

static void send_fd(int sock, int fd)
{
	char c = 0, room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = room,
			    .msg_controllen = sizeof(room) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	if (sendmsg(sock, &m, 0) < 0)
		die("send the descriptor");
}

static int receive_fd(int sock)
{
	char c, room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = room,
			    .msg_controllen = sizeof(room) };
	int fd = -1;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

static void print_memory(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmHWM", 5) == 0 || strncmp(line, "RssAnon", 7) == 0 ||
		    strncmp(line, "Threads", 7) == 0)
			fprintf(stderr, "server %s", line);
	if (f)
		fclose(f);
}

static int server(const struct setup *u, int sock)
{
	struct err e = { 0 };
	auto_squash struct squash *img = NULL;
	auto_serve struct serve *s = NULL;
	auto_close int file = open(u->image, O_RDONLY | O_CLOEXEC);
	auto_close int fuse = -1;

	if (file < 0)
		die(u->image);
	if (squash_open(&img, file, u->off, -1, &(struct squash_opts){ .cache_bytes = u->cache },
			&e) < 0)
		die_err(&e);
	if (serve_new(&s, img,
		      &(struct serve_opts){ .uid = getuid(),
					    .gid = getgid(),
					    .threads = u->threads,
					    .nodes = u->nodes,
					    .nnodes = u->nnodes,
					    .store = !u->no_store },
		      &e) < 0)
		die_err(&e);
	fuse = receive_fd(sock);
	if (fuse < 0)
		return 0; /* the other side failed and said so */
	if (serve_run(s, fuse, &e) < 0)
		die_err(&e);
	if (u->measure)
		print_memory();
	return 0;
}

static void write_text(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
}

static void map_self(const char *path, unsigned id)
{
	char text[64];

	snprintf(text, sizeof(text), "%u %u 1", id, id);
	write_text(path, text);
}

/* An own user and mount namespace with the image mounted; returns the FUSE fd. */
static int mount_image(const struct setup *u)
{
	uid_t uid = getuid();
	gid_t gid = getgid();
	char options[256];
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		die("unshare");
	write_text("/proc/self/setgroups", "deny");
	map_self("/proc/self/uid_map", uid);
	map_self("/proc/self/gid_map", gid);
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("/dev/fuse");
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,max_read=%u%s", fd, uid,
		 gid, SERVE_READ_MAX, u->access ? "" : ",default_permissions");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("berth", u->mnt, "fuse.berth", MS_RDONLY | MS_NOSUID | MS_NODEV, options) < 0)
		die("mount");
	return fd;
}

static int run(const struct setup *u)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execvp(u->cmd[0], u->cmd);
		die(u->cmd[0]);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void parse(struct setup *u, int argc, char **argv)
{
	int c;

	u->nodes = xcalloc(NODES_MAX, sizeof(*u->nodes));
	while ((c = getopt(argc, argv, "+o:v:r:t:c:nAam")) != -1) {
		struct serve_node *node = &u->nodes[u->nnodes];
		char *text;

		if (c == 'o')
			u->off = atoll(optarg);
		else if (c == 't')
			u->threads = (unsigned)atoi(optarg);
		else if (c == 'c')
			u->cache = (size_t)atoi(optarg) << 20;
		else if (c == 'n')
			u->no_store = true;
		else if (c == 'A')
			u->ahead = true;
		else if (c == 'a')
			u->access = true;
		else if (c == 'm')
			u->measure = true;
		else if (c == 'v' && u->nnodes < NODES_MAX)
			u->nodes[u->nnodes++] =
				(struct serve_node){ .path = optarg, .mode = S_IFDIR | 0755 };
		else if (c == 'r' && u->nnodes < NODES_MAX && (text = strchr(optarg, '='))) {
			*text++ = '\0';
			*node = (struct serve_node){ .path = optarg,
						     .mode = S_IFREG | 0644,
						     .data = text,
						     .len = strlen(text),
						     .replace = true };
			u->nnodes++;
		} else
			_exit(FAILED);
	}
	if (argc - optind < 3) {
		fprintf(stderr, "usage: berth-serve-test [options] IMG MNT -- CMD ...\n");
		_exit(FAILED);
	}
	u->image = argv[optind];
	u->mnt = argv[optind + 1];
	u->cmd = argv + optind + 2;
	if (strcmp(u->cmd[0], "--") == 0)
		u->cmd++;
}

int main(int argc, char **argv)
{
	struct setup u = { 0 };
	struct rusage used;
	int sock[2], fd, status, code;
	pid_t pid;

	parse(&u, argc, argv);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) < 0)
		die("socketpair");
	pid = fork();
	if (pid == 0) {
		close(sock[1]);
		exit(server(&u, sock[0]));
	}
	close(sock[0]);
	fd = mount_image(&u);
	send_fd(sock[1], fd);
	close(fd);
	close(sock[1]);
	code = run(&u);
	umount2(u.mnt, MNT_DETACH);
	if (wait4(pid, &status, 0, &used) < 0 || status)
		fprintf(stderr, "berth-serve-test: the server ended with %d\n", status);
	if (u.measure)
		fprintf(stderr, "server user %ld.%03ld sys %ld.%03ld\n", (long)used.ru_utime.tv_sec,
			(long)used.ru_utime.tv_usec / 1000, (long)used.ru_stime.tv_sec,
			(long)used.ru_stime.tv_usec / 1000);
	free(u.nodes);
	return code;
}
