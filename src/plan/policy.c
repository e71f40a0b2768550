#include "src/plan/policy.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/path.h"
#include "src/plan/bind.h"
#include "src/plan/mounts.h"

#define AT(f) offsetof(struct run_req, f)

static bool flag(const struct run_req *req, size_t at)
{
	return *(const bool *)((const char *)req + at);
}

/* "--nv: FILE:LINE settles "always use nv = no"". */
static int refuse(const struct conf *c, enum conf_key k, const char *what, struct err *e)
{
	auto_free char *where = conf_where(c, k);

	return err_set(e, ERR_USAGE, "%s: %s says \"%s = %s\"%s", what, where, conf_name(k),
		       conf_word(c, k), conf_locked(c, k) ? " for everybody" : "");
}

/* Options that say the contrary of a locked key. */
static const struct {
	enum conf_key key;
	bool yes; /* the value of the key that the option contradicts */
	size_t at;
	const char *option;
} flags[] = {
	{ CONF_ALWAYS_NV, true, AT(no_nv), "--no-nv" },
	{ CONF_ALWAYS_NV, false, AT(nv), "--nv" },
	{ CONF_ALWAYS_NV, false, AT(nvccli), "--nvccli" },
	{ CONF_ALWAYS_ROCM, true, AT(no_rocm), "--no-rocm" },
	{ CONF_ALWAYS_ROCM, false, AT(rocm), "--rocm" },
	{ CONF_MOUNT_HOME, true, AT(no_home), "--no-home" },
};

/* The words of --no-mount that are keys as well. */
static const struct {
	enum conf_key key;
	const char *word;
} mounts[] = {
	{ CONF_MOUNT_PROC, "proc" },
	{ CONF_MOUNT_SYS, "sys" },
	{ CONF_MOUNT_DEV, "dev" },
	{ CONF_MOUNT_DEVPTS, "devpts" },
	{ CONF_MOUNT_HOME, "home" },
	{ CONF_MOUNT_TMP, "tmp" },
	{ CONF_CONFIG_PASSWD, "/etc/passwd" },
	{ CONF_CONFIG_GROUP, "/etc/group" },
	{ CONF_CONFIG_RESOLV_CONF, "/etc/resolv.conf" },
};

/* Namespaces that an option makes; several fields make one. */
static const struct {
	enum conf_key key;
	size_t at;
	bool is_flag; /* else a pointer */
	const char *what;
} namespaces[] = {
	{ CONF_ALLOW_PID_NS, AT(pid), true, "--pid (or what implies it)" },
	{ CONF_ALLOW_PID_NS, AT(instance), false, "an instance has a PID namespace" },
	{ CONF_ALLOW_IPC_NS, AT(ipc), true, "--ipc (or what implies it)" },
	{ CONF_ALLOW_UTS_NS, AT(uts), true, "--uts" },
	{ CONF_ALLOW_UTS_NS, AT(hostname), false, "--hostname" },
};

static int check_mounts(const struct conf *c, const struct run_req *req, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
		auto_free char *what = xasprintf("--no-mount %s", mounts[i].word);

		if (conf_locked(c, mounts[i].key) && conf_yes(c, mounts[i].key) &&
		    no_mount_has(req, mounts[i].word))
			return refuse(c, mounts[i].key, what, e);
	}
	if (conf_locked(c, CONF_MOUNT_HOME) && !conf_yes(c, CONF_MOUNT_HOME) && req->home)
		return refuse(c, CONF_MOUNT_HOME, "--home", e);
	if (conf_locked(c, CONF_CONFIG_RESOLV_CONF) && req->dns.n)
		return refuse(c, CONF_CONFIG_RESOLV_CONF, "--dns", e);
	return 0;
}

