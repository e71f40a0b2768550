/* The order of things: all words are read first, then the output's name is looked at, then the
 * network is asked; room is looked at before the first layer; the finished file gets its
 * name last. */
#include "src/flow/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/flatten.h"
#include "image/image.h"
#include "image/meta.h"
#include "image/sif.h"
#include "image/store_list.h"
#include "image/store_turn.h"
#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/base/path.h"
#include "src/flow/cache.h"
#include "src/flow/interrupt.h"
#include "src/flow/output.h"
#include "src/flow/pull_key.h"
#include "src/flow/pull_known.h"
#include "src/flow/pull_layers.h"
#include "src/flow/pull_source.h"
#include "src/flow/signatures.h"
#include "src/host/cpus.h"

#define PART_AGE (7 * 86400) /* seconds that an unwanted part file is kept */

struct pull {
	const struct pull_req *req;
	struct source source;
	struct store *store;
	char *private_store; /* its directory, to be removed; NULL: the shared store */
	struct output out;
	struct flatten_opts flatten;
	char key[DIGEST_TEXT_MAX]; /* of the finished image in the store */
	struct pull_known known;   /* blocks of another image */
	bool made;		   /* something came into the store */
};

static void pull_fini(struct pull *p)
{
	source_fini(&p->source);
	pull_known_fini(&p->known);
	store_close(p->store);
	if (p->private_store)
		output_remove_tree(p->out.dirfd, path_base(p->private_store));
	free(p->private_store);
	output_fini(&p->out);
}
#define auto_pull auto_(pull_fini)

static void stop(void *arg)
{
	source_cancel(arg);
}

/* --dir, --name and OUT, or the name that follows from the reference. */
static char *output_path(const struct pull_req *r, const struct source *s)
{
	auto_free char *own = source_file_name(s);
	const char *name = r->out ? r->out : r->name ? r->name : own;

	if (!r->dir || *name == '/')
		return xstrdup(name);
	return path_join(r->dir, name);
}

