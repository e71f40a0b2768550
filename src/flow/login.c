#include "src/flow/login.h"

#include <string.h>

#include "registry/login.h"
#include "src/flow/transport.h"

/* Only the host counts; a path behind it is kept as a key of its own. */
static int parse(struct ref *ref, const char *uri, struct err *e)
{
	const char *rest;
	const struct transport *t = transport_of(uri, &rest);
	auto_free char *with = NULL;

	if (t && t != &transport_docker && t != &transport_oras)
		return err_set(e, ERR_USAGE, "%s: logins are for docker:// and oras://", uri);
	if (!t)
		rest = uri;
	with = xasprintf("%.*s/x", (int)strcspn(rest, "/"), rest);
	return ref_parse(ref, with, e);
}

int flow_login(const struct login_req *r, struct buf *where, struct err *e)
{
	auto_ref struct ref ref = { 0 };
	auto_remote struct remote *remote = NULL;
	auto_free char *path = login_file(r->auth_file, e);

	if (!path || parse(&ref, r->uri, e) < 0)
		return -1;
	/* A login names no repository. */
	*ref.repo = '\0';
	if (access_open(&remote, &r->access, &ref, e) < 0 || remote_login(remote, e) < 0)
		return -1;
	buf_adds(where, path);
	return login_store(path, login_key(ref.host), r->access.user, r->access.password, e);
}

int flow_logout(const struct login_req *r, struct err *e)
{
	auto_ref struct ref ref = { 0 };
	auto_free char *path = login_file(r->auth_file, e);

	if (!path || parse(&ref, r->uri, e) < 0)
		return -1;
	return login_remove(path, login_key(ref.host), e);
}

static void add_line(void *arg, const char *key, const char *user)
{
	auto_buf struct buf k = { 0 }, u = { 0 };

	buf_add_escaped(&k, key, strnlen(key, 300));
	buf_add_escaped(&u, user, strnlen(user, 100));
	buf_printf(arg, "docker://%-40s %s\n", buf_str(&k),
		   u.len ? buf_str(&u) : "(kept by a helper)");
}

int flow_logins(const struct login_req *r, struct buf *text, struct err *e)
{
	auto_free char *path = login_file(r->auth_file, e);

	if (!path)
		return -1;
	buf_printf(text, "%-49s %s\n", "URI", "USER");
	return login_list(path, add_line, text, e);
}
