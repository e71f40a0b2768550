#include "src/flow/cache.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "image/sif.h"
#include "image/store_list.h"
#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/base/log.h"

/* Apptainer's types: what came from a registry as layers is a blob, all that can be started a SIF. */
static const struct {
	const char *word;
	bool blobs, images;
} types[] = {
	{ "all", true, true },	    { "blob", true, false }, { "sif", false, true },
	{ "oci", false, true },	    { "oras", false, true }, { "net", false, true },
	{ "library", false, true }, { "shub", false, true },
};

static int wanted(const struct cache_req *r, bool *blobs, bool *images, struct err *e)
{
	*blobs = *images = false;
	for (const char *p = r->type ? r->type : "all"; *p; p += strspn(p, ",")) {
		size_t n = strcspn(p, ","), i = 0;

		while (i < ARRAY_LEN(types) &&
		       (strlen(types[i].word) != n || strncmp(types[i].word, p, n) != 0))
			i++;
		if (i == ARRAY_LEN(types))
			return err_set(
				e, ERR_USAGE,
				"--type %s: blob, sif and all are known (and oci, oras, net, "
				"library, shub for sif)",
				r->type);
		*blobs |= types[i].blobs;
		*images |= types[i].images;
		p += n;
	}
	return 0;
}

static int open_store(struct store **s, const struct cache_req *r, struct err *e)
{
	auto_free char *dir = r->cachedir ? xstrdup(r->cachedir) : store_default_dir(environ, e);

	return dir ? store_open(s, dir, e) : -1;
}

static void add_bytes(struct buf *out, uint64_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n;
	size_t u = 0;

	while (v >= 1024 && u + 1 < ARRAY_LEN(units))
		v /= 1024, u++;
	buf_printf(out, u ? "%.2f %s" : "%.0f %s", v, units[u]);
}

static const char *kind_text(const struct store_item *i)
{
	static const char *const words[STORE_KINDS] = {
		[STORE_BLOB] = "blob", [STORE_IMAGE] = "sif", [STORE_PART] = "part", [STORE_NOTE] = "note"
	};

	return words[i->kind];
}

static void list_json(const struct store_items *all, struct buf *text)
{
	struct jw w = { .out = text, .indent = 2 };

	jw_obj(&w, NULL);
	jw_arr(&w, "items");
	for (size_t i = 0; i < all->n; i++) {
		const struct store_item *x = &all->v[i];

		jw_obj(&w, NULL);
		jw_str(&w, "type", kind_text(x));
		jw_str(&w, "name", x->name);
		jw_str(&w, "path", x->path);
		jw_int(&w, "size", (int64_t)x->length);
		jw_int(&w, "frees", (int64_t)x->size);
		jw_int(&w, "made", x->made);
		jw_int(&w, "used", x->used);
		jw_bool(&w, "in_use", x->in_use);
		jw_end(&w);
	}
	jw_end(&w);
	jw_end(&w);
	buf_addch(text, '\n');
}

static void list_table(const struct store_items *all, struct buf *text)
{
	buf_printf(text, "%-24s %-22s %-18s %s\n", "NAME", "LAST USED", "SIZE", "TYPE");
	for (size_t i = 0; i < all->n; i++) {
		const struct store_item *x = &all->v[i];
		auto_buf struct buf size = { 0 };
		char when[32];
		struct tm tm;

		localtime_r(&x->used, &tm);
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
		add_bytes(&size, x->length);
		buf_printf(text, "%-24.22s %-22s %-18s %s%s\n", x->name, when, buf_str(&size),
			   kind_text(x), x->in_use ? ", in use" : "");
	}
	buf_addch(text, '\n');
}

