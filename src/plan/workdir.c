#include "src/plan/workdir.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/path.h"
#include "src/plan/mounts.h"

static char *workdir_path(const struct run_req *req, const struct facts *f)
{
	return path_clean(f->cwd ? f->cwd : "/", req->workdir);
}

void workdir_wants(struct strv *paths, const struct run_req *req, const struct facts *f)
{
	if (req->workdir)
		strv_take(paths, workdir_path(req, f));
}

int workdir_check(const struct run_req *req, const struct facts *f, struct err *e)
{
	auto_free char *path = NULL;
	const struct fact_path *fact;

	if (!req->workdir)
		return 0;
	if (!*req->workdir || (req->workdir[0] != '/' && !f->cwd))
		return err_set(e, ERR_USAGE, "--workdir \"%s\": name a directory of the host",
			       req->workdir);
	path = workdir_path(req, f);
	fact = fact_path_find(f, path);
	if (fact && S_ISDIR(fact->mode))
		return 0;
	return err_set(e, ERR_NOTFOUND, "--workdir %s: %s", path,
		       strerror(!fact || !fact->error ? ENOTDIR : fact->error));
}

char *workdir_dir(struct plan *p, const struct run_req *req, const struct facts *f,
		  const char *name, mode_t mode)
{
	auto_free char *base = NULL;
	char *path;

	if (!req->workdir)
		return NULL;
	base = workdir_path(req, f);
	path = path_join(base, name);
	xgrow(&p->dirs, &p->dirs_cap, p->ndirs + 1, sizeof(*p->dirs));
	p->dirs[p->ndirs++] = (struct plan_dir){ xstrdup(path), mode };
	return path;
}

char *tmpfs_data(const struct run_req *req, const char *mode)
{
	return req->tmpfs_size ? xasprintf("mode=%s,size=%" PRIu64, mode, req->tmpfs_size)
			       : xasprintf("mode=%s", mode);
}

static int scratch_one(struct plan *p, const struct binds *user, const char *word,
		       const struct run_req *req, const struct facts *f, struct err *e)
{
	auto_free char *dst = path_clean("/", word);
	auto_free char *name = path_join("scratch", dst + 1);
	auto_free char *src = NULL;
	struct plan_mount *m;

	if (!strcmp(dst, "/"))
		return err_set(e, ERR_USAGE, "--scratch %s: the root cannot be one", word);
	for (size_t i = 0; i < user->n; i++)
		if (!strcmp(user->v[i].dst, dst))
			return err_set(e, ERR_USAGE, "--scratch %s: %s is bound there", word,
				       user->v[i].src);
	for (size_t i = 0; i < p->nmounts; i++)
		if (p->mounts[i].origin == PLAN_USER && !strcmp(p->mounts[i].dst, dst))
			return 0; /* named twice */
	mounts_drop_default(p, dst);
	src = workdir_dir(p, req, f, name, 0700);
	m = mounts_add(p, src ? PLAN_BIND : PLAN_TMPFS, src, dst,
		       PLAN_IS_DIR | (src ? PLAN_REC : PLAN_NOSUID | PLAN_NODEV));
	m->origin = PLAN_USER;
	if (!src)
		m->data = tmpfs_data(req, "0700");
	return 0;
}

int scratch_add(struct plan *p, const struct binds *user, const struct run_req *req,
		const struct facts *f, struct err *e)
{
	for (size_t i = 0; i < req->scratch.n; i++) {
		auto_strv struct strv words = { 0 };

		strv_split(&words, req->scratch.v[i], ',');
		for (size_t k = 0; k < words.n; k++)
			if (scratch_one(p, user, words.v[k], req, f, e) < 0)
				return -1;
	}
	return 0;
}
