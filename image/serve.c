/* Transport: threads that read requests from /dev/fuse, each through a clone of the
 * descriptor, so that answers do not meet in one lock.  A thread that takes a
 * request and leaves none waiting starts another, up to the limit. */
#include "image/serve_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/mem.h"

/* The kernel insists on 8 KiB, and on room for a write of max_write (4 KiB). */
enum { IN_SIZE = 16384 };

static unsigned count_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 2;
	return (unsigned)CPU_COUNT(&set);
}

static void *warm(void *arg)
{
	serve_warm(arg);
	return NULL;
}

int serve_new(struct serve **out, struct squash *img, const struct serve_opts *o, struct err *e)
{
	auto_serve struct serve *s = xcalloc(1, sizeof(*s));
	unsigned cpus = count_cpus();
	unsigned threads = o->threads ? o->threads : MAX(2u, cpus);

	s->img = img;
	s->info = squash_info(img);
	s->uid = o->uid;
	s->gid = o->gid;
	s->fd = -1;
	s->max_threads = MIN(threads, (unsigned)SERVE_THREADS_MAX);
	pthread_mutex_init(&s->lock, NULL);
	s->warm = xcalloc(o->nwarm + 1, sizeof(*s->warm));
	for (; s->nwarm < o->nwarm; s->nwarm++)
		s->warm[s->nwarm] = xstrdup(o->warm[s->nwarm]);
	/* From now on, while the mount is still being made; with one CPU it would only be
	 * in the way. */
	s->warming = cpus > 1 && !o->cold && pthread_create(&s->warmer, NULL, warm, s) == 0;
	if (vtree_new(&s->tree, img, o->nodes, o->nnodes, e) < 0)
		return -1;
	if (o->ahead > 0 || (o->ahead == 0 && cpus >= 4))
		s->ahead = later_new(s, serve_ahead);
	if (o->store)
		s->store = later_new(s, serve_store);
	if (vtree_is_live(s->tree))
		s->stale = later_new(s, serve_stale);
	*out = take_ptr(s);
	return 0;
}

static void stop_helpers(struct serve *s)
{
	later_free(s->store);
	later_free(s->ahead);
	later_free(s->stale);
	s->store = s->ahead = s->stale = NULL;
}

void serve_free(struct serve *s)
{
	if (!s)
		return;
	atomic_store(&s->quit, true);
	if (s->warming)
		pthread_join(s->warmer, NULL);
	stop_helpers(s);
	vtree_free(s->tree);
	for (size_t k = 0; k < s->nwarm; k++)
		free(s->warm[k]);
	free(s->warm);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* The kernel drops an answer whose request was interrupted: nothing to do then. */
static void send_reply(const struct request *rq, int error, const void *p, size_t n)
{
	struct fuse_out_header h = {
		.len = (uint32_t)(sizeof(h) + n),
		.error = -error,
		.unique = rq->in->unique,
	};
	struct iovec iov[2] = { { &h, sizeof(h) }, { (void *)p, n } };

	while (writev(rq->fd, iov, n ? 2 : 1) < 0 && errno == EINTR)
		;
}

void serve_reply(const struct request *rq, const void *p, size_t n)
{
	send_reply(rq, 0, p, n);
}

void serve_reply_error(const struct request *rq, int error)
{
	send_reply(rq, error, NULL, 0);
}

/* A descriptor of this thread's own; the shared one where that is not to be had. */
static int clone_fd(int fuse_fd)
{
	uint32_t from = (uint32_t)fuse_fd;
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0 && ioctl(fd, FUSE_DEV_IOC_CLONE, &from) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void *worker(void *arg);

static void grow(struct serve *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->nthreads < s->max_threads - 1 && !atomic_load(&s->quit)) {
		/* Counted before it runs, or every request until then starts one. */
		atomic_fetch_add(&s->idle, 1);
		if (pthread_create(&s->thread[s->nthreads], NULL, worker, s) == 0)
			s->nthreads++;
		else
			atomic_fetch_sub(&s->idle, 1);
	}
	pthread_mutex_unlock(&s->lock);
}

static bool take_request(struct request *rq, uint8_t *buf, size_t n)
{
	rq->in = (const void *)buf;
	if (n < sizeof(*rq->in) || rq->in->len != n)
		return false;
	rq->body = rq->in + 1;
	rq->len = n - sizeof(*rq->in);
	buf[n] = 0;
	return true;
}

/* Serves until the mount is gone: 0; else the errno that ended it. */
static int loop(struct serve *s, int fd)
{
	struct request rq = { .s = s, .fd = fd };
	_Alignas(struct fuse_in_header) uint8_t in[IN_SIZE + 1];
	ssize_t n;
	int error = 0;

	rq.out = mmap(NULL, SERVE_READ_MAX, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (rq.out == MAP_FAILED)
		return errno;
	while (!error) {
		n = read(fd, in, IN_SIZE);
		if (n < 0) {
			/* ENOENT: the request was interrupted while we took it. */
			if (errno != EINTR && errno != EAGAIN && errno != ENOENT)
				error = errno;
			continue;
		}
		if (n == 0)
			break;
		if (!take_request(&rq, in, (size_t)n))
			continue;
		if (atomic_fetch_sub(&s->idle, 1) == 1)
			grow(s);
		serve_handle(&rq);
		atomic_fetch_add(&s->idle, 1);
	}
	munmap(rq.out, SERVE_READ_MAX);
	atomic_store(&s->quit, true);
	return error == ENODEV ? 0 : error;
}

static void *worker(void *arg)
{
	struct serve *s = arg;
	auto_close int own = clone_fd(s->fd);
	int error = loop(s, own >= 0 ? own : s->fd);

	if (error)
		log_warn("serving the image: %s", strerror(error));
	return NULL;
}

int serve_run(struct serve *s, int fuse_fd, struct err *e)
{
	int error;

	s->fd = fuse_fd;
	atomic_store(&s->idle, 1);
	error = loop(s, fuse_fd);
	/* No thread is started once quit is set and the lock was ours after that. */
	pthread_mutex_lock(&s->lock);
	pthread_mutex_unlock(&s->lock);
	for (unsigned k = 0; k < s->nthreads; k++)
		pthread_join(s->thread[k], NULL);
	stop_helpers(s); /* before the caller closes fuse_fd */
	errno = error;
	return error ? err_sys(e, "serve the image") : 0;
}
