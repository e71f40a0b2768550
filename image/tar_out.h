/* tar_out: a tree as a tar archive, pulled as a stream: how a SIF or a directory becomes a layer.
 *
 *	auto_stream struct stream *tar = tar_out_squash(squash);   // or tar_out_dir(fd)
 *	... stream_read(tar, ...) ...
 *
 * The same tree gives the same bytes: names in byte order, a directory before what is in it, the
 * second name of a file as a link to its first.  ustar with PAX records where a field is too small,
 * for names over 100 bytes and for extended attributes (SCHILY.xattr).  Sockets are left out. */
#ifndef IMAGE_TAR_OUT_H
#define IMAGE_TAR_OUT_H

#include "image/squash.h"
#include "src/base/stream.h"

/* squash is borrowed. */
struct stream *tar_out_squash(struct squash *s);
/* The directory that fd is open on, borrowed.  Files of the caller's own become root's: an ordinary
 * user's tree stands for one that root would have made. */
struct stream *tar_out_dir(int fd);

#endif
