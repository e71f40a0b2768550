/* New files.  The kernel makes them root's.  Two kinds are made here instead, with the same
 * arguments, so that their owner can be written down at once: those of a process that is somebody
 * else, and those in a directory whose set-group-ID bit hands on a group other than root's.  A
 * device is a plain file that a record makes a device; opening it does not open the device.
 *
 * What fails, exists already or is odd is the kernel's to do: its errors are the right ones.
 * O_TMPFILE and sockets (bind) are not among the calls: rare, and always root's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/enter/emul_priv.h"

struct making {
	int dirfd;
	uint64_t path;
	mode_t mode; /* permissions; with the type for mknod */
	int flags;   /* of open */
	uint64_t text;
	uint32_t dev;
};

/* 1: not for us. */
static int args_of(const struct emul_tracee *t, struct making *m)
{
	const uint64_t *a = t->args;
	struct open_how how;

	*m = (struct making){ .dirfd = AT_FDCWD, .path = a[0] };
	switch (t->nr->call) {
	case EMUL_OPEN:
		m->flags = (int)a[1];
		m->mode = (mode_t)a[2];
		return 0;
	case EMUL_CREAT:
		m->flags = O_CREAT | O_WRONLY | O_TRUNC;
		m->mode = (mode_t)a[1];
		return 0;
	case EMUL_MKDIR:
	case EMUL_MKNOD:
		m->mode = (mode_t)a[1];
		m->dev = (uint32_t)a[2];
		return 0;
	case EMUL_SYMLINK:
		m->text = a[0];
		m->path = a[1];
		return 0;
	case EMUL_SYMLINKAT:
		m->text = a[0];
		m->dirfd = (int)a[1];
		m->path = a[2];
		return 0;
	default:
		m->dirfd = (int)a[0];
		m->path = a[1];
	}
	if (t->nr->call == EMUL_OPENAT2) {
		if (a[3] < sizeof(how) || tracee_read(t, a[2], &how, sizeof(how)) < 0 ||
		    how.resolve || !(how.flags & O_CREAT))
			return 1;
		m->flags = (int)how.flags;
		m->mode = (mode_t)how.mode;
	} else if (t->nr->call == EMUL_OPENAT) {
		m->flags = (int)a[2];
		m->mode = (mode_t)a[3];
	} else {
		m->mode = (mode_t)a[2];
		m->dev = (uint32_t)a[3];
	}
	return 0;
}

static bool is_device(const struct emul_tracee *t, const struct making *m)
{
	/* 0:0 is a whiteout, which anybody may make. */
	return (t->nr->call == EMUL_MKNOD || t->nr->call == EMUL_MKNODAT) &&
	       (S_ISCHR(m->mode) || S_ISBLK(m->mode)) && m->dev;
}

