/* http: HTTPS transfers, several at once in one thread.  The one user of libcurl.
 *
 *	auto_http struct http *h = NULL;
 *	http_new(&h, &opts, e);
 *	struct http_xfer x = { .url = "https://...", .auth = "Bearer ...", .max_body = 4096 };
 *	http_start(h, &x, e);
 *	while (!x.end)
 *		http_wait(h, 1000, e);
 *	... x.end, x.status, http_header(&x, "content-type"), x.body ...
 *	http_xfer_fini(&x);
 *
 * Redirects are followed here and not by libcurl, so that what is sent where can
 * be read in one place: the Authorization value goes to the scheme, host and port
 * of x.url and nowhere else; https never becomes http; only GET and HEAD follow.
 * Certificates and host names are always verified. */
#ifndef REGISTRY_HTTP_H
#define REGISTRY_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/base/mem.h"

struct http_opts {
	/* Trusted besides the system's and the host's own (trust.h, certs.h); NULL: none.
	 * $SSL_CERT_FILE and $SSL_CERT_DIR take the place of the system's bundle and directory, as
	 * they do for OpenSSL. */
	const char *ca_file;
	bool allow_plain;	    /* http:// too */
	bool insecure;		    /* certificates are not checked: registries.conf says so */
	unsigned connect_timeout_s; /* 0: 20 */
	unsigned stall_bytes;	    /* slower than this many bytes a second ... 0: 1000 */
	unsigned stall_s;	    /* ... for so long is a broken connection; 0: 30 */
	uint64_t limit_rate;	    /* bytes a second of all transfers together; 0: no limit */
	const char *unix_socket;    /* talk to this instead of the URL's host; NULL: do not */
};

enum http_end {
	HTTP_RUNNING = 0,
	HTTP_DONE,	/* a whole reply, whatever its status */
	HTTP_CUT,	/* the connection broke, stalled or ended early */
	HTTP_UNREACHED, /* no address, no connection, no TLS session */
	HTTP_UNTRUSTED, /* the certificate was refused */
	HTTP_STOPPED	/* a callback said -1, a limit was hit, a redirect was refused: x.err */
};

struct http_xfer {
	/* Set by the caller, borrowed until the end; all but url may be 0. */
	const char *url;
	const char *auth;	   /* value of Authorization */
	const char *const *accept; /* NULL-terminated: one Accept line each */
	const char *method;	   /* HEAD, PUT, PATCH, POST, DELETE; NULL: GET */
	const char *post;	   /* a form: POST instead of GET */
	/* A body of upload_size bytes: fills p with the n bytes from off on.  May be asked again
	 * for what it gave before. */
	int (*upload)(void *arg, uint64_t off, void *p, size_t n, struct err *e);
	uint64_t upload_size;
	const char *content_type, *content_range; /* headers of the body */
	uint64_t range_from;			  /* > 0: "Range: bytes=N-" ... */
	const char *if_range; /* ... only if the file still has this ETag or date */
	size_t max_body;      /* of a 2xx reply that data does not take; more is an error */
	/* Called once the headers of the last reply are there, not for redirects. */
	int (*head)(void *arg, struct http_xfer *x, struct err *e);
	/* Takes the body of 2xx replies.  Of others 64 KiB are kept and no more is read. */
	int (*data)(void *arg, const void *p, size_t n, struct err *e);
	void *arg;

	/* Valid when end is set (status and headers from head on). */
	enum http_end end;
	int status;
	bool crossed; /* the reply came from another host than url's */
	char *host;   /* "host:port" that the reply came from, for messages */
	struct buf body;
	char reason[256]; /* why it was CUT, UNREACHED or UNTRUSTED; printable */
	struct err err;	  /* why it was STOPPED */

	struct http_call *call; /* private */
	struct strv headers;	/* private */
};

/* Scheme, host and port of two URLs are the same.  Only while a struct http lives. */
bool http_same_origin(const char *a, const char *b);
/* to as a reader of base takes it (RFC 3986).  Heap string, NULL when it makes no URL. */
char *http_url_join(const char *base, const char *to);

struct http;
/* ERR_HOST when libcurl cannot be loaded; an error that names ca_file or the file of
 * SSL_CERT_FILE when it cannot be read. */
int http_new(struct http **out, const struct http_opts *o, struct err *e);
/* Every transfer has ended or was stopped before. */
void http_free(struct http *h);
static inline void http_free_p_(struct http **h)
{
	http_free(*h);
}
#define auto_http auto_(http_free_p_)

/* Starts x, which stays where it is until it ended.  Results of an earlier
 * transfer in x are dropped. */
int http_start(struct http *h, struct http_xfer *x, struct err *e);
/* Moves all transfers on and waits for up to timeout_ms until something happens.
 * Callbacks run in here.  -1 only when libcurl itself fails. */
int http_wait(struct http *h, unsigned timeout_ms, struct err *e);
/* Breaks x off; does nothing when it ended.  Its results are dropped. */
void http_stop(struct http *h, struct http_xfer *x);
/* From any thread: a http_wait() under way returns. */
void http_wake(struct http *h);
/* Frees the results. */
void http_xfer_fini(struct http_xfer *x);

/* The value of the i-th header of that name (lower case), NULL when there is none. */
const char *http_header_at(const struct http_xfer *x, const char *name, size_t i);
static inline const char *http_header(const struct http_xfer *x, const char *name)
{
	return http_header_at(x, name, 0);
}

#endif
