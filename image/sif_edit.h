/* sif_edit: changes to a SIF file in place, by the placement rules of the reference library: an
 * object goes behind the last one, into the first free slot of the table; a deleted one leaves a
 *gap.
 *
 *	sif_edit_add(fd, &like, data_fd, 0, e);     // like: type, group, link, name, fs, part,
 *arch, extra
 *
 * The bytes are written before the table, and the table before the header.  A nil UUID with zero
 * times marks a deterministic image: it keeps them. */
#ifndef IMAGE_SIF_EDIT_H
#define IMAGE_SIF_EDIT_H

#include "image/sif.h"

/* Appends all of data_fd.  align: of the offset; 0: what the type asks for. */
int sif_edit_add(int fd, const struct sif_object *like, int data_fd, int64_t align, struct err *e);
/* ERR_NOTFOUND when there is no such object. */
int sif_edit_delete(int fd, uint32_t id, struct err *e);
/* Makes a system partition the primary one. */
int sif_edit_primary(int fd, uint32_t id, struct err *e);

#endif
