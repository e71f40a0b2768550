/* Blobs, several at once: one slot each, one thread, one loop.  A slot that failed
 * waits for its next try while the others go on; a slot that is done makes room for
 * the next blob of the list that is ready. */
#include <stdio.h>
#include <string.h>

#include "registry/session.h"
#include "src/base/log.h"

/* As much in one try counts as progress: the failures before are forgiven. */
#define PROGRESS (1u << 20)
/* Until a blob that was not ready is asked for again, the first time and later. */
#define FIRST_MS 22
#define READY_MS 100
#define TAKEN	 UINT64_MAX

struct slot {
	struct remote *r;
	struct blob_get *get; /* NULL: free */
	struct http_xfer x;
	struct attempt at;
	char *url;
	char what[120];
	uint64_t got;	  /* bytes handed to get->data, have included */
	uint64_t started; /* got when this try began */
	uint64_t due;	  /* when the next try may begin; 0 while one runs */
	bool no_range;	  /* the server resumes wrongly */
	bool again;	  /* this try is given up for one from byte 0 */
	bool fetched_twice;
};

/* What is to be fetched, and of each when it may be asked for: 0 at once, TAKEN when it has a slot
 * or is done. */
struct batch {
	struct blob_get *get;
	uint64_t *ask;
	size_t n;
};

static const char *shown_bytes(uint64_t n, char buf[static 32])
{
	if (n < 1000)
		snprintf(buf, 32, "%u bytes", (unsigned)n);
	else if (n < 1000000)
		snprintf(buf, 32, "%.1f kB", (double)n / 1e3);
	else if (n < 1000000000)
		snprintf(buf, 32, "%.1f MB", (double)n / 1e6);
	else
		snprintf(buf, 32, "%.2f GB", (double)n / 1e9);
	return buf;
}

static const char *server(const struct slot *s)
{
	return s->get->url ? "server" : "registry";
}

static const char *who_said(const struct slot *s)
{
	return s->get->url ? "it was said" : "the manifest says";
}

static int start_over(struct slot *s, struct err *e)
{
	if (s->got && s->get->restart(s->get->arg, e) < 0)
		return -1;
	s->got = s->started = 0;
	return 0;
}

/* "bytes 100-199/200": begins where we stopped, and the whole is as long as stated. */
static bool continues(const struct http_xfer *x, uint64_t from, uint64_t size)
{
	const char *v = http_header(x, "content-range");
	unsigned long long first, last, total;
	char more;

	if (!v || sscanf(v, "bytes %llu-%llu/%llu%c", &first, &last, &total, &more) < 2 ||
	    first != from)
		return false;
	return strstr(v, "/*") ||
	       (sscanf(v, "bytes %llu-%llu/%llu%c", &first, &last, &total, &more) == 3 &&
		total == size);
}

static int on_head(void *arg, struct http_xfer *x, struct err *e)
{
	struct slot *s = arg;
	const char *length = http_header(x, "content-length");
	unsigned long long n;
	char more;

	if (x->status < 200 || x->status > 299)
		return 0;
	if (x->status == 206 && !continues(x, s->got, s->get->size)) {
		s->again = !s->no_range;
		s->no_range = true;
		return err_set(e, ERR_NET, "the registry resumes at the wrong place");
	}
	if (x->status != 206 && start_over(s, e) < 0)
		return -1;
	s->started = s->got;
	if (s->get->size == BLOB_ANY_SIZE)
		return 0;
	if (length && sscanf(length, "%llu%c", &n, &more) == 1 && n != s->get->size - s->got)
		return err_set(e, ERR_INPUT, "%s that it has %llu bytes, the %s sends %llu",
			       who_said(s), (unsigned long long)s->get->size, server(s),
			       n + s->got);
	return 0;
}