/* The paths that a lock of "bind path" keeps in every container. */
static int check_bind_paths(const struct conf *c, const struct run_req *req, struct err *e)
{
	const struct strv *list = conf_list(c, CONF_BIND_PATH);
	auto_free char *where = NULL;

	if (!conf_locked(c, CONF_BIND_PATH))
		return 0;
	where = conf_where(c, CONF_BIND_PATH);
	if (no_mount_has(req, "bind-paths"))
		return err_set(e, ERR_USAGE, "--no-mount bind-paths: %s locks \"bind path\"",
			       where);
	for (size_t i = 0; i < list->n; i++) {
		auto_binds struct binds b = { 0 };

		if (binds_parse(&b, list->v[i], conf_name(CONF_BIND_PATH), "/", e) < 0)
			return -1;
		for (size_t k = 0; k < b.n; k++)
			if (no_mount_has(req, b.v[k].dst))
				return err_set(e, ERR_USAGE,
					       "--no-mount %s: %s locks \"bind path\"", b.v[k].dst,
					       where);
	}
	return 0;
}

static int check_layers(const struct conf *c, const struct run_req *req, struct err *e)
{
	if (!conf_yes(c, CONF_ENABLE_OVERLAY) && req->overlays.n)
		return refuse(c, CONF_ENABLE_OVERLAY, "--overlay", e);
	if (!conf_yes(c, CONF_ENABLE_OVERLAY) && req->writable_tmpfs)
		return refuse(c, CONF_ENABLE_OVERLAY, "--writable-tmpfs", e);
	if (conf_locked(c, CONF_SESSIONDIR_MAX_SIZE) && req->tmpfs_size)
		return refuse(c, CONF_SESSIONDIR_MAX_SIZE, "--tmpfs-size", e);
	return 0;
}

int policy_request(const struct conf *c, const struct run_req *req, struct err *e)
{
	if (!conf_yes(c, CONF_ALLOW_USER_NS))
		return refuse(c, CONF_ALLOW_USER_NS, "every container has a user namespace", e);
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
		const char *at = (const char *)req + namespaces[i].at;
		bool set = namespaces[i].is_flag ? *(const bool *)at
						 : *(const char *const *)at != NULL;

		if (set && !conf_yes(c, namespaces[i].key))
			return refuse(c, namespaces[i].key, namespaces[i].what, e);
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (conf_locked(c, flags[i].key) && conf_yes(c, flags[i].key) == flags[i].yes &&
		    flag(req, flags[i].at))
			return refuse(c, flags[i].key, flags[i].option, e);
	if (check_mounts(c, req, e) < 0 || check_layers(c, req, e) < 0)
		return -1;
	return check_bind_paths(c, req, e);
}

int policy_build(const struct conf *c, size_t nbinds, bool nv, bool rocm, struct err *e)
{
	if (!conf_yes(c, CONF_ALLOW_USER_NS))
		return refuse(c, CONF_ALLOW_USER_NS, "every build has a user namespace", e);
	if (nbinds && !conf_yes(c, CONF_USER_BIND_CONTROL))
		return refuse(c, CONF_USER_BIND_CONTROL, "a bind of the build", e);
	if (nv && conf_locked(c, CONF_ALWAYS_NV) && !conf_yes(c, CONF_ALWAYS_NV))
		return refuse(c, CONF_ALWAYS_NV, "--nv", e);
	if (rocm && conf_locked(c, CONF_ALWAYS_ROCM) && !conf_yes(c, CONF_ALWAYS_ROCM))
		return refuse(c, CONF_ALWAYS_ROCM, "--rocm", e);
	return 0;
}

int policy_binds(const struct conf *c, const struct run_req *req, const struct facts *f,
		 struct err *e)
{
	auto_binds struct binds user = { 0 };
	auto_strv struct strv notes = { 0 };
	auto_free char *what = NULL;

	if (conf_yes(c, CONF_USER_BIND_CONTROL))
		return 0;
	if (req->home)
		return refuse(c, CONF_USER_BIND_CONTROL, "--home", e);
	if (plan_user_binds(&user, req, f, &notes, e) < 0)
		return -1;
	if (!user.n)
		return 0;
	what = xasprintf("bind %s on %s", user.v[0].src, user.v[0].dst);
	return refuse(c, CONF_USER_BIND_CONTROL, what, e);
}

