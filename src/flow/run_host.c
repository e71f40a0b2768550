#include "src/flow/run_host.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "src/base/fd.h"
#include "src/plan/limits.h"
#include "src/plan/plan.h"

#define ENV_FILE_MAX (4 << 20) /* bytes */

void run_host_fini(struct run_host *h)
{
	for (size_t i = 0; h->texts && i < h->env_files.n; i++)
		free(h->texts[i]);
	free(h->texts);
	memory_limit_fini(&h->memory);
	free(h->file_facts);
	free(h->path_facts);
	free(h->groups);
	strv_fini(&h->paths);
	strv_fini(&h->env_files);
	buf_fini(&h->hosts);
	buf_fini(&h->limits);
	strv_fini(&h->device_paths);
	free(h->devices);
	host_fini(&h->host);
}

static void caller_facts(struct run_host *h, struct facts *f)
{
	const struct host *host = &h->host;

	h->groups = xcalloc(host->ngroups + 1, sizeof(*h->groups));
	for (size_t i = 0; i < host->ngroups; i++)
		h->groups[i] = (struct fact_group){ host->groups[i].gid, host->groups[i].name };
	*f = (struct facts){ .uid = host->uid,
			     .gid = host->gid,
			     .host_uid = host->uid,
			     .host_gid = host->gid,
			     .groups = h->groups,
			     .ngroups = host->ngroups,
			     .user = host->user,
			     .gecos = host->gecos,
			     .home = host->home,
			     .shell = host->shell,
			     .cwd = host->cwd,
			     .umask = host->umask,
			     .environ = host->environ,
			     .wired = f->wired,
			     .wired_paths = f->wired_paths,
			     .image = f->image };
}

/* Who the program is. */
static void root_facts(struct facts *f)
{
	static const struct fact_group root = { 0, "root" };

	f->uid = f->gid = 0;
	f->user = f->gecos = "root";
	f->groups = &root;
	f->ngroups = 1;
}

static void path_facts(struct run_host *h, struct facts *f)
{
	h->path_facts = xcalloc(h->paths.n + 1, sizeof(*h->path_facts));
	for (size_t i = 0; i < h->paths.n; i++) {
		struct host_path p;

		host_path_look(&p, &h->host, h->paths.v[i]);
		h->path_facts[i] = (struct fact_path){ p.path, p.mode, p.error, p.real };
	}
	f->paths = h->path_facts;
	f->npaths = h->paths.n;
}

static void env_file_facts(struct run_host *h, struct facts *f)
{
	h->file_facts = xcalloc(h->env_files.n + 1, sizeof(*h->file_facts));
	h->texts = xcalloc(h->env_files.n + 1, sizeof(*h->texts));
	for (size_t i = 0; i < h->env_files.n; i++) {
		auto_buf struct buf text = { 0 };
		struct err why = { 0 };
		int r = file_read(AT_FDCWD, h->env_files.v[i], &text, ENV_FILE_MAX, &why);

		h->file_facts[i] = (struct fact_file){ .path = h->env_files.v[i] };
		if (r == 0)
			h->file_facts[i].text = h->texts[i] = buf_take(&text);
		else
			h->file_facts[i].error = r > 0 ? ENOENT : why.sys ? why.sys : EFBIG;
	}
	f->env_files = h->file_facts;
	f->nenv_files = h->env_files.n;
}

static void device_facts(struct run_host *h, const struct run_req *req, struct facts *f)
{
	struct stat st;

	limits_devices(&h->device_paths, req);
	h->devices = xcalloc(h->device_paths.n, sizeof(*h->devices));
	for (size_t i = 0; i < h->device_paths.n; i++) {
		struct fact_device *d = &h->devices[i];

		d->path = h->device_paths.v[i];
		d->error = stat(d->path, &st) < 0 ? errno : 0;
		d->is_block = !d->error && S_ISBLK(st.st_mode);
		d->major = d->is_block ? major(st.st_rdev) : 0;
		d->minor = d->is_block ? minor(st.st_rdev) : 0;
	}
	f->devices = h->devices;
	f->ndevices = h->device_paths.n;
}

int run_host_gather(struct run_host *h, const struct run_req *req, struct facts *f, struct err *e)
{
	if (host_probe(&h->host, AT_FDCWD, NULL, e) < 0)
		return -1;
	caller_facts(h, f);
	if (req->fakeroot)
		root_facts(f);
	if (plan_wants(&h->paths, &h->env_files, req, f, e) < 0)
		return -1;
	path_facts(h, f);
	env_file_facts(h, f);
	if (req->writable_tmpfs && !req->tmpfs_size) {
		memory_limit_find(&h->memory, AT_FDCWD);
		f->memory_limit = h->memory.bytes;
		f->memory_from = h->memory.from;
	}
	if (req->hostname && file_read(AT_FDCWD, "/etc/hosts", &h->hosts, ENV_FILE_MAX, e) < 0)
		return -1;
	f->hosts = h->hosts.data;
	if (req->blkio_weight_device.n)
		device_facts(h, req, f);
	if (req->apply_cgroups) {
		int r = file_read(AT_FDCWD, req->apply_cgroups, &h->limits, LIMITS_TOML_MAX, e);

		if (r > 0)
			return err_set(e, ERR_NOTFOUND, "--apply-cgroups %s: no such file",
				       req->apply_cgroups);
		if (r < 0)
			return err_wrap(e, "--apply-cgroups");
		f->limits = buf_str(&h->limits);
	}
	return 0;
}
