#include "src/flow/build_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/flow/build_lend.h"
#include "src/plan/bind.h"
#include "src/plan/mount_option.h"

#define SECRET_MAX (1 << 20)

static struct plan_mount *add(struct plan *p, enum plan_mount_kind kind, const char *src,
			      const char *dst, unsigned flags)
{
	xgrow(&p->mounts, &p->mounts_cap, p->nmounts + 1, sizeof(*p->mounts));
	p->mounts[p->nmounts] = (struct plan_mount){ .kind = kind,
						     .origin = PLAN_DEFAULT,
						     .src = src ? xstrdup(src) : NULL,
						     .dst = xstrdup(dst),
						     .flags = flags };
	return &p->mounts[p->nmounts++];
}

/* The directories of path that are missing are made, and remembered for removal. */
static int parents(struct build_mounts *m, const char *path, struct err *e)
{
	auto_free char *part = xstrdup(path);
	int fd;

	for (char *p = part + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		fd = open_in_root(m->tree->fd, part, O_PATH | O_DIRECTORY, 0);
		if (fd < 0 && errno == ENOENT) {
			fd = build_tree_dir(m->tree, part, e);
			if (fd < 0)
				return -1;
			strv_add(&m->made, part);
		}
		close_p_(&fd);
	}
	return 0;
}

/* A mount point at path. */
static int point(struct build_mounts *m, const char *path, bool is_dir, unsigned depth,
		 struct err *e)
{
	int fd = open_in_root(m->tree->fd, path, O_PATH, 0);
	char link[4097];
	ssize_t n;

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	/* A link that leads nowhere, as /etc/resolv.conf of systemd's images: make what it means. */
	fd = open_in_root(m->tree->fd, path, O_PATH | O_NOFOLLOW, 0);
	n = fd < 0 ? -1 : readlinkat(fd, "", link, sizeof(link) - 1);
	close_p_(&fd);
	if (n > 0 && depth < 16) {
		auto_free char *dir = path_dir(path), *to = NULL;

		link[n] = '\0';
		to = path_clean(dir, link);
		return point(m, to, is_dir, depth + 1, e);
	}
	if (parents(m, path, e) < 0)
		return -1;
	if (is_dir) {
		fd = build_tree_dir(m->tree, path, e);
		close_p_(&fd);
		if (fd < 0 && e->kind)
			return -1;
	} else if (build_tree_write(m->tree, path, "", 0, 0644, e) < 0) {
		return -1;
	}
	strv_add(&m->made, path);
	return 0;
}

static int host_dirs(struct build_mounts *m, const struct build *b, struct plan *p, struct err *e)
{
	static const char *const dirs[] = { "/proc", "/sys", "/dev" };
	static const enum conf_key keys[] = { CONF_MOUNT_PROC, CONF_MOUNT_SYS, CONF_MOUNT_DEV };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		int fd;

		if (!conf_yes(&b->conf, keys[i]))
			continue;
		fd = build_tree_dir(m->tree, dirs[i], e);
		if (fd < 0)
			return -1;
		close(fd);
		add(p, PLAN_BIND, dirs[i], dirs[i], PLAN_REC | PLAN_IS_DIR);
	}
	return 0;
}

/* A copy, so that a step can write to it and the host never notices. */
static int host_file(struct build_mounts *m, struct build *b, struct plan *p, const char *path,
		     struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_free char *staged = path_join(b->work, path_base(path));

	if (file_read(AT_FDCWD, path, &text, SECRET_MAX, e) < 0)
		return -1;
	if (file_write_atomic(b->workfd, path_base(path), buf_str(&text), text.len, 0644, e) < 0 ||
	    point(m, path, false, 0, e) < 0)
		return -1;
	strv_add(&m->staged, path_base(path));
	add(p, PLAN_BIND, staged, path, 0);
	return 0;
}

/* For apt; see src/plan/emulation.h. */
static int apt_file(struct build_mounts *m, struct build *b, struct plan *p, struct err *e)
{
	static const char text[] = EMULATION_APT_TEXT;
	auto_free char *staged = path_join(b->work, "apt.conf");

	if (p->emulation == EMULATION_NONE)
		return 0;
	if (file_write_atomic(b->workfd, "apt.conf", text, sizeof(text) - 1, 0644, e) < 0 ||
	    point(m, EMULATION_APT_PATH, false, 0, e) < 0)
		return -1;
	strv_add(&m->staged, "apt.conf");
	add(p, PLAN_BIND, staged, EMULATION_APT_PATH, PLAN_RO);
	strv_env_set(&p->env, "APT_CONFIG", EMULATION_APT_PATH);
	return 0;
}

static bool in_tmpfs(const struct plan *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p->mounts[i].kind == PLAN_TMPFS &&
		    path_is_below(p->mounts[n].dst, p->mounts[i].dst))
			return true;
	return false;
}

static int lend(struct build_mounts *m, struct build *b, struct plan *p, const struct binds *binds,
		struct err *e)
{
	size_t n = p->nmounts;