static const enum conf_key kinds[] = {
	[POLICY_SIF] = CONF_ALLOW_SIF,
	[POLICY_SQUASHFS] = CONF_ALLOW_SQUASHFS,
	[POLICY_DIR] = CONF_ALLOW_DIR,
	[POLICY_EXTFS] = CONF_ALLOW_EXTFS,
};

bool policy_wants_image(const struct conf *c)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!conf_yes(c, kinds[i]))
			return true;
	return conf_list(c, CONF_LIMIT_PATHS)->n || conf_list(c, CONF_LIMIT_OWNERS)->n ||
	       conf_list(c, CONF_LIMIT_GROUPS)->n;
}

/* By name, or by number where a site writes numbers. */
static bool names_one(const struct strv *list, const char *name, unsigned long id)
{
	auto_free char *number = xasprintf("%lu", id);

	return !list->n || (name && strv_has(list, name)) || strv_has(list, number);
}

static bool is_below_one(const struct strv *dirs, const char *path)
{
	for (size_t i = 0; i < dirs->n; i++) {
		auto_free char *dir = path_clean("/", dirs->v[i]);

		if (dirs->v[i][0] == '/' && path_is_below(path, dir))
			return true;
	}
	return !dirs->n;
}

static int refuse_image(const struct conf *c, enum conf_key k, const struct policy_image *im,
			const char *why, struct err *e)
{
	auto_free char *where = conf_where(c, k);
	auto_buf struct buf values = { 0 };

	for (size_t i = 0; i < conf_list(c, k)->n; i++)
		buf_printf(&values, "%s%s", i ? ", " : "", conf_list(c, k)->v[i]);
	return err_set(e, ERR_USAGE, "%s: %s; %s says \"%s = %s\"", im->path, why, where,
		       conf_name(k), values.len ? buf_str(&values) : conf_word(c, k));
}

int policy_image(const struct conf *c, const struct policy_image *im, struct err *e)
{
	static const char *const called[] = { [POLICY_SIF] = "it is a SIF file",
					      [POLICY_SQUASHFS] = "it is a bare SquashFS file",
					      [POLICY_DIR] = "it is a directory",
					      [POLICY_EXTFS] = "it is an ext3 file system" };
	auto_free char *owner = NULL, *group = NULL;

	if (!conf_yes(c, kinds[im->kind]))
		return refuse_image(c, kinds[im->kind], im, called[im->kind], e);
	if (!im->listed && !is_below_one(conf_list(c, CONF_LIMIT_PATHS), im->path))
		return refuse_image(c, CONF_LIMIT_PATHS, im, "it lies elsewhere", e);
	owner = im->owner ? xstrdup(im->owner) : xasprintf("%lu", (unsigned long)im->uid);
	group = im->group ? xstrdup(im->group) : xasprintf("%lu", (unsigned long)im->gid);
	if (!names_one(conf_list(c, CONF_LIMIT_OWNERS), im->owner, im->uid)) {
		auto_free char *why = xasprintf("it belongs to %s", owner);

		return refuse_image(c, CONF_LIMIT_OWNERS, im, why, e);
	}
	if (!names_one(conf_list(c, CONF_LIMIT_GROUPS), im->group, im->gid)) {
		auto_free char *why = xasprintf("its group is %s", group);

		return refuse_image(c, CONF_LIMIT_GROUPS, im, why, e);
	}
	return 0;
}

int policy_store(const struct conf *c, const char *name, const char *store, struct err *e)
{
	const struct policy_image im = { .path = name };
	auto_free char *why = xasprintf("it would lie in the store %s, and neither that nor the "
					"URI is listed",
					store);

	if (is_below_one(conf_list(c, CONF_LIMIT_PATHS), store))
		return 0;
	return refuse_image(c, CONF_LIMIT_PATHS, &im, why, e);
}

