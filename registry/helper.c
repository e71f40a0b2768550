#include "registry/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "registry/secret.h"
#include "src/base/clock.h"
#include "src/base/json.h"

#define PATIENCE_MS 30000
#define ANSWER_MAX  (64u << 10)

extern char **environ;

/* A name becomes part of a program's: no way out of PATH. */
static bool is_name(const char *s)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	return *s && *s != '.' && strlen(s) < 64 && strspn(s, good) == strlen(s);
}

/* A pipe whose end kept here is close-on-exec. */
static int start(const char *program, const char *verb, int in, int out, pid_t *pid, struct err *e)
{
	char *const argv[] = { (char *)program, (char *)verb, NULL };
	posix_spawn_file_actions_t acts;
	posix_spawnattr_t attr;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&acts);
	posix_spawn_file_actions_adddup2(&acts, in, 0);
	posix_spawn_file_actions_adddup2(&acts, out, 1);
	r = posix_spawnp(pid, program, &acts, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&acts);
	posix_spawnattr_destroy(&attr);
	if (!r)
		return 0;
	errno = r;
	return err_sys(e, "start the credential helper %s", program);
}

/* 0 all of it came, 1 too late or too much. */
static int read_answer(int fd, struct buf *out)
{
	int64_t until = now_ms() + PATIENCE_MS;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = until - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) <= 0 || out->len > ANSWER_MAX)
			return 1;
		buf_reserve(out, 4096);
		n = read(fd, out->data + out->len, 4096);
		if (n <= 0)
			return n < 0;
		out->len += (size_t)n;
		out->data[out->len] = '\0';
	}
}

/* 0 done, 1 it exited with another status; out has what it said. */
static int call(const char *name, const char *verb, const char *in, struct buf *out, struct err *e)
{
	auto_free char *program = xasprintf("docker-credential-%s", name);
	auto_close int in_r = -1, in_w = -1, out_r = -1, out_w = -1;
	int a[2], b[2], status, late;
	pid_t pid;

	if (!is_name(name))
		return err_set(e, ERR_USAGE, "a credential helper is no program's name");
	/* A socket, since a write to a pipe without a reader is a signal. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a) < 0)
		return err_sys(e, "socketpair");
	in_r = a[0];
	in_w = a[1];
	if (pipe2(b, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	out_r = b[0];
	out_w = b[1];
	if (start(program, verb, in_r, out_w, &pid, e) < 0)
		return -1;
	close_p_(&in_r);
	close_p_(&out_w);
	in_r = out_w = -1;
	/* It fits into the buffer; a helper that reads nothing is none of our faults. */
	(void)!send(in_w, in, strlen(in), MSG_NOSIGNAL);
	close_p_(&in_w);
	in_w = -1;
	late = read_answer(out_r, out);
	if (late)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (late)
		return err_set(e, ERR_HOST, "%s gave no answer within %d s", program,
			       PATIENCE_MS / 1000);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

static void forget(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_fini(b);
}

/* Failures are told on standard output. */
static int failed(const char *name, const struct buf *said, struct err *e)
{
	auto_buf struct buf shown = { 0 };

	buf_add_escaped(&shown, buf_str(said), strcspn(buf_str(said), "\r\n"));
	return err_set(e, ERR_HOST, "docker-credential-%s: %.200s", name,
		       shown.len ? buf_str(&shown) : "failed without a word");
}

static bool means_none(const struct buf *said)
{
	return strstr(buf_str(said), "credentials not found") != NULL ||
	       strstr(buf_str(said), "no credentials") != NULL;
}

int helper_parse(struct credential *out, const char *p, size_t n, struct err *e)
{
	auto_json struct json *doc = NULL;
	const char *user, *secret;

	if (json_parse(&doc, p, n, ANSWER_MAX, e) < 0)
		return err_set(e, ERR_INPUT, "the credential helper's answer is no JSON");
	user = json_str(json_get(doc, "Username"));
	secret = json_str(json_get(doc, "Secret"));
	if (!user || !secret || !*secret)
		return 1;
	if (!strcmp(user, "<token>")) {
		out->identity_token = xstrdup(secret);
	} else {
		out->user = xstrdup(user);
		out->password = xstrdup(secret);
	}
	return 0;
}

int helper_get(struct credential *out, const char *name, const char *server, struct err *e)
{
	struct buf said = { 0 };
	int r = call(name, "get", server, &said, e);

	if (r == 1 && !means_none(&said))
		r = failed(name, &said, e);
	else if (r == 0)
		r = helper_parse(out, buf_str(&said), said.len, e);
	forget(&said);
	return r;
}

int helper_store(const char *name, const char *server, const char *user, const char *secret,
		 struct err *e)
{
	struct buf in = { 0 }, said = { 0 };
	struct jw w = { .out = &in };
	int r;

	jw_obj(&w, NULL);
	jw_str(&w, "ServerURL", server);
	jw_str(&w, "Username", user);
	jw_str(&w, "Secret", secret);
	jw_end(&w);
	r = call(name, "store", buf_str(&in), &said, e);
	if (r == 1)
		r = failed(name, &said, e);
	forget(&in);
	forget(&said);
	return r;
}

int helper_erase(const char *name, const char *server, struct err *e)
{
	struct buf said = { 0 };
	int r = call(name, "erase", server, &said, e);

	if (r == 1 && !means_none(&said))
		r = failed(name, &said, e);
	forget(&said);
	return r;
}