	if (build_lend(b, m->tree, p, binds, e) < 0)
		return -1;
	for (; n < p->nmounts; n++)
		if (!in_tmpfs(p, n) &&
		    point(m, p->mounts[n].dst, p->mounts[n].flags & PLAN_IS_DIR, 0, e) < 0)
			return -1;
	return 0;
}

static int user_binds(struct build_mounts *m, struct build *b, struct plan *p, struct err *e)
{
	auto_binds struct binds binds = { 0 };
	auto_free char *cwd = realpath(".", NULL);
	struct stat st;

	for (size_t i = 0; i < b->req->binds.n; i++)
		if (binds_parse(&binds, b->req->binds.v[i], "--bind", cwd ? cwd : "/", e) < 0)
			return -1;
	for (size_t i = 0; i < b->req->mounts.n; i++)
		if (mount_option_parse(&binds, b->req->mounts.v[i], "--mount", cwd ? cwd : "/", e) <
		    0)
			return -1;
	for (size_t i = 0; i < binds.n; i++) {
		const struct bind *x = &binds.v[i];
		struct plan_mount *mount;

		if (x->inner)
			return err_set(e, ERR_UNSUPPORTED,
				       "bind %s: a build binds no images; give it a stage, and "
				       "take its files from there",
				       x->src);
		if (stat(x->src, &st) < 0)
			return err_sys(e, "bind %s", x->src);
		if (point(m, x->dst, S_ISDIR(st.st_mode), 0, e) < 0)
			return -1;
		mount = add(p, PLAN_BIND, x->src, x->dst,
			    PLAN_REC | (x->ro ? PLAN_RO : 0) |
				    (S_ISDIR(st.st_mode) ? PLAN_IS_DIR : 0));
		mount->origin = PLAN_USER;
	}
	return lend(m, b, p, &binds, e);
}

/* --secret id=NAME,src=FILE or id=NAME,env=VARIABLE. */
static int secret_value(const struct build *b, const char *id, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < b->req->secrets.n; i++) {
		auto_strv struct strv fields = { 0 };
		const char *file, *env, *name, *value;

		strv_split(&fields, b->req->secrets.v[i], ',');
		name = strv_env_get(&fields, "id");
		if (!name || strcmp(name, id) != 0)
			continue;
		file = strv_env_get(&fields, "src");
		if (!file)
			file = strv_env_get(&fields, "source");
		env = strv_env_get(&fields, "env");
		value = getenv(env ? env : id);
		if (!file && value) {
			buf_adds(out, value);
			return 0;
		}
		if (!file && env)
			return err_set(e, ERR_NOTFOUND,
				       "--secret id=%s: the variable %s is not set", id, env);
		if (file_read(AT_FDCWD, file ? file : id, out, SECRET_MAX, e) != 0)
			return err_set(e, ERR_NOTFOUND, "--secret id=%s: cannot read %s", id,
				       file ? file : id);
		return 0;
	}
	return 1;
}

static int secret(struct build_mounts *m, const struct build *b, const struct step_mount *sm,
		  struct plan *p, struct err *e)
{
	auto_buf struct buf value = { 0 };
	int r = secret_value(b, sm->id, &value, e);

	if (r < 0)
		return -1;
	if (r == 1 && sm->required)
		return err_set(e, ERR_USAGE, "the step needs a secret: --secret id=%s,src=FILE",
			       sm->id);
	if (r == 1)
		return 0;
	if (sm->env)
		strv_env_set(&p->env, sm->env, buf_str(&value));
	if (!sm->target)
		return 0;
	if (point(m, sm->target, false, 0, e) < 0)
		return -1;
	xgrow(&m->secrets, &m->secrets_cap, m->nsecrets + 1, sizeof(*m->secrets));
	m->secrets[m->nsecrets++] =
		(struct build_secret){ sm->target, value, sm->mode ? sm->mode : 0400 };
	value = (struct buf){ 0 };
	return 0;
}

/* A directory that outlives the build: below the store, or for this build only. */
static int cache_dir(struct build *b, const char *id, char **path, struct err *e)
{
	char hex[DIGEST_TEXT_MAX];
	struct digest d;
	auto_free char *rel = NULL, *cache = NULL;
	auto_close int dir = -1;

	digest_of(&d, DIGEST_SHA256, id, strlen(id));
	cache = b->store ? store_default_dir(environ, e) : xstrdup(b->work);
	if (!cache)
		return -1;
	rel = xasprintf("build-mounts/%.32s", digest_hex(&d, hex));
	dir = open(cache, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || dir_make_all(dir, rel, 0755, e) < 0)
		return dir < 0 ? err_sys(e, "open %s", cache) : -1;
	*path = path_join(cache, rel);
	return 0;
}

