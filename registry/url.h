/* url: the little that is done with addresses as text. */
#ifndef REGISTRY_URL_H
#define REGISTRY_URL_H

#include "src/base/buf.h"

/* url for a message or a log: without query, fragment and user part (signed
 * addresses are secrets), escaped and cut.  Heap string. */
char *url_shown(const char *url);
/* "host:port" of url, escaped and cut.  Heap string. */
char *url_host(const char *url);
/* Adds p percent-encoded for a query or a form. */
void url_add_encoded(struct buf *out, const char *p);

#endif
