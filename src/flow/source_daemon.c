/* What Docker's daemon has: its API's export of an image is an archive as docker save writes it
 * (Docker Engine API, "Export an image"). */
#include <stdlib.h>
#include <string.h>

#include "registry/fetch.h"
#include "registry/url.h"
#include "src/flow/pull_source.h"

/* DOCKER_HOST as a socket's path or an address. */
static int find_daemon(char **sock, char **base, struct err *e)
{
	const char *host = getenv("DOCKER_HOST");

	if (!host || !*host) {
		*sock = xstrdup("/var/run/docker.sock");
	} else if (str_has_prefix(host, "unix://")) {
		*sock = xstrdup(host + strlen("unix://"));
	} else if (str_has_prefix(host, "tcp://")) {
		*base = xasprintf("http://%s", host + strlen("tcp://"));
		return 0;
	} else if (str_has_prefix(host, "http://") || str_has_prefix(host, "https://")) {
		*base = xstrdup(host);
		return 0;
	} else {
		return err_set(e, ERR_UNSUPPORTED,
			       "DOCKER_HOST is %.100s: only unix:// and tcp:// are understood",
			       host);
	}
	*base = xstrdup("http://docker");
	return 0;
}

int daemon_export(struct stream **out, struct source *s, const char *name, struct err *e)
{
	auto_free char *base = NULL, *url = NULL;
	auto_buf struct buf encoded = { 0 };
	auto_ref struct ref ref = { 0 };
	struct remote *remote;

	if (find_daemon(&s->unix_socket, &base, e) < 0)
		return -1;
	url_add_encoded(&encoded, name);
	url = xasprintf("%s/images/%s/get", base, buf_str(&encoded));
	if (ref_for_url(&ref, url, e) < 0)
		return -1;
	ref_fini(&s->ref);
	s->ref = ref;
	ref = (struct ref){ 0 };
	s->plain = str_has_prefix(url, "http://");
	if (source_remote(s, &remote, e) < 0)
		return -1;
	return fetch_stream(out, remote, url, e);
}
