#include "src/flow/instances.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/base/path.h"
#include "src/flow/instance_lent.h"
#include "src/host/process.h"
#include "src/host/rundir.h"

#define NOTE_MAX (64 << 10)
#define NAME_LEN 64
#define SUFFIX	 ".json"

#define LOCK_TRIES    50
#define LOCK_PAUSE_US 20000

extern char **environ;

static void instance_fini(struct instance *i)
{
	free(i->name);
	free(i->image);
	free(i->log_out);
	free(i->log_err);
	free(i->cgroup);
	free(i->note);
	close_p_(&i->pidfd);
	lent_fini(&i->lent);
}

void instances_fini(struct instances *list)
{
	for (size_t i = 0; i < list->n; i++)
		instance_fini(&list->v[i]);
	free(list->v);
	*list = (struct instances){ 0 };
}

static char *copy(const struct json *doc, const char *key)
{
	const char *s = json_str(json_get(doc, key));

	return s ? xstrdup(s) : NULL;
}

static int64_t number(const struct json *doc, const char *key)
{
	int64_t v = 0;

	return json_i64(json_get(doc, key), &v) == 0 ? v : 0;
}

/* False: not a note of ours, or its process has ended. */
static bool note_read(struct instance *out, const char *path)
{
	auto_json struct json *doc = NULL;
	auto_buf struct buf text = { 0 };
	struct err ignored;

	*out = (struct instance){ .pidfd = -1 };
	if (file_read(AT_FDCWD, path, &text, NOTE_MAX, &ignored) != 0 ||
	    json_parse(&doc, buf_str(&text), text.len, NOTE_MAX, &ignored) < 0)
		return false;
	out->note = xstrdup(path);
	out->name = copy(doc, "name");
	out->image = copy(doc, "image");
	out->log_out = copy(doc, "logOutPath");
	out->log_err = copy(doc, "logErrPath");
	out->cgroup = copy(doc, "cgroup");
	out->pid = (pid_t)number(doc, "pid");
	out->start = (uint64_t)number(doc, "start");
	out->ns = (unsigned)number(doc, "namespaces");
	instance_lent_read(&out->lent, json_get(doc, "lent"));
	out->stop = (int)number(doc, "stop");
	if (out->stop < 1 || out->stop > SIGRTMAX)
		out->stop = SIGINT;
	if (out->name && out->image && out->log_out && out->log_err && out->pid > 0)
		out->pidfd = process_open(out->pid, out->start);
	return out->pidfd >= 0;
}

void instance_forget(const char *note, const char *cgroup)
{
	auto_free char *dir = path_dir(note);

	unlink(note);
	rundir_tidy(dir);
	if (cgroup)
		rmdir(cgroup);
}

void instance_claim_fini(struct instance_claim *c)
{
	if (c->lock_path)
		unlink(c->lock_path);
	if (c->dir) {
		close_p_(&c->lock);
		rundir_tidy(c->dir);
	}
	free(c->dir);
	free(c->lock_path);
	free(c->note);
	*c = (struct instance_claim){ 0 };
}

static char *lock_path(const char *dir, const char *name)
{
	return xasprintf("%s/.%s.lock", dir, name);
}

/* A lock file is removed by its holder, so what was locked may have lost its name meanwhile. */
static int lock_take(struct instance_claim *c, const char *path, const char *name, struct err *e)
{
	struct stat here, there;

	for (;;) {
		auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return err_sys(e, "note of instance %s: %s", name, path);
		fchmod(fd, 0600);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return err_set(e, ERR_EXISTS,
				       "instance %s is being started by another process", name);
		if (fstat(fd, &here) == 0 && stat(path, &there) == 0 &&
		    here.st_ino == there.st_ino && here.st_dev == there.st_dev) {
			c->lock = take_fd(&fd);
			c->lock_path = xstrdup(path);
			return 0;
		}
	}
}

void instance_drop(const struct instance *dead)
{
	auto_instance_claim struct instance_claim c = { .lock = -1 };
	auto_free char *name = NULL, *lock = NULL;
	struct instance again;
	struct err ignored;

	if (!dead->note)
		return;
	c.dir = path_dir(dead->note);
	name = xstrndup(path_base(dead->note), strlen(path_base(dead->note)) - strlen(SUFFIX));
	lock = lock_path(c.dir, name);
	if (lock_take(&c, lock, name, &ignored) < 0)
		return;
	if (!note_read(&again, dead->note))
		instance_forget(dead->note, dead->cgroup);
	instance_fini(&again);
}

