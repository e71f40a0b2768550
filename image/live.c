#include "image/live.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/buf.h"
#include "src/base/fd.h"

/* More than any file of names has; a larger one is shown as it was. */
enum { LIVE_MAX = 4 << 20 };

struct live {
	char *path;
	pthread_mutex_t lock;
	struct buf text;
	int64_t mtime;
};

struct live *live_new(const char *host_path)
{
	struct live *l = xcalloc(1, sizeof(*l));

	l->path = xstrdup(host_path);
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void live_free(struct live *l)
{
	if (!l)
		return;
	buf_fini(&l->text);
	pthread_mutex_destroy(&l->lock);
	free(l->path);
	free(l);
}

static void refresh(struct live *l)
{
	/* O_NONBLOCK: whatever lies there must not hold up who asks. */
	auto_close int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	auto_buf struct buf text = { 0 };
	struct err ignored;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    fd_read_all(fd, &text, LIVE_MAX, l->path, &ignored) < 0)
		return;
	l->mtime = st.st_mtim.tv_sec;
	buf_clear(&l->text);
	buf_add(&l->text, text.data, text.len);
}

void live_look(struct live *l, uint64_t *size, int64_t *mtime)
{
	pthread_mutex_lock(&l->lock);
	refresh(l);
	*size = l->text.len;
	*mtime = l->mtime;
	pthread_mutex_unlock(&l->lock);
}

size_t live_read(struct live *l, uint64_t off, void *buf, size_t cap)
{
	size_t n = 0;

	pthread_mutex_lock(&l->lock);
	if (off < l->text.len) {
		n = MIN(cap, l->text.len - (size_t)off);
		memcpy(buf, l->text.data + off, n);
	}
	pthread_mutex_unlock(&l->lock);
	return n;
}
