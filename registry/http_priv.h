/* http_priv: what the files around libcurl share; nobody else includes this.
 *
 * http.c is what others see and the order of hops; http_call.c one hop: options and callbacks;
 * http_pace.c --limit-rate; http_why.c libcurl's errors as sentences; http_curl.c the loaded
 * functions. */
#ifndef REGISTRY_HTTP_PRIV_H
#define REGISTRY_HTTP_PRIV_H

#define CURL_DISABLE_TYPECHECK	 /* its macros name the functions that are loaded here */
#define CURL_DISABLE_DEPRECATION /* CURLOPT_PROTOCOLS: the successor is newer than EL 9's */
#include <curl/curl.h>

#include "registry/certs.h"
#include "registry/http.h"

struct curl_functions {
	__typeof__(&curl_global_init) global_init;
	__typeof__(&curl_easy_init) easy_init;
	__typeof__(&curl_easy_setopt) easy_setopt;
	__typeof__(&curl_easy_getinfo) easy_getinfo;
	__typeof__(&curl_easy_pause) easy_pause;
	__typeof__(&curl_easy_strerror) easy_strerror;
	__typeof__(&curl_easy_cleanup) easy_cleanup;
	__typeof__(&curl_multi_init) multi_init;
	__typeof__(&curl_multi_strerror) multi_strerror;
	__typeof__(&curl_multi_add_handle) multi_add;
	__typeof__(&curl_multi_remove_handle) multi_remove;
	__typeof__(&curl_multi_perform) multi_perform;
	__typeof__(&curl_multi_poll) multi_poll;
	__typeof__(&curl_multi_wakeup) multi_wakeup;
	__typeof__(&curl_multi_info_read) multi_info_read;
	__typeof__(&curl_multi_cleanup) multi_cleanup;
	__typeof__(&curl_slist_append) slist_append;
	__typeof__(&curl_slist_free_all) slist_free;
	__typeof__(&curl_url) url_new;
	__typeof__(&curl_url_set) url_set;
	__typeof__(&curl_url_get) url_get;
	__typeof__(&curl_url_cleanup) url_free;
	__typeof__(&curl_free) free;
};
extern struct curl_functions curl;
/* Loads libcurl and starts it, once. */
int http_curl_load(struct err *e);

struct http {
	CURLM *multi;
	struct certs *certs; /* by host, made when first asked for */
	char *ca_file;	     /* --tls-ca */
	char *unix_socket;
	bool allow_plain, insecure;
	long connect_timeout_s, stall_bytes, stall_s;
	uint64_t limit_rate; /* bytes a second of all transfers together; 0 none */
	double free_at;	     /* CLOCK_MONOTONIC: what came so far has had its time */
	struct http_call *calls;
	unsigned ncalls;
};

struct http_call {
	struct http *http;
	struct http_call *next; /* of http->calls */
	struct http_xfer *x;
	CURL *easy;
	struct curl_slist *headers;
	char *url;
	char *auth; /* a copy: the session may renew the caller's while this runs */
	unsigned hops;
	size_t header_bytes, hop_bytes;
	uint64_t sent;
	double paused_at; /* CLOCK_MONOTONIC; 0: it is not paused */
	bool in_body;	  /* headers are over: what looks like one now is a trailer */
	bool stopped;	  /* a callback wrote x->err */
	bool enough;	  /* of an error's body: the rest is not waited for */
	char error[CURL_ERROR_SIZE];
};

/* One hop of x.  Takes url and auth. */
int http_call_start(struct http *h, struct http_xfer *x, char *url, char *auth, unsigned hops,
		    struct err *e);
void http_call_free(struct http_call *c);
bool http_is_redirect(const struct http_xfer *x);

/* The largest piece of a body that is asked for at once. */
long http_pace_piece(const struct http *h, long most);
/* true: n bytes come too early, and the callback says PAUSE. */
bool http_pace_hold(struct http_call *c, size_t n);
/* The call to go on with, which counts as paused no more; NULL: none, or it is not time. */
struct http_call *http_pace_next(struct http *h);
/* timeout_ms, or what is left until a paused call may go on. */
unsigned http_pace_wait(const struct http *h, unsigned timeout_ms);

enum http_end http_classify(CURLcode code);
/* Fills x->reason. */
void http_explain(struct http_call *c, CURLcode code);

#endif
