/* registry login, logout, list. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/cli/access_opts.h"
#include "src/cli/cmd.h"
#include "src/flow/login.h"

struct login_words {
	struct login_req req;
	const char *user, *password, *ca_file;
	bool no_https, password_stdin;
	struct buf typed_user, secret;
};

static const struct opt login_opts[] = {
	OPT_STR('u', "username", "USER", NULL, struct login_words, user, "user name"),
	OPT_STR('p', "password", "PASSWORD", NULL, struct login_words, password,
		"password; ps shows it, so rather leave it out or use --password-stdin"),
	OPT_FLAG(0, "password-stdin", NULL, struct login_words, password_stdin,
		 "read the password from standard input"),
	OPT_STR(0, "authfile", "FILE", "AUTHFILE,AUTH_FILE", struct login_words, req.auth_file,
		"keep the login in this file"),
	OPT_STR(0, "tls-ca", "FILE", "TLS_CA", struct login_words, ca_file,
		"trust the certificates in this PEM file"),
	OPT_FLAG(0, "no-https", "NOHTTPS,NO_HTTPS", struct login_words, no_https,
		 "talk plain http to the registry"),
	OPT_END,
};

static int ask(struct login_words *w, struct err *e)
{
	if (!w->user && w->password_stdin)
		return err_set(e, ERR_USAGE, "--password-stdin takes -u USER");
	if (!w->user && prompt_line("Username", false, &w->typed_user, e) < 0)
		return -1;
	if (w->password_stdin && secret_from_stdin(&w->secret, e) < 0)
		return -1;
	if (!w->password && !w->password_stdin && prompt_line("Password", true, &w->secret, e) < 0)
		return -1;
	w->req.access.user = w->user ? w->user : buf_str(&w->typed_user);
	w->req.access.password = w->password ? w->password : buf_str(&w->secret);
	w->req.access.ca_file = w->ca_file;
	w->req.access.no_https = w->no_https;
	if (!*w->req.access.user || !*w->req.access.password)
		return err_set(e, ERR_USAGE, "the user name or the password is empty");
	return 0;
}

static int run_login(void *req, int argc, char **argv, struct err *e)
{
	struct login_words *w = req;
	auto_buf struct buf where = { 0 };
	int r;

	(void)argc;
	w->req.uri = argv[0];
	r = ask(w, e);
	if (r == 0)
		r = flow_login(&w->req, &where, e);
	if (w->secret.data)
		explicit_bzero(w->secret.data, w->secret.cap);
	buf_fini(&w->secret);
	buf_fini(&w->typed_user);
	if (r < 0)
		return err_wrap(e, "registry login %s", argv[0]);
	log_info("the login for %s is kept in %s", argv[0], buf_str(&where));
	return 0;
}

const struct cmd cmd_registry_login = {
	.name = "registry login",
	.args = "URI",
	.brief = "log in to a registry",
	.details = "Asks for user name and password, tries them, and keeps them with mode 0600 in\n"
		   "~/.berth/auth.json (or the file that Apptainer uses, where that is there), or "
		   "with\n"
		   "the credential helper that this file names.\n\n"
		   "  berth registry login docker://registry.example.org\n"
		   "  pass show reg | berth registry login -u me --password-stdin "
		   "oras://reg.example.org",
	.opts = login_opts,
	.size = sizeof(struct login_words),
	.least = 1,
	.most = 1,
	.run = run_login,
};

static const struct opt file_opts[] = {
	OPT_STR(0, "authfile", "FILE", "AUTHFILE,AUTH_FILE", struct login_req, auth_file,
		"the file with the logins"),
	OPT_END,
};

static int run_logout(void *req, int argc, char **argv, struct err *e)
{
	struct login_req *r = req;
	int v;

	(void)argc;
	r->uri = argv[0];
	v = flow_logout(r, e);
	if (v < 0)
		return err_wrap(e, "registry logout %s", argv[0]);
	log_info(v ? "there was no login for %s" : "the login for %s is removed", argv[0]);
	return 0;
}

const struct cmd cmd_registry_logout = {
	.name = "registry logout",
	.args = "URI",
	.brief = "forget the login of a registry",
	.details = "Removes what registry login kept.",
	.opts = file_opts,
	.size = sizeof(struct login_req),
	.least = 1,
	.most = 1,
	.run = run_logout,
};

static int run_logins(void *req, int argc, char **argv, struct err *e)
{
	auto_buf struct buf text = { 0 };

	(void)argc;
	(void)argv;
	if (flow_logins(req, &text, e) < 0)
		return -1;
	return cmd_print(&text, e);
}

const struct cmd cmd_registry_list = {
	.name = "registry list",
	.args = "",
	.brief = "list the registries with a login",
	.details = "Lists registries and user names, never secrets.",
	.opts = file_opts,
	.size = sizeof(struct login_req),
	.run = run_logins,
};
