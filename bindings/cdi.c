/* --device: the edits of CDI specs, without an OCI runtime.
 *
 * Libraries go where all lent libraries go, checked as they are, instead of to their place with a
 * new ld.so.cache over the image's; so links to them are made there and update-ldcache has nothing
 * left to do.  Hooks are programs of the host that would run as root of a runtime: the known ones
 * are done here, no other is ever started. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bindings/cdi_spec.h"
#include "bindings/nvidia.h"
#include "src/base/path.h"

struct edits {
	struct lent *out;
	struct lend_host *host;
	const struct lend_config *c;
	struct strv folders; /* of update-ldcache */
	const char *by;	     /* "cdi nvidia.com/gpu=0" */
	struct err *e;
};

static int apply_env(struct edits *x, const struct json *list)
{
	const struct json *v;

	json_each (list, i, v) {
		const char *text = json_str(v), *eq = text ? strchr(text, '=') : NULL;

		if (!eq || eq == text)
			return err_set(x->e, ERR_INPUT, "%s: env: \"%s\" is not NAME=VALUE", x->by,
				       text ? text : "");
		auto_free char *key = xstrndup(text, (size_t)(eq - text));

		if (strspn(key,
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") !=
			    strlen(key) ||
		    strchr("0123456789", key[0]))
			return err_set(x->e, ERR_INPUT, "%s: env: %s is no variable's name", x->by,
				       key);
		lent_env(x->out, LENT_SET, key, eq + 1);
	}
	return 0;
}

/* A clean absolute path out of a spec. */
static int take_path(struct edits *x, const struct json *j, const char *key, const char *fallback,
		     char **out)
{
	const char *path = json_str(json_get(j, key));

	if (!path)
		path = fallback;
	if (!path || path[0] != '/')
		return err_set(x->e, ERR_INPUT, "%s: %s is not an absolute path", x->by, key);
	*out = path_clean("/", path);
	return 0;
}

static int apply_device(struct edits *x, const struct json *node)
{
	auto_free char *path = NULL, *host = NULL;
	bool dir;

	if (take_path(x, node, "path", NULL, &path) < 0 ||
	    take_path(x, node, "hostPath", path, &host) < 0)
		return -1;
	if (!lend_exists(x->host, host, &dir))
		return err_set(x->e, ERR_HOST,
			       "%s: device %s is not on this host; the spec is older than the "
			       "driver's configuration: make it again",
			       x->by, host);
	lent_device(x->out, host, path)->dir = dir;
	lent_verdict(x->out, LENT_GIVEN, x->by, path, "%s", strcmp(host, path) ? host : "");
	return 0;
}

static bool in_library_folder(const struct edits *x, const char *path)
{
	static const char *const usual[] = { "/lib",
					     "/lib64",
					     "/usr/lib",
					     "/usr/lib64",
					     "/lib/x86_64-linux-gnu",
					     "/usr/lib/x86_64-linux-gnu",
					     "/lib/aarch64-linux-gnu",
					     "/usr/lib/aarch64-linux-gnu",
					     LENT_LIBS_DIR };
	auto_free char *dir = path_dir(path);

	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		if (!strcmp(usual[i], dir))
			return true;
	return strv_has(&x->folders, dir);
}

/* 1: it is no library for the loader's path. */
static int apply_library(struct edits *x, const char *host, const char *path)
{
	auto_hostlib_lib struct hostlib_lib lib = { 0 };
	const char *name = path_base(path);
	unsigned flags = LIBSET_TIED | LIBSET_ALONE;
	struct err ignored;
	int bits = elf_own_bits(), r;

	if (strncmp(name, "lib", 3) != 0 || !strstr(name, ".so") || !in_library_folder(x, path))
		return 1;
	r = hostlib_find(&lib, x->host->libs, host, bits, &ignored);
	if (r && bits == 64)
		r = hostlib_find(&lib, x->host->libs, host, bits = 32, &ignored);
	if (r)
		return 1;
	name = lib.elf.soname ? lib.elf.soname : name;
	if (!strcmp(name, "libcuda.so.1") && bits == elf_own_bits())
		flags |= LIBSET_MUST;
	libset_add_found(&x->host->set, name, x->by, flags, bits, &lib);
	return 0;
}

/* A file system in memory; its own options are handed on as they are, so a wrong one is the
 * kernel's to name. */
static int apply_tmpfs(struct edits *x, const struct json *mount, const char *path)
{
	static const char *const own[] = { "mode=", "size=", "nr_inodes=", "nr_blocks=" };
	auto_buf struct buf options = { 0 };
	const struct json *o;
	bool ro = false, noexec = false;
	struct lent_item *item;

	json_each (json_get(mount, "options"), i, o) {
		const char *word = json_str(o) ? json_str(o) : "";

		ro |= !strcmp(word, "ro");
		noexec |= !strcmp(word, "noexec");
		for (size_t k = 0; k < ARRAY_LEN(own); k++)
			if (str_has_prefix(word, own[k]) && !strchr(word, ','))
				buf_printf(&options, "%s%s", options.len ? "," : "", word);
	}
	item = lent_tmpfs(x->out, buf_str(&options), path);
	item->writable = !ro;
	item->noexec = noexec;
	lent_verdict(x->out, LENT_GIVEN, x->by, path, "a file system in memory");
	return 0;
}

static int apply_mount(struct edits *x, const struct json *mount)
{
	auto_free char *host = NULL, *path = NULL;
	const char *type = json_str(json_get(mount, "type"));
	const struct json *o;
	bool dir, ro = false;
	struct lent_item *item;

	if (type && !strcmp(type, "tmpfs"))
		return take_path(x, mount, "containerPath", NULL, &path) < 0
			       ? -1
			       : apply_tmpfs(x, mount, path);
	if (type && type[0] && strcmp(type, "bind") != 0 && strcmp(type, "none") != 0)
		return lend_absent(x->out, x->c, x->e, x->by, "mount",
				   "%s is a mount of type %s, and only bind and tmpfs are made",
				   json_str(json_get(mount, "containerPath"))
					   ? json_str(json_get(mount, "containerPath"))
					   : "(no path)",
				   type);
	if (take_path(x, mount, "hostPath", NULL, &host) < 0 ||
	    take_path(x, mount, "containerPath", NULL, &path) < 0)
		return -1;
	json_each (json_get(mount, "options"), i, o)
		ro = ro || (json_str(o) && !strcmp(json_str(o), "ro"));
	if (!lend_exists(x->host, host, &dir))
		return lend_absent(x->out, x->c, x->e, x->by, host,
				   "the spec mounts it and this host does not have it");
	if (!dir && apply_library(x, host, path) == 0)
		return 0;
	item = lent_bind(x->out, host, path, dir);
	item->writable = !ro;
	lent_verdict(x->out, LENT_GIVEN, x->by, path, "%s", strcmp(host, path) ? host : "");
	return 0;
}

/* --- hooks: args[0] is the program, then the sub-command and its options --- */

/* The value of option "--name" at args[i], "--name=value" or in the next word; NULL. */
static const char *option(const struct json *args, size_t i, const char *name)
{
	const char *word = json_str(json_at(args, i));
	size_t n = strlen(name);

	if (!word || strncmp(word, name, n) != 0)
		return NULL;
	if (word[n] == '=')
		return word + n + 1;
	return word[n] ? NULL : json_str(json_at(args, i + 1));
}

static void hook_links(struct edits *x, const struct json *args)
{
	for (size_t i = 0; i < json_len(args); i++) {
		const char *value = option(args, i, "--link");
		const char *sep = value ? strstr(value, "::") : NULL;
		auto_free char *target = NULL;

		if (!sep)
			continue;
		target = xstrndup(value, (size_t)(sep - value));
		if (in_library_folder(x, sep + 2) && strstr(path_base(sep + 2), ".so"))
			lent_lib_link(x->out, path_base(target), path_base(sep + 2),
				      elf_own_bits());
		else
			lent_verdict(x->out, LENT_SKIPPED, x->by, sep + 2,
				     "a link outside of the library directories");
	}
}

static void hook_folders(struct edits *x, const struct json *args)
{
	for (size_t i = 0; i < json_len(args); i++) {
		const char *value = option(args, i, "--folder");

		if (value)
			strv_add(&x->folders, value);
	}
}

/* An image for a newer CUDA than the driver's may carry the newer driver's user-space half. */
static void hook_compat(struct edits *x, const struct json *args)
{
	static const char dir[] = "/usr/local/cuda/compat";
	const char *image = lend_image_env(x->c, "CUDA_VERSION"), *driver = NULL, *cuda;
	unsigned have[2] = { 0 }, want[2] = { 0 };

	for (size_t i = 0; i < json_len(args) && !driver; i++)
		driver = option(args, i, "--host-driver-version");
	cuda = driver ? nvidia_cuda_of(driver) : NULL;
	if (!image || !cuda ||
	    !inside_has(&x->host->image, "/usr/local/cuda/compat/libcuda.so.1") ||
	    sscanf(image, "%u.%u", &want[0], &want[1]) != 2 ||
	    sscanf(cuda, "%u.%u", &have[0], &have[1]) != 2)
		return;
	if (want[0] > have[0]) {
		lent_env(x->out, LENT_PREPEND, "LD_LIBRARY_PATH", dir);
		lent_verdict(x->out, LENT_GIVEN, x->by, dir, "the image's CUDA %s on driver %s",
			     image, driver);
	}
}

static void hook_nothing(struct edits *x, const struct json *args)
{
	(void)x, (void)args;
}

static const struct {
	const char *name;
	void (*apply)(struct edits *x, const struct json *args);
} hooks[] = {
	{ "create-symlinks", hook_links },
	{ "update-ldcache", hook_nothing }, /* hook_folders() has been there */
	{ "enable-cuda-compat", hook_compat },
	/* Devices are the host's own nodes, with its modes; nobody in here may make or change one. */
	{ "chmod", hook_nothing },
	{ "disable-device-node-modification", hook_nothing },
	{ "create-device-nodes", hook_nothing },
	{ "create-dev-char-symlinks", hook_nothing },
	{ "update-application-profile", hook_nothing },
};

/* The sub-command: behind the program, and behind "hook" of nvidia-ctk. */
static const char *hook_command(const struct json *args)
{
	const char *word = json_str(json_at(args, 1));

	if (word && !strcmp(word, "hook"))
		word = json_str(json_at(args, 2));
	return word;
}

static int apply_hook(struct edits *x, const struct json *hook)
{
	const struct json *args = json_get(hook, "args");
	const char *path = json_str(json_get(hook, "path")), *word = hook_command(args);
	const char *program = path ? path_base(path) : "";
	bool known = !strcmp(program, "nvidia-cdi-hook") || !strcmp(program, "nvidia-ctk");

	for (size_t i = 0; known && word && i < ARRAY_LEN(hooks); i++)
		if (!strcmp(hooks[i].name, word)) {
			hooks[i].apply(x, args);
			return 0;
		}
	return lend_absent(x->out, x->c, x->e, x->by, "hook",
			   "%s %s is not known and is not run; what it would set up may be missing",
			   path ? path : "(no path)", word ? word : "");
}

/* Groups are kept as the caller has them; nobody but root can join another one. */
static int apply_gids(struct edits *x, const struct json *list)
{
	gid_t *groups = xcalloc(NGROUPS_MAX + 1, sizeof(*groups));
	int n = MAX(getgroups(NGROUPS_MAX, groups), 0), r = 0;
	const struct json *v;

	groups[n++] = getegid();
	json_each (list, i, v) {
		int64_t gid = 0;
		bool member = json_i64(v, &gid) == 0 && gid == 0; /* 0 is ignored, says the spec */

		for (int k = 0; k < n; k++)
			member |= gid == (int64_t)groups[k];
		if (!member && !r)
			r = lend_absent(x->out, x->c, x->e, x->by, "additionalGids",
					"you are not a member of group %lld, and only root can "
					"become one; ask for membership on this host",
					(long long)gid);
	}
	free(groups);
	return r;
}

/* What no ordinary user can do. */
static int apply_rootly(struct edits *x, const struct json *edits)
{
	static const struct {
		const char *key, *why;
	} rows[] = {
		{ "netDevices", "network devices are moved by root only; they stay the host's" },
		{ "intelRdt", "cache and memory bandwidth classes are set by root only" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct json *v = json_get(edits, rows[i].key);

		if (v && json_len(v) &&
		    lend_absent(x->out, x->c, x->e, x->by, rows[i].key, "%s", rows[i].why) < 0)
			return -1;
	}
	return 0;
}

static int each(struct edits *x, const struct json *list,
		int (*f)(struct edits *x, const struct json *v))
{
	const struct json *v;

	json_each (list, i, v)
		if (f(x, v) < 0)
			return -1;
	return 0;
}

static int apply(struct edits *x, const struct json *edits)
{
	const struct json *h;

	json_each (json_get(edits, "hooks"), i, h) {
		const struct json *args = json_get(h, "args");
		const char *word = hook_command(args);

		if (word && !strcmp(word, "update-ldcache"))
			hook_folders(x, args);
	}
	if (apply_gids(x, json_get(edits, "additionalGids")) < 0 || apply_rootly(x, edits) < 0 ||
	    apply_env(x, json_get(edits, "env")) < 0 ||
	    each(x, json_get(edits, "deviceNodes"), apply_device) < 0 ||
	    each(x, json_get(edits, "mounts"), apply_mount) < 0)
		return -1;
	return each(x, json_get(edits, "hooks"), apply_hook);
}

/* --- which devices --- */

/* Global numbers first: CUDA_VISIBLE_DEVICES counts from 0 again where cgroups hide the others. */
static const struct {
	const char *key, *kind; /* kind NULL: whichever there is a spec of */
} job_variables[] = {
	{ "SLURM_STEP_GPUS", NULL },
	{ "SLURM_JOB_GPUS", NULL },
	{ "CUDA_VISIBLE_DEVICES", "nvidia.com/gpu" },
	{ "ROCR_VISIBLE_DEVICES", "amd.com/gpu" },
	{ "ZE_AFFINITY_MASK", "intel.com/gpu" },
	{ "GPU_DEVICE_ORDINAL", NULL },
};

static const char *gpu_kind(const struct cdi *c)
{
	static const char *const kinds[] = { "nvidia.com/gpu", "amd.com/gpu", "intel.com/gpu" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (cdi_has_kind(c, kinds[i]))
			return kinds[i];
	return kinds[0];
}

static int names_of_job(struct strv *names, const struct cdi *c, const struct lend_host *host,
			const struct lend_config *config, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(job_variables); i++) {
		const char *value = lend_env(host, config, job_variables[i].key);
		const char *kind = job_variables[i].kind ? job_variables[i].kind : gpu_kind(c);
		auto_strv struct strv words = { 0 };

		if (!value || !value[0])
			continue;
		strv_split(&words, value, ',');
		for (size_t k = 0; k < words.n; k++)
			strv_addf(names, "%s=%s", kind, words.v[k]);
		return 0;
	}
	return err_set(
		e, ERR_USAGE,
		"--device=all-of-job: no scheduler has named GPUs in SLURM_STEP_GPUS, "
		"SLURM_JOB_GPUS, CUDA_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES, ZE_AFFINITY_MASK "
		"or GPU_DEVICE_ORDINAL");
}

static int one_device(struct edits *x, const struct cdi *c, const char *name, struct strv *done)
{
	struct cdi_device d;

	if (cdi_find(&d, c, name, x->e) < 0)
		return -1;
	x->by = arena_printf(&x->out->arena, "cdi %s", name);
	/* What all devices of a file share is applied once. */
	if (!strv_has(done, d.spec->path)) {
		strv_add(done, d.spec->path);
		if (apply(x, json_get(d.spec->doc, "containerEdits")) < 0)
			return -1;
	}
	return apply(x, json_get(d.device, "containerEdits"));
}

int cdi_collect(struct lent *out, struct lend_host *host, const struct lend_config *c,
		struct err *e)
{
	auto_cdi struct cdi cdi = { 0 };
	auto_strv struct strv names = { 0 }, done = { 0 };
	struct edits x = { .out = out, .host = host, .c = c, .e = e };
	int r = 0;

	cdi_load(&cdi, host, &c->cdi_dirs, &out->notes);
	for (size_t i = 0; i < c->devices.n && !r; i++) {
		if (!strcmp(c->devices.v[i], "all-of-job"))
			r = names_of_job(&names, &cdi, host, c, e);
		else
			strv_add(&names, c->devices.v[i]);
	}
	for (size_t i = 0; i < names.n && !r; i++)
		r = one_device(&x, &cdi, names.v[i], &done);
	strv_fini(&x.folders);
	return r;
}
