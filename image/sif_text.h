/* sif_text: a SIF's header, table and objects as text, in the form of Apptainer's siftool. */
#ifndef IMAGE_SIF_TEXT_H
#define IMAGE_SIF_TEXT_H

#include "image/sif.h"

/* "Def.FILE", "FS", ...: static text. */
const char *sif_type_text(int32_t type);
void sif_text_header(const struct sif *s, struct buf *out);
void sif_text_list(const struct sif *s, struct buf *out);
void sif_text_info(const struct sif_object *o, struct buf *out);

#endif
