/* serve: answers the kernel's FUSE requests for one image.
 *
 *	serve_new(&s, img, &(struct serve_opts){ .uid = uid, .gid = gid }, e);
 *	serve_run(s, fuse_fd, e);    // until the file system is unmounted
 *	serve_free(s);
 *
 * Speaks the raw protocol on the descriptor that was given to mount(2) as fd=N
 * (options: rootmode=40000,user_id=U,group_id=G,allow_other,default_permissions,
 * max_read=SERVE_READ_MAX; flags MS_RDONLY|MS_NOSUID|MS_NODEV).
 * Answers are valid for ever, because an image cannot change: the kernel asks
 * once for each name, attribute, link and page, and never for an open.
 *
 * All files are reported as owned by one id, modes as stored, so the caller is
 * the owner of everything: with default_permissions a file that the image keeps
 * from all but root (0600) is readable, and access(2) costs no request; without,
 * everything is readable, 0000 too, and access(2) is answered here. */
#ifndef IMAGE_SERVE_H
#define IMAGE_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "image/squash.h"
#include "image/vtree.h"
#include "src/base/err.h"

#define SERVE_READ_MAX (1u << 20)

struct serve;

struct serve_opts {
	uid_t uid; /* owner of all files, as seen from where the mount was made */
	gid_t gid;
	unsigned threads;		/* at most; 0: by the CPUs of this process, 2 to 16 */
	const struct serve_node *nodes; /* read by serve_new() only */
	size_t nnodes;
	bool store; /* push the rest of a decoded block into the page cache */
	int ahead;  /* decode ahead of a sequential reader: > 0 yes, < 0 no, 0 with 4 CPUs
		     * or more (with fewer the readers' own requests keep them busy) */
	bool cold;  /* decode nothing before it is asked for */
	const char *const *warm; /* files of the image to decode while nothing is asked; */
	size_t nwarm;		 /* unless cold, the dynamic loader and the C library are too */
};

/* img is borrowed until serve_free().  Starts a thread that decodes what programs
 * start with: fork before, not after. */
int serve_new(struct serve **out, struct squash *img, const struct serve_opts *o, struct err *e);
void serve_free(struct serve *s);
static inline void serve_freep_(struct serve **s)
{
	serve_free(*s);
}
#define auto_serve auto_(serve_freep_)

/* Answers until the mount is gone (0).  Starts further threads as requests come in
 * at once; the calling thread serves too.  fuse_fd is borrowed. */
int serve_run(struct serve *s, int fuse_fd, struct err *e);

#endif
