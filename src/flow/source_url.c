/* SIF files by address: http(s)://, and the two services that answer a name with an address:
 * library:// (Sylabs' library API) and shub:// (Singularity Hub's). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/fetch.h"
#include "registry/remotes.h"
#include "registry/url.h"
#include "src/base/json.h"
#include "src/base/log.h"
#include "src/base/path.h"
#include "src/flow/pull_source.h"

#define ANSWER_MAX (1u << 20)

/* ---- http, https ---- */

static int parse_url(struct source *s, const char *rest, struct err *e)
{
	auto_free char *path = NULL;
	size_t n;

	(void)rest;
	s->plain = s->t == &transport_http;
	if (ref_for_url(&s->ref, s->req->uri, e) < 0)
		return -1;
	s->sif.url = xstrdup(s->req->uri);
	s->text = xstrdup(s->ref.text);
	n = strcspn(strstr(s->sif.url, "://") + 3, "?#");
	path = xstrndup(strstr(s->sif.url, "://") + 3, n);
	s->base = xstrdup(strchr(path, '/') ? path_base(path) : "");
	s->tag = xstrdup("");
	if (!*s->base) {
		free(s->base);
		s->base = xstrdup("image.sif");
	}
	return 0;
}

/* Size and version, so that a cut transfer can be gone on from, and a known file is not fetched. */
static int ask_about(struct source *s, struct err *e)
{
	auto_fetch_info struct fetch_info info = { 0 };
	struct remote *remote;

	if (source_remote(s, &remote, e) < 0 || fetch_about(remote, s->sif.url, &info, e) < 0)
		return -1;
	s->sif.wanted = true;
	s->sif.size = info.size;
	s->sif.version = take_ptr(info.version);
	return 0;
}

/* ---- library ---- */

/* "[//][host/]entity/collection/name[:tag]" -> name for the output, the rest as it is. */
static int parse_name(struct source *s, const char *rest, struct err *e)
{
	const char *base = path_base(rest);
	size_t n = strcspn(base, ":@");

	if (!*rest || strstr(rest, "..") || strpbrk(rest, " ?#%"))
		return err_set(e, ERR_USAGE, "\"%s\" names no image", s->req->uri);
	s->local = xstrdup(rest);
	s->base = n ? xstrndup(base, n) : xstrdup("image");
	s->tag = xstrdup(base[n] ? base + n + 1 : "latest");
	s->text = xasprintf("%s://%s", s->t->scheme, rest);
	return 0;
}

static void close_name(struct source *s)
{
	free(s->local);
	s->local = NULL;
}

/* Asks url for a document. */
static int ask(struct source *s, const char *url, struct json **doc, struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct remote *remote;

	ref_fini(&s->ref);
	source_drop_remote(s);
	s->plain = str_has_prefix(url, "http://");
	if (ref_for_url(&s->ref, url, e) < 0 || source_remote(s, &remote, e) < 0 ||
	    fetch_text(remote, url, ANSWER_MAX, &text, e) < 0)
		return -1;
	if (json_parse(doc, buf_str(&text), text.len, ANSWER_MAX, e) < 0)
		return err_wrap(e, "answer of %s", s->ref.host);
	return 0;
}

/* The API's address: --library, else what the active remote says of itself. */
static int library_server(struct source *s, char **out, struct err *e)
{
	auto_remote_endpoint struct remote_endpoint r = { 0 };
	auto_json struct json *doc = NULL;
	auto_free char *url = NULL;
	const char *uri;

	if (s->req->library && *s->req->library) {
		*out = xasprintf(strstr(s->req->library, "://") ? "%s" : "https://%s",
				 s->req->library);
		return 0;
	}
	switch (remote_endpoint_find(&r, e)) {
	case 0:
		break;
	case 1:
		return err_set(
			e, ERR_USAGE,
			"no library is configured: give --library URL, set BERTH_LIBRARY, or "
			"name one in remote.yaml");
	default:
		return -1;
	}
	url = xasprintf("%s/assets/config/config.prod.json", r.uri);
	if (ask(s, url, &doc, e) < 0)
		return err_wrap(e, "remote %s", r.name);
	uri = json_str(json_get(json_get(doc, "libraryAPI"), "uri"));
	if (!uri || !strstr(uri, "://"))
		return err_set(e, ERR_UNSUPPORTED,
			       "the remote %s has no library; give --library URL", r.name);
	*out = xstrdup(uri);
	s->bearer = take_ptr(r.token);
	return 0;
}

