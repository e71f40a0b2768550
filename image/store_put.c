/* A put is shared by its writer and its readers; the last one frees it.  The writer appends
 * outside the lock and publishes how far it got; readers never look beyond that. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/owner.h"
#include "image/sif.h"
#include "image/store_impl.h"
#include "src/base/fd.h"
#include "src/base/path.h"

#define ADOPT_AGE   3600 /* seconds without a change, then another host's part is ours to copy */
#define FLUSH_EVERY (8u << 20) /* start writing out this often, so that fsync finds little */

enum put_state { PUT_GROWING, PUT_DONE, PUT_FAILED };

struct store_put {
	struct store *store;
	struct digest digest;
	uint64_t size; /* or STORE_ANY_SIZE */
	char *name;    /* below tmp */
	int fd;	       /* -1: not begun, or in the store and not open */
	struct digest_ctx *ctx;
	uint64_t flushed;
	bool adopted; /* some bytes are an earlier run's */
	bool named;   /* digest is only a name, the bytes have another */

	pthread_mutex_t lock;
	pthread_cond_t grown;
	uint64_t have;
	enum put_state state;
	struct err why;
	unsigned refs;
};

int store_copy_fd(int in, int out, off_t size)
{
	char chunk[65536];
	off_t at = 0;
	ssize_t r;

	while (at < size) {
		r = copy_file_range(in, &at, out, NULL, (size_t)(size - at), 0);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
	}
	/* Old kernels and odd pairs of file systems: EXDEV, EINVAL, ENOSYS, or 0 (Linux < 5.19). */
	while (at < size) {
		r = pread(in, chunk, sizeof(chunk), at);
		if (r == 0)
			errno = EIO;
		if (r <= 0 || fd_write(out, chunk, (size_t)r) < 0)
			return -1;
		at += r;
	}
	return 0;
}

/* Another host's part file, long untouched: its bytes are copied and not the file renamed,
 * since its writer may only be suspended and would go on writing into it. */