static int bind_source(struct build *b, const struct step_mount *sm, char **path, struct err *e)
{
	const char *root = b->context;
	auto_close int fd = -1, at = -1;
	char real[4097], proc[64];
	ssize_t n;

	if (sm->from) {
		int i = build_find_stage(b, sm->from, e);

		if (i < 0 || build_stage_make(b, (size_t)i, e) < 0)
			return -1;
		root = b->stages[i].tree.path;
	}
	at = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = at < 0 ? -1 : open_in_root(at, sm->source ? sm->source : "/", O_PATH, 0);
	if (fd < 0)
		return err_sys(e, "--mount: %s%s%s", sm->source ? sm->source : "/",
			       sm->from ? " in stage " : "", sm->from ? sm->from : "");
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	n = readlink(proc, real, sizeof(real) - 1);
	if (n <= 0)
		return err_sys(e, "--mount: %s", sm->source ? sm->source : "/");
	*path = xstrndup(real, (size_t)n);
	return 0;
}

static int step_mount(struct build_mounts *m, struct build *b, const struct step_mount *sm,
		      struct plan *p, struct err *e)
{
	auto_free char *path = NULL;
	struct plan_mount *mount;
	struct stat st;

	if (sm->type == STEP_MOUNT_SECRET)
		return secret(m, b, sm, p, e);
	if (sm->type == STEP_MOUNT_TMPFS) {
		if (point(m, sm->target, true, 0, e) < 0)
			return -1;
		mount = add(p, PLAN_TMPFS, NULL, sm->target,
			    PLAN_IS_DIR | PLAN_NODEV | PLAN_NOSUID);
		mount->data =
			sm->size ? xasprintf("mode=1777,size=%s", sm->size) : xstrdup("mode=1777");
		return 0;
	}
	if ((sm->type == STEP_MOUNT_CACHE ? cache_dir(b, sm->id, &path, e)
					  : bind_source(b, sm, &path, e)) < 0)
		return -1;
	if (stat(path, &st) < 0)
		return err_sys(e, "--mount: %s", path);
	if (point(m, sm->target, S_ISDIR(st.st_mode), 0, e) < 0)
		return -1;
	add(p, PLAN_BIND, path, sm->target,
	    (sm->ro ? PLAN_RO : 0) | (S_ISDIR(st.st_mode) ? PLAN_IS_DIR : 0));
	return 0;
}

int build_mounts_add(struct build_mounts *m, struct build *b, const struct step *step,
		     struct plan *p, struct err *e)
{
	int env;

	m->workfd = b->workfd;
	env = build_tree_dir(m->tree, "/tmp", e);
	if (env < 0)
		return -1;
	close(env);
	if (host_dirs(m, b, p, e) < 0 || host_file(m, b, p, "/etc/resolv.conf", e) < 0 ||
	    host_file(m, b, p, "/etc/hosts", e) < 0 || apt_file(m, b, p, e) < 0)
		return -1;
	if (!b->docker) {
		env = build_tree_dir(m->tree, "/.singularity.d/env", e);
		if (env < 0)
			return -1;
		close(env);
	}
	for (size_t i = 0; i < step->nmounts; i++)
		if (step_mount(m, b, &step->mounts[i], p, e) < 0)
			return -1;
	return user_binds(m, b, p, e);
}

/* A file of a file system of its own that lies over /sys for a moment: only mounts that are
 * attached can be bound from, and no place in the tree must ever hold the bytes. */
static int place_secret(const struct build_secret *s)
{
	static const char spot[] = "/sys/secret";
	int fd, r;

	if (mount("secret", "/sys", "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,mode=0755") < 0)
		return -1;
	fd = open(spot, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = fd < 0 || fd_write(fd, s->value.data, s->value.len) < 0 || fchmod(fd, s->mode) < 0 ||
			    mount(spot, s->target, NULL, MS_BIND, NULL) < 0
		    ? -1
		    : 0;
	close_p_(&fd);
	umount2("/sys", MNT_DETACH);
	return r;
}

int build_mounts_secrets(const struct build_mounts *m, struct err *e)
{
	for (size_t i = 0; i < m->nsecrets; i++)
		if (place_secret(&m->secrets[i]) < 0)
			return err_sys(e, "put the secret at %s", m->secrets[i].target);
	return 0;
}

void build_mounts_remove(struct build_mounts *m)
{
	for (size_t i = m->made.n; i-- > 0;) {
		auto_free char *dir = path_dir(m->made.v[i]);
		auto_close int at = open_in_root(m->tree->fd, dir, O_PATH | O_DIRECTORY, 0);
		const char *name = path_base(m->made.v[i]);
		struct stat st;

		/* Only what is still the empty mount point. */
		if (at < 0 || fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			unlinkat(at, name, AT_REMOVEDIR);
		else if (st.st_size == 0)
			unlinkat(at, name, 0);
	}
	for (size_t i = 0; i < m->staged.n; i++)
		unlinkat(m->workfd, m->staged.v[i], 0);
	for (size_t i = 0; i < m->nsecrets; i++) {
		explicit_bzero(m->secrets[i].value.data, m->secrets[i].value.len);
		buf_fini(&m->secrets[i].value);
	}
	free(m->secrets);
	m->secrets = NULL;
	m->nsecrets = m->secrets_cap = 0;
	strv_fini(&m->made);
	strv_fini(&m->staged);
	m->made = m->staged = (struct strv){ 0 };
}