static int take_answer(struct source *s, const struct json *data, struct err *e)
{
	const char *hash = json_str(json_get(data, "hash"));
	auto_free char *text = NULL;
	int64_t size;

	if (json_kind(data) != JSON_OBJECT)
		return err_set(e, ERR_NOTFOUND, "the library has no such image");
	/* "sha256.<hex>"; very old images have "sif.<uuid>" and no digest. */
	if (hash && str_has_prefix(hash, "sha256.")) {
		text = xasprintf("sha256:%s", hash + strlen("sha256."));
		if (digest_parse(&s->sif.digest, text, e) < 0)
			return err_wrap(e, "answer of the library");
	}
	s->sif.size = BLOB_ANY_SIZE;
	if (json_i64(json_get(data, "size"), &size) == 0 && size > 0 &&
	    (uint64_t)size <= DESCRIPTOR_MAX_SIZE)
		s->sif.size = (uint64_t)size;
	return 0;
}

static int resolve_library(struct source *s, struct err *e)
{
	const char *name = s->local, *slash = strchr(name, '/');
	auto_free char *server = NULL, *url = NULL, *host = NULL;
	auto_json struct json *doc = NULL;
	bool tagged = strpbrk(path_base(name), ":@");

	/* A first part with a dot or a port is a server. */
	if (slash && memchr(name, '.', (size_t)(slash - name))) {
		host = xstrndup(name, (size_t)(slash - name));
		server = xasprintf("https://%s", host);
		name = slash + 1;
	} else if (library_server(s, &server, e) < 0) {
		return -1;
	}
	while (*server && server[strlen(server) - 1] == '/')
		server[strlen(server) - 1] = '\0';
	url = xasprintf("%s/v1/images/%s%s?arch=%s", server, name, tagged ? "" : ":latest",
			s->want.arch);
	if (ask(s, url, &doc, e) < 0 || take_answer(s, json_get(doc, "data"), e) < 0)
		return -1;
	s->sif.wanted = true;
	s->sif.url = xasprintf("%s/v1/imagefile/%s%s?arch=%s", server, name,
			       tagged ? "" : ":latest", s->want.arch);
	return s->sif.digest.algo == DIGEST_NONE ? ask_about(s, e) : 0;
}

/* ---- shub ---- */

static int resolve_shub(struct source *s, struct err *e)
{
	const char *name = s->local, *slash = strchr(name, '/'), *image;
	bool own = slash && memchr(name, '.', (size_t)(slash - name));
	auto_free char *host =
		own ? xstrndup(name, (size_t)(slash - name)) : xstrdup("singularity-hub.org");
	auto_free char *url =
		xasprintf("https://%s/api/container/%s", host, own ? slash + 1 : name);
	auto_json struct json *doc = NULL;

	if (ask(s, url, &doc, e) < 0)
		return own ? -1
			   : err_wrap(e,
				      "Singularity Hub no longer takes requests; another server is "
				      "named as shub://HOST/USER/NAME");
	image = json_str(json_get(doc, "image"));
	if (!image || !strstr(image, "://"))
		return err_set(e, ERR_NOTFOUND, "%s gave no address for it", host);
	s->sif.url = xstrdup(image);
	ref_fini(&s->ref);
	source_drop_remote(s);
	s->plain = str_has_prefix(image, "http://") && s->req->no_https;
	if (ref_for_url(&s->ref, image, e) < 0)
		return -1;
	return ask_about(s, e);
}

const struct transport transport_http = {
	.scheme = "http",
	.slashes = true,
	.form = "HOST/PATH",
	.parse = parse_url,
	.resolve = ask_about,
};
const struct transport transport_https = {
	.scheme = "https",
	.slashes = true,
	.form = "HOST/PATH",
	.parse = parse_url,
	.resolve = ask_about,
};
const struct transport transport_library = {
	.scheme = "library",
	.slashes = true,
	.form = "[HOST/]ENTITY/COLLECTION/NAME[:TAG]",
	.parse = parse_name,
	.resolve = resolve_library,
	.close = close_name,
};
const struct transport transport_shub = {
	.scheme = "shub",
	.slashes = true,
	.form = "[HOST/]USER/NAME[:TAG]",
	.parse = parse_name,
	.resolve = resolve_shub,
	.close = close_name,
};