static int on_data(void *arg, const void *p, size_t n, struct err *e)
{
	struct slot *s = arg;

	if (s->get->size != BLOB_ANY_SIZE && n > s->get->size - s->got)
		return err_set(e, ERR_INPUT, "%s that it has %llu bytes, the %s sends more",
			       who_said(s), (unsigned long long)s->get->size, server(s));
	if (s->get->data(s->get->arg, p, n, e) < 0)
		return -1;
	s->got += n;
	return 0;
}

static void slot_clear(struct slot *s)
{
	if (s->x.call)
		http_stop(s->r->http, &s->x);
	http_xfer_fini(&s->x);
	free(s->url);
	*s = (struct slot){ .r = s->r };
}

static void slot_take(struct slot *s, struct blob_get *g)
{
	char text[DIGEST_TEXT_MAX];

	digest_text(&g->digest, text);
	s->get = g;
	s->url = g->url ? xstrdup(g->url) : xasprintf("%s/blobs/%s", s->r->base, text);
	if (g->url)
		snprintf(s->what, sizeof(s->what), "%s", s->r->ref.text);
	else
		snprintf(s->what, sizeof(s->what), "blob %.19s", text);
	s->no_range = g->size == BLOB_ANY_SIZE;
	s->got = g->have;
	s->due = 1;
}

static int slot_start(struct slot *s, struct err *e)
{
	s->due = 0;
	s->again = false;
	if (s->no_range && start_over(s, e) < 0)
		return err_wrap(e, "%s", s->what);
	s->started = s->got;
	s->x.url = s->url;
	s->x.range_from = s->got;
	s->x.if_range = s->get->if_range;
	s->x.head = on_head;
	s->x.data = on_data;
	s->x.arg = s;
	if (session_prepare(s->r, &s->x, &s->at, e) < 0)
		return -1;
	return http_start(s->r->http, &s->x, e);
}

/* All bytes are there.  1 done, 0 fetched once more, -1 error. */
static int slot_done(struct slot *s, struct err *e)
{
	int v = s->get->done(s->get->arg, e);

	if (v < 0)
		return err_wrap(e, "%s", s->what);
	if (v == 0)
		return 1;
	if (s->fetched_twice)
		return err_set(e, ERR_INPUT, "%s: the registry's bytes do not have this digest",
			       s->what);
	log_info("%s: the bytes do not have this digest; fetching it once more", s->what);
	s->fetched_twice = true;
	s->no_range = s->get->size == BLOB_ANY_SIZE;
	s->due = 1;
	return start_over(s, e);
}

/* What a try that ended means.  1 the blob is done, 0 not yet, -1 error. */
static int slot_ended(struct slot *s, struct err *e)
{
	char bytes[32], after[48];
	struct reply_about about = { .what = s->what,
				     .ref = &s->r->ref,
				     .cred = &s->r->cred,
				     .after = after,
				     .file = s->get->url != NULL };
	uint64_t wait_ms = 0;
	int v;

	if (s->got - s->started >= PROGRESS)
		retry_progress(&s->at.retry);
	if (s->got == s->get->size && s->x.end <= HTTP_CUT && s->x.status / 100 == 2)
		return slot_done(s, e);
	if (s->get->size == BLOB_ANY_SIZE && s->x.end == HTTP_DONE && s->x.status / 100 == 2)
		return slot_done(s, e);
	/* A reply that ends early without saying so is a cut like any other. */
	if (s->x.end == HTTP_DONE && s->x.status / 100 == 2) {
		s->x.end = HTTP_CUT;
		snprintf(s->x.reason, sizeof(s->x.reason), "connection closed by the registry");
	} else if (s->x.end == HTTP_DONE && s->x.status == 416 && !s->no_range && s->got) {
		s->again = s->no_range = true;
	}
	if (s->again) {
		s->due = 1;
		return 0;
	}
	snprintf(after, sizeof(after), " after %s", shown_bytes(s->got, bytes));
	if (!s->got || s->x.end == HTTP_DONE)
		about.after = NULL;
	v = session_judge(s->r, &s->x, &s->at, &about, &wait_ms, e);
	if (v < 0)
		return -1;
	s->due = session_now() + wait_ms;
	return 0;
}

