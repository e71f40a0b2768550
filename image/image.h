/* image: what is this path, and what does it say about itself?
 *
 *	auto_image struct image *im = NULL;
 *	if (image_open(&im, "a.sif", e) < 0) ...   // the message says why it cannot run
 *	squash_open(&sq, im->fd, im->off, im->size, NULL, e);
 *	image_load_scripts(im, sq, e);
 *
 * The image owns fd and all strings. */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/oci.h"
#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/base/mem.h"

/* Names of the JSON objects that a SIF keeps beside its partition. */
#define IMAGE_INSPECT_NAME "inspect-metadata.json"
#define IMAGE_OCI_NAME	   "oci-config.json"

enum image_kind { IMAGE_SIF, IMAGE_SQUASHFS, IMAGE_DIR };

struct image_script {
	char *path; /* "/.singularity.d/env/90-environment.sh" */
	char *text;
};

struct squash;

struct image {
	enum image_kind kind;
	char *path;		/* as given */
	int fd;			/* the file, or the directory */
	int64_t off, size;	/* the SquashFS in it; 0, 0 for a directory */
	char *arch;		/* "amd64"; "" when the image does not say */
	struct oci_config *oci; /* NULL when the image keeps none */
	bool has_overlay;	/* a SIF with an overlay partition */
	struct buf inspect;	/* inspect-metadata.json, empty without one */
	/* What image_load_scripts() found: */
	struct image_script *env; /* env/ *.sh in glob order */
	size_t nenv;
	char *runscript; /* NULL without one */
	bool has_singularity_d;
	bool has_sh; /* there is a /bin/sh */
};

/* Looks in this order: directory, SIF, SquashFS, ext3.  ERR_NOTFOUND when path is not there,
 * ERR_INPUT when it is no image or a broken one, ERR_UNSUPPORTED for ext3, encrypted and
 * OCI-SIF images, with the way out. */
int image_open(struct image **out, const char *path, struct err *e);
void image_free(struct image *im);
static inline void image_free_p_(struct image **im)
{
	image_free(*im);
}
#define auto_image auto_(image_free_p_)

/* Reads env scripts and runscript out of the tree: sq for SIF and SquashFS, NULL for a
 * directory.  When the runscript is one made from an OCI image and the image keeps no
 * oci-config.json, im->oci is made from the script. */
int image_load_scripts(struct image *im, struct squash *sq, struct err *e);

/* Adds a file of the tree to out, links followed inside it; larger than max is ERR_LIMIT.  sq as
 * above.  1: not there, or no file. */
int image_read_file(struct image *im, struct squash *sq, const char *path, size_t max,
		    struct buf *out, struct err *e);
/* The names in a directory of the tree, sorted.  1: not there, or no directory. */
int image_list_dir(struct image *im, struct squash *sq, const char *path, struct strv *names,
		   struct err *e);

/* Go's name for the machine that we run on ("amd64"), "unknown" for odd ones.  Static. */
const char *image_host_arch(void);
/* Can this host's CPU run arch directly?  "" counts as yes: nobody knows. */
bool image_arch_runs(const char *arch, const char *host);

#endif
