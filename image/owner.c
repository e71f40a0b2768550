#include "image/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/base/mem.h"

/* A process that has ended and whose parent has not asked yet: it writes no more. */
#define ZOMBIE ULLONG_MAX

/* Field 22 of /proc/PID/stat (proc_pid_stat(5)); 0 when it cannot be read.  The command name
 * may hold blanks and parentheses, so fields count from the last ')'. */
static unsigned long long start_time(long pid)
{
	auto_buf struct buf b = { 0 };
	char path[64];
	struct err e;
	char *p;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (file_read(AT_FDCWD, path, &b, 4096, &e) != 0)
		return 0;
	p = strrchr(b.data, ')');
	if (p && (str_has_prefix(p, ") Z ") || str_has_prefix(p, ") X ")))
		return ZOMBIE;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

/* Nodes that nobody named, diskless ones for instance, are all called the same; what they do not
 * share is the boot. */
static void add_boot(struct buf *b, const char *name)
{
	auto_buf struct buf id = { 0 };
	struct err e;

	if (*name && strcmp(name, "(none)") != 0 && strcmp(name, "localhost") != 0 &&
	    !str_has_prefix(name, "localhost."))
		return;
	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &id, 64, &e) == 0)
		buf_printf(b, "-%.8s", buf_str(&id));
}

/* Pids mean something only within one pid namespace of one host. */
static char *place(void)
{
	auto_buf struct buf b = { 0 };
	struct utsname u;
	struct stat st = { 0 };
	char *s;

	if (uname(&u) < 0)
		*u.nodename = '\0';
	(void)stat("/proc/self/ns/pid", &st);
	buf_adds(&b, *u.nodename ? u.nodename : "unknown");
	add_boot(&b, u.nodename);
	buf_printf(&b, "-%lu", (unsigned long)st.st_ino);
	s = xstrdup(buf_str(&b));
	for (char *p = s; *p; p++)
		if (*p == '/')
			*p = '_';
	return s;
}

char *owner_name(void)
{
	auto_free char *here = place();

	return xasprintf("%s.%ld.%llu", here, (long)getpid(), start_time(getpid()));
}

/* Takes ".digits" off the end of s; -1 when it is not there. */
static int take_number(char *s, unsigned long long *out)
{
	char *dot = strrchr(s, '.'), *end;

	if (!dot || dot[1] < '0' || dot[1] > '9')
		return -1;
	*out = strtoull(dot + 1, &end, 10);
	if (*end)
		return -1;
	*dot = '\0';
	return 0;
}

enum owner_state owner_state(const char *name)
{
	auto_free char *here = place();
	auto_free char *s = xstrdup(name);
	unsigned long long pid, start, now;

	if (take_number(s, &start) < 0 || take_number(s, &pid) < 0 || strcmp(s, here) != 0 ||
	    pid < 1 || pid > INT32_MAX)
		return OWNER_ELSEWHERE;
	if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
		return OWNER_GONE;
	now = start_time((long)pid);
	/* hidepid=2 hides other users' processes: then only kill() speaks. */
	if (now && start && now != start)
		return OWNER_GONE;
	return (pid_t)pid == getpid() ? OWNER_SELF : OWNER_ALIVE;
}

char *owner_of_file(const char *file, const char *prefix, const char *suffix)
{
	size_t n = strlen(file), a = strlen(prefix), b = strlen(suffix);

	if (n <= a + b || !str_has_prefix(file, prefix) || !str_has_suffix(file, suffix))
		return NULL;
	return xstrndup(file + a, n - a - b);
}