static int adopt_copy(struct store_put *p, const char *name)
{
	auto_close int in = openat(p->store->tmp, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_close int out = -1;
	struct stat st;

	if (in < 0 || fstat(in, &st) < 0 || time(NULL) - st.st_mtime < ADOPT_AGE)
		return 0;
	out = openat(p->store->tmp, p->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
		     STORE_FILE_MODE);
	if (out < 0)
		return 0;
	if (store_copy_fd(in, out, st.st_size) < 0) {
		unlinkat(p->store->tmp, p->name, 0);
		return 0;
	}
	unlinkat(p->store->tmp, name, 0);
	p->fd = take_fd(&out);
	return 1;
}

static int adopt_rename(struct store_put *p, const char *name)
{
	/* Two heirs: the second finds nothing to rename. */
	if (renameat(p->store->tmp, name, p->store->tmp, p->name) < 0)
		return 0;
	p->fd = openat(p->store->tmp, p->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return p->fd >= 0;
}

/* Looks for parts of the same blob whose writers are gone.  Errors mean only that there is
 * nothing to adopt. */
static void adopt(struct store_put *p, const char *hex)
{
	int fd = openat(p->store->tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	auto_free char *prefix = xasprintf("%s.", hex);
	struct dirent *de;

	if (!dir) {
		close_p_(&fd);
		return;
	}
	while ((de = readdir(dir))) {
		auto_free char *owner = owner_of_file(de->d_name, prefix, ".part");

		if (!owner)
			continue;
		switch (owner_state(owner)) {
		case OWNER_GONE:
			/* Of several, one is enough. */
			if (p->fd >= 0)
				unlinkat(fd, de->d_name, 0);
			else
				adopt_rename(p, de->d_name);
			break;
		case OWNER_ELSEWHERE:
			if (p->fd < 0)
				adopt_copy(p, de->d_name);
			break;
		case OWNER_SELF:
		case OWNER_ALIVE:
			break;
		}
	}
	closedir(dir);
}

/* What an earlier put of this process left, when there is something in it. */
static void own_leftover(struct store_put *p)
{
	struct stat st;

	p->fd = openat(p->store->tmp, p->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (p->fd >= 0 && fstat(p->fd, &st) == 0 && st.st_size > 0)
		return;
	close_p_(&p->fd);
	p->fd = -1;
	unlinkat(p->store->tmp, p->name, 0);
}

static void publish(struct store_put *p, uint64_t have, enum put_state state)
{
	pthread_mutex_lock(&p->lock);
	p->have = have;
	p->state = state;
	pthread_cond_broadcast(&p->grown);
	pthread_mutex_unlock(&p->lock);
}

/* The bytes that are there count only as far as they are hashed. */
static int take_stock(struct store_put *p, struct err *e)
{
	auto_stream struct stream *in = NULL;
	struct stat st;

	if (fstat(p->fd, &st) < 0)
		return err_sys(e, "stat %s/tmp/%s", p->store->dir, p->name);
	if (st.st_size == 0)
		return 0;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > p->size)
		return store_put_restart(p, e);
	in = stream_tee(stream_fd(p->fd, 0, st.st_size), p->ctx);
	if (stream_drain(in, e) < 0)
		return -1;
	p->adopted = true;
	publish(p, (uint64_t)st.st_size, PUT_GROWING);
	return 0;
}

static void unref(struct store_put *p)
{
	unsigned left;

	pthread_mutex_lock(&p->lock);
	left = --p->refs;
	pthread_mutex_unlock(&p->lock);
	if (left)
		return;
	digest_free(p->ctx);
	close_p_(&p->fd);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->grown);
	free(p->name);
	free(p);
}

struct store_put *store_await(struct store *s, const struct digest *d, uint64_t size)
{
	struct store_put *p = xcalloc(1, sizeof(*p));
	auto_free char *me = owner_name();
	char hex[DIGEST_TEXT_MAX];

	p->store = s;
	p->digest = *d;
	p->size = size;
	p->fd = -1;
	p->refs = 1;
	p->ctx = digest_begin(d->algo);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->grown, NULL);
	p->name = xasprintf("%s.%s.part", digest_hex(d, hex), me);
	return p;
}

int store_put_start(struct store_put *p, struct err *e)
{
	char hex[DIGEST_TEXT_MAX];

	own_leftover(p);
	if (p->fd < 0)
		adopt(p, digest_hex(&p->digest, hex));
	if (p->fd < 0)
		p->fd = openat(p->store->tmp, p->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			       STORE_FILE_MODE);
	if (p->fd < 0)
		return err_sys(e, "create %s/tmp/%s", p->store->dir, p->name);
	return take_stock(p, e);
}

static int begin(struct store *s, const struct digest *d, uint64_t size, bool named,
		 struct store_put **out, struct err *e)
{
	auto_store_put struct store_put *p = store_await(s, d, size);

	*out = NULL;
	p->named = named;
	if (store_put_start(p, e) < 0)
		return -1;
	*out = take_ptr(p);
	return 0;
}

int store_begin(struct store *s, const struct digest *d, uint64_t size, struct store_put **out,
		struct err *e)
{
	return begin(s, d, size, false, out, e);
}

int store_begin_named(struct store *s, const struct digest *name, uint64_t size,
		      struct store_put **out, struct err *e)
{
	return begin(s, name, size, true, out, e);
}

uint64_t store_put_have(const struct store_put *p)
{
	return p->have;
}

int store_put_write(struct store_put *p, const void *data, size_t n, struct err *e)
{
	char text[DIGEST_TEXT_MAX];

	if (p->size != STORE_ANY_SIZE && n > p->size - p->have)
		return err_set(e, ERR_INPUT,
			       "blob %.19s is larger than the %" PRIu64 " bytes announced for it",
			       digest_text(&p->digest, text), p->size);
	if (fd_pwrite(p->fd, data, n, (off_t)p->have) < 0)
		return err_sys(e, "write %s/tmp/%s", p->store->dir, p->name);
	digest_update(p->ctx, data, n);
	publish(p, p->have + n, PUT_GROWING);
	if (p->have - p->flushed >= FLUSH_EVERY) {
		sync_file_range(p->fd, (off_t)p->flushed, (off_t)(p->have - p->flushed),
				SYNC_FILE_RANGE_WRITE);
		p->flushed = p->have;
	}
	return 0;
}

int store_put_restart(struct store_put *p, struct err *e)
{
	digest_free(p->ctx);
	p->ctx = digest_begin(p->digest.algo);
	p->flushed = 0;
	p->adopted = false;
	publish(p, 0, PUT_GROWING);
	if (ftruncate(p->fd, 0) < 0)
		return err_sys(e, "truncate %s/tmp/%s", p->store->dir, p->name);
	return 0;
}

static int check_whole(struct store_put *p, struct err *e)
{
	char want[DIGEST_TEXT_MAX], have[DIGEST_TEXT_MAX];
	struct digest got;

	digest_text(&p->digest, want);
	if (p->size != STORE_ANY_SIZE && p->have != p->size)
		return err_set(e, ERR_INPUT,
			       "blob %.19s has %" PRIu64 " bytes, announced were %" PRIu64, want,
			       p->have, p->size);
	if (p->named || digest_equal(digest_end(p->ctx, &got), &p->digest))
		return 0;
	if (p->adopted)
		return 1;
	return err_set(e, ERR_INPUT, "blob %.19s is damaged: its bytes hash to %.19s", want,
		       digest_text(&got, have));
}

static int make_visible(struct store_put *p, struct err *e)
{
	auto_free char *path = store_blob_path(&p->digest);
	auto_free char *dir = path_dir(path);
	struct store *s = p->store;

	if (fsync(p->fd) < 0)
		return err_sys(e, "write %s/tmp/%s", s->dir, p->name);
	if (dir_make_all(s->root, dir, 0700, e) < 0)
		return -1;
	if (renameat(s->tmp, p->name, s->root, path) < 0)
		return err_sys(e, "rename %s/tmp/%s", s->dir, p->name);
	return dir_sync_of(s->root, path, e);
}

/* As check_whole(), but what is wrong is thrown away. */
static int accept(struct store_put *p, struct err *e)
{
	int r = check_whole(p, e);

	if (r < 0) {
		unlinkat(p->store->tmp, p->name, 0);
		store_put_fail(p, e);
	}
	return r;
}

static int check_sif(struct store_put *p, struct err *e)
{
	auto_sif struct sif *s = NULL;
	int r = sif_read(&s, p->fd, e);

	if (r == 1)
		r = err_set(e, ERR_INPUT, "what came is no SIF file");
	if (r < 0) {
		unlinkat(p->store->tmp, p->name, 0);
		store_put_fail(p, e);
	}
	return r;
}

int store_put_commit_sif(struct store_put *p, const char *key, struct buf *path, struct err *e)
{
	int r = accept(p, e);

	if (r)
		return r;
	if (check_sif(p, e) < 0)
		return -1;
	publish(p, p->have, PUT_DONE);
	if (fsync(p->fd) < 0)
		return err_sys(e, "write %s/tmp/%s", p->store->dir, p->name);
	return store_sif_publish(p->store, key, p->fd, p->store->tmp, p->name, path, e);
}

int store_put_commit(struct store_put *p, struct err *e)
{
	int r = accept(p, e);

	if (r)
		return r;
	/* Readers need not wait for the disk. */
	publish(p, p->have, PUT_DONE);
	if (make_visible(p, e) < 0)
		return -1;
	/* An image of 127 layers is not 127 open files. */
	pthread_mutex_lock(&p->lock);
	if (p->refs == 1) {
		close_p_(&p->fd);
		p->fd = -1;
	}
	pthread_mutex_unlock(&p->lock);
	return 0;
}

int store_put_found(struct store_put *p, struct err *e)
{
	auto_close int fd = -1;
	int r = store_find(p->store, &p->digest, p->size, &fd, e);
	struct stat st;

	if (r <= 0)
		return r;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat a blob in %s", p->store->dir);
	publish(p, (uint64_t)st.st_size, PUT_DONE);
	return 1;
}

uint64_t store_part_bytes(struct store *s, const struct digest *d)
{
	int fd = openat(s->tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char hex[DIGEST_TEXT_MAX];
	auto_free char *prefix = xasprintf("%s.", digest_hex(d, hex));
	uint64_t most = 0;
	struct dirent *de;
	struct stat st;

	if (!dir) {
		close_p_(&fd);
		return 0;
	}
	while ((de = readdir(dir)))
		if (!strncmp(de->d_name, prefix, strlen(prefix)) &&
		    str_has_suffix(de->d_name, ".part") &&
		    fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			most = MAX(most, (uint64_t)st.st_size);
	closedir(dir);
	return most;
}

void store_put_fail(struct store_put *p, const struct err *why)
{
	pthread_mutex_lock(&p->lock);
	if (p->state == PUT_GROWING) {
		p->state = PUT_FAILED;
		p->why = *why;
		pthread_cond_broadcast(&p->grown);
	}
	pthread_mutex_unlock(&p->lock);
}

void store_put_free(struct store_put *p)
{
	struct err gone;

	if (!p)
		return;
	err_set(&gone, ERR_INTR, "the download was given up");
	store_put_fail(p, &gone);
	/* Only bytes are worth keeping. */
	if (p->state == PUT_FAILED && p->name && p->fd >= 0 && p->have == 0)
		unlinkat(p->store->tmp, p->name, 0);
	unref(p);
}

struct put_stream {
	struct stream s;
	struct store_put *put;
	int fd; /* of the blob in the store, when the put has none */
	uint64_t at;
};

/* Waits until the put has bytes behind at.  Returns what there is to read: 0 at the end. */
static int64_t wait_for_bytes(struct store_put *p, uint64_t at, struct err *e)
{
	int64_t n = 0;

	pthread_mutex_lock(&p->lock);
	while (p->state == PUT_GROWING && p->have <= at)
		pthread_cond_wait(&p->grown, &p->lock);
	if (p->state == PUT_FAILED) {
		*e = p->why;
		n = -1;
	} else if (p->have > at) {
		n = (int64_t)(p->have - at);
	}
	pthread_mutex_unlock(&p->lock);
	return n;
}

/* The file to read from, borrowed: a put with readers keeps its own. */
static int readable(struct put_stream *r, struct err *e)
{
	struct store_put *p = r->put;
	char text[DIGEST_TEXT_MAX];
	int v;

	if (p->fd >= 0)
		return p->fd;
	v = r->fd >= 0 ? 1 : store_find(p->store, &p->digest, p->size, &r->fd, e);
	if (v == 0)
		return err_set(e, ERR_INPUT, "blob %.19s vanished from the store",
			       digest_text(&p->digest, text));
	return v < 0 ? -1 : r->fd;
}

static ssize_t put_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct put_stream *r = (struct put_stream *)s;
	struct store_put *p = r->put;

	for (;;) {
		int64_t there = wait_for_bytes(p, r->at, e);
		int fd = there > 0 ? readable(r, e) : -1;
		ssize_t got;

		if (there <= 0 || fd < 0)
			return there <= 0 ? there : -1;
		got = pread(fd, buf, MIN(n, (size_t)there), (off_t)r->at);
		if (got < 0 && errno != EINTR)
			return err_sys(e, "read %s/tmp/%s", p->store->dir, p->name);
		if (got > 0) {
			r->at += (uint64_t)got;
			return got;
		}
		/* Nothing where something was: a restart came between.  A file that others cut
		 * would keep us here for ever. */
		if (got == 0 && p->state == PUT_DONE)
			return err_set(e, ERR_INPUT, "%s/tmp/%s was cut", p->store->dir, p->name);
	}
}

static void put_close(struct stream *s)
{
	struct put_stream *r = (struct put_stream *)s;

	close_p_(&r->fd);
	unref(r->put);
	free(r);
}

struct stream *store_put_stream(struct store_put *p)
{
	static const struct stream_ops ops = { put_read, put_close };
	struct put_stream *r = xcalloc(1, sizeof(*r));

	r->s.ops = &ops;
	r->fd = -1;
	r->put = p;
	pthread_mutex_lock(&p->lock);
	p->refs++;
	pthread_mutex_unlock(&p->lock);
	return &r->s;
}
