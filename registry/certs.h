/* certs: what a host's certificate is checked against, and the one shown to it.
 *
 *	certs_for(&list, "reg.example.org:5000", "--tls-ca file", &c, e);
 *	if (c->ca) ... CURLOPT_CAINFO ...  if (c->cert) ... CURLOPT_SSLCERT, SSLKEY ...
 *
 * Per host, as containers and Docker have them: certs.d/HOST[:PORT]/ with *.crt (CAs), and
 * NAME.cert with NAME.key (a client certificate), below ~/.config/containers, /etc/containers and
 * /etc/docker; the first directory that exists counts. */
#ifndef REGISTRY_CERTS_H
#define REGISTRY_CERTS_H

#include "src/base/err.h"

struct certs {
	struct certs *next;
	char *host;
	int ca_fd;
	char *ca;	  /* a PEM file with all that is trusted; NULL: libcurl's own bundle */
	char *cert, *key; /* of the client; NULL: none */
};

/* Finds or makes host's entry in list; *out is borrowed from it.  ca_file: trusted for every host
 * besides the system's, or NULL.  Errors name the file that cannot be read, or a .cert without
 * its .key. */
int certs_for(struct certs **list, const char *host, const char *ca_file, const struct certs **out,
	      struct err *e);
void certs_free(struct certs *list);

#endif
