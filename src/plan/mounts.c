/* A user's bind wins over every default at or below its target, as if it were
 * mounted last and hid them; leaving the hidden ones out saves their system calls. */
#include "src/plan/mounts.h"

#include <errno.h>
#include <sys/stat.h>
#include <string.h>

#include "src/base/path.h"
#include "src/plan/isolate.h"
#include "src/plan/mount_option.h"
#include "src/plan/plan_lent.h"
#include "src/plan/workdir.h"

void plan_home_fini(struct plan_home *h)
{
	free(h->src);
	free(h->dst);
	*h = (struct plan_home){ 0 };
}

static const char *environ_get(const struct facts *f, const char *key)
{
	size_t n = strlen(key);

	for (char *const *v = f->environ; v && *v; v++)
		if ((*v)[0] == key[0] && !strncmp(*v, key, n) && (*v)[n] == '=')
			return *v + n + 1;
	return NULL;
}

int plan_home_make(struct plan_home *out, const struct run_req *req, const struct facts *f,
		   struct err *e)
{
	const char *home = f->home ? f->home : environ_get(f, "HOME");

	if (req->home) {
		auto_binds struct binds b = { 0 };

		if (binds_parse(&b, req->home, "--home", f->cwd, e) < 0)
			return -1;
		if (b.n != 1 || b.v[0].ro || b.v[0].inner)
			return err_set(e, ERR_USAGE, "--home %s: write SRC or SRC:DST", req->home);
		*out = (struct plan_home){ take_ptr(b.v[0].src), take_ptr(b.v[0].dst), true };
		return 0;
	}
	if (home && home[0] == '/') {
		out->src = path_clean("/", home);
		out->dst = xstrdup(req->fakeroot ? "/root" : out->src);
		if (!strcmp(out->src, "/")) {
			free(out->src);
			out->src = NULL;
		}
	} else {
		out->dst = xstrdup("/");
	}
	return 0;
}

bool no_mount_has(const struct run_req *req, const char *word)
{
	for (size_t i = 0; i < req->no_mount.n; i++) {
		auto_strv struct strv words = { 0 };

		strv_split(&words, req->no_mount.v[i], ',');
		if (strv_has(&words, word))
			return true;
	}
	return false;
}

static bool bind_same(const struct bind *a, const struct bind *b)
{
	return !strcmp(a->src, b->src) && a->ro == b->ro && a->id == b->id &&
	       !strcmp(a->inner ? a->inner : "", b->inner ? b->inner : "");
}

/* Drops from b, from index first on, what has a target that an earlier bind has. */
static void binds_drop_repeated(struct binds *b, size_t first, struct strv *notes)
{
	for (size_t i = first; i < b->n;) {
		struct bind *x = &b->v[i];
		size_t j = 0;

		while (j < i && (b->v[j].hash != x->hash || strcmp(b->v[j].dst, x->dst)))
			j++;
		if (j == i) {
			i++;
			continue;
		}
		if (!bind_same(&b->v[j], x))
			strv_addf(notes, "two binds on %s: %s is used, %s%s is not", x->dst,
				  b->v[j].src, x->src, x->ro ? " (ro)" : "");
		bind_fini(x);
		memmove(x, x + 1, (--b->n - i) * sizeof(*x));
	}
}

int plan_user_binds(struct binds *out, const struct run_req *req, const struct facts *f,
		    struct strv *notes, struct err *e)
{
	static const char *const names[] = { "BERTH_BIND",	 "BERTH_BINDPATH",
					     "APPTAINER_BIND",	 "APPTAINER_BINDPATH",
					     "SINGULARITY_BIND", "SINGULARITY_BINDPATH" };
	static const char *const mount_names[] = { "BERTH_MOUNT", "APPTAINER_MOUNT",
						   "SINGULARITY_MOUNT" };
	size_t from_line;

