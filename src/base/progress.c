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
#include "src/base/json.h"
#include "src/base/log.h"

#define PERIOD_MS 100
#define LINES_MS  500  /* between two lines of JSON about one bar ... */
#define PLAIN_MS  5000 /* ... and for people who read a log */

static const char *const mode_words[] = { "auto", "plain", "json", "none" };
enum mode { AUTO, PLAIN, JSON, NONE };
static enum mode mode;

struct bar {
	struct bar *next;
	unsigned id;
	bool ended;    /* its last line is written */
	uint64_t told; /* done, as the last line said */
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
	unsigned nbars;
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

static void add_event(struct buf *b, const struct bar *bar, const char *event, const char *note)
{
	struct jw w = { .out = b };

	jw_obj(&w, NULL);
	jw_str(&w, "event", event);
	jw_int(&w, "id", bar->id);
	jw_str(&w, "label", bar->label);
	jw_int(&w, "done", (int64_t)bar->done);
	jw_int(&w, "total", (int64_t)bar->total);
	if (note)
		jw_str(&w, "note", note);
	jw_end(&w);
	buf_addch(b, '\n');
}

static void add_plain(struct buf *b, const struct bar *bar, const char *note)
{
	buf_printf(b, "%s: ", bar->label);
	add_size(b, (double)bar->done);
	if (bar->total && !note) {
		buf_adds(b, " of ");
		add_size(b, (double)bar->total);
	}
	buf_printf(b, "%s%s\n", note ? ", " : "", note ? note : "");
}

/* What has changed since the last time.  Called with the lock held. */
static void tell(struct progress *p)
{
	auto_buf struct buf b = { 0 };

	for (struct bar *bar = p->first; bar; bar = bar->next) {
		const char *note = bar->note;
		uint64_t done = bar->done;

		if (bar->ended || (!note && done == bar->told))
			continue;
		bar->told = done;
		bar->ended = note != NULL;
		if (mode == JSON)
			add_event(&b, bar, note ? "end" : "progress", note);
		else
			add_plain(&b, bar, note);
	}
	(void)!fd_write(p->fd, b.data, b.len);
}

/* So that a reader of JSON finds nothing else. */
static void print_json(enum log_level l, const char *line)
{
	static const char *const levels[] = { [LOG_ERROR] = "error",
					      [LOG_WARN] = "warning",
					      [LOG_INFO] = "info",
					      [LOG_VERBOSE] = "verbose",
					      [LOG_DEBUG] = "debug" };
	auto_buf struct buf b = { 0 };
	struct jw w = { .out = &b };

	jw_obj(&w, NULL);
	jw_str(&w, "event", "message");
	jw_str(&w, "level", levels[l]);
	jw_str(&w, "text", line);
	jw_end(&w);
	buf_addch(&b, '\n');
	(void)!fd_write(STDERR_FILENO, b.data, b.len);
}

int progress_set_mode(const char *word, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(mode_words); i++)
		if (!strcmp(word, mode_words[i])) {
			mode = (enum mode)i;
			if (mode == JSON)
				log_set_printer(print_json);
			return 0;
		}
	return err_set(e, ERR_USAGE, "--progress %.40s: auto, plain, json or none", word);
}

static void show(struct progress *p)
{
	if (mode == AUTO)
		draw(p);
	else
		tell(p);
}

static void *draw_loop(void *arg)
{
	const long period = mode == JSON ? LINES_MS : mode == PLAIN ? PLAIN_MS : PERIOD_MS;
	struct progress *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct timespec until;

		show(p);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += period / 1000;
		until.tv_nsec += period % 1000 * 1000000L;
		if (until.tv_nsec >= 1000000000L)
			until.tv_sec++, until.tv_nsec -= 1000000000L;
		pthread_cond_timedwait(&p->wake, &p->lock, &until);
	}
	show(p);
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
	p->drawing = mode != NONE && (mode == JSON || log_level() >= LOG_INFO) &&
		     (mode != AUTO || isatty(fd)) &&
		     pthread_create(&p->thread, NULL, draw_loop, p) == 0;
	if (p->drawing && mode == AUTO) {
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
		if (shown == p)
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
	b->id = ++p->nbars;
	*p->last = b;
	p->last = &b->next;
	if (p->drawing && mode == JSON) {
		auto_buf struct buf line = { 0 };

		add_event(&line, b, "start", NULL);
		(void)!fd_write(p->fd, line.data, line.len);
	}
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