int policy_extfs(const struct conf *c, const char *path, struct err *e)
{
	const struct policy_image im = { .path = path };

	if (conf_yes(c, CONF_ALLOW_EXTFS))
		return 0;
	return refuse_image(c, CONF_ALLOW_EXTFS, &im, "it is an ext3 file system", e);
}

/* How much of name the prefix fits, whole components; 0 not at all. */
static size_t prefix_fits(const char *prefix, size_t n, const char *name)
{
	if (n == 1 && *prefix == '*')
		return 1;
	while (n && prefix[n - 1] == '/')
		n--;
	if (!n || strncmp(name, prefix, n) != 0 || (name[n] && name[n] != '/'))
		return 0;
	return n + 1;
}

bool policy_uri(const struct conf *c, const char *name)
{
	const struct strv *list = conf_list(c, CONF_LIMIT_PATHS);

	/* What a server or a client would resolve to another place fits nothing. */
	if (strstr(name, "/.") || strchr(name, '%'))
		return false;
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i][0] != '/' && prefix_fits(list->v[i], strlen(list->v[i]), name))
			return true;
	return false;
}

void policy_verify_keys(const struct conf *c, const char *repository, struct strv *files)
{
	const struct strv *rows = conf_list(c, CONF_VERIFY_KEY);
	size_t best = 0;

	for (size_t i = 0; i < rows->n; i++)
		best = MAX(best, prefix_fits(rows->v[i], strcspn(rows->v[i], " \t"), repository));
	for (size_t i = 0; best && i < rows->n; i++) {
		size_t n = strcspn(rows->v[i], " \t");

		if (prefix_fits(rows->v[i], n, repository) == best)
			strv_add(files, rows->v[i] + n + strspn(rows->v[i] + n, " \t"));
	}
}

/* Files that a container has from the host unless "bind path" leaves them out. */
static const char *const preset_binds[] = { "/etc/localtime", "/etc/hosts" };

static void apply_bind_paths(const struct conf *c, struct run_req *req)
{
	const struct strv *list = conf_list(c, CONF_BIND_PATH);

	for (size_t i = 0; i < list->n; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(preset_binds) && strcmp(preset_binds[k], list->v[i]))
			k++;
		if (k == ARRAY_LEN(preset_binds))
			strv_add(&req->site_binds, list->v[i]);
	}
	/* The site's list is the whole list; a user's adds to it. */
	if (!c->v[CONF_BIND_PATH].replaces)
		return;
	for (size_t k = 0; k < ARRAY_LEN(preset_binds); k++)
		if (!strv_has(list, preset_binds[k]))
			strv_add(&req->no_mount, preset_binds[k]);
}

/* Apptainer ships 64 MiB as a line of its file: handed over by a user, nobody has chosen it, and
 * it is what jobs run into. */
static uint64_t layer_size(const struct conf *c)
{
	unsigned long mib = conf_number(c, CONF_SESSIONDIR_MAX_SIZE);

	return mib == 64 && c->v[CONF_SESSIONDIR_MAX_SIZE].level == CONF_USER ? 0
									      : (uint64_t)mib << 20;
}

void policy_apply(const struct conf *c, struct run_req *req)
{
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
		enum conf_key k = mounts[i].key;
		bool option = (k == CONF_MOUNT_HOME && req->home) ||
			      (k == CONF_CONFIG_RESOLV_CONF && req->dns.n);

		if (!conf_yes(c, k) && !option)
			strv_add(&req->no_mount, mounts[i].word);
	}
	req->minimal_dev |= !strcmp(conf_word(c, CONF_MOUNT_DEV), "minimal");
	req->nv |= conf_yes(c, CONF_ALWAYS_NV);
	req->rocm |= conf_yes(c, CONF_ALWAYS_ROCM);
	if (!req->tmpfs_size)
		req->tmpfs_size = layer_size(c);
	apply_bind_paths(c, req);
}
