/* mpi_check: which MPI an image and this host have, and whether it starts under the launcher that
 * this very process has.
 *
 *	int r = flow_mpi_check(image path or NULL, &text, e);
 *
 * Nothing is executed: names, symbols and strings out of ELF files. */
#ifndef FLOW_MPI_CHECK_H
#define FLOW_MPI_CHECK_H

#include "src/base/buf.h"
#include "src/base/err.h"

/* text: a line for the host, two for the image (its own, and the host's in its place), one verdict.
 * 1: it will not start. */
int flow_mpi_check(const char *image, struct buf *text, struct err *e);

struct facts;
struct launcher;
struct plan;
struct run_image;
struct run_req;

/* --mpi's word: ERR_USAGE for another one than auto, image, host. */
int mpi_word_check(const struct run_req *req, struct err *e);

/* At a start, before anything is made.  A program that is linked with an MPI which is sure not to
 * start under this launcher: ERR_HOST with the reason and the remedy, except with --mpi=image.
 * Where the program does not tell (a script, a library below it), but the image's only MPI does
 * not fit: one warning of the first rank. */
int mpi_check_start(const struct run_req *req, const struct plan *plan, const struct facts *facts,
		    struct run_image *image, const struct launcher *l, struct err *e);

#endif
