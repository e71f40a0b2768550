#include "registry/url.h"

#include <string.h>

#define SHOWN_MAX 300

/* Where the host begins, and how long it is with its port. */
static const char *find_host(const char *url, size_t *len)
{
	const char *scheme = strstr(url, "://");
	const char *host = scheme ? scheme + 3 : url, *at;
	size_t n = strcspn(host, "/?#");

	at = memrchr(host, '@', n);
	if (at) {
		n -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	*len = n;
	return host;
}

char *url_shown(const char *url)
{
	const char *scheme = strstr(url, "://");
	auto_buf struct buf b = { 0 };
	size_t n;
	const char *host = find_host(url, &n);

	if (scheme)
		buf_add_escaped(&b, url, MIN((size_t)(scheme + 3 - url), 16u));
	n += strcspn(host + n, "?#");
	buf_add_escaped(&b, host, MIN(n, SHOWN_MAX));
	return buf_take(&b);
}

char *url_host(const char *url)
{
	auto_buf struct buf b = { 0 };
	size_t n;
	const char *host = find_host(url, &n);

	buf_add_escaped(&b, host, MIN(n, SHOWN_MAX));
	return buf_take(&b);
}

void url_add_encoded(struct buf *out, const char *p)
{
	for (; *p; p++) {
		if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		    (*p >= '0' && *p <= '9') || strchr("-._~", *p))
			buf_addch(out, *p);
		else
			buf_printf(out, "%%%02X", (unsigned char)*p);
	}
}
