#include "src/flow/admit.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/store.h"
#include "registry/ref.h"
#include "src/flow/source.h"
#include "src/flow/transport.h"

/* In full, as the site writes it: docker://debian is "docker://docker.io/library/debian".  Heap
 * string; the tag or digest goes to *tagged, with the name before it. */
static char *uri_name(const char *word, char **tagged)
{
	auto_ref struct ref ref = { 0 };
	const char *rest;
	const struct transport *t = transport_of(word, &rest);
	struct err ignored;

	*tagged = NULL;
	if ((t != &transport_docker && t != &transport_oras) || ref_parse(&ref, rest, &ignored) < 0)
		return xstrdup(word);
	*tagged = xasprintf("%s://%s", t->scheme, ref.text);
	return xasprintf("%s://%s/%s", t->scheme, ref.host, ref.repo);
}

/* A store that is not there yet is where it will be. */
static char *store_place(struct err *e)
{
	auto_free char *dir = store_default_dir(environ, e);
	char *real = dir ? realpath(dir, NULL) : NULL;

	return real ? real : take_ptr(dir);
}

int admit_uri(const struct conf *c, const char *word, bool *listed, struct err *e)
{
	auto_free char *name = NULL, *tagged = NULL, *store = NULL;

	*listed = false;
	if (!conf_list(c, CONF_LIMIT_PATHS)->n || !source_is_uri(word))
		return 0;
	name = uri_name(word, &tagged);
	*listed = policy_uri(c, name) || (tagged && policy_uri(c, tagged));
	if (*listed)
		return 0;
	store = store_place(e);
	return store ? policy_store(c, tagged ? tagged : name, store, e) : -1;
}

int admit_file(const struct conf *c, const struct admit *a, struct err *e)
{
	struct policy_image im = { .kind = a->kind, .listed = a->listed };
	char link[64], path[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (!policy_wants_image(c))
		return 0;
	/* Of the open file: a link that is changed meanwhile leads nowhere else. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", a->fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0 || fstat(a->fd, &st) < 0)
		return err_sys(e, "%s", a->name);
	path[n] = '\0';
	im.path = path;
	im.uid = st.st_uid;
	im.gid = st.st_gid;
	if (conf_list(c, CONF_LIMIT_OWNERS)->n) {
		const struct passwd *pw = getpwuid(st.st_uid);

		im.owner = pw ? pw->pw_name : NULL;
	}
	if (conf_list(c, CONF_LIMIT_GROUPS)->n) {
		const struct group *gr = getgrgid(st.st_gid);

		im.group = gr ? gr->gr_name : NULL;
	}
	return policy_image(c, &im, e);
}

int admit_image(const struct conf *c, const struct image *im, const char *name, bool listed,
		struct err *e)
{
	static const enum policy_kind kinds[] = {
		[IMAGE_SIF] = POLICY_SIF, [IMAGE_SQUASHFS] = POLICY_SQUASHFS, [IMAGE_DIR] = POLICY_DIR
	};
	struct admit a = { .kind = kinds[im->kind], .fd = im->fd, .name = name, .listed = listed };

	return admit_file(c, &a, e);
}
