#include "src/flow/pull_source.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/path.h"
#include "src/flow/settings.h"
#include "src/flow/source.h"

char *source_file_name(const struct source *s)
{
	auto_free char *name = xasprintf("%s_%s.sif", s->base, s->tag ? s->tag : "latest");

	/* A URL's last part is a file name already. */
	return xstrdup(s->tag && !*s->tag ? s->base : name);
}

#define ROUTE_PATIENCE_S 5

/* The words of the request, or why they are none. */
static int find_transport(struct source *s, const char *uri, const char **rest, struct err *e)
{
	auto_buf struct buf list = { 0 };
	const char *scheme = strstr(uri, "://");

	s->t = transport_of(uri, rest);
	if (s->t)
		return 0;
	if (scheme && strcspn(uri, "/@") > (size_t)(scheme - uri)) {
		transport_list(&list);
		return err_set(e, ERR_UNSUPPORTED,
			       "%.*s:// is no place that images come from: %s are",
			       (int)MIN(scheme - uri, 40), uri, buf_str(&list));
	}
	/* "pull debian:12" */
	s->t = &transport_docker;
	*rest = uri;
	return 0;
}

/* Once for all that a pull asks of it. */
static int conf_settle(struct source *s, struct err *e)
{
	auto_strv struct strv notes = { 0 };

	s->conf = s->req->conf ? s->req->conf : &s->own;
	if (!s->req->conf && settings_read(&s->own, environ, &notes, e) < 0)
		return -1;
	s->parallel = s->req->parallel ? s->req->parallel
				       : (unsigned)conf_number(s->conf, CONF_DOWNLOADS);
	return 0;
}

int source_init(struct source *s, const struct pull_req *req, struct err *e)
{
	const char *rest;

	*s = (struct source){ .req = req };
	pthread_mutex_init(&s->lock, NULL);
	if (platform_parse(&s->want, req->arch, e) < 0 ||
	    find_transport(s, req->uri, &rest, e) < 0 || conf_settle(s, e) < 0)
		return -1;
	return s->t->parse(s, rest, e);
}

void source_fini(struct source *s)
{
	if (s->t && s->t->close)
		s->t->close(s);
	source_drop_remote(s);
	pthread_mutex_destroy(&s->lock);
	conf_fini(&s->own);
	manifest_fini(&s->manifest);
	oci_free(s->config);
	ref_fini(&s->ref);
	routes_fini(&s->routes);
	free(s->sif.url);
	free(s->sif.version);
	free(s->unix_socket);
	if (s->bearer)
		explicit_bzero(s->bearer, strlen(s->bearer));
	free(s->bearer);
	free(s->text);
	free(s->base);
	free(s->tag);
}

int source_remote(struct source *s, struct remote **out, struct err *e)
{
	const struct pull_req *r = s->req;
	struct remote_opts o = {
		.user = r->user,
		.password = r->password,
		.ca_file = r->ca_file,
		.auth_file = r->auth_file,
		.no_https = r->no_https || s->plain,
		.unix_socket = s->unix_socket,
		.bearer = s->bearer,
		.parallel = s->parallel,
		.limit_rate = r->limit_rate,
	};
	const struct ref *ref = &s->ref;
	int ret = 0;

	if (s->routes.n) {
		const struct route *route = &s->routes.v[s->route];

		ref = &route->ref;
		o.insecure = route->insecure;
		o.no_https |= route->plain;
		/* What was typed is for the registry that was named and for no other. */
		if (strcmp(ref->host, s->ref.host) != 0)
			o.user = o.password = NULL;
		/* A dead place costs one bounded try when there is another. */
		if (s->route + 1 < s->routes.n) {
			o.retry.tries = 1;
			o.connect_timeout_s = ROUTE_PATIENCE_S;
		}
	}
	pthread_mutex_lock(&s->lock);
	if (s->cancelled || s->stopped)
		ret = err_set(e, ERR_INTR, "stopped");
	else if (!s->remote)
		ret = remote_open(&s->remote, ref, &o, e);
	*out = s->remote;
	pthread_mutex_unlock(&s->lock);
	return ret;
}

