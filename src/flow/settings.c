#include "src/flow/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/site.h"
#include "src/flow/admit.h"
#include "src/plan/policy.h"

#define FILE_MAX_BYTES (1u << 20)

static const char *chosen;

void settings_use_file(const char *path)
{
	chosen = path;
}

/* 1: not there. */
static int read_one(struct conf *c, const char *path, enum conf_level level, struct strv *notes,
		    struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	/* A home directory that is not the caller's to look into has no file of his. */
	if (fd < 0 && errno == EACCES && level == CONF_USER && !chosen)
		return 1;
	if (fd < 0)
		return err_sys(e, "configuration %s", path);
	if (fd_read_all(fd, &text, FILE_MAX_BYTES, path, e) < 0)
		return err_wrap(e, "configuration");
	if (text.len && memchr(text.data, '\0', text.len))
		return err_set(e, ERR_INPUT, "configuration %s: it is no text", path);
	return conf_parse(c, buf_str(&text), path, level, notes, e);
}

static const char *get(char *const *environment, const char *key)
{
	size_t n = strlen(key);

	for (char *const *v = environment; *v; v++)
		if (!strncmp(*v, key, n) && (*v)[n] == '=')
			return *v + n + 1;
	return NULL;
}

/* NULL when the environment tells no place.  Heap string. */
static char *user_file(char *const *environment)
{
	const char *xdg = get(environment, "XDG_CONFIG_HOME");
	const char *home = get(environment, "HOME");

	if (xdg && *xdg == '/')
		return xasprintf("%s/berth/berth.conf", xdg);
	return home && *home == '/' ? xasprintf("%s/.config/berth/berth.conf", home) : NULL;
}

int settings_read(struct conf *c, char *const *environment, struct strv *notes, struct err *e)
{
	auto_free char *user = chosen ? NULL : user_file(environment);
	int r;

	if (read_one(c, site_file(), CONF_SITE, notes, e) < 0)
		return -1;
	if (!chosen)
		return user && read_one(c, user, CONF_USER, notes, e) < 0 ? -1 : 0;
	r = read_one(c, chosen, CONF_USER, notes, e);
	if (r == 1)
		return err_set(e, ERR_NOTFOUND, "--config %s: %s", chosen, strerror(ENOENT));
	return r;
}

void run_settings_fini(struct run_settings *s)
{
	conf_fini(&s->conf);
	strv_fini(&s->notes);
	strv_fini(&s->no_mount);
	strv_fini(&s->site_binds);
}

int run_settings_begin(struct run_settings *s, struct run_req *req, struct err *e)
{
	if (settings_read(&s->conf, environ, &s->notes, e) < 0 ||
	    policy_request(&s->conf, req, e) < 0)
		return -1;
	for (size_t i = 0; i < req->no_mount.n; i++)
		strv_add(&s->no_mount, req->no_mount.v[i]);
	req->no_mount = s->no_mount;
	policy_apply(&s->conf, req);
	s->no_mount = req->no_mount;
	s->site_binds = req->site_binds;
	return admit_uri(&s->conf, req->image, &s->listed, e);
}

int run_settings_join(struct run_settings *s, const struct run_req *req, struct err *e)
{
	if (settings_read(&s->conf, environ, &s->notes, e) < 0)
		return -1;
	return policy_request(&s->conf, req, e);
}

int run_settings_image(const struct run_settings *s, const struct run_image *image, struct err *e)
{
	return admit_image(&s->conf, image->image, image->path, s->listed, e);
}

/* Layers that are directories are the user's own place for changes, as binds are; files are
 * images. */
static int part_check(const struct conf *c, const struct run_image_file *f, struct err *e)
{
	struct admit a = { .kind = f->part.off ? POLICY_SIF : POLICY_SQUASHFS,
			   .fd = f->part.fd,
			   .name = f->path };

	/* In a SIF a partition stands behind the header. */
	if (f->part.is_ext && policy_extfs(c, f->path, e) < 0)
		return -1;
	if (f->part.is_ext && !f->part.off)
		a.kind = POLICY_EXTFS;
	return admit_file(c, &a, e);
}

int run_settings_images(const struct run_settings *s, const struct run_images *images,
			struct err *e)
{
	for (size_t i = 0; i < images->n; i++)
		if (images->file[i].part.fd >= 0 && part_check(&s->conf, &images->file[i], e) < 0)
			return -1;
	return 0;
}
