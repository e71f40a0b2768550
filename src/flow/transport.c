#include "src/flow/transport.h"

#include <string.h>

const struct transport *const transports[] = {
	&transport_docker,
	&transport_oras,
	&transport_https,
	&transport_http,
	&transport_oci,
	&transport_oci_archive,
	&transport_docker_archive,
	&transport_docker_daemon,
	&transport_library,
	&transport_shub,
	NULL,
};

const struct transport *transport_of(const char *text, const char **rest)
{
	size_t n = strcspn(text, ":");

	if (!text[n])
		return NULL;
	for (size_t i = 0; transports[i]; i++) {
		const struct transport *t = transports[i];

		if (strlen(t->scheme) != n || strncmp(text, t->scheme, n) != 0)
			continue;
		*rest = text + n + 1;
		if (t->slashes) {
			/* "docker:debian" is not written, but understood. */
			if (str_has_prefix(*rest, "//"))
				*rest += 2;
			else if (t == &transport_http || t == &transport_https)
				continue;
		} else if (str_has_prefix(*rest, "//") && (*rest)[2] != '/') {
			*rest += 2; /* "oci://dir", as some write it */
		}
		return t;
	}
	return NULL;
}

void transport_list(struct buf *out)
{
	for (size_t i = 0; transports[i]; i++)
		buf_printf(out, "%s%s:%s", i ? ", " : "", transports[i]->scheme,
			   transports[i]->slashes ? "//" : "");
}
