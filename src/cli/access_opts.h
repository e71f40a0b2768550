/* access_opts: the rows of an option table that say how a registry is spoken to.
 *
 *	struct push_words { struct push_req req; struct access_words access; };
 *	static const struct opt push_opts[] = { ACCESS_OPTS(struct push_words, access), OPT_END };
 *	access_settle(&w->access, &w->req.access, e);     // asks for a password where told to
 *	...; access_forget(&w->access); */
#ifndef CLI_ACCESS_OPTS_H
#define CLI_ACCESS_OPTS_H

#include "src/base/buf.h"
#include "src/cli/opt.h"
#include "src/flow/access.h"

struct access_words {
	const char *user, *password, *ca_file, *auth_file, *progress;
	bool no_https, password_stdin, login;
	unsigned parallel;
	uint64_t limit_rate;
	struct buf typed_user, secret; /* what was typed or came on standard input */
	bool guarded;		       /* no core file until access_forget() */
};

/* clang-format off */
#define ACCESS_OPTS(T, f)                                                                         \
	OPT_STR(0, "docker-username", "USER", "DOCKER_USERNAME", T, f.user,                       \
		"user name for the registry"),                                                    \
	OPT_STR(0, "docker-password", "PASSWORD", "DOCKER_PASSWORD", T, f.password,               \
		"password for the registry; the variable BERTH_DOCKER_PASSWORD hides it from ps"), \
	OPT_FLAG(0, "docker-password-stdin", NULL, T, f.password_stdin,                           \
		 "read the password from standard input"),                                        \
	OPT_FLAG(0, "docker-login", "DOCKER_LOGIN", T, f.login,                                   \
		 "ask for user name and password on the terminal"),                               \
	OPT_STR(0, "authfile", "FILE", "AUTHFILE,AUTH_FILE", T, f.auth_file,                      \
		"take credentials from this auth.json or config.json alone"),                     \
	OPT_STR(0, "tls-ca", "FILE", "TLS_CA", T, f.ca_file,                                      \
		"trust the certificates in this PEM file (SSL_CERT_FILE works too)"),             \
	OPT_FLAG(0, "no-https", "NOHTTPS,NO_HTTPS", T, f.no_https,                                \
		 "talk plain http to the registry"),                                              \
	OPT_UINT(0, "parallel", "N", "PARALLEL", T, f.parallel, "blobs at once (4)"),             \
	OPT_SIZE(0, "limit-rate", "SIZE", "LIMIT_RATE", T, f.limit_rate,                          \
		 "move no more than this many bytes a second"),                                   \
	OPT_STR(0, "progress", "MODE", "PROGRESS", T, f.progress,                                 \
		"auto, plain (a line now and then), json (an object a line), none")
/* clang-format on */

int access_settle(struct access_words *w, struct access *out, struct err *e);
/* Clears what was typed. */
void access_forget(struct access_words *w);

/* A line from the terminal without echo (hidden) or with; ERR_USAGE when there is no terminal. */
int prompt_line(const char *what, bool hidden, struct buf *out, struct err *e);
/* The first line of standard input. */
int secret_from_stdin(struct buf *out, struct err *e);

#endif