bool source_next_route(struct source *s, const struct err *e)
{
	const struct route *next;

	/* What is wrong here with this machine is wrong elsewhere too. */
	if (s->route + 1 >= s->routes.n || source_is_cancelled(s) ||
	    (e->kind != ERR_NET && e->kind != ERR_NOTFOUND && e->kind != ERR_AUTH &&
	     e->kind != ERR_INPUT))
		return false;
	next = &s->routes.v[s->route + 1];
	log_info("%s; trying %s%s", e->text, next->ref.host, next->plain ? " without TLS" : "");
	pthread_mutex_lock(&s->lock);
	remote_close(take_ptr(s->remote));
	s->route++;
	pthread_mutex_unlock(&s->lock);
	return true;
}

void source_stop_remote(struct source *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopped = true;
	if (s->remote)
		remote_cancel(s->remote);
	pthread_mutex_unlock(&s->lock);
}

void source_drop_remote(struct source *s)
{
	pthread_mutex_lock(&s->lock);
	remote_close(take_ptr(s->remote));
	s->stopped = false;
	pthread_mutex_unlock(&s->lock);
}

void source_cancel(struct source *s)
{
	pthread_mutex_lock(&s->lock);
	s->cancelled = true;
	if (s->remote)
		remote_cancel(s->remote);
	pthread_mutex_unlock(&s->lock);
}

bool source_is_cancelled(struct source *s)
{
	return __atomic_load_n(&s->cancelled, __ATOMIC_RELAXED);
}

int source_resolve(struct source *s, struct err *e)
{
	if (s->t->resolve(s, e) < 0)
		return -1;
	if (s->sif.wanted)
		return 0;
	if (manifest_is_sif(&s->manifest) && !s->t->layer) {
		const struct descriptor *d = &s->manifest.layers[0];

		s->sif.wanted = true;
		s->sif.digest = d->digest;
		s->sif.size = d->size;
		return 0;
	}
	return manifest_check_image(&s->manifest, e);
}

/* The platform that the configuration names must be the one that was asked for.  A plain
 * manifest behind a tag promises none; another machine's image may be pulled anywhere. */
static int check_platform(struct source *s, struct err *e)
{
	const struct oci_config *c = s->config;
	struct platform is;
	char want[PLATFORM_TEXT_MAX], got[PLATFORM_TEXT_MAX];

	snprintf(is.os, sizeof(is.os), "%s", *c->os ? c->os : "linux");
	snprintf(is.arch, sizeof(is.arch), "%s", *c->arch ? c->arch : s->want.arch);
	snprintf(is.variant, sizeof(is.variant), "%s", c->variant);
	platform_text(&is, got);
	platform_text(&s->want, want);
	if (strcmp(is.os, "linux") != 0)
		return err_set(e, ERR_UNSUPPORTED, "the image is made for %s, not for Linux", got);
	if (!strcmp(is.arch, s->want.arch) || platform_rank(&s->want, &is) >= 0)
		return 0;
	if (s->from_index)
		return err_set(e, ERR_INPUT, "the index offers %s, but the image's config says %s",
			       want, got);
	if (s->req->arch)
		return err_set(e, ERR_NOTFOUND, "no image for %s: the only platform on offer is %s",
			       want, got);
	log_warn("%s is made for %s, this host is %s", s->text, got, want);
	return 0;
}

int source_config(struct source *s, struct err *e)
{
	auto_buf struct buf text = { 0 };

	if (s->manifest.config.size > OCI_CONFIG_MAX)
		return err_set(e, ERR_LIMIT,
			       "the image's config is larger than the limit of %d bytes",
			       OCI_CONFIG_MAX);
	if (s->t->config(s, &text, e) < 0)
		return -1;
	if (oci_parse_image(&s->config, buf_str(&text), text.len, e) < 0)
		return -1;
	if (s->config->ndiff != s->manifest.nlayers)
		return err_set(e, ERR_INPUT, "the manifest has %zu layers, the config %zu",
			       s->manifest.nlayers, s->config->ndiff);
	return check_platform(s, e);
}
