#include "mpi/spank/enter.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/mem.h"

#define FDS_MAX	    (HANDOVER_NS_MAX + 2)
#define RECORDS_MAX (16 << 20)

void container_fini(struct container *c)
{
	close_p_(&c->text);
	close_p_(&c->prefix);
	for (size_t i = 0; i < c->head.nns && i < HANDOVER_NS_MAX; i++)
		close_p_(&c->ns[i]);
	buf_fini(&c->records);
}

static int records_read(struct container *c, struct err *e)
{
	struct stat st;
	off_t at = 0;

	if (fstat(c->text, &st) < 0 || st.st_size > RECORDS_MAX)
		return err_set(e, ERR_INPUT, "berth sent no environment");
	buf_reserve(&c->records, (size_t)st.st_size + 1);
	while (at < st.st_size) {
		ssize_t n = pread(c->text, c->records.data + at, (size_t)(st.st_size - at), at);

		if (n <= 0)
			return err_sys(e, "read the environment");
		at += n;
	}
	c->records.len = (size_t)at;
	c->records.data[at] = '\0';
	return 0;
}

/* Distributes what came; the number has to be what the head says. */
static bool fds_take(struct container *c, const int *fds, size_t n)
{
	size_t used = 0;

	c->text = c->prefix = -1;
	if (c->head.magic != HANDOVER_MAGIC || c->head.version != HANDOVER_VERSION ||
	    c->head.nns > HANDOVER_NS_MAX || n != 1 + !!c->head.has_prefix + c->head.nns) {
		c->head.nns = 0;
		while (n)
			close(fds[--n]);
		return false;
	}
	c->text = fds[used++];
	if (c->head.has_prefix)
		c->prefix = fds[used++];
	for (size_t i = 0; i < c->head.nns; i++)
		c->ns[i] = fds[used++];
	return true;
}

int container_recv(struct container *c, int sock, struct err *e)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { &c->head, sizeof(c->head) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *h;
	int fds[FDS_MAX];
	size_t nfds = 0;
	ssize_t n;

	c->text = c->prefix = -1;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 1;
	h = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
		nfds = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(h), nfds * sizeof(int));
	}
	if (n != sizeof(c->head))
		c->head.magic = 0;
	if (!fds_take(c, fds, nfds))
		return err_set(e, ERR_INPUT,
			       "berth and its Slurm plugin are of different versions; install both "
			       "from one build");
	return records_read(c, e);
}

/* From one record to the next. */
#define records_each(c, r)                                                               \
	for (char *r = (c)->records.data; r && r < (c)->records.data + (c)->records.len; \
	     r += strlen(r) + 1)

static int directory_take(const struct container *c, container_setenv *set, void *arg,
			  struct err *e)
{
	records_each(c, r)
	{
		bool required = *r == 'C' && r[1] == '!';
		const char *dir = r + 1 + required;

		if (*r != 'C')
			continue;
		if (chdir(dir) == 0)
			return set("PWD", dir, arg);
		if (required)
			return err_sys(e, "--container-workdir=%s", dir);
	}
	return 0;
}

static int environment_take(const struct container *c, container_setenv *set, void *arg,
			    struct err *e)
{
	records_each(c, r)
	{
		size_t n = strcspn(r + 1, "=");
		auto_free char *key = NULL;

		if (*r != 'E' && *r != 'U')
			continue;
		key = xstrndup(r + 1, n);
		if (set(key, *r == 'E' ? r + 1 + n + 1 : NULL, arg) < 0)
			return err_set(e, ERR_SYS, "Slurm does not take the variable %s", key);
	}
	return 0;
}

int container_enter(struct container *c, container_setenv *set, void *arg, struct err *e)
{
	if (environment_take(c, set, arg, e) < 0)
		return -1;
	for (size_t i = 0; i < c->head.nns; i++)
		if (setns(c->ns[i], (int)c->head.types[i]) < 0)
			return err_sys(e, "enter the container");
	if (directory_take(c, set, arg, e) < 0)
		return -1;
	/* As the engine does for its own: nothing in there gives more than its user has. */
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? err_sys(e, "no_new_privs") : 0;
}

void container_prefix(const struct container *c, struct strv *words)
{
	records_each(c, r)
	{
		if (*r == 'P')
			strv_add(words, r + 1);
	}
}
