#include "image/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/owner.h"
#include "image/store_impl.h"
#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/base/path.h"

#define VERSION_DIR "v1"

const char *store_env(char *const *env, const char *key)
{
	size_t n = strlen(key);

	for (; *env; env++)
		if (!strncmp(*env, key, n) && (*env)[n] == '=' && (*env)[n + 1])
			return *env + n + 1;
	return NULL;
}

char *store_default_dir(char *const *env, struct err *e)
{
	static const char *const names[] = { "BERTH_CACHEDIR", "APPTAINER_CACHEDIR",
					     "SINGULARITY_CACHEDIR" };
	const char *home = store_env(env, "HOME");
	struct passwd *pw;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *dir = store_env(env, names[i]);

		if (dir)
			return xstrdup(dir);
	}
	/* Nextflow starts engines without HOME. */
	if (!home && (pw = getpwuid(geteuid())))
		home = pw->pw_dir;
	if (!home || !*home) {
		err_set(e, ERR_HOST, "no home directory for the image store: set BERTH_CACHEDIR");
		return NULL;
	}
	return path_join(home, ".berth/cache");
}

/* $BERTH_SITE_STORES: directories with colons between, each the DIR of a store that somebody else
 * fills.  One that is not there now (an automounter, a node without it) is no error. */
static void open_sites(struct store *s)
{
	const char *list = getenv("BERTH_SITE_STORES");
	auto_strv struct strv dirs = { 0 };

	strv_split(&dirs, list ? list : "", ':');
	for (size_t i = 0; i < dirs.n && s->nsites < STORE_MAX_SITES; i++) {
		auto_free char *dir = path_join(dirs.v[i], VERSION_DIR);
		int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0) {
			log_verbose("image store of the site %s: %s", dir, strerror(errno));
			continue;
		}
		s->site[s->nsites++] = (struct site_store){ fd, take_ptr(dir) };
	}
}

int store_open(struct store **out, const char *dir, struct err *e)
{
	auto_store struct store *s = xcalloc(1, sizeof(*s));
	static const char *const parts[] = { "blobs/sha256", "blobs/sha512", "tmp", "sif" };

	*out = NULL;
	s->root = s->tmp = -1;
	s->dir = path_join(dir, VERSION_DIR);
	if (dir_make_all(AT_FDCWD, s->dir, 0700, e) < 0)
		return err_wrap(e, "image store (BERTH_CACHEDIR moves it)");
	s->root = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0)
		return err_sys(e, "open image store %s", s->dir);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (dir_make_all(s->root, parts[i], 0700, e) < 0)
			return err_wrap(e, "image store %s", s->dir);
	s->tmp = openat(s->root, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->tmp < 0)
		return err_sys(e, "open image store %s/tmp", s->dir);
	open_sites(s);
	*out = take_ptr(s);
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	close_p_(&s->root);
	close_p_(&s->tmp);
	for (size_t i = 0; i < s->nsites; i++) {
		close_p_(&s->site[i].fd);
		free(s->site[i].dir);
	}
	free(s->dir);
	free(s);
}

int store_fd(const struct store *s)
{
	return s->root;
}

int store_tmp_fd(const struct store *s)
{
	return s->tmp;
}

const char *store_dir(const struct store *s)
{
	return s->dir;
}

char *store_blob_path(const struct digest *d)
{
	char hex[DIGEST_TEXT_MAX];

	digest_hex(d, hex);
	return xasprintf("blobs/%s/%.2s/%s", digest_algo_name(d->algo), hex, hex);
}

void store_touch(int fd)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_OMIT } };
	struct stat st;

	/* Once an hour is enough to know what was not used for days; a store that is only lent
	 * cannot be written. */
	if (fstat(fd, &st) == 0 && time(NULL) - st.st_atime > 3600)
		futimens(fd, times);
}

