#include "registry/credentials.h"

#include <fcntl.h>
#include <string.h>

#include "registry/base64.h"
#include "registry/helper.h"
#include "registry/ref.h"
#include "registry/secret.h"
#include "src/base/buf.h"
#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/base/log.h"

void credential_fini(struct credential *c)
{
	secret_free(c->user);
	secret_free(c->password);
	secret_free(c->identity_token);
	secret_free(c->registry_token);
	free(c->source);
	free(c->helper);
	*c = (struct credential){ 0 };
}

char *credential_basic(const struct credential *c)
{
	struct buf out = { 0 };
	auto_secret char *pair = xasprintf("%s:%s", c->user, c->password);

	base64_add(&out, pair, strlen(pair));
	return buf_take(&out);
}

/* How well a key of "auths" fits: 0 not, 1 the host, more for every matching path
 * component.  Keys are "host", "host/path" or old URLs "https://host/v1/". */
static unsigned key_fit(const char *key, const char *host, const char *repo)
{
	const char *scheme = strstr(key, "://");
	const char *s = scheme ? scheme + 3 : key, *path;
	auto_free char *key_host = xstrndup(s, strcspn(s, "/"));
	unsigned fit = 1;
	size_t n;

	if (strcmp(key_host, host) != 0 && !(ref_host_is_hub(key_host) && ref_host_is_hub(host)))
		return 0;
	path = s + strlen(key_host);
	path += *path == '/';
	if (scheme || !*path || !strcmp(path, "v1/") || !strcmp(path, "v2/") ||
	    !strcmp(path, "v1") || !strcmp(path, "v2"))
		return fit;
	n = strlen(path);
	while (n && path[n - 1] == '/')
		n--;
	if (strncmp(repo, path, n) != 0 || (repo[n] && repo[n] != '/'))
		return 0;
	for (size_t i = 0; i < n; i++)
		fit += path[i] == '/';
	return fit + 1;
}

struct search {
	const char *host, *repo;
	const char *key;
	const struct json *entry;
	unsigned fit;
};

static int look_at(void *arg, const char *key, const struct json *v)
{
	struct search *s = arg;
	unsigned fit = key_fit(key, s->host, s->repo);

	if (fit > s->fit) {
		s->fit = fit;
		s->entry = v;
		s->key = key;
	}
	return 0;
}

static void warn_key(const char *name, const char *key, const char *field, const char *why)
{
	auto_buf struct buf b = { 0 };

	buf_add_escaped(&b, key, strnlen(key, 100));
	log_warn("%s: auths[\"%s\"]%s%s %s; the entry is left out", name, buf_str(&b),
		 *field ? "." : "", field, why);
}

/* A member that is a string, NULL when absent; *bad when it is something else. */
static const char *text_of(const struct json *entry, const char *field, const char *name,
			   const char *key, bool *bad)
{
	const struct json *v = json_get(entry, field);

	if (!v || json_str(v))
		return json_str(v);
	warn_key(name, key, field, "is no string");
	*bad = true;
	return NULL;
}

/* "auth" holds user:password; the password may have colons, the user may not. */
static int take_auth(struct credential *out, const char *auth)
{
	struct buf plain = { 0 };
	char *colon, *text;
	int r = -1;

	if (base64_decode(&plain, auth) < 0) {
		buf_fini(&plain);
		return -1;
	}
	text = buf_take(&plain); /* what stands behind a NUL is padding of old clients */
	colon = text ? strchr(text, ':') : NULL;
	if (colon && colon == text && !colon[1]) {
		r = 0; /* ":" is what scripts make of two empty variables: nobody */
	} else if (colon) {
		out->user = xstrndup(text, (size_t)(colon - text));
		out->password = xstrdup(colon + 1);
		r = 0;
	}
	secret_free(text);
	return r;
}

static void take_entry(struct credential *out, const struct search *s, const char *name)
{
	bool bad = json_kind(s->entry) != JSON_OBJECT;
	const char *auth = NULL, *user = NULL, *password = NULL, *identity = NULL, *token = NULL;

	if (bad) {
		warn_key(name, s->key, "", "is no object");
		return;
	}
	auth = text_of(s->entry, "auth", name, s->key, &bad);
	user = text_of(s->entry, "username", name, s->key, &bad);
	password = text_of(s->entry, "password", name, s->key, &bad);
	identity = text_of(s->entry, "identitytoken", name, s->key, &bad);
	token = text_of(s->entry, "registrytoken", name, s->key, &bad);
	if (bad)
		return;
	if (auth && *auth && take_auth(out, auth) < 0) {
		warn_key(name, s->key, "auth", "is not user:password in base64");
		return;
	}
	if (!out->user && user && *user && password) {
		out->user = xstrdup(user);
		out->password = xstrdup(password);
	}
	if (identity && *identity)
		out->identity_token = xstrdup(identity);
	if (token && *token)
		out->registry_token = xstrdup(token);
}

