#include "src/cli/access_opts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/nodump.h"
#include "src/base/progress.h"

#define LINE_MAX_BYTES 8192

static void cut_line(struct buf *b)
{
	while (b->len && strchr("\r\n", b->data[b->len - 1]))
		b->data[--b->len] = '\0';
}

int secret_from_stdin(struct buf *out, struct err *e)
{
	if (fd_read_all(STDIN_FILENO, out, 64 << 10, "the password on standard input", e) < 0)
		return -1;
	cut_line(out);
	return out->len ? 0 : err_set(e, ERR_USAGE, "no password on standard input");
}

/* The echo must come back, whatever ends the line; a signal meanwhile leaves it to the shell. */
static int read_line(int tty, struct buf *out, struct err *e)
{
	char c;
	ssize_t n;

	while ((n = read(tty, &c, 1)) == 1 && c != '\n' && out->len < LINE_MAX_BYTES)
		buf_addch(out, c);
	return n < 0 ? err_sys(e, "read from the terminal") : 0;
}

int prompt_line(const char *what, bool hidden, struct buf *out, struct err *e)
{
	auto_close int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios before, quiet;
	int r;

	if (tty < 0)
		return err_set(e, ERR_USAGE,
			       "no terminal to ask for the %s: give it on standard input "
			       "(--password-stdin) or by BERTH_DOCKER_USERNAME and "
			       "BERTH_DOCKER_PASSWORD",
			       what);
	hidden = hidden && tcgetattr(tty, &before) == 0;
	if (hidden) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		/* Before the question: what is typed at once is neither shown nor thrown away. */
		tcsetattr(tty, TCSAFLUSH, &quiet);
	}
	if (fd_write(tty, what, strlen(what)) < 0 || fd_write(tty, ": ", 2) < 0)
		r = err_sys(e, "write to the terminal");
	else
		r = read_line(tty, out, e);
	if (!hidden)
		return r;
	tcsetattr(tty, TCSAFLUSH, &before);
	if (fd_write(tty, "\n", 1) < 0 && r == 0)
		r = err_sys(e, "write to the terminal");
	return r;
}

int access_settle(struct access_words *w, struct access *out, struct err *e)
{
	if (w->progress && progress_set_mode(w->progress, e) < 0)
		return -1;
	w->guarded = true;
	nodump_begin();
	if (w->login) {
		if (!w->user && prompt_line("Username", false, &w->typed_user, e) < 0)
			return -1;
		if (!w->user)
			w->user = buf_str(&w->typed_user);
		if (!w->password && !w->password_stdin &&
		    prompt_line("Password", true, &w->secret, e) < 0)
			return -1;
	}
	if (w->password_stdin && secret_from_stdin(&w->secret, e) < 0)
		return -1;
	if (w->secret.len)
		w->password = buf_str(&w->secret);
	*out = (struct access){
		.user = w->user,
		.password = w->password,
		.ca_file = w->ca_file,
		.auth_file = w->auth_file,
		.no_https = w->no_https,
		.parallel = w->parallel,
		.limit_rate = w->limit_rate,
	};
	return 0;
}

void access_forget(struct access_words *w)
{
	if (w->secret.data)
		explicit_bzero(w->secret.data, w->secret.cap);
	buf_fini(&w->secret);
	buf_fini(&w->typed_user);
	if (w->guarded)
		nodump_end();
	w->guarded = false;
}