/* What a site's store has wrong is not ours to remove. */
static int find_in_sites(struct store *s, const char *path, uint64_t size, int *fd)
{
	struct stat st;

	for (size_t i = 0; i < s->nsites; i++) {
		auto_close int f = openat(s->site[i].fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

		if (f < 0 || fstat(f, &st) < 0 || !S_ISREG(st.st_mode) ||
		    (size != STORE_ANY_SIZE && (uint64_t)st.st_size != size))
			continue;
		*fd = take_fd(&f);
		return 1;
	}
	return 0;
}

int store_find(struct store *s, const struct digest *d, uint64_t size, int *fd, struct err *e)
{
	auto_free char *path = store_blob_path(d);
	auto_close int f = openat(s->root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	*fd = -1;
	if (f < 0 && errno == ENOENT)
		return find_in_sites(s, path, size, fd);
	if (f < 0 || fstat(f, &st) < 0)
		return err_sys(e, "open %s/%s", s->dir, path);
	if (!S_ISREG(st.st_mode) || (size != STORE_ANY_SIZE && (uint64_t)st.st_size != size)) {
		log_warn("image store: %s/%s is damaged (%lld bytes), removed", s->dir, path,
			 (long long)st.st_size);
		unlinkat(s->root, path, 0);
		return 0;
	}
	store_touch(f);
	*fd = take_fd(&f);
	return 1;
}

static void drop_damaged(struct store *s, const struct digest *d)
{
	auto_free char *path = store_blob_path(d);

	log_warn("image store: %s/%s does not hash to its name, removed", s->dir, path);
	unlinkat(s->root, path, 0);
}

int store_read(struct store *s, const struct digest *d, size_t max, struct buf *out, struct err *e)
{
	auto_close int fd = -1;
	size_t start = out->len;
	struct digest got;
	int r = store_find(s, d, STORE_ANY_SIZE, &fd, e);

	if (r <= 0)
		return r;
	if (fd_read_all(fd, out, max, "blob in the image store", e) < 0)
		return -1;
	digest_of(&got, d->algo, out->len > start ? out->data + start : "", out->len - start);
	if (digest_equal(&got, d))
		return 1;
	out->len = start;
	drop_damaged(s, d);
	return 0;
}

int store_verify(struct store *s, const struct digest *d, struct err *e)
{
	auto_digest_ctx struct digest_ctx *ctx = digest_begin(d->algo);
	auto_stream struct stream *in = NULL;
	auto_close int fd = -1;
	struct digest got;
	int r = store_find(s, d, STORE_ANY_SIZE, &fd, e);

	if (r <= 0)
		return r;
	in = stream_tee(stream_fd(fd, 0, -1), ctx);
	if (stream_drain(in, e) < 0)
		return -1;
	if (digest_equal(digest_end(ctx, &got), d))
		return 1;
	drop_damaged(s, d);
	return 0;
}

int store_write(struct store *s, const struct digest *d, const void *p, size_t n, struct err *e)
{
	auto_store_put struct store_put *put = NULL;

	if (store_begin(s, d, n, &put, e) < 0 || store_put_restart(put, e) < 0 ||
	    store_put_write(put, p, n, e) < 0)
		return -1;
	return store_put_commit(put, e);
}

/* How long a file in tmp stays that nobody works on: 0 not at all, -1 for ever, because somebody
 * does.  A download's part is worth keeping; a dead process's turn, copy or
 * unfinished image (".berth-<owner>.part") is not. */
static int64_t time_left_over(const char *name, int64_t part_age)
{
	const char *dot = strchr(name, '.');
	auto_free char *part = dot ? owner_of_file(dot, ".", ".part") : NULL;
	auto_free char *turn = dot ? owner_of_file(dot, ".", ".turn") : NULL;
	auto_free char *copy = dot ? owner_of_file(dot, ".", ".copy") : NULL;
	auto_free char *use = dot ? owner_of_file(dot, ".", ".use") : NULL;
	auto_free char *image = owner_of_file(name, ".berth-", ".part");
	const char *owner = image ? image : part ? part : turn ? turn : use ? use : copy;

	if (!owner)
		return -1;
	switch (owner_state(owner)) {
	case OWNER_GONE:
		return part && !image ? part_age : 0;
	case OWNER_ELSEWHERE:
		return part_age;
	case OWNER_SELF:
	case OWNER_ALIVE:
		break;
	}
	return -1;
}

int store_sweep(struct store *s, int64_t max_age, struct err *e)
{
	int fd = openat(s->tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	struct stat st;

	if (!dir) {
		close_p_(&fd);
		return err_sys(e, "read %s/tmp", s->dir);
	}
	while ((de = readdir(dir))) {
		int64_t age = time_left_over(de->d_name, max_age);

		if (age == 0 ||
		    (age > 0 && fstatat(s->tmp, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		     time(NULL) - st.st_mtime > age))
			unlinkat(s->tmp, de->d_name, 0);
	}
	closedir(dir);
	return 0;
}
