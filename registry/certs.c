#include "registry/certs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "registry/trust.h"
#include "src/base/buf.h"
#include "src/base/mem.h"

static DIR *open_first(const char *host, char **path)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	auto_strv struct strv roots = { 0 };
	DIR *d = NULL;

	if (config && *config)
		strv_addf(&roots, "%s/containers/certs.d", config);
	else if (home && *home)
		strv_addf(&roots, "%s/.config/containers/certs.d", home);
	strv_add(&roots, "/etc/containers/certs.d");
	strv_add(&roots, "/etc/docker/certs.d");
	/* A host is part of a path here: it comes from a URL and has no '/'. */
	for (size_t i = 0; !d && i < roots.n && *host != '.'; i++) {
		free(*path);
		*path = xasprintf("%s/%s", roots.v[i], host);
		d = opendir(*path);
	}
	return d;
}

/* Sorted names: which of several certificates is used does not depend on the directory. */
static void list_files(const char *host, char **dir, struct strv *names)
{
	DIR *d = open_first(host, dir);
	struct dirent *de;

	while (d && (de = readdir(d)))
		strv_add(names, de->d_name);
	if (d)
		closedir(d);
	strv_sort(names);
}

static int take_client(struct certs *c, const char *dir, const char *name, struct err *e)
{
	if (c->cert)
		return 0;
	c->cert = xasprintf("%s/%s", dir, name);
	c->key = xasprintf("%s/%.*s.key", dir, (int)(strlen(name) - strlen(".cert")), name);
	if (access(c->cert, R_OK) < 0)
		return err_sys(e, "client certificate %s", c->cert);
	if (access(c->key, R_OK) < 0)
		return err_sys(e, "key of the client certificate %s", c->key);
	return 0;
}

static int fill(struct certs *c, const char *ca_file, struct err *e)
{
	const char *system = getenv("SSL_CERT_FILE");
	auto_free char *dir = NULL;
	auto_strv struct strv names = { 0 }, ca = { 0 };

	list_files(c->host, &dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		if (str_has_suffix(names.v[i], ".crt"))
			strv_addf(&ca, "%s/%s", dir, names.v[i]);
		else if (str_has_suffix(names.v[i], ".cert") &&
			 take_client(c, dir, names.v[i], e) < 0)
			return -1;
	}
	if (!ca.n && !(ca_file && *ca_file) && !(system && *system))
		return 0;
	if (trust_open(&c->ca_fd, ca_file, strv_list(&ca), e) < 0)
		return -1;
	c->ca = xasprintf("/proc/self/fd/%d", c->ca_fd);
	return 0;
}

int certs_for(struct certs **list, const char *host, const char *ca_file, const struct certs **out,
	      struct err *e)
{
	struct certs *c;

	for (c = *list; c && strcmp(c->host, host) != 0; c = c->next)
		;
	if (!c) {
		c = xcalloc(1, sizeof(*c));
		c->host = xstrdup(host);
		c->ca_fd = -1;
		if (fill(c, ca_file, e) < 0) {
			certs_free(c);
			return -1;
		}
		c->next = *list;
		*list = c;
	}
	*out = c;
	return 0;
}

void certs_free(struct certs *c)
{
	while (c) {
		struct certs *next = c->next;

		close_p_(&c->ca_fd);
		free(c->host);
		free(c->ca);
		free(c->cert);
		free(c->key);
		free(c);
		c = next;
	}
}