	for (size_t i = 0; i < req->binds.n; i++)
		if (binds_parse(out, req->binds.v[i], "--bind", f->cwd, e) < 0)
			return -1;
	for (size_t i = 0; i < req->mounts.n; i++)
		if (mount_option_parse(out, req->mounts.v[i], "--mount", f->cwd, e) < 0)
			return -1;
	binds_drop_repeated(out, 0, notes);
	from_line = out->n;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *text = environ_get(f, names[i]);

		if (text && *text && binds_parse(out, text, names[i], f->cwd, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(mount_names); i++) {
		const char *text = environ_get(f, mount_names[i]);

		if (text && mount_option_parse(out, text, mount_names[i], f->cwd, e) < 0)
			return -1;
	}
	binds_drop_repeated(out, from_line, notes);
	return 0;
}

/* Files that a container sees as the host has them. */
static const char *const host_files[] = { "/etc/hosts", "/etc/localtime", "/etc/resolv.conf" };
/* Whole trees; word is what --no-mount calls them. */
static const struct {
	const char *path, *word;
} host_trees[] = { { "/proc", "proc" }, { "/sys", "sys" }, { "/dev", "dev" } };
/* work is the name below --workdir. */
static const struct {
	const char *path, *work;
} host_tmp[] = { { "/tmp", "tmp" }, { "/var/tmp", "var_tmp" } };

static int site_binds(struct binds *out, const struct run_req *req, struct err *e)
{
	for (size_t i = 0; i < req->site_binds.n; i++)
		if (binds_parse(out, req->site_binds.v[i], "bind path", "/", e) < 0)
			return -1;
	return 0;
}

int mounts_wants(struct strv *paths, const struct binds *user, const struct plan_home *home,
		 const struct run_req *req, const struct facts *f, struct err *e)
{
	auto_binds struct binds site = { 0 };

	if (site_binds(&site, req, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(host_trees); i++)
		strv_add(paths, host_trees[i].path);
	for (size_t i = 0; i < ARRAY_LEN(host_files); i++)
		strv_add(paths, host_files[i]);
	for (size_t i = 0; i < ARRAY_LEN(host_tmp); i++)
		strv_add(paths, host_tmp[i].path);
	if (home->src)
		strv_add(paths, home->src);
	if (f->cwd)
		strv_add(paths, f->cwd);
	for (char *const *v = f->wired_paths; v && *v; v++)
		strv_add(paths, *v);
	for (size_t i = 0; i < user->n; i++)
		if (!user->v[i].inner)
			strv_add(paths, user->v[i].src);
	for (size_t i = 0; i < site.n; i++)
		strv_add(paths, site.v[i].src);
	return 0;
}

/* What the host has at path; NULL when it was not asked.  Facts come in the order
 * of the questions, so with hundreds of binds the search goes on behind *hint. */
static const struct fact_path *fact_find_from(const struct facts *f, const char *path, size_t *hint)
{
	for (size_t i = 0; i < f->npaths; i++) {
		size_t at = (*hint + i) % f->npaths;

		if (!strcmp(f->paths[at].path, path)) {
			*hint = at + 1;
			return &f->paths[at];
		}
	}
	return NULL;
}

const struct fact_path *fact_path_find(const struct facts *f, const char *path)
{
	size_t hint = 0;

	return fact_find_from(f, path, &hint);
}

struct plan_mount *mounts_add(struct plan *p, enum plan_mount_kind kind, const char *src,
			      const char *dst, unsigned flags)
{
	struct plan_mount *m;

	xgrow(&p->mounts, &p->mounts_cap, p->nmounts + 1, sizeof(*p->mounts));
	m = &p->mounts[p->nmounts++];
	*m = (struct plan_mount){
		.kind = kind, .src = src ? xstrdup(src) : NULL, .dst = xstrdup(dst), .flags = flags
	};
	return m;
}

static void mount_fini(struct plan_mount *m)
{
	free(m->src);
	free(m->dst);
	free(m->data);
}

/* Takes away the defaults that lie on dst. */
void mounts_drop_default(struct plan *p, const char *dst)
{
	for (size_t i = 0; i < p->nmounts;) {
		struct plan_mount *m = &p->mounts[i];

		if (m->origin != PLAN_DEFAULT || strcmp(m->dst, dst)) {
			i++;
			continue;
		}
		mount_fini(m);
		memmove(m, m + 1, (--p->nmounts - i) * sizeof(*m));
	}
}

/* Nothing of the user's lies on dst or above it. */
static bool is_free(const struct binds *user, const char *dst)
{
	for (size_t i = 0; i < user->n; i++)
		if (path_is_below(dst, user->v[i].dst))
			return false;
	return true;
}

/* A default bind of what the host has at path. */
static void add_host(struct plan *p, const struct binds *user, const struct facts *f,
		     const char *path, unsigned flags)
{
	const struct fact_path *fact = fact_path_find(f, path);

	if (!fact || !fact->mode || !is_free(user, path))
		return;
	mounts_add(p, PLAN_BIND, fact->real ? fact->real : path, path,
		   flags | PLAN_OPTIONAL | (S_ISDIR(fact->mode) ? PLAN_IS_DIR : 0));
}

/* A file of the host that the container sees as it is at each moment.  Where the image is
 * served, the server shows it: whatever the image has there is hidden, and a host that
 * replaces the file is followed.  Over a directory it is bound, as it was at the start. */
static void add_host_file(struct plan *p, const struct run_req *req, const struct binds *user,
			  const struct facts *f, const char *path)
{
	const struct fact_path *fact = fact_path_find(f, path);

	if (p->root == PLAN_ROOT_DIR) {
		add_host(p, user, f, path, PLAN_HIDE);
		return;
	}
	if (!fact || !S_ISREG(fact->mode) || !is_free(user, path) || no_mount_has(req, path))
		return;
	xgrow(&p->files, &p->files_cap, p->nfiles + 1, sizeof(*p->files));
	p->files[p->nfiles++] = (struct plan_file){ .path = xstrdup(path),
						    .host = xstrdup(path),
						    .mode = S_IFREG | 0644,
						    .replace = true };
}

static void add_tmpfs(struct plan *p, const struct run_req *req, const struct binds *user,
		      const char *dst, const char *mode)
{
	if (is_free(user, dst))
		mounts_add(p, PLAN_TMPFS, NULL, dst, PLAN_IS_DIR | PLAN_NOSUID | PLAN_NODEV)->data =
			tmpfs_data(req, mode);
}

/* An empty directory instead of the host's: below --workdir, else in memory. */
static void add_private(struct plan *p, const struct run_req *req, const struct binds *user,
			const struct facts *f, const char *dst, const char *name, mode_t mode)
{
	auto_free char *text = xasprintf("%04o", (unsigned)mode);
	auto_free char *src = NULL;

	if (!is_free(user, dst))
		return;
	src = workdir_dir(p, req, f, name, mode);
	if (src)
		mounts_add(p, PLAN_BIND, src, dst, PLAN_REC | PLAN_IS_DIR);
	else
		add_tmpfs(p, req, user, dst, text);
}

/* The few devices that --contain leaves. */
static void add_minimal_dev(struct plan *p, const struct run_req *req, const struct binds *user)
{
	static const char *const nodes[] = { "/dev/null",   "/dev/zero",    "/dev/full",
					     "/dev/random", "/dev/urandom", "/dev/tty" };
	static const char *const links[][2] = { { "/dev/fd", "/proc/self/fd" },
						{ "/dev/stdin", "/proc/self/fd/0" },
						{ "/dev/stdout", "/proc/self/fd/1" },
						{ "/dev/stderr", "/proc/self/fd/2" } };

	if (!is_free(user, "/dev"))
		return;
	/* With the default mode 1777 a bound device could not be opened for writing (sticky). */
	mounts_add(p, PLAN_TMPFS, NULL, "/dev", PLAN_IS_DIR | PLAN_NOSUID)->data =
		xstrdup("mode=0755");
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
		if (is_free(user, nodes[i]))
			mounts_add(p, PLAN_BIND, nodes[i], nodes[i], PLAN_OPTIONAL);
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (is_free(user, links[i][0]))
			mounts_add(p, PLAN_SYMLINK, links[i][1], links[i][0], 0);
	add_tmpfs(p, req, user, "/dev/shm", "1777");
	if (!no_mount_has(req, "devpts") && is_free(user, "/dev/pts")) {
		mounts_add(p, PLAN_DEVPTS, NULL, "/dev/pts",
			   PLAN_IS_DIR | PLAN_NOSUID | PLAN_NOEXEC)
			->data = xstrdup("newinstance,ptmxmode=0666,mode=0620");
		mounts_add(p, PLAN_SYMLINK, "pts/ptmx", "/dev/ptmx", 0);
	}
	if (req->ipc && is_free(user, "/dev/mqueue"))
		mounts_add(p, PLAN_MQUEUE, NULL, "/dev/mqueue", PLAN_IS_DIR | PLAN_OPTIONAL);
}

/* Of a PID namespace of its own; the host's (src) takes its place where the kernel refuses. */
static void add_proc(struct plan *p, const struct binds *user, const struct facts *f)
{
	const struct fact_path *fact = fact_path_find(f, "/proc");

	if (is_free(user, "/proc"))
		mounts_add(p, PLAN_PROC, fact && fact->mode ? "/proc" : NULL, "/proc",
			   PLAN_IS_DIR | PLAN_NOSUID | PLAN_NODEV | PLAN_NOEXEC | PLAN_OPTIONAL);
}

static void add_system(struct plan *p, const struct run_req *req, const struct binds *user,
		       const struct facts *f)
{
	bool contain = req->contain;

	for (size_t i = 0; i < ARRAY_LEN(host_trees); i++) {
		const char *path = host_trees[i].path;

		if (no_mount_has(req, host_trees[i].word))
			continue;
		if (!strcmp(path, "/dev") && (contain || req->minimal_dev))
			add_minimal_dev(p, req, user);
		else if (!strcmp(path, "/proc") && (req->pid || req->instance))
			add_proc(p, user, f);
		else
			add_host(p, user, f, path, PLAN_REC);
	}
	/* The mount point is a file of its own: in many images these are links that
	 * lead nowhere, or to a file (a time zone) that must stay what it is. */
	for (size_t i = 0; i < ARRAY_LEN(host_files); i++)
		if (!isolate_owns_file(req, host_files[i]) &&
		    (!no_mount_has(req, "bind-paths") ||
		     !strcmp(host_files[i], "/etc/resolv.conf")))
			add_host_file(p, req, user, f, host_files[i]);
	for (size_t i = 0; i < ARRAY_LEN(host_tmp) && !no_mount_has(req, "tmp"); i++) {
		if (contain)
			add_private(p, req, user, f, host_tmp[i].path, host_tmp[i].work, 01777);
		else
			add_host(p, user, f, host_tmp[i].path, PLAN_REC);
	}
}

static int add_home(struct plan *p, const struct run_req *req, const struct binds *user,
		    const struct plan_home *home, const struct facts *f, struct err *e)
{
	const struct fact_path *fact;

	if (req->no_home || no_mount_has(req, "home") || !home->src || !is_free(user, home->dst))
		return 0;
	if (req->contain && !home->given) {
		mounts_drop_default(p, home->dst);
		add_private(p, req, user, f, home->dst, "home", 0700);
		return 0;
	}
	fact = fact_path_find(f, home->src);
	if (fact && S_ISDIR(fact->mode)) {
		mounts_drop_default(p, home->dst);
		mounts_add(p, PLAN_BIND, home->src, home->dst, PLAN_REC | PLAN_IS_DIR)->origin =
			home->given ? PLAN_USER : PLAN_DEFAULT;
		return 0;
	}
	if (home->given)
		return err_set(e, ERR_NOTFOUND, "--home %s: %s", home->src,
			       fact && fact->error ? strerror(fact->error) : "not a directory");
	strv_addf(&p->notes, "home directory %s: %s; it is not in the container", home->src,
		  fact && fact->error ? strerror(fact->error) : "not a directory");
	return 0;
}

/* Images are read-only, whatever the bind says: "rw" is every bind's default word. */
static int add_image_bind(struct plan *p, const struct bind *b, const struct facts *f,
			  struct err *e)
{
	const struct fact_image *fact = NULL;
	struct plan_mount *m;

	for (size_t i = 0; i < f->nimages && !fact; i++) {
		const struct fact_image *k = &f->images[i];

		if (k->use == FACT_IMAGE_DATA && k->id == b->id && !strcmp(k->path, b->src) &&
		    !strcmp(k->inner, b->inner))
			fact = k;
	}
	if (!fact || !fact->mode)
		return err_set(e, ERR_NOTFOUND, "bind %s of %s on %s: %s", b->inner, b->src, b->dst,
			       fact ? fact->why : "the image was not looked at");
	m = mounts_add(p, PLAN_IMAGE, b->inner, b->dst,
		       PLAN_RO | PLAN_NOSUID | PLAN_NODEV |
			       (S_ISDIR(fact->mode) ? PLAN_IS_DIR : 0));
	m->origin = PLAN_USER;
	m->image = fact->file;
	return 0;
}

static int add_user(struct plan *p, const struct binds *user, const struct facts *f, struct err *e)
{
	size_t hint = 0;

	for (size_t i = 0; i < user->n; i++) {
		const struct bind *b = &user->v[i];
		const struct fact_path *fact;

		if (b->inner) {
			if (add_image_bind(p, b, f, e) < 0)
				return -1;
			continue;
		}
		fact = fact_find_from(f, b->src, &hint);
		if (!fact || !fact->mode)
			return err_set(e, ERR_NOTFOUND, "bind %s on %s: the host's %s: %s", b->src,
				       b->dst, b->src,
				       strerror(fact && fact->error ? fact->error : ENOENT));
		mounts_add(p, PLAN_BIND, b->src, b->dst,
			   PLAN_REC | (b->ro ? PLAN_RO : 0) |
				   (S_ISDIR(fact->mode) ? PLAN_IS_DIR : 0))
			->origin = PLAN_USER;
	}
	return 0;
}

/* Parents sort before children, and siblings by name: the same request gives the same plan. */
static int by_target(const void *a, const void *b)
{
	return strcmp(((const struct plan_mount *)a)->dst, ((const struct plan_mount *)b)->dst);
}

/* The deepest mount that dst lies in, NULL when the image itself shows there. */
static const struct plan_mount *mount_over(const struct plan *p, const char *dst)
{
	const struct plan_mount *best = NULL;

	for (size_t i = 0; i < p->nmounts; i++)
		if (path_is_below(dst, p->mounts[i].dst) &&
		    (!best || strlen(p->mounts[i].dst) >= strlen(best->dst)))
			best = &p->mounts[i];
	return best;
}

/* What the site binds for everybody.  A node that lacks it starts its containers without.  Off its
 * own place it is as the user's: what lies below is not what the host has there. */
static int add_site(struct plan *p, const struct run_req *req, const struct binds *user,
		    const struct facts *f, struct err *e)
{
	auto_binds struct binds site = { 0 };

	if (no_mount_has(req, "bind-paths"))
		return 0;
	if (site_binds(&site, req, e) < 0)
		return -1;
	for (size_t i = 0; i < site.n; i++) {
		const struct bind *b = &site.v[i];
		const struct fact_path *fact = fact_path_find(f, b->src);

		if (!fact || !fact->mode || !is_free(user, b->dst) || no_mount_has(req, b->dst))
			continue;
		mounts_drop_default(p, b->dst);
		mounts_add(p, PLAN_BIND, fact->real ? fact->real : b->src, b->dst,
			   PLAN_REC | PLAN_OPTIONAL | (b->ro ? PLAN_RO : 0) |
				   (S_ISDIR(fact->mode) ? PLAN_IS_DIR : 0))
			->origin = strcmp(b->src, b->dst) ? PLAN_USER : PLAN_DEFAULT;
	}
	return 0;
}

/* The directory where the user stands, unless it is there already, is the
 * image's to show, or the user has put something else there. */
static void add_cwd(struct plan *p, const struct run_req *req, const struct facts *f)
{
	static const char *const image_owns[] = { "/",	  "/etc", "/bin",  "/mnt", "/usr",
						  "/var", "/opt", "/sbin", "/lib", "/lib64" };
	static const char *const system[] = { "/sys", "/proc", "/dev" };
	const struct fact_path *fact = f->cwd ? fact_path_find(f, f->cwd) : NULL;
	const struct plan_mount *over;
	const char *real;

	if (req->contain || no_mount_has(req, "cwd") || !fact || !S_ISDIR(fact->mode))
		return;
	real = fact->real ? fact->real : f->cwd;
	for (size_t i = 0; i < ARRAY_LEN(image_owns); i++)
		if (!strcmp(real, image_owns[i]))
			return;
	for (size_t i = 0; i < ARRAY_LEN(system); i++)
		if (path_is_below(real, system[i]))
			return;
	over = mount_over(p, f->cwd);
	if (over && over->kind == PLAN_BIND && over->origin == PLAN_DEFAULT)
		return; /* defaults lie where they lie on the host */
	if (over && over->kind == PLAN_BIND) {
		auto_free char *seen = path_join(over->src, f->cwd + strlen(over->dst));
		auto_free char *clean = path_clean("/", seen);

		if (!strcmp(clean, f->cwd))
			return;
	}
	if (over && over->origin == PLAN_USER)
		return;
	mounts_add(p, PLAN_BIND, f->cwd, f->cwd, PLAN_REC | PLAN_IS_DIR | PLAN_OPTIONAL);
}

/* Where a launcher's servers wait, unless it is in sight already. */
static void add_wired(struct plan *p, const struct binds *user, const struct facts *f)
{
	for (char *const *v = f->wired_paths; v && *v; v++) {
		const struct plan_mount *over = mount_over(p, *v);

		if (!over || over->kind != PLAN_BIND || over->origin != PLAN_DEFAULT)
			add_host(p, user, f, *v, PLAN_REC);
	}
}

int mounts_make(struct plan *p, const struct binds *user, const struct plan_home *home,
		const struct run_req *req, const struct facts *f, struct err *e)
{
	add_system(p, req, user, f);
	if (add_site(p, req, user, f, e) < 0)
		return -1;
	if (add_home(p, req, user, home, f, e) < 0 || add_user(p, user, f, e) < 0)
		return -1;
	if (scratch_add(p, user, req, f, e) < 0)
		return -1;
	add_wired(p, user, f);
	add_cwd(p, req, f);
	if (f->lent)
		plan_lent_mounts(p, f->lent, user);
	for (size_t i = 0; i < req->no_mount.n; i++) {
		auto_strv struct strv words = { 0 };

		strv_split(&words, req->no_mount.v[i], ',');
		for (size_t k = 0; k < words.n; k++)
			if (words.v[k][0] == '/')
				mounts_drop_default(p, words.v[k]);
	}
	if (p->nmounts)
		qsort(p->mounts, p->nmounts, sizeof(*p->mounts), by_target);
	return 0;
}
