/* The first choice is the same for a login, a batch step and a cron job wherever the system makes
 * /run/user/UID; where it makes it for logins only, and takes it away with the last of them, a
 * reader still finds what lies in the other places. */
#include "src/host/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"

#define PLACES 4

struct place {
	char *path;
	bool own; /* made by us in a public directory */
};

static const char *env_get(char *const *environment, const char *key)
{
	size_t n = strlen(key);

	for (char *const *v = environment; v && *v; v++)
		if (!strncmp(*v, key, n) && (*v)[n] == '=')
			return *v + n + 1;
	return NULL;
}

static void places_list(struct place *p, char *const *environment)
{
	const char *xdg = env_get(environment, "XDG_RUNTIME_DIR");
	const char *tmp = env_get(environment, "TMPDIR");
	unsigned uid = (unsigned)getuid();

	p[0] = (struct place){ xdg && *xdg == '/' ? xstrdup(xdg) : NULL, false };
	p[1] = (struct place){ xasprintf("/run/user/%u", uid), false };
	p[2] = (struct place){ tmp && *tmp == '/' ? xasprintf("%s/berth-%u", tmp, uid) : NULL,
			       true };
	p[3] = (struct place){ xasprintf("/tmp/berth-%u", uid), true };
}

static void places_free(struct place *p)
{
	for (size_t i = 0; i < PLACES; i++)
		free(p[i].path);
}

/* Ours, no link, and nobody else can put anything into it. */
static bool is_private(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid() &&
	       !(st.st_mode & 022);
}

static bool dir_make(const char *path)
{
	/* The umask may be anything. */
	if (mkdir(path, 0700) == 0 && chmod(path, 0700) < 0)
		return false;
	return is_private(path) && access(path, R_OK | W_OK | X_OK) == 0;
}

static void boot_id(char out[9])
{
	auto_buf struct buf text = { 0 };
	struct err ignored;

	snprintf(out, 9, "noboot");
	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &text, 64, &ignored) == 0 &&
	    text.len >= 8)
		snprintf(out, 9, "%.8s", text.data);
}

/* HOST-, then BOOT-PIDNS. */
static char *key_make(char **host_part)
{
	char host[65] = "", boot[9], ns[64] = "";
	ssize_t n;

	gethostname(host, sizeof(host) - 1);
	for (char *c = host; *c; c++)
		if (*c == '/')
			*c = '_';
	boot_id(boot);
	n = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1);
	ns[n > 0 ? n : 0] = '\0';
	*host_part = xasprintf("%s-", host);
	return xasprintf("%s-%s-%.*s", host, boot,
			 (int)strspn(ns + strcspn(ns, "0123456789"), "0123456789"),
			 ns + strcspn(ns, "0123456789"));
}

/* Removes a directory of notes: files only, one level. */
static void notes_remove(int base, const char *name)
{
	auto_close int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);

	for (struct dirent *de; d && (de = readdir(d));)
		unlinkat(fd, de->d_name, 0);
	if (d)
		closedir(d);
	unlinkat(base, name, AT_REMOVEDIR);
}

/* Another boot of this very host is over. */
static void old_boots_remove(const char *base, const char *host, const char *key)
{
	size_t boot_end = strlen(host) + 8;
	DIR *d = opendir(base);

	for (struct dirent *de; d && (de = readdir(d));)
		if (str_has_prefix(de->d_name, host) && strlen(de->d_name) > boot_end &&
		    de->d_name[boot_end] == '-' && strncmp(de->d_name, key, boot_end) != 0 &&
		    strspn(de->d_name + strlen(host), "0123456789abcdef") == 8)
			notes_remove(dirfd(d), de->d_name);
	if (d)
		closedir(d);
}

void rundir_all(struct strv *out, char *const *environment)
{
	auto_free char *host = NULL;
	auto_free char *key = key_make(&host);
	struct place p[PLACES];

	places_list(p, environment);
	for (size_t i = 0; i < PLACES; i++) {
		if (!p[i].path || !is_private(p[i].path))
			continue;
		auto_free char *base = xasprintf("%s/berth", p[i].path);
		auto_free char *dir = xasprintf("%s/%s", base, key);

		if (!is_private(base))
			continue;
		old_boots_remove(base, host, key);
		if (is_private(dir) && !strv_has(out, dir))
			strv_add(out, dir);
	}
	places_free(p);
}

int rundir_make(char **out, char *const *environment, struct err *e)
{
	auto_free char *host = NULL;
	auto_free char *key = key_make(&host);
	struct place p[PLACES];

	*out = NULL;
	places_list(p, environment);
	for (size_t i = 0; i < PLACES && !*out; i++) {
		if (!p[i].path || !(p[i].own ? dir_make(p[i].path) : is_private(p[i].path)))
			continue;
		auto_free char *base = xasprintf("%s/berth", p[i].path);
		auto_free char *dir = xasprintf("%s/%s", base, key);

		if (dir_make(base) && dir_make(dir))
			*out = take_ptr(dir);
	}
	places_free(p);
	if (*out)
		return 0;
	return err_set(
		e, ERR_HOST,
		"no place to note running instances: XDG_RUNTIME_DIR, /run/user/%u, TMPDIR and "
		"/tmp cannot be written to, or hold a berth-%u of somebody else",
		(unsigned)getuid(), (unsigned)getuid());
}

void rundir_tidy(const char *dir)
{
	auto_free char *base = path_dir(dir);
	auto_free char *place = path_dir(base);
	auto_free char *own = xasprintf("berth-%u", (unsigned)getuid());

	if (rmdir(dir) == 0 && rmdir(base) == 0 && !strcmp(path_base(place), own))
		rmdir(place);
}
