/* berth_inside: the small static program that runs in any image (mpi/inside), wherever Berth lies. */
#ifndef FLOW_BERTH_INSIDE_H
#define FLOW_BERTH_INSIDE_H

#include "src/base/err.h"

/* Beside the running berth, or in ../libexec/berth from there.  Heap string; NULL with e:
 * ERR_NOTFOUND names both. */
char *berth_inside_path(struct err *e);
/* Open for reading, close-on-exec.  -1 with e. */
int berth_inside_open(struct err *e);

#endif
