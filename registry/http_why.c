/* libcurl's errors, told for people. */
#include <stdio.h>
#include <string.h>

#include "registry/http_priv.h"

enum http_end http_classify(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return HTTP_DONE;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
		return HTTP_UNREACHED;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return HTTP_UNTRUSTED;
	default:
		return HTTP_CUT;
	}
}

/* libcurl says "Failed to connect to HOST port N": another host or port than the
 * one asked for is a proxy's. */
static void add_unreached(struct buf *b, const struct http_xfer *x, const char *raw)
{
	char host[256], shown[280];
	unsigned port;

	if (sscanf(raw, "Failed to connect to %255s port %u", host, &port) == 2) {
		snprintf(shown, sizeof(shown), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
		if (strcmp(shown, x->host) != 0 && strcmp(host, x->host) != 0) {
			buf_printf(b, "cannot connect to the proxy %s: ", shown);
			return;
		}
	}
	buf_printf(b, "cannot connect to %s: ", x->host);
}

/* libcurl's sentences name functions and byte counts; these are for people. */
void http_explain(struct http_call *c, CURLcode code)
{
	static const char *const prefixes[] = { "SSL certificate problem: ", "SSL: " };
	struct http_xfer *x = c->x;
	const char *raw = *c->error ? c->error : curl.easy_strerror(code);
	auto_buf struct buf b = { 0 };
	long sys = 0;

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (str_has_prefix(raw, prefixes[i]))
			raw += strlen(prefixes[i]);
	curl.easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &sys);
	if (code == CURLE_COULDNT_CONNECT || code == CURLE_SSL_CONNECT_ERROR)
		add_unreached(&b, x, raw);
	if (strstr(raw, "SSL routines:"))
		raw = strrchr(raw, ':') + 1;
	if (code == CURLE_OPERATION_TIMEDOUT && strstr(raw, "too slow"))
		buf_printf(&b, "stalled (less than %ld bytes a second for %ld s)",
			   c->http->stall_bytes, c->http->stall_s);
	else if (strcasestr(raw, "connection reset"))
		buf_adds(&b, "connection reset by peer");
	else if (code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING || code == CURLE_HTTP2 ||
		 code == CURLE_HTTP2_STREAM || strstr(raw, "unexpected eof"))
		buf_adds(&b, "connection closed by the registry");
	else if (code == CURLE_COULDNT_CONNECT && sys)
		buf_adds(&b, strerror((int)sys));
	else
		buf_add_escaped(&b, raw, strlen(raw));
	snprintf(x->reason, sizeof(x->reason), "%s", buf_str(&b));
}
