#include "src/host/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/mem.h"

bool process_start_time(uint64_t *out, pid_t pid)
{
	char path[48], text[1024], *p;
	auto_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* The name in parentheses may hold anything; field 3 follows the last of them. */
	p = strrchr(text, ')');
	if (!p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X')
		return false;
	p += 2;
	for (int field = 3; field < 22; field++) {
		p = strchr(p, ' ');
		if (!p)
			return false;
		p++;
	}
	*out = strtoull(p, NULL, 10);
	return true;
}

int process_open(pid_t pid, uint64_t start)
{
	auto_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	uint64_t now;

	if (fd < 0 || !process_start_time(&now, pid) || now != start)
		return -1;
	return take_fd(&fd);
}

bool process_wait(int pidfd, int ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int64_t end = now_ms() + ms;

	for (;;) {
		int64_t left = ms < 0 ? -1 : MAX(end - now_ms(), 0);
		int r = poll(&p, 1, (int)left);

		if (r != -1 || errno != EINTR)
			return r == 1;
	}
}
