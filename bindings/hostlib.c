#include "bindings/hostlib.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/host/ldcache.h"
#include "src/plan/lent.h"

#define CACHE_MAX (64u << 20)
#define CONF_MAX  (1u << 20)
#define INCLUDES  4 /* nesting of ld.so.conf */

struct hostlib {
	int rootfd;
	struct buf bytes;
	struct ldcache cache;
	struct strv dirs; /* where to look when the cache has nothing */
	bool nested;	  /* there is a LENT_LIBS_DIR */
	/* The directory that was looked into last, as asked for and without links. */
	char *dir, *real_dir;
};

int host_open(int rootfd, const char *path, int flags)
{
	return rootfd == AT_FDCWD ? open(path, flags | O_CLOEXEC)
				  : open_in_root(rootfd, path, flags, 0);
}

/* The kernel knows the path of what is open: one call instead of one for each component. */
static char *path_of_fd(int rootfd, int fd)
{
	char link[64], real[4096], root[4096];
	ssize_t n, r = 0;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, real, sizeof(real) - 1);
	if (n <= 0 || real[0] != '/')
		return NULL;
	real[n] = '\0';
	if (rootfd != AT_FDCWD) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", rootfd);
		r = readlink(link, root, sizeof(root) - 1);
		if (r < 0 || n < r)
			return NULL;
		r = r == 1 ? 0 : r;
	}
	return xstrdup(real + r);
}

char *host_real(int rootfd, const char *path)
{
	auto_close int fd = host_open(rootfd, path, O_PATH);

	return fd < 0 ? NULL : path_of_fd(rootfd, fd);
}

static void add_dir(struct hostlib *h, const char *dir)
{
	auto_close int fd = -1;

	if (dir[0] != '/' || strv_has(&h->dirs, dir))
		return;
	fd = host_open(h->rootfd, dir, O_PATH | O_DIRECTORY);
	if (fd >= 0)
		strv_add(&h->dirs, dir);
}

static void conf_read(struct hostlib *h, const char *path, int depth);

/* "include ld.so.conf.d/" and a pattern: the last component may be one. */
static void conf_include(struct hostlib *h, const char *from, const char *what, int depth)
{
	auto_free char *base = path_dir(from);
	auto_free char *full = what[0] == '/' ? xstrdup(what) : path_join(base, what);
	auto_free char *dir = path_dir(full);
	auto_strv struct strv names = { 0 };
	int fd = host_open(h->rootfd, dir, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	if (!d) {
		close_p_(&fd);
		return;
	}
	while ((ent = readdir(d)))
		if (fnmatch(path_base(full), ent->d_name, FNM_PERIOD) == 0)
			strv_add(&names, ent->d_name);
	closedir(d);
	strv_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *file = path_join(dir, names.v[i]);

		conf_read(h, file, depth + 1);
	}
}

static void conf_read(struct hostlib *h, const char *path, int depth)
{
	auto_buf struct buf text = { 0 };
	auto_strv struct strv lines = { 0 };
	struct err ignored;
	auto_close int fd =
		depth > INCLUDES ? -1 : host_open(h->rootfd, path, O_RDONLY | O_NONBLOCK);

	if (fd < 0 || fd_read_all(fd, &text, CONF_MAX, path, &ignored) < 0)
		return;
	strv_split(&lines, buf_str(&text), '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *line = lines.v[i] + strspn(lines.v[i], " \t");

		line[strcspn(line, "#\r")] = '\0';
		for (size_t n = strlen(line); n && strchr(" \t", line[n - 1]);)
			line[--n] = '\0';
		if (str_has_prefix(line, "include "))
			conf_include(h, path, line + 8 + strspn(line + 8, " \t"), depth);
		else if (line[0] == '/')
			add_dir(h, line);
	}
}

/* Looked for when the first name is not in the cache. */
static void dirs_find(struct hostlib *h)
{
	static const char *const usual[] = {
		"/lib/x86_64-linux-gnu",
		"/usr/lib/x86_64-linux-gnu",
		"/lib/aarch64-linux-gnu",
		"/usr/lib/aarch64-linux-gnu",
		"/lib64",
		"/usr/lib64",
		"/lib",
		"/usr/lib",
		"/usr/local/lib64",
		"/usr/local/lib",
		"/lib/i386-linux-gnu",
		"/usr/lib/i386-linux-gnu",
	};

	if (h->dirs.n)
		return;
	conf_read(h, "/etc/ld.so.conf", 0);
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		add_dir(h, usual[i]);
	if (!h->dirs.n)
		strv_add(&h->dirs, "/lib");
}

int hostlib_open(struct hostlib **out, int rootfd, struct err *e)
{
	struct hostlib *h = xcalloc(1, sizeof(*h));
	struct err ignored;
	struct stat st;
	auto_close int fd = host_open(rootfd, "/etc/ld.so.cache", O_RDONLY | O_NONBLOCK);
	auto_close int libs = host_open(rootfd, LENT_LIBS_DIR, O_PATH | O_DIRECTORY);

	(void)e;
	h->rootfd = rootfd;
	h->nested = libs >= 0;
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size < CACHE_MAX)
		buf_reserve(&h->bytes, (size_t)st.st_size + 8192);
	if (fd < 0 || fd_read_all(fd, &h->bytes, CACHE_MAX, "ld.so.cache", &ignored) < 0 ||
	    ldcache_parse(&h->cache, buf_str(&h->bytes), h->bytes.len, &ignored) < 0)
		h->cache = (struct ldcache){ 0 };
	*out = h;
	return 0;
}

