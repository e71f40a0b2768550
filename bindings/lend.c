#include "bindings/lend.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/base/site.h"

#define TEXT_MAX (1u << 20)

static bool wants_nv(const struct lend_config *c)
{
	return c->nv || c->nvccli;
}

static bool wants_amd(const struct lend_config *c)
{
	return c->rocm;
}

static bool wants_intel(const struct lend_config *c)
{
	return c->intel || c->intel_hpu;
}

static bool wants_cdi(const struct lend_config *c)
{
	return c->devices.n > 0;
}

static bool wants_modules(const struct lend_config *c)
{
	return c->modules.n > 0 || c->default_modules || c->mpi_host;
}

static bool wants_mpi(const struct lend_config *c)
{
	return c->mpi_host;
}

static bool wants_fabric(const struct lend_config *c)
{
	return c->fabric || c->require_fabric;
}

/* Modules come first: a site's swap of a library wins over what is found by itself. */
static const struct {
	bool (*wanted)(const struct lend_config *c);
	lend_collector *collect;
	lend_collector *after; /* once it is known which libraries are given; NULL */
} collectors[] = {
	{ wants_modules, module_collect, NULL },
	{ wants_mpi, mpi_collect, mpi_after },
	{ wants_cdi, cdi_collect, NULL },
	{ wants_nv, nvidia_collect, NULL },
	{ wants_amd, amd_collect, NULL },
	{ wants_intel, intel_collect, NULL },
	{ wants_fabric, fabric_collect, fabric_after },
};

bool lend_wanted(const struct lend_config *c)
{
	for (size_t i = 0; i < ARRAY_LEN(collectors); i++)
		if (collectors[i].wanted(c))
			return true;
	return false;
}

int lend_collect(struct lent *out, struct lend_host *host, const struct lend_config *c,
		 struct err *e)
{
	if (hostlib_open(&host->libs, host->rootfd, e) < 0)
		return -1;
	inside_probe(&host->image);
	host->set =
		(struct libset){ .host = host->libs, .image = &host->image, .lenient = c->lenient };
	for (size_t i = 0; i < ARRAY_LEN(collectors); i++)
		if (collectors[i].wanted(c) && collectors[i].collect(out, host, c, e) < 0)
			return -1;
	if (libset_resolve(&host->set, out, e) < 0)
		return c->mpi_host ? mpi_remedy(e) : -1;
	for (size_t i = 0; i < ARRAY_LEN(collectors); i++)
		if (collectors[i].after && collectors[i].wanted(c) &&
		    collectors[i].after(out, host, c, e) < 0)
			return -1;
	return 0;
}

void lend_host_fini(struct lend_host *host)
{
	libset_fini(&host->set);
	inside_fini(&host->image);
	hostlib_close(host->libs);
	host->libs = NULL;
}

static const char *env_get(char *const *list, const char *key)
{
	size_t n = strlen(key);

	for (char *const *v = list; v && *v; v++)
		if (!strncmp(*v, key, n) && (*v)[n] == '=')
			return *v + n + 1;
	return NULL;
}

const char *lend_env(const struct lend_host *host, const struct lend_config *c, const char *key)
{
	static const char *const prefixes[] = { "BERTHENV_", "APPTAINERENV_", "SINGULARITYENV_",
						"" };
	const char *value = c->set ? env_get(strv_list(c->set), key) : NULL;

	for (size_t i = 0; i < ARRAY_LEN(prefixes) && !value; i++) {
		auto_free char *name = xasprintf("%s%s", prefixes[i], key);

		value = env_get(host->environ, name);
	}
	return value;
}

const char *lend_image_env(const struct lend_config *c, const char *key)
{
	return env_get(c->image_env, key);
}

int lend_read(const struct lend_host *host, const char *path, struct buf *out)
{
	auto_close int fd = host_open(host->rootfd, path, O_RDONLY | O_NONBLOCK);
	struct err ignored;

	return fd < 0 || fd_read_all(fd, out, TEXT_MAX, path, &ignored) < 0;
}

const char *const lend_lib_dirs[3] = { "/usr/lib64", "/usr/lib/x86_64-linux-gnu",
				       "/usr/lib/aarch64-linux-gnu" };

char *lend_site_path(const struct lend_host *host, const char *name)
{
	return path_join(host->site ? host->site : site_dir(), name);
}

int lend_read_site(const struct lend_host *host, const char *name, struct buf *out)
{
	auto_free char *path = lend_site_path(host, name);

	return lend_read(host, path, out);
}

void lend_list(const struct lend_host *host, const char *dir, struct strv *names)
{
	int fd = host_open(host->rootfd, dir, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	if (!d) {
		close_p_(&fd);
		return;
	}
	while ((ent = readdir(d)))
		if (ent->d_name[0] != '.')
			strv_add(names, ent->d_name);
	closedir(d);
	strv_sort(names);
}

bool lend_exists(const struct lend_host *host, const char *path, bool *is_dir)
{
	auto_close int fd = host_open(host->rootfd, path, O_PATH);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	if (is_dir)
		*is_dir = S_ISDIR(st.st_mode);
	return true;
}

void lend_device(struct lent *out, const struct lend_host *host, const char *by, const char *path)
{
	bool dir;

	if (!lend_exists(host, path, &dir))
		return;
	lent_device(out, path, path)->dir = dir;
	lent_verdict(out, LENT_GIVEN, by, path, "%s", "");
}

void lend_path(struct lent *out, const struct lend_host *host, const char *by, const char *path)
{
	bool dir;

	if (!lend_exists(host, path, &dir))
		return;
	lent_bind(out, path, path, dir);
	lent_verdict(out, LENT_GIVEN, by, path, "%s", "");
}

void lend_program(struct lent *out, struct lend_host *host, const char *by, const char *name)
{
	static const char *const dirs[] = { "/usr/bin", "/usr/sbin", "/bin", "/usr/local/bin",
					    "/opt/rocm/bin" };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		auto_free char *path = path_join(dirs[i], name), *dst = NULL;
		auto_close int fd = host_open(host->rootfd, path, O_RDONLY | O_NONBLOCK);
		auto_elf struct elf elf = { 0 };
		auto_buf struct buf why = { 0 };
		struct err e;
		int r;

		if (fd < 0)
			continue;
		r = elf_read_fd(&elf, fd, &e);
		if (r == 0 && libset_unfit(&host->image, &elf, &why)) {
			lent_verdict(out, LENT_SKIPPED, by, name, "%s", buf_str(&why));
			return;
		}
		dst = path_join("/usr/bin", name);
		lent_bind(out, path, dst, false);
		lent_verdict(out, LENT_GIVEN, by, name, "%s", path);
		return;
	}
}

void lend_pass(struct lent *out, const struct lend_host *host, const struct lend_config *c,
	       const char *key)
{
	const char *value = c->cleanenv ? env_get(host->environ, key) : NULL;

	if (value)
		lent_env(out, LENT_SET, key, value);
}

int lend_absent(struct lent *out, const struct lend_config *c, struct err *e, const char *by,
		const char *what, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	lent_verdict(out, LENT_ABSENT, by, what, "%s", text);
	if (c->strict)
		return err_set(e, ERR_HOST, "%s: %s: %s", by, what, text);
	if (!c->lenient)
		strv_addf(&out->notes, "%s: %s: %s", by, what, text);
	return 0;
}
