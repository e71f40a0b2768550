/* live: a file of the image that always has what a file of the host has.
 *
 *	struct live *l = live_new("/etc/resolv.conf");
 *	live_look(l, &size, &mtime);        // reads the host's file again
 *	n = live_read(l, off, buf, cap);    // of what was read last
 *
 * A host replaces such files by rename, so the name is opened anew each time; while it has
 * no file (between unlink and rename) the last text stays.  Any number of threads. */
#ifndef IMAGE_LIVE_H
#define IMAGE_LIVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct live;

struct live *live_new(const char *host_path);
/* NULL is fine. */
void live_free(struct live *l);
void live_look(struct live *l, uint64_t *size, int64_t *mtime);
size_t live_read(struct live *l, uint64_t off, void *buf, size_t cap);

#endif