static mode_t umask_of(const struct emul_tracee *t)
{
	char name[32], text[512];
	auto_close int fd = -1;
	unsigned mask = 022;
	const char *at;
	ssize_t n;

	snprintf(name, sizeof(name), "%d/status", t->pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return mask;
	text[n] = '\0';
	at = strstr(text, "Umask:");
	if (at)
		sscanf(at + 6, "%o", &mask);
	return mask;
}

/* The owner that the kernel would give. */
struct owner {
	uint32_t uid, gid;
};

static void owner_of(const struct emul_tracee *t, const struct place *dir, struct owner *o)
{
	const struct emul_ids *ids = emul_who(t);
	const struct emul_rec *r;
	struct emul_key k;
	struct statx st;

	*o = (struct owner){ ids->uid[3], ids->gid[3] };
	if (statx(dir->dirfd, dir->path, dir->flags, EMUL_KEY_MASK, &st) < 0 ||
	    !(st.stx_mode & S_ISGID))
		return;
	emul_key_of(&k, &st);
	emul_key_life(&k, dir->dirfd, dir->path, dir->flags);
	r = emul_table_get(t->s->table, &k);
	o->gid = r ? r->gid : st.stx_gid;
}

/* A descriptor of the new file, which must not be there yet; -1 with errno. */
static int make(const struct emul_tracee *t, const struct making *m, int dir, const char *name)
{
	const int create = O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	mode_t mode = m->mode & (S_IFMT | 07777) & ~umask_of(t);
	char text[PATH_MAX];
	int r, fd, sys;

	switch (t->nr->call) {
	case EMUL_MKDIR:
	case EMUL_MKDIRAT:
		r = mkdirat(dir, name, mode & 01777);
		break;
	case EMUL_SYMLINK:
	case EMUL_SYMLINKAT:
		if (tracee_string(t, m->text, text, sizeof(text)) <= 0)
			return -1;
		r = symlinkat(text, dir, name);
		break;
	case EMUL_MKNOD:
	case EMUL_MKNODAT:
		if (!is_device(t, m)) {
			r = mknodat(dir, name, mode, 0);
			break;
		}
		fd = openat(dir, name, O_WRONLY | create, mode & 0700);
		if (fd >= 0 && fchmod(fd, mode & 07777) < 0) {
			sys = errno;
			close(fd);
			unlinkat(dir, name, 0);
			errno = sys;
			return -1;
		}
		return fd;
	default:
		return openat(dir, name, m->flags | create, mode & 07777);
	}
	return r < 0 ? -1 : openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static int note(const struct emul_tracee *t, const struct making *m, int fd, const struct owner *o)
{
	struct emul_rec *r;
	struct emul_key k;

	if (emul_key_at(&k, NULL, fd, "", AT_EMPTY_PATH) < 0)
		return -1;
	if (!o->uid && !o->gid && !is_device(t, m))
		return 0;
	r = emul_table_put(t->s->table, &k);
	r->uid = o->uid;
	r->gid = o->gid;
	if (is_device(t, m)) {
		r->type = m->mode & S_IFMT;
		/* As the system call has it: new_decode_dev() of the kernel. */
		r->dev_major = (m->dev & 0xfff00) >> 8;
		r->dev_minor = (m->dev & 0xff) | (m->dev >> 12 & 0xfff00);
	}
	return 0;
}

/* The tracee's own descriptor of the file. */
static int64_t hand_over(const struct emul_tracee *t, int fd, int flags)
{
	struct seccomp_notif_addfd a = { .id = t->id,
					 .srcfd = (uint32_t)fd,
					 .newfd_flags = (uint32_t)(flags & O_CLOEXEC) };
	int r = ioctl(t->s->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &a);

	return r < 0 ? -errno : r;
}

static bool opens(const struct emul_tracee *t)
{
	return t->nr->call >= EMUL_OPEN && t->nr->call <= EMUL_CREAT;
}

static bool is_mkdir(const struct emul_tracee *t)
{
	return t->nr->call == EMUL_MKDIR || t->nr->call == EMUL_MKDIRAT;
}

static enum emul_verdict make_there(const struct emul_tracee *t, const struct making *m, int dir,
				    const char *name, const struct owner *o, int64_t *value)
{
	auto_close int fd = -1;

	if (!tracee_is_there(t))
		return EMUL_CONTINUE;
	fd = make(t, m, dir, name);
	*value = fd < 0 ? -errno : 0;
	/* A device is never the kernel's: it would refuse for another reason. */
	if (fd < 0)
		return is_device(t, m) ? EMUL_DONE : EMUL_CONTINUE;
	if (note(t, m, fd, o) < 0)
		*value = -errno;
	else if (opens(t))
		*value = hand_over(t, fd, m->flags);
	if (*value < 0)
		unlinkat(dir, name, is_mkdir(t) ? AT_REMOVEDIR : 0);
	return EMUL_DONE;
}

enum emul_verdict emul_make_call(const struct emul_tracee *t, int64_t *value)
{
	char path[PATH_MAX], *slash;
	const char *name = path, *above = "";
	auto_place struct place p;
	auto_close int dir = -1;
	struct making m;
	struct owner o;
	bool device;

	p.own = -1;
	if (args_of(t, &m))
		return EMUL_CONTINUE;
	/* These make nothing, whatever O_CREAT says. */
	if (opens(t) && m.flags & (O_PATH | O_DIRECTORY))
		return EMUL_CONTINUE;
	device = is_device(t, &m);
	if (device && !emul_ids_root(emul_who(t))) {
		*value = -EPERM;
		return EMUL_DONE;
	}
	/* Nobody is anything but root yet, and nothing has another group. */
	if (!device && emul_table_count(t->s->table) == 0 && emul_idsets_count(t->s->sets) == 1)
		return EMUL_CONTINUE;
	if (tracee_string(t, m.path, path, sizeof(path)) <= 0)
		return EMUL_CONTINUE;
	slash = strrchr(path, '/');
	if (slash) {
		name = slash + 1;
		*slash = '\0';
		above = slash == path ? "/" : path;
	}
	if (!*name || !strcmp(name, ".") || !strcmp(name, "..") ||
	    place_of(&p, t, m.dirfd, above, false) < 0)
		return EMUL_CONTINUE;
	owner_of(t, &p, &o);
	if (!o.uid && !o.gid && !device)
		return EMUL_CONTINUE;
	dir = place_open(&p);
	if (dir < 0) {
		*value = -errno;
		return device ? EMUL_DONE : EMUL_CONTINUE;
	}
	return make_there(t, &m, dir, name, &o, value);
}
