/* trust: the certificates that a registry's own is checked against.
 *
 *	auto_close int fd = -1;
 *	if (trust_open(&fd, "site-ca.pem", NULL, e) < 0) ...
 *	... "/proc/self/fd/N" is a PEM file for libcurl ...
 *
 * The user's file counts besides the system's and not instead of them: a site
 * with a registry of its own pulls from docker.io as well. */
#ifndef REGISTRY_TRUST_H
#define REGISTRY_TRUST_H

#include "src/base/err.h"

#define TRUST_FILE_MAX (16u << 20)

/* *fd: the system's bundle ($SSL_CERT_FILE when that is set) with the certificates
 * of ca_file (NULL: none) and of the NULL-terminated more (NULL: none) behind it, in memory.  The
 * error names the file that cannot be read, and ERR_INPUT one that holds no certificate in PEM
 * form. */
int trust_open(int *fd, const char *ca_file, char *const *more, struct err *e);

#endif
