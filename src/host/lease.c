#include "src/host/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/base/buf.h"
#include "src/base/fd.h"

enum { TRIES = 200, PAUSE_MS = 10, LEASE_MAX = 1024, CHAIN_MAX = 16 };

/* One line of a file, without its end; "-" when it cannot be read. */
static void line_read(char *out, size_t n, const char *path)
{
	auto_buf struct buf text = { 0 };
	struct err ignored;

	if (file_read(AT_FDCWD, path, &text, 4096, &ignored) != 0 || !text.len)
		buf_adds(&text, "-");
	snprintf(out, n, "%.*s", (int)strcspn(buf_str(&text), " \t\n"), buf_str(&text));
}

/* Start time of a process, and whether it is more than a zombie: 1; 0 not there. */
static int process_start(uint64_t pid, uint64_t *start)
{
	auto_free char *path = xasprintf("/proc/%" PRIu64 "/stat", pid);
	auto_buf struct buf text = { 0 };
	struct err ignored;
	const char *p;
	char state;

	if (file_read(AT_FDCWD, path, &text, 4096, &ignored) != 0)
		return 0;
	p = strrchr(buf_str(&text), ')'); /* the name before it may hold anything */
	if (!p || sscanf(p,
			 ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
			 "%*d %" SCNu64,
			 &state, start) != 2)
		return 0;
	return state != 'Z' && state != 'X';
}

int lease_self(struct lease_id *out, struct err *e)
{
	struct stat st;

	*out = (struct lease_id){ .pid = (uint64_t)getpid() };
	line_read(out->host, sizeof(out->host), "/proc/sys/kernel/hostname");
	line_read(out->machine, sizeof(out->machine), "/etc/machine-id");
	line_read(out->boot, sizeof(out->boot), "/proc/sys/kernel/random/boot_id");
	if (stat("/proc/self/ns/pid", &st) < 0 || !process_start(out->pid, &out->start))
		return err_set(e, ERR_HOST, "/proc does not tell who this process is");
	out->pidns = st.st_ino;
	return 0;
}

enum lease_owner lease_judge(const struct lease_id *owner, const struct lease_id *self)
{
	uint64_t start;

	if (strcmp(owner->host, self->host) != 0 || strcmp(owner->machine, self->machine) != 0)
		return LEASE_UNKNOWN;
	if (strcmp(owner->boot, self->boot) != 0)
		return LEASE_DEAD;
	if (owner->pidns != self->pidns)
		return LEASE_UNKNOWN;
	return process_start(owner->pid, &start) && start == owner->start ? LEASE_ALIVE
									  : LEASE_DEAD;
}

static void id_print(struct buf *out, const struct lease_id *id)
{
	buf_printf(out,
		   "berth-lease 1\nhost %s\nmachine %s\nboot %s\npidns %" PRIu64 "\npid %" PRIu64
		   "\nstart %" PRIu64 "\n",
		   id->host, id->machine, id->boot, id->pidns, id->pid, id->start);
}

static bool id_same(const struct lease_id *a, const struct lease_id *b)
{
	return a->pid == b->pid && a->start == b->start && a->pidns == b->pidns &&
	       !strcmp(a->boot, b->boot) && !strcmp(a->host, b->host) &&
	       !strcmp(a->machine, b->machine);
}

int lease_read(struct lease_id *out, const char *path, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = file_read(AT_FDCWD, path, &text, LEASE_MAX, e);

	if (r)
		return r;
	*out = (struct lease_id){ 0 };
	if (sscanf(buf_str(&text),
		   "berth-lease 1\nhost %64s\nmachine %64s\nboot %64s\npidns %" SCNu64
		   "\npid %" SCNu64 "\nstart %" SCNu64,
		   out->host, out->machine, out->boot, &out->pidns, &out->pid, &out->start) != 6)
		return err_set(e, ERR_INPUT,
			       "%s is no lease; when nothing uses what lies beside it, remove it",
			       path);
	return 0;
}

