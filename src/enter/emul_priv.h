/* emul_priv: what the parts of the supervisor share.  Used by emul_*.c only. */
#ifndef ENTER_EMUL_PRIV_H
#define ENTER_EMUL_PRIV_H

#include <limits.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/enter/emul_calls.h"
#include "src/enter/emul_ids.h"
#include "src/enter/emul_table.h"

/* The working directory is the host's /proc, opened before the container was there: "123/fd/4" is
 * a descriptor of process 123, whatever the container has mounted where.  The root is the
 * container's. */
struct emul_server {
	int listener;
	int root; /* O_PATH */
	uint64_t root_ino, root_mnt;
	struct emul_table *table;
	struct emul_idsets *sets;
	bool other_roots; /* a process may see other files under "/" than we do */
};

/* One call of one thread. */
struct emul_tracee {
	struct emul_server *s;
	uint64_t id;
	pid_t pid; /* of the thread */
	uint32_t arch;
	const struct emul_nr *nr;
	const uint64_t *args;
};

/* What a handler decides. */
enum emul_verdict {
	EMUL_CONTINUE, /* the kernel does the call */
	EMUL_DONE,     /* it returns *value, or -errno */
};

/* --- emul_tracee.c: its memory, its names --- */

/* All n bytes, or -1 with errno. */
int tracee_read(const struct emul_tracee *t, uint64_t addr, void *buf, size_t n);
int tracee_write(const struct emul_tracee *t, uint64_t addr, const void *buf, size_t n);
/* A string of at most cap - 1 bytes: its length, -1 with errno (ENAMETOOLONG). */
ssize_t tracee_string(const struct emul_tracee *t, uint64_t addr, char *buf, size_t cap);
/* False when the thread has died or was interrupted, and its number may be another's. */
bool tracee_is_there(const struct emul_tracee *t);

/* A file as the tracee names it, in a form that our own *at() calls take. */
struct place {
	int dirfd;
	const char *path;
	int flags;				  /* AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH */
	int own;				  /* descriptor to close, -1 none */
	char name[PATH_MAX], text[PATH_MAX + 64]; /* private */
};

/* path "": what dirfd itself is (AT_FDCWD: the working directory).  nofollow concerns the last
 * component.  0, -1 with errno. */
int place_of(struct place *out, const struct emul_tracee *t, int dirfd, const char *path,
	     bool nofollow);
void place_fini(struct place *p);
#define auto_place auto_(place_fini)
/* The place behind a path argument (addr) or, with addr 0, behind the descriptor dirfd. */
int place_arg(struct place *out, const struct emul_tracee *t, int dirfd, uint64_t addr,
	      bool nofollow, bool may_be_empty);
/* An O_PATH descriptor on it. */
int place_open(const struct place *p);

/* --- emul_who.c: who it is --- */

/* Never NULL; valid until the next emul_idsets_put(). */
const struct emul_ids *emul_who(const struct emul_tracee *t);
/* Writes the number of a set of ids to a process, 0 (itself) too.  -1 with errno. */
int emul_who_mark(pid_t pid, size_t n);

/* --- the handlers --- */

enum emul_verdict emul_stat_call(const struct emul_tracee *t, int64_t *value);
enum emul_verdict emul_chown_call(const struct emul_tracee *t, int64_t *value);
/* mknod, and what else makes a file. */
enum emul_verdict emul_make_call(const struct emul_tracee *t, int64_t *value);
/* The set*id and get*id families. */
enum emul_verdict emul_id_call(const struct emul_tracee *t, int64_t *value);
enum emul_verdict emul_xattr_call(const struct emul_tracee *t, int64_t *value);

#endif
