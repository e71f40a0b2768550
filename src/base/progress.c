#include "src/base/progress.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/base/log.h"

#define PERIOD_MS 100

struct bar {
	struct bar *next;
	char *label;
	_Atomic uint64_t done, total;
	_Atomic(const char *) note; /* set once the bar has ended */
	struct timespec start;
};

struct progress {
	int fd;
	bool drawing; /* false: no terminal, the bars only count */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool stop;
	struct bar *first, **last;
	int lines; /* how many were drawn last time */
};

/* The one display that a log line has to step around. */
static struct progress *shown;

static double seconds_since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

static void add_size(struct buf *b, double n)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	size_t u = 0;

	while (n >= 999.5 && u + 1 < ARRAY_LEN(units))
		n /= 1000, u++;
	buf_printf(b, u ? "%.1f %s" : "%.0f %s", n, units[u]);
}

static void add_bar_line(struct buf *b, struct bar *bar, int columns)
{
	uint64_t done = bar->done, total = bar->total;
	const char *note = bar->note;
	double took = seconds_since(&bar->start);
	double rate = took > 0.2 ? (double)done / took : 0;
	int width = columns - 70;
	auto_buf struct buf line = { 0 };

	buf_printf(&line, "%-24.24s ", bar->label);
	if (total && width >= 10) {
		int full = done >= total ? width : (int)((double)done * width / (double)total);

		buf_addch(&line, '[');
		for (int i = 0; i < width; i++)
			buf_addch(&line, i < full ? '=' : ' ');
		buf_adds(&line, "] ");
	}
	if (total)
		buf_printf(&line, "%3d%% ", done >= total ? 100 : (int)(done * 100 / total));
	add_size(&line, (double)done);
	if (note) {
		buf_printf(&line, "  %s", note);
	} else if (rate > 0) {
		buf_adds(&line, "  ");
		add_size(&line, rate);
		buf_adds(&line, "/s");
		if (total > done) {
			unsigned long left = (unsigned long)((double)(total - done) / rate);

			buf_printf(&line, "  %lu:%02lu left", left / 60, left % 60);
		}
	}
	buf_printf(b, "%.*s\033[K\n", MAX(columns - 1, 1), buf_str(&line));
}

/* Called with the lock held.  The cursor cannot go up beyond the first row: of more
 * bars than rows the ended ones are left out first, then the last ones. */
static void draw(struct progress *p)
{
	auto_buf struct buf b = { 0 };
	struct winsize ws = { 0 };
	int rows, surplus = 0;

	if (ioctl(p->fd, TIOCGWINSZ, &ws) < 0 || !ws.ws_col)
		ws.ws_col = 80;
	rows = ws.ws_row > 1 ? ws.ws_row - 1 : 23;
	for (struct bar *bar = p->first; bar; bar = bar->next)
		surplus++;
	surplus -= rows;
	if (p->lines)
		buf_printf(&b, "\033[%dA\033[J", p->lines);
	p->lines = 0;
	for (struct bar *bar = p->first; bar && p->lines < rows; bar = bar->next) {
		if (surplus > 0 && bar->note) {
			surplus--;
			continue;
		}
		add_bar_line(&b, bar, ws.ws_col);
		p->lines++;
	}
	(void)!fd_write(p->fd, b.data, b.len);
}

static void print_above(enum log_level l, const char *line)
{
	struct progress *p = shown;
	auto_buf struct buf b = { 0 };

	pthread_mutex_lock(&p->lock);
	if (p->lines)
		buf_printf(&b, "\033[%dA\033[J", p->lines);
	p->lines = 0;
	buf_printf(&b, "%s%s\n", log_prefix(l), line);
	(void)!fd_write(p->fd, b.data, b.len);
	draw(p);
	pthread_mutex_unlock(&p->lock);
}

static void *draw_loop(void *arg)
{
	struct progress *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct timespec until;

		draw(p);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += PERIOD_MS * 1000000L;
		if (until.tv_nsec >= 1000000000L)
			until.tv_sec++, until.tv_nsec -= 1000000000L;
		pthread_cond_timedwait(&p->wake, &p->lock, &until);
	}
	draw(p);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct progress *progress_new(int fd)
{
	struct progress *p = xcalloc(1, sizeof(*p));

	p->fd = fd;
	p->last = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->drawing = log_level() >= LOG_INFO && isatty(fd) &&
		     pthread_create(&p->thread, NULL, draw_loop, p) == 0;
	if (p->drawing) {
		shown = p;
		log_set_printer(print_above);
	}
	return p;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	if (p->drawing) {
		pthread_mutex_lock(&p->lock);
		p->stop = true;
		pthread_cond_signal(&p->wake);
		pthread_mutex_unlock(&p->lock);
		pthread_join(p->thread, NULL);
		log_set_printer(NULL);
		shown = NULL;
	}
	while (p->first) {
		struct bar *next = p->first->next;

		free(p->first->label);
		free(p->first);
		p->first = next;
	}
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct bar *progress_bar(struct progress *p, const char *label, uint64_t total)
{
	struct bar *b;

	if (!p)
		return NULL;
	b = xcalloc(1, sizeof(*b));
	b->label = xstrdup(label);
	b->total = total;
	clock_gettime(CLOCK_MONOTONIC, &b->start);
	pthread_mutex_lock(&p->lock);
	*p->last = b;
	p->last = &b->next;
	pthread_mutex_unlock(&p->lock);
	return b;
}

void bar_set(struct bar *b, uint64_t done)
{
	if (b)
		b->done = done;
}

void bar_add(struct bar *b, uint64_t n)
{
	if (b)
		atomic_fetch_add_explicit(&b->done, n, memory_order_relaxed);
}

void bar_done(struct bar *b, const char *note)
{
	if (b)
		b->note = note;
}