void hostlib_close(struct hostlib *h)
{
	if (!h)
		return;
	ldcache_fini(&h->cache);
	buf_fini(&h->bytes);
	strv_fini(&h->dirs);
	free(h->dir);
	free(h->real_dir);
	free(h);
}

void hostlib_lib_fini(struct hostlib_lib *lib)
{
	free(lib->path);
	free(lib->real);
	elf_fini(&lib->elf);
	*lib = (struct hostlib_lib){ 0 };
}

/* The directory of path without links; NULL: not there.  A driver's libraries lie in one. */
static const char *real_dir_of(struct hostlib *h, const char *path)
{
	size_t n = (size_t)(path_base(path) - path);

	if (h->dir && strlen(h->dir) == n && !strncmp(h->dir, path, n))
		return h->real_dir;
	free(h->dir);
	free(h->real_dir);
	h->dir = xstrndup(path, n);
	h->real_dir = host_real(h->rootfd, h->dir);
	return h->real_dir;
}

/* Opens a library and tells what file it is.  In most cases that is known without asking the kernel
 * for the path of what was opened, which costs more than the rest: a link to a name beside it. */
static int lib_open(struct hostlib *h, const char *path, char **real)
{
	const char *dir = h->rootfd == AT_FDCWD ? real_dir_of(h, path) : NULL;
	const char *name = path_base(path);
	char text[256];
	ssize_t n = dir ? readlink(path, text, sizeof(text)) : -1;
	int fd = -1;

	if (n > 0 && (size_t)n < sizeof(text) && !memchr(text, '/', (size_t)n)) {
		text[n] = '\0';
		name = text;
	} else if (n >= 0 || !dir || errno != EINVAL) {
		name = NULL;
	}
	if (name) {
		auto_free char *file = path_join(dir, name);

		fd = open(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0) {
			*real = take_ptr(file);
			return fd;
		}
	}
	fd = host_open(h->rootfd, path, O_RDONLY | O_NONBLOCK);
	*real = fd < 0 ? NULL : path_of_fd(h->rootfd, fd);
	return fd;
}

/* 0 taken, 1 not there or of another kind, -1 damaged. */
static int try_path(struct hostlib_lib *out, struct hostlib *h, const char *path, int bits,
		    struct err *e)
{
	auto_free char *real = NULL;
	auto_close int fd = lib_open(h, path, &real);
	int r;

	if (fd < 0)
		return 1;
	r = elf_read_fd(&out->elf, fd, e);
	if (r < 0 && e->sys) /* a directory */
		return 1;
	if (r)
		return r < 0 ? err_wrap(e, "%s", path) : 1;
	if (out->elf.foreign || out->elf.bits != bits ||
	    (bits == elf_own_bits() && out->elf.machine != elf_own_machine())) {
		elf_fini(&out->elf);
		return 1;
	}
	out->path = xstrdup(path);
	out->real = real ? take_ptr(real) : xstrdup(path);
	return 0;
}

static int try_dirs(struct hostlib_lib *out, struct hostlib *h, const char *name, int bits,
		    struct err *e)
{
	dirs_find(h);
	for (size_t i = 0; i < h->dirs.n; i++) {
		auto_free char *path = path_join(h->dirs.v[i], name);
		int r = try_path(out, h, path, bits, e);

		if (r <= 0)
			return r;
	}
	return 1;
}

int hostlib_find(struct hostlib_lib *out, struct hostlib *h, const char *name, int bits,
		 struct err *e)
{
	int r = 1;

	*out = (struct hostlib_lib){ 0 };
	if (name[0] == '/')
		return try_path(out, h, name, bits, e);
	if (h->nested) {
		auto_free char *path =
			path_join(bits == 32 ? LENT_LIBS32_DIR : LENT_LIBS_DIR, name);

		r = try_path(out, h, path, bits, e);
	}
	for (size_t i = ldcache_first(&h->cache, name); r > 0 && i < h->cache.n;
	     i = ldcache_next(&h->cache, i))
		if (h->cache.v[i].bits == bits)
			r = try_path(out, h, h->cache.v[i].path, bits, e);
	return r > 0 ? try_dirs(out, h, name, bits, e) : r;
}

/* A directory's libraries, by the names of its files. */
static int each_in(struct hostlib *h, const char *dir,
		   int (*f)(void *arg, const char *name, const char *path), void *arg)
{
	int fd = host_open(h->rootfd, dir, O_RDONLY | O_DIRECTORY), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	if (!d) {
		close_p_(&fd);
		return 0;
	}
	while (!r && (ent = readdir(d))) {
		auto_free char *path = path_join(dir, ent->d_name);

		if (strstr(ent->d_name, ".so"))
			r = f(arg, ent->d_name, path);
	}
	closedir(d);
	return r;
}

int hostlib_each(struct hostlib *h, int bits,
		 int (*f)(void *arg, const char *name, const char *path), void *arg)
{
	int r = 0;

	if (h->nested)
		r = each_in(h, bits == 32 ? LENT_LIBS32_DIR : LENT_LIBS_DIR, f, arg);
	for (size_t i = 0; i < h->cache.n && !r; i++)
		if (h->cache.v[i].bits == bits)
			r = f(arg, h->cache.v[i].name, h->cache.v[i].path);
	if (h->cache.n)
		return r;
	dirs_find(h);
	for (size_t i = 0; i < h->dirs.n && !r; i++)
		r = each_in(h, h->dirs.v[i], f, arg);
	return r;
}