/* The helper that the document names for this host: its own, else the one for all. */
static const char *find_helper(const struct json *doc, const char *host, const char **server)
{
	const struct json *own = json_get(doc, "credHelpers");
	const char *h = json_str(json_get(own, host));

	*server = host;
	if (ref_host_is_hub(host)) {
		*server = "https://index.docker.io/v1/";
		if (!h)
			h = json_str(json_get(own, *server));
	}
	if (!h)
		h = json_str(json_get(doc, "credsStore"));
	return h && *h ? h : NULL;
}

/* 0 found.  A helper that fails keeps nobody from what needs no login; a 401 says it again. */
static int ask_helper(struct credential *out, const struct json *doc, const char *name,
		      const char *host)
{
	const char *server, *helper = find_helper(doc, host, &server);
	struct err e = { 0 };
	int r;

	if (!helper)
		return 1;
	r = helper_get(out, helper, server, &e);
	if (r < 0) {
		log_warn("%s; %s names it", e.text, name);
		free(out->helper);
		out->helper = xstrdup(helper);
		return 1;
	}
	if (r == 0)
		out->source = xasprintf("docker-credential-%s", helper);
	return r;
}

int credential_from_json(struct credential *out, const char *p, size_t n, const char *name,
			 const char *host, const char *repo)
{
	auto_json struct json *doc = NULL;
	struct search s = { .host = host, .repo = repo };
	struct err e = { 0 };
	const struct json *auths;

	if (json_parse(&doc, p, n, CREDENTIAL_FILE_MAX, &e) < 0) {
		log_warn("%s: %s; the file is left out", name, e.text);
		return 1;
	}
	auths = json_get(doc, "auths");
	if (json_kind(doc) != JSON_OBJECT || (auths && json_kind(auths) != JSON_OBJECT)) {
		log_warn("%s: %s is no object; the file is left out", name,
			 json_kind(doc) == JSON_OBJECT ? "auths" : "the document");
		return 1;
	}
	if (ask_helper(out, doc, name, host) == 0)
		return 0;
	json_members(auths, look_at, &s);
	if (s.fit)
		take_entry(out, &s, name);
	if (!out->user && !out->identity_token && !out->registry_token)
		return 1;
	out->source = xstrdup(name);
	return 0;
}

/* 0 found, 1 not. */
static int try_file(struct credential *out, char *path, const char *host, const char *repo)
{
	auto_free char *name = path;
	struct buf text = { 0 };
	struct err e = { 0 };
	int r = file_read(AT_FDCWD, name, &text, CREDENTIAL_FILE_MAX, &e);

	if (r < 0)
		log_warn("%s; the file is left out", e.text);
	if (r == 0)
		r = credential_from_json(out, buf_str(&text), text.len, name, host, repo);
	if (text.data)
		explicit_bzero(text.data, text.len);
	buf_fini(&text);
	return r != 0;
}

int credential_find(struct credential *out, const char *host, const char *repo,
		    const char *auth_file, struct err *e)
{
	const char *v;

	if (auth_file) {
		auto_close int fd = open(auth_file, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return err_sys(e, "open %s", auth_file);
		try_file(out, xstrdup(auth_file), host, repo);
		return 0;
	}
	v = getenv("DOCKER_AUTH_CONFIG");
	if (v && *v && !credential_from_json(out, v, strlen(v), "DOCKER_AUTH_CONFIG", host, repo))
		return 0;
	v = getenv("REGISTRY_AUTH_FILE");
	if (v && *v && !try_file(out, xstrdup(v), host, repo))
		return 0;
	v = getenv("APPTAINER_CONFIGDIR");
	if (v && *v && !try_file(out, xasprintf("%s/docker-config.json", v), host, repo))
		return 0;
	v = getenv("HOME");
	if (v && *v &&
	    (!try_file(out, xasprintf("%s/.berth/auth.json", v), host, repo) ||
	     !try_file(out, xasprintf("%s/.apptainer/docker-config.json", v), host, repo)))
		return 0;
	v = getenv("XDG_RUNTIME_DIR");
	if (v && *v && !try_file(out, xasprintf("%s/containers/auth.json", v), host, repo))
		return 0;
	v = getenv("DOCKER_CONFIG");
	if (v && *v) {
		try_file(out, xasprintf("%s/config.json", v), host, repo);
		return 0;
	}
	v = getenv("XDG_CONFIG_HOME");
	if (v && *v && !try_file(out, xasprintf("%s/containers/auth.json", v), host, repo))
		return 0;
	v = getenv("HOME");
	if (v && *v && try_file(out, xasprintf("%s/.config/containers/auth.json", v), host, repo))
		try_file(out, xasprintf("%s/.docker/config.json", v), host, repo);
	return 0;
}