int flow_cache_list(const struct cache_req *r, struct buf *text, struct err *e)
{
	auto_store_items struct store_items all = { 0 };
	auto_store struct store *s = NULL;
	uint64_t bytes[STORE_KINDS] = { 0 };
	size_t n[STORE_KINDS] = { 0 };
	bool blobs, images;

	if (wanted(r, &blobs, &images, e) < 0 || open_store(&s, r, e) < 0 ||
	    store_items(&all, s, e) < 0)
		return -1;
	if (r->json) {
		list_json(&all, text);
		return 0;
	}
	if (r->verbose)
		list_table(&all, text);
	for (size_t i = 0; i < all.n; i++) {
		n[all.v[i].kind]++;
		bytes[all.v[i].kind] += all.v[i].length;
	}
	/* The words that scripts know from Apptainer. */
	buf_printf(text, "There are %zu container file(s) using ", n[STORE_IMAGE]);
	add_bytes(text, bytes[STORE_IMAGE]);
	buf_printf(text, " and %zu oci blob file(s) using ", n[STORE_BLOB]);
	add_bytes(text, bytes[STORE_BLOB]);
	buf_adds(text, " of space\nTotal space used: ");
	add_bytes(text, bytes[0] + bytes[1] + bytes[2] + bytes[3]);
	buf_addch(text, '\n');
	return 0;
}

static bool is_chosen(const struct cache_req *r, const struct store_item *x, bool blobs,
		      bool images)
{
	if (x->in_use || ((x->kind == STORE_BLOB || x->kind == STORE_NOTE) && !blobs) ||
	    (x->kind == STORE_IMAGE && !images))
		return false;
	/* What is being downloaded now is nobody's leftover. */
	if (x->kind == STORE_PART)
		return blobs && time(NULL) - x->used > 3600;
	return !r->by_age || time(NULL) - x->used > (time_t)r->days * 86400;
}

int flow_cache_clean(const struct cache_req *r, struct buf *text, struct err *e)
{
	auto_store_items struct store_items all = { 0 };
	auto_store struct store *s = NULL;
	uint64_t freed = 0;
	size_t n = 0;
	bool blobs, images;

	if (wanted(r, &blobs, &images, e) < 0 || open_store(&s, r, e) < 0 ||
	    store_items(&all, s, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct store_item *x = &all.v[i];

		if (!is_chosen(r, x, blobs, images))
			continue;
		if (r->dry_run)
			buf_printf(text, "would remove %s\n", x->path);
		else if (store_item_remove(s, x, e) < 0)
			return -1;
		freed += x->size;
		n++;
	}
	buf_printf(text, "%s %zu file(s), ", r->dry_run ? "Would remove" : "Removed", n);
	add_bytes(text, freed);
	buf_addch(text, '\n');
	return 0;
}

/* 1 good, 0 damaged. */
static int check(struct store *s, const struct store_item *x, struct err *e)
{
	auto_free char *text = NULL, *path = NULL;
	auto_close int fd = -1;
	auto_sif struct sif *sif = NULL;
	struct digest d;
	struct err ignored;

	if (x->kind == STORE_BLOB) {
		text = xasprintf("%s:%s", digest_algo_name(x->algo), x->name);
		if (digest_parse(&d, text, &ignored) < 0)
			return 0;
		return store_verify(s, &d, e);
	}
	path = xasprintf("%s/%s", store_dir(s), x->path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && sif_read(&sif, fd, &ignored) == 0;
}

int flow_cache_verify(const struct cache_req *r, struct buf *text, struct err *e)
{
	auto_store_items struct store_items all = { 0 };
	auto_store struct store *s = NULL;
	size_t bad = 0, n = 0;

	if (digest_ready(e) < 0 || open_store(&s, r, e) < 0 || store_items(&all, s, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		/* What signatures say is checked each time they are used. */
		bool skip = all.v[i].kind == STORE_PART || all.v[i].kind == STORE_NOTE;
		int v = skip ? 1 : check(s, &all.v[i], e);

		if (v < 0)
			return -1;
		n += !skip;
		if (v == 1)
			continue;
		bad++;
		buf_printf(text, "damaged, removed: %s\n", all.v[i].path);
		if (store_item_remove(s, &all.v[i], e) < 0)
			return -1;
	}
	buf_printf(text, "%zu of %zu file(s) are good\n", n - bad, n);
	return bad ? 1 : 0;
}

void cache_evict(struct store *s)
{
	struct store_limits limits;
	uint64_t freed = 0;
	struct err e;

	if (store_limits_default(&limits, s, environ, &e) < 0 ||
	    store_evict(s, &limits, &freed, &e) < 0)
		log_warn("image store: %s", e.text);
	else if (freed)
		log_info("image store: %.1f MB of what was not used for long are removed",
			 (double)freed / 1e6);
}
