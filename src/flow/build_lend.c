#include "src/flow/build_lend.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bindings/lend.h"
#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/plan/lent.h"
#include "src/plan/plan_lent.h"

static ssize_t read_file(void *arg, void *p, size_t n, uint64_t off)
{
	return pread((int)(intptr_t)arg, p, n, (off_t)off);
}

static int file_open(void *arg, const char *path, struct inside_file *out, struct err *e)
{
	const struct build_tree *t = arg;
	int fd = open_in_root(t->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	(void)e;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close_p_(&fd);
		return 1;
	}
	*out = (struct inside_file){ { read_file, (void *)(intptr_t)fd }, (void *)(intptr_t)fd };
	return 0;
}

static void file_close(void *arg, struct inside_file *file)
{
	(void)arg;
	close((int)(intptr_t)file->state);
}

static const struct inside_ops in_tree = { file_open, file_close };

static void set_env(struct strv *env, const struct lent_env *v)
{
	const char *old = strv_env_get(env, v->key);
	auto_free char *both = NULL;

	if (v->how == LENT_UNSET)
		return;
	if (old && *old && v->how == LENT_PREPEND)
		both = xasprintf("%s:%s", v->value, old);
	if (old && *old && v->how == LENT_APPEND)
		both = xasprintf("%s:%s", old, v->value);
	strv_env_set(env, v->key, both ? both : v->value);
}

int build_lend(struct build *b, const struct build_tree *t, struct plan *p,
	       const struct binds *user, struct err *e)
{
	struct lend_config c = { .nv = b->nv, .rocm = b->rocm };
	struct lend_host host = { .rootfd = AT_FDCWD,
				  .environ = environ,
				  .image = { .ops = &in_tree, .arg = (void *)t } };
	auto_lent struct lent lent = { 0 };
	int r;

	if (!c.nv && !c.rocm)
		return 0;
	r = lend_collect(&lent, &host, &c, e);
	lend_host_fini(&host);
	if (r < 0)
		return -1;
	for (size_t i = 0; i < lent.notes.n; i++)
		log_warn("%s", lent.notes.v[i]);
	plan_lent_mounts(p, &lent, user);
	for (size_t i = 0; i < lent.nenv; i++)
		set_env(&p->env, &lent.env[i]);
	if (lent.libs)
		set_env(&p->env,
			&(struct lent_env){ LENT_APPEND, "LD_LIBRARY_PATH", LENT_LIBS_DIR });
	return 0;
}