static void dir_read(struct instances *out, const char *dir, const char *glob)
{
	DIR *d = opendir(dir);

	for (struct dirent *de; d && (de = readdir(d));) {
		struct instance i;

		if (de->d_name[0] == '.' || !str_has_suffix(de->d_name, SUFFIX))
			continue;
		auto_free char *path = xasprintf("%s/%s", dir, de->d_name);

		if (!note_read(&i, path)) {
			instance_drop(&i);
		} else if (!glob || fnmatch(glob, i.name, 0) == 0) {
			xgrow(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
			out->v[out->n++] = i;
			continue;
		}
		instance_fini(&i);
	}
	if (d)
		closedir(d);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct instance *)a)->name, ((const struct instance *)b)->name);
}

int instances_list(struct instances *out, const char *glob, struct err *e)
{
	auto_strv struct strv dirs = { 0 };

	(void)e;
	rundir_all(&dirs, environ);
	for (size_t i = 0; i < dirs.n; i++) {
		dir_read(out, dirs.v[i], glob);
		rundir_tidy(dirs.v[i]);
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return 0;
}

static int name_check(const char *name, struct err *e)
{
	size_t n = strlen(name);
	bool good = n > 0 && n <= NAME_LEN && name[0] != '-' && name[0] != '.';

	for (size_t i = 0; i < n; i++)
		good &= isascii((unsigned char)name[i]) &&
			(isalnum((unsigned char)name[i]) || strchr("._-", name[i]));
	if (good)
		return 0;
	return err_set(
		e, ERR_USAGE,
		"instance name %s: 1 to %d letters, digits, '.', '_' and '-', the first a letter, "
		"digit or '_'",
		*name ? name : "\"\"", NAME_LEN);
}

int instance_find(struct instances *out, const char *name, struct err *e)
{
	if (name_check(name, e) < 0 || instances_list(out, name, e) < 0)
		return -1;
	if (!out->n)
		return err_set(e, ERR_NOTFOUND,
			       "no instance %s is running (instance list shows those that are)",
			       name);
	return 0;
}

int instance_claim(struct instance_claim *c, const char *name, struct err *e)
{
	auto_instances struct instances same = { 0 };

	c->lock = -1;
	if (name_check(name, e) < 0 || rundir_make(&c->dir, environ, e) < 0)
		return -1;
	auto_free char *path = lock_path(c->dir, name);

	/* Who forgets a dead one of this name holds the lock for a moment; who starts one, for
	 * long. */
	for (int i = 0; lock_take(c, path, name, e) < 0; i++) {
		if (e->kind != ERR_EXISTS || i == LOCK_TRIES)
			return -1;
		usleep(LOCK_PAUSE_US);
	}
	*e = (struct err){ 0 };
	if (instances_list(&same, name, e) < 0)
		return -1;
	if (same.n)
		return err_set(
			e, ERR_EXISTS,
			"instance %s is running already (PID=%ld, %s); stop it first or take "
			"another name",
			name, (long)same.v[0].pid, same.v[0].image);
	c->note = xasprintf("%s/%s" SUFFIX, c->dir, name);
	return 0;
}

int instance_note(const struct instance_claim *c, const struct instance *i, const struct lent *lent,
		  struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct jw w = { .out = &text, .indent = 2 };
	auto_free char *tmp = xasprintf("%s.new", c->note);
	auto_close int fd = -1;

	jw_obj(&w, NULL);
	jw_str(&w, "name", i->name);
	jw_int(&w, "pid", i->pid);
	jw_int(&w, "start", (int64_t)i->start);
	jw_int(&w, "namespaces", i->ns);
	jw_int(&w, "stop", i->stop);
	jw_str(&w, "image", i->image);
	jw_str(&w, "logErrPath", i->log_err);
	jw_str(&w, "logOutPath", i->log_out);
	if (i->cgroup)
		jw_str(&w, "cgroup", i->cgroup);
	instance_lent_write(&w, lent);
	jw_end(&w);
	buf_addch(&text, '\n');
	/* A memory file system: nothing to sync.  The claim keeps others from the name. */
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fchmod(fd, 0600) < 0 || fd_write(fd, text.data, text.len) < 0 ||
	    rename(tmp, c->note) < 0) {
		err_sys(e, "note of instance %s: %s", i->name, c->note);
		unlink(tmp);
		return -1;
	}
	return 0;
}