/* The next blob to be fetched, *get NULL when none is ready.  0 or -1. */
static int batch_next(struct batch *b, struct blob_get **get, struct err *e)
{
	uint64_t now = session_now();

	*get = NULL;
	for (size_t i = 0; i < b->n; i++) {
		struct blob_get *g = &b->get[i];
		int v;

		if (b->ask[i] > now)
			continue;
		v = g->ready ? g->ready(g->arg, &g->have, e) : BLOB_FETCH;
		if (v < 0)
			return -1;
		b->ask[i] = v != BLOB_WAIT ? TAKEN : now + (b->ask[i] ? READY_MS : FIRST_MS);
		if (v != BLOB_FETCH)
			continue;
		*get = g;
		return 0;
	}
	return 0;
}

/* Is a blob waited for that somebody else may bring? */
static bool batch_waits(const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->ask[i] && b->ask[i] != TAKEN)
			return true;
	return false;
}

/* Gives a free slot the next blob that has something to fetch: an earlier run may
 * have left whole ones.  0 or -1. */
static int slot_fill(struct slot *s, struct batch *b, struct err *e)
{
	while (!s->get) {
		struct blob_get *g;
		int v = 0;

		if (batch_next(b, &g, e) < 0)
			return -1;
		if (!g)
			return 0;
		slot_take(s, g);
		if ((s->got > s->get->size || s->no_range) && start_over(s, e) < 0)
			return err_wrap(e, "%s", s->what);
		if (s->got == s->get->size)
			v = slot_done(s, e);
		if (v < 0)
			return -1;
		if (v == 1)
			slot_clear(s);
	}
	return 0;
}

/* Takes in what ended, starts what is due.  1 something is left to do, 0 nothing, -1. */
static int turn(struct slot *slots, unsigned n, struct batch *b, struct err *e)
{
	bool busy = false;

	for (struct slot *s = slots; s < slots + n; s++) {
		int v = s->get && !s->due && s->x.end ? slot_ended(s, e) : 0;

		if (v < 0)
			return -1;
		if (v == 1)
			slot_clear(s);
		if (slot_fill(s, b, e) < 0)
			return -1;
		if (!s->get)
			continue;
		busy = true;
		if (s->due && s->due <= session_now() && slot_start(s, e) < 0)
			return -1;
	}
	return busy || batch_waits(b);
}

static unsigned until_next_start(const struct slot *slots, unsigned n, const struct batch *b)
{
	uint64_t now = session_now(), wait = 1000;

	for (const struct slot *s = slots; s < slots + n; s++)
		if (s->get && s->due)
			wait = MIN(wait, s->due > now ? s->due - now : 0);
	for (size_t i = 0; i < b->n; i++)
		if (b->ask[i] && b->ask[i] != TAKEN)
			wait = MIN(wait, b->ask[i] > now ? b->ask[i] - now : 1);
	return (unsigned)wait;
}

int remote_blobs(struct remote *r, struct blob_get *g, size_t ngets, struct err *e)
{
	unsigned n = (unsigned)MIN((size_t)r->parallel, ngets);
	auto_free struct slot *slots = xcalloc(n + 1, sizeof(*slots));
	auto_free uint64_t *ask = xcalloc(ngets + 1, sizeof(*ask));
	struct batch b = { g, ask, ngets };
	int v = 0;

	for (unsigned i = 0; i < n; i++)
		slots[i].r = r;
	for (;;) {
		v = session_check(r, e) < 0 ? -1 : turn(slots, n, &b, e);
		if (v <= 0)
			break;
		if (http_wait(r->http, until_next_start(slots, n, &b), e) < 0) {
			v = -1;
			break;
		}
	}
	for (unsigned i = 0; i < n; i++)
		slot_clear(&slots[i]);
	return v;
}