static void add_size(struct buf *b, uint64_t n)
{
	static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB" };
	double v = (double)n;
	size_t u = 0;

	while (v >= 1000 && u + 1 < ARRAY_LEN(units))
		v /= 1000, u++;
	buf_printf(b, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

/* Which place is full, and what helps there: the store, or the output's directory. */
static int no_room(const struct pull *p, bool store, const char *why, int sys, struct err *e)
{
	bool own = store && !p->private_store;

	if (own || p->req->into_store)
		err_set(e, ERR_SPACE,
			"no room in the image store %s: %s; BERTH_CACHEDIR moves it%s",
			store_dir(p->store), why,
			own && !p->req->into_store ? ", --disable-cache does without it" : "");
	else
		err_set(e, ERR_SPACE, "no room in %s: %s; free some or write the image elsewhere",
			p->out.dir, why);
	e->sys = sys;
	return -1;
}

static int too_little(const struct pull *p, bool store, uint64_t need, uint64_t have, struct err *e)
{
	auto_buf struct buf b = { 0 };

	buf_adds(&b, "about ");
	add_size(&b, need);
	buf_adds(&b, " are needed, ");
	add_size(&b, have);
	buf_adds(&b, " are free");
	return no_room(p, store, buf_str(&b), ENOSPC, e);
}

/* A write failed; e names some private file and not what to do. */
static int write_failed(const struct pull *p, bool store, struct err *e)
{
	if (e->kind == ERR_SPACE && e->sys)
		no_room(p, store, strerror(e->sys), e->sys, e);
	return -1;
}

static int open_private_store(struct pull *p, struct err *e)
{
	p->private_store = output_private_dir(&p->out);
	if (store_open(&p->store, p->private_store, e) < 0)
		return write_failed(p, true, e);
	return 0;
}

static int open_store(struct pull *p, struct err *e)
{
	auto_free char *dir = NULL;

	if (p->req->disable_cache)
		return open_private_store(p, e);
	dir = p->req->cachedir ? xstrdup(p->req->cachedir) : store_default_dir(environ, e);
	if (!dir || store_open(&p->store, dir, e) < 0) {
		if (p->req->into_store)
			return -1;
		/* A home that cannot be written is no reason not to write the output. */
		log_warn("%s; this pull keeps nothing for the next", e->text);
		return open_private_store(p, e);
	}
	return store_sweep(p->store, PART_AGE, e);
}

/* What the image will take is not known before it is there; half of what its layers take is what
 * it takes at least, so that nobody is refused who had room. */
static int check_room(struct pull *p, const struct layers *l, struct err *e)
{
	int store = store_fd(p->store), dir = p->out.dirfd;
	uint64_t down = layers_missing(l), image = p->source.manifest.total / 2;
	uint64_t store_free = fd_free_space(store), dir_free = fd_free_space(dir);
	struct stat a, b;

	if (fstat(store, &a) == 0 && fstat(dir, &b) == 0 && a.st_dev == b.st_dev) {
		if (down + image > store_free)
			return too_little(p, false, down + image, store_free, e);
		return 0;
	}
	if (down > store_free)
		return too_little(p, true, down, store_free, e);
	if (image > dir_free)
		return too_little(p, false, image, dir_free, e);
	return 0;
}

/* The SIF around the SquashFS: everything in it follows from the manifest. */
static int write_sif(struct pull *p, const struct layers *l, struct err *e)
{
	const struct oci_config *c = p->source.config;
	struct sif_write_opts so = { .deterministic = true, .launch = SIF_LAUNCH };
	auto_sif_writer struct sif_writer *w = NULL;
	auto_meta struct meta *m = NULL;
	struct flatten_opts fo = p->flatten;
	struct flatten_stat st = { 0 };
	off_t off;

	meta_for_oci(&m, c, &p->source.digest);
	fo.mtime = (uint32_t)oci_created(c);
	pull_known_fini(&p->known);
	p->known = (struct pull_known){ 0 };
	if (!p->private_store)
		pull_known_find(&p->known, p->store, c, &fo);
	if (sif_write_begin(&w, p->out.fd, &so, e) < 0 ||
	    sif_write_object(w, SIF_JSON, IMAGE_INSPECT_NAME, m->inspect.data, m->inspect.len, e) <
		    0 ||
	    sif_write_object(w, SIF_JSON, IMAGE_OCI_NAME, c->inner, strlen(c->inner), e) < 0 ||
	    sif_write_partition_begin(w, &off, e) < 0 ||
	    flatten(p->out.fd, off, layers_inputs(l), p->source.manifest.nlayers, m->nodes,
		    m->nnodes, &fo, &st, e) < 0 ||
	    sif_write_partition_end(w, SIF_FS_SQUASH, SIF_PART_PRIMARY, sif_arch_code(c->arch),
				    st.bytes, e) < 0 ||
	    sif_write_end(w, e) < 0)
		return -1;
	log_debug("flatten: %" PRIu64 " entries, %u inodes, %" PRIu64 " bytes of layers, %" PRIu64
		  " hidden, %u layers read again",
		  st.entries, st.inodes, st.decoded, st.hidden, st.reread);
	if (st.copied)
		log_verbose("%" PRIu64 " of %" PRIu64 " blocks were there in another image",
			    st.copied, st.blocks);
	return 0;
}

/* Could other bytes have gone better? */
static bool is_about_bytes(const struct err *e)
{
	return e->kind == ERR_INPUT || e->kind == ERR_LIMIT || e->kind == ERR_UNSUPPORTED;
}

/* One attempt: fetch what is missing and write the image.  1: it failed over bytes that the
 * store had wrong, they are gone now, try again. */
static int attempt(struct pull *p, struct bar *bar, struct progress *bars, struct err *e)
{
	auto_layers struct layers *l = NULL;
	struct err net = { 0 };
	int r, fetched;

	if (layers_open(&l, &p->source, bars, bar, e) < 0 || check_room(p, l, e) < 0 ||
	    (p->out.fd < 0 && output_create(&p->out, e) < 0))
		return -1;
	if (ftruncate(p->out.fd, 0) < 0)
		return err_sys(e, "write %s", p->out.path);
	if (layers_start(l, e) < 0)
		return -1;
	r = write_sif(p, l, e);
	fetched = layers_finish(l, r < 0, &net);
	/* A download that failed is the cause, whatever the reader made of it. */
	if (fetched < 0) {
		*e = net;
		return write_failed(p, true, e);
	}
	if (r < 0 && is_about_bytes(e) && layers_were_stale(l))
		return 1;
	return r < 0 ? write_failed(p, false, e) : 0;
}

static int make_image(struct pull *p, struct err *e)
{
	struct bar *bar;
	int r;

	p->made = true;
	if (signatures_keep(&p->source, e) < 0)
		return -1;
	if (source_config(&p->source, e) < 0)
		return write_failed(p, true, e);
	bar = progress_bar(p->req->progress, "writing the image", p->source.manifest.total);
	r = attempt(p, bar, p->req->progress, e);
	if (r == 1) {
		log_warn("%s; fetching it again", e->text);
		source_drop_remote(&p->source);
		bar_set(bar, 0);
		r = attempt(p, bar, NULL, e);
	}
	bar_done(bar, r == 0 ? "done" : "failed");
	/* Stopped too late for a stream to notice, but before the image has its name. */
	if (r == 0 && source_is_cancelled(&p->source))
		return err_set(e, ERR_INTR, "stopped");
	return r == 0 ? 0 : -1;
}

/* 0 done, 1 the store's file is gone. */
static int copy_out(struct pull *p, const char *path, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 1;
	if (store_copy_out(fd, path, p->out.dirfd, output_private_name(&p->out), e) < 0)
		return write_failed(p, false, e);
	return output_publish(&p->out, e) < 0 ? write_failed(p, false, e) : 0;
}

/* The finished image that the store has, as the output.  1 done, 0 it has none. */
static int take_from_store(struct pull *p, struct err *e)
{
	auto_buf struct buf path = { 0 };
	int r = p->private_store ? 0 : store_sif_find(p->store, p->key, &path, e);

	if (r <= 0)
		return r;
	r = copy_out(p, buf_str(&path), e);
	return r < 0 ? -1 : !r;
}

static bool is_stopped(void *arg)
{
	return source_is_cancelled(arg);
}

static int take_turn(struct pull *p, struct store_turn **turn, struct err *e)
{
	if (p->private_store)
		return 0;
	return store_turn_take(turn, p->store, p->key, is_stopped, &p->source, e);
}

static int pull_to_file(struct pull *p, struct buf *path_out, struct err *e)
{
	auto_store_turn struct store_turn *turn = NULL;
	struct err ignored;
	int r;

	r = take_from_store(p, e);
	if (r < 0 || (r == 0 && take_turn(p, &turn, e) < 0))
		return -1;
	/* Somebody may have made it while we waited. */
	if (r == 0)
		r = take_from_store(p, e);
	if (r < 0)
		return -1;
	if (r == 0) {
		if (make_image(p, e) < 0)
			return -1;
		if (output_publish(&p->out, e) < 0)
			return write_failed(p, false, e);
		/* Only a convenience for next time. */
		if (!p->private_store && store_sif_put(p->store, p->key, p->out.fd, p->out.dirfd,
						       p->out.base, &ignored) < 0)
			log_verbose("image not kept in the store: %s", ignored.text);
		else if (!p->private_store)
			pull_known_keep(&p->known, p->store, p->source.config, &p->flatten, p->key);
	}
	buf_adds(path_out, p->out.path);
	return 0;
}

/* The image goes to the store's own directory, under its key. */
static int pull_to_store(struct pull *p, struct buf *path_out, struct err *e)
{
	auto_store_turn struct store_turn *turn = NULL;
	auto_free char *path = NULL;
	int r = store_sif_find(p->store, p->key, path_out, e);

	if (r == 0 && take_turn(p, &turn, e) < 0)
		return -1;
	if (r == 0)
		r = store_sif_find(p->store, p->key, path_out, e);
	if (r)
		return r < 0 ? -1 : 0;
	path = store_sif_draft(p->store, p->key);
	if (output_check(&p->out, path, true, e) < 0 || make_image(p, e) < 0)
		return -1;
	if (fsync(p->out.fd) < 0) {
		err_sys(e, "write %s", path);
		return write_failed(p, true, e);
	}
	if (store_sif_publish(p->store, p->key, p->out.fd, p->out.dirfd, p->out.tmp, path_out, e) <
	    0)
		return -1;
	pull_known_keep(&p->known, p->store, p->source.config, &p->flatten, p->key);
	return 0;
}

static int fetch_sif(struct pull *p, struct buf *path, struct err *e)
{
	uint64_t size = p->source.sif.size, have = fd_free_space(store_fd(p->store));

	p->made = true;
	if (signatures_keep(&p->source, e) < 0)
		return -1;
	if (size != BLOB_ANY_SIZE && size > have)
		return too_little(p, true, size, have, e);
	if (source_fetch_sif(&p->source, p->key, p->req->progress, path, e) < 0)
		return write_failed(p, true, e);
	if (source_is_cancelled(&p->source))
		return err_set(e, ERR_INTR, "stopped");
	return 0;
}

/* A SIF that is there already comes into the store as it is, and from there to the output. */
static int pull_sif(struct pull *p, struct buf *path_out, struct err *e)
{
	auto_store_turn struct store_turn *turn = NULL;
	auto_buf struct buf what = { 0 }, path = { 0 };
	struct digest d;
	int r;

	source_sif_identity(&p->source, &what);
	digest_of(&d, DIGEST_SHA256, what.data, what.len);
	digest_hex(&d, p->key);
	r = store_sif_find(p->store, p->key, &path, e);
	if (r == 0 && take_turn(p, &turn, e) < 0)
		return -1;
	if (r == 0 && turn)
		r = store_sif_find(p->store, p->key, &path, e);
	if (r < 0 || (r == 0 && fetch_sif(p, &path, e) < 0))
		return -1;
	if (p->req->into_store) {
		buf_adds(path_out, buf_str(&path));
		return 0;
	}
	if (copy_out(p, buf_str(&path), e) < 0)
		return -1;
	buf_adds(path_out, p->out.path);
	return 0;
}

/* The store keeps itself small; an image that is about to be started is in use before that. */
static void tidy_store(struct pull *p)
{
	if (p->private_store)
		return;
	if (p->req->into_store)
		store_use(p->store, p->key);
	/* A start from what is there waits for no look at all the rest. */
	if (p->made)
		cache_evict(p->store);
}

static int fetch(struct pull *p, struct buf *path_out, struct err *e)
{
	auto_free char *path = output_path(p->req, &p->source);

	if (!p->req->into_store && output_check(&p->out, path, p->req->force, e) < 0)
		return -1;
	if (open_store(p, e) < 0)
		return -1;
	p->source.store = p->store;
	p->source.alone = p->private_store != NULL;
	if (source_resolve(&p->source, e) < 0)
		return write_failed(p, true, e);
	if (signatures_require(&p->source, e) < 0)
		return -1;
	if (p->source.sif.wanted)
		return pull_sif(p, path_out, e);
	pull_key(&p->source.digest, &p->flatten, p->key);
	return p->req->into_store ? pull_to_store(p, path_out, e) : pull_to_file(p, path_out, e);
}

static int run(struct pull *p, struct buf *path_out, struct err *e)
{
	if (fetch(p, path_out, e) < 0)
		return -1;
	tidy_store(p);
	return 0;
}

static int stopped(const struct pull *p, int signo, struct err *e)
{
	return err_set(e, ERR_INTR, "stopped by SIG%s%s", sigabbrev_np(signo),
		       p->private_store ? "" : "; the same command goes on from what has come");
}

int flow_pull(const struct pull_req *r, struct buf *path_out, struct err *e)
{
	auto_pull struct pull p = { .req = r };
	struct interrupt *in;
	int ret, signo;

	if (digest_ready(e) < 0 || source_init(&p.source, r, e) < 0 ||
	    signatures_possible(&p.source, e) < 0 ||
	    flatten_compression_parse(&p.flatten, r->compress ? r->compress : PULL_COMPRESSION, e) <
		    0)
		return -1;
	if (r->into_store && r->disable_cache)
		return err_set(e, ERR_USAGE,
			       "without a cache there is no place for the image: pull "
			       "it to a file and run that");
	p.flatten.threads = r->threads ? r->threads : cpus_usable("/");
	p.flatten.max_bytes = r->max_layer_bytes;
	p.flatten.max_entries = r->max_entries;
	in = interrupt_begin(stop, &p.source);
	ret = run(&p, path_out, e);
	signo = interrupt_signal(in);
	interrupt_end(in);
	if (ret < 0 && signo)
		stopped(&p, signo, e);
	/* exec and run do not say what they pull; the pull command does. */
	if (ret < 0 && r->into_store)
		err_wrap(e, "pull %s", r->uri);
	return ret;
}
