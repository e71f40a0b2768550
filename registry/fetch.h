/* fetch: files by URL, on the connection and with the login, retries and limits of a remote.
 *
 *	ref_for_url(&ref, "https://example.org/a.sif", e);
 *	remote_open(&r, &ref, &opts, e);
 *	fetch_about(r, url, &info, e);              // size and version, nothing of the body
 *	g.url = url, g.size = info.size, g.if_range = info.version; remote_blobs(r, &g, 1, e); */
#ifndef REGISTRY_FETCH_H
#define REGISTRY_FETCH_H

#include "registry/remote.h"
#include "src/base/stream.h"

struct fetch_info {
	uint64_t size; /* BLOB_ANY_SIZE: the server does not say */
	char *version; /* a strong ETag, else Last-Modified; NULL: none */
};
void fetch_info_fini(struct fetch_info *i);
#define auto_fetch_info auto_(fetch_info_fini)

/* A ref whose host and text are the URL's; ERR_USAGE when url is none. */
int ref_for_url(struct ref *out, const char *url, struct err *e);
int fetch_about(struct remote *r, const char *url, struct fetch_info *out, struct err *e);
/* A small document, whole. */
int fetch_text(struct remote *r, const char *url, size_t max, struct buf *out, struct err *e);
/* The body as it comes, with no length known before (docker-daemon).  The stream does its waiting
 * in read(); r must outlive it. */
int fetch_stream(struct stream **out, struct remote *r, const char *url, struct err *e);

#endif