/* A private file that says who we are, ready to be linked. */
static int private_make(char **out, const char *path, const struct lease_id *id, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_free char *name =
		xasprintf("%s.%s.%" PRIu64 ".%" PRIu64, path, id->host, id->pid, id->start);
	auto_close int fd = -1;

	unlink(name); /* of this very process, so nobody else's */
	fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
	id_print(&text, id);
	if (fd < 0 || fd_write(fd, text.data, text.len) < 0 || fsync(fd) < 0) {
		err_sys(e, "%s", name);
		if (fd >= 0)
			unlink(name);
		return -1;
	}
	*out = take_ptr(name);
	return 0;
}

/* 1 linked, 0 the name is taken, -1.  A lost answer of an NFS server is told by the
 * number of links. */
static int link_try(const char *private, const char *path, struct err *e)
{
	struct stat st;

	if (link(private, path) == 0)
		return 1;
	if (errno == EEXIST) {
		struct stat there;

		return stat(private, &st) == 0 && stat(path, &there) == 0 &&
		       st.st_ino == there.st_ino && st.st_dev == there.st_dev;
	}
	return err_sys(e, "%s", path);
}

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
}

/* Removes owner's lease, if we win the right to.  0: try again, -1. */
static int lease_break(const char *private, const char *path, const struct lease_id *owner,
		       const struct lease_id *self, struct err *e)
{
	auto_strv struct strv won = { 0 };
	struct lease_id dead = *owner, now;
	int r = 0;

	for (int depth = 0; depth < CHAIN_MAX; depth++) {
		auto_free char *name = xasprintf("%s.break-%.8s-%" PRIu64 "-%" PRIu64, path,
						 dead.boot, dead.pid, dead.start);

		r = link_try(private, name, e);
		if (r < 0)
			break;
		strv_add(&won, name);
		if (r > 0)
			break;
		/* Somebody is at it; when it died over it, its right is what is to be won. */
		if (lease_read(&now, name, e) != 0 || lease_judge(&now, self) != LEASE_DEAD) {
			pause_a_little();
			return 0;
		}
		dead = now;
	}
	if (r <= 0)
		return r;
	if (lease_read(&now, path, e) == 0 && id_same(&now, owner))
		unlink(path);
	for (size_t i = 0; i < won.n; i++)
		unlink(won.v[i]);
	return 0;
}

static int refuse(const struct lease_id *owner, enum lease_owner how, const char *path,
		  struct err *e)
{
	if (how == LEASE_ALIVE)
		return err_set(e, ERR_EXISTS, "in use by process %" PRIu64 " on this host (%s)",
			       owner->pid, owner->host);
	return err_set(e, ERR_EXISTS,
		       "in use by process %" PRIu64 " on host %s, which cannot be asked from here; "
		       "when that process is gone, remove %s",
		       owner->pid, owner->host, path);
}

static int take(const char *private, const char *path, const struct lease_id *self,
		unsigned patience, struct err *e)
{
	struct lease_id owner;
	unsigned waits = patience / PAUSE_MS;

	for (int i = 0; i < TRIES; i++) {
		int r = link_try(private, path, e);
		enum lease_owner how;

		if (r)
			return r < 0 ? -1 : 0;
		r = lease_read(&owner, path, e);
		if (r < 0)
			return -1;
		if (r > 0)
			continue; /* gone in between */
		how = lease_judge(&owner, self);
		if (how == LEASE_ALIVE && waits) {
			pause_a_little();
			waits--;
			i--;
			continue;
		}
		if (how != LEASE_DEAD)
			return refuse(&owner, how, path, e);
		if (lease_break(private, path, &owner, self, e) < 0)
			return -1;
	}
	return err_set(e, ERR_EXISTS, "%s is always taken by another process; try again", path);
}

int lease_take(struct lease *l, const char *path, unsigned patience, struct err *e)
{
	auto_free char *private = NULL;
	int r;

	*l = (struct lease){ 0 };
	if (lease_self(&l->id, e) < 0 || private_make(&private, path, &l->id, e) < 0)
		return -1;
	r = take(private, path, &l->id, patience, e);
	unlink(private);
	if (r == 0)
		l->path = xstrdup(path);
	return r;
}

void lease_drop(struct lease *l)
{
	struct lease_id now;
	struct err ignored;

	if (!l->path)
		return;
	if (lease_read(&now, l->path, &ignored) == 0 && id_same(&now, &l->id))
		unlink(l->path);
	free(l->path);
	l->path = NULL;
}
