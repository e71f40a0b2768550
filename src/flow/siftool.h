/* siftool: what `berth sif` does to a SIF file.
 *
 *	flow_sif_list("a.sif", SIF_SHOW_LIST, 0, &text, e); */
#ifndef FLOW_SIFTOOL_H
#define FLOW_SIFTOOL_H

#include "src/base/buf.h"
#include "src/base/err.h"

enum sif_show { SIF_SHOW_HEADER, SIF_SHOW_LIST, SIF_SHOW_INFO };

/* id: of the object for SIF_SHOW_INFO. */
int flow_sif_show(const char *path, enum sif_show what, unsigned id, struct buf *text,
		  struct err *e);
/* The object's bytes to fd. */
int flow_sif_dump(const char *path, unsigned id, int fd, struct err *e);
int flow_sif_new(const char *path, struct err *e);

struct sif_add_req {
	const char *path, *file; /* file "-": standard input */
	unsigned datatype, parttype, partfs, partarch, signhash, groupid, link, alignment;
	const char *sbomformat, *signentity, *filename;
};
int flow_sif_add(const struct sif_add_req *r, struct err *e);
int flow_sif_delete(const char *path, unsigned id, struct err *e);
int flow_sif_primary(const char *path, unsigned id, struct err *e);

#endif
