/* bundle: files by name out of a directory or a tar archive, as saved images come.
 *
 *	auto_bundle struct bundle *p = NULL;
 *	bundle_open(&p, "image.tar", scratch_fd, e);
 *	if (bundle_find(p, "index.json", &f, e) == 1)
 *		bundle_read(&f, MAX, &buf, e);           // or stream_fd(f.fd, f.off, f.size)
 *
 * An archive is gone through once for an index of where its files begin; what is read later is
 * read in place.  A compressed one is decompressed first, into a file without a name on the
 * scratch directory's file system.  Links inside the archive are followed. */
#ifndef IMAGE_BUNDLE_H
#define IMAGE_BUNDLE_H

#include <stdint.h>
#include <sys/types.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/base/mem.h"
#include "src/base/stream.h"

#define BUNDLE_MAX_FILES 100000

struct bundle;

/* ERR_NOTFOUND, ERR_INPUT when path is neither a directory nor an archive, ERR_LIMIT for more
 * than BUNDLE_MAX_FILES files. */
int bundle_open(struct bundle **out, const char *path, int scratch, struct err *e);
/* The same for an archive that comes as a stream, which is owned from now on; name is for
 * messages. */
int bundle_from_stream(struct bundle **out, struct stream *in, const char *name, int scratch,
		       struct err *e);
void bundle_close(struct bundle *p);
static inline void bundle_close_p_(struct bundle **p)
{
	bundle_close(*p);
}
#define auto_bundle auto_(bundle_close_p_)

struct bundle_file {
	int fd; /* borrowed from the bundle when that is an archive; bundle_file_fini() */
	off_t off, size;
	int own; /* private: the descriptor to close, -1 */
};
/* 1 found, 0 not there.  name is relative, without "..". */
int bundle_find(struct bundle *p, const char *name, struct bundle_file *out, struct err *e);
void bundle_file_fini(struct bundle_file *f);
#define auto_bundle_file auto_(bundle_file_fini)
/* Adds the file; larger than max is ERR_LIMIT. */
int bundle_read(const struct bundle_file *f, size_t max, struct buf *out, struct err *e);
/* Its bytes; takes f's descriptor over. */
struct stream *bundle_stream(struct bundle_file *f);

#endif
