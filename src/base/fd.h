/* fd: whole reads and writes, files that appear complete or not at all, and
 * opens that cannot leave a root.  Every descriptor made here is close-on-exec. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/buf.h"
#include "src/base/err.h"

/* Exactly n bytes at off.  0 done, 1 the file ends before (what is there was
 * read, the rest zeroed), -1 with errno (no struct err: hot paths use it). */
int fd_pread(int fd, void *p, size_t n, off_t off);
/* All n bytes, at off or at the file position.  -1 with errno. */
int fd_pwrite(int fd, const void *p, size_t n, off_t off);
int fd_write(int fd, const void *p, size_t n);

/* Adds all of fd from its position on; more than max bytes is ERR_LIMIT.  name
 * is for messages. */
int fd_read_all(int fd, struct buf *out, size_t max, const char *name, struct err *e);
/* Opens path below dirfd and reads it all.  1 when it does not exist. */
int file_read(int dirfd, const char *path, struct buf *out, size_t max, struct err *e);
/* Writes a private name beside path, fsyncs it, renames it to path, fsyncs the
 * directory.  On error no other file is left, and path has its old bytes, or the new
 * ones when only the directory could not be synced. */
int file_write_atomic(int dirfd, const char *path, const void *p, size_t n, mode_t mode,
		      struct err *e);

/* openat2() with RESOLVE_IN_ROOT: path is taken as if rootfd were "/", links and
 * ".." included (Linux 5.6).  flags get O_CLOEXEC.  -1 with errno. */
int open_in_root(int rootfd, const char *path, int flags, mode_t mode);

/* mkdir -p below dirfd.  Existing directories are fine. */
int dir_make_all(int dirfd, const char *path, mode_t mode, struct err *e);
/* fsync of the directory that holds path. */
int dir_sync_of(int dirfd, const char *path, struct err *e);
/* Free bytes for an ordinary user where fd lives; UINT64_MAX when unknown. */
uint64_t fd_free_space(int fd);

/* Hands a descriptor to the other end of a SOCK_SEQPACKET socket, with one byte of
 * data.  -1 with errno; a peer that is gone is EPIPE, no signal. */
int fd_send(int sock, int fd);
/* Waits for fd_send() of the peer: the descriptor; -1 with errno, EPIPE when the
 * peer is gone without having sent one. */
int fd_recv(int sock);

#endif
