/* base64: RFC 4648, section 4; what HTTP's Basic scheme and docker's config use. */
#ifndef REGISTRY_BASE64_H
#define REGISTRY_BASE64_H

#include "src/base/buf.h"

/* Adds the text for p[0..n). */
void base64_add(struct buf *out, const void *p, size_t n);
/* Adds the bytes of text; padding may be missing.  0, or -1 when text is no base64. */
int base64_decode(struct buf *out, const char *text);

#endif
