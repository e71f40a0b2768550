/* oci: the image configuration of the OCI image specification (config.md), which
 * says what a container of the image looks like.
 *
 *	auto_oci struct oci_config *c = NULL;
 *	if (oci_parse_image(&c, p, n, e) < 0) ...   // the registry's config blob
 *	if (oci_parse_config(&c, p, n, e) < 0) ...  // a SIF's oci-config.json
 *
 * All strings belong to the object.  Members of the wrong type are errors; absent ones and
 * null are "" or empty lists. */
#ifndef IMAGE_OCI_H
#define IMAGE_OCI_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/arena.h"
#include "src/base/buf.h"
#include "src/base/digest.h"
#include "src/base/err.h"

#define OCI_CONFIG_MAX (8 << 20) /* bytes; the largest config that is read */

struct oci_label {
	const char *key, *value;
};

struct oci_config {
	struct strv env; /* as in the image: mostly "K=V", in its order */
	struct strv entrypoint, cmd;
	struct oci_label *labels; /* in the document's order */
	size_t nlabels;
	const char *workdir, *user, *stop_signal;
	/* Only in a whole image config: */
	const char *arch, *variant, *os, *created;
	struct digest *diff_ids; /* of the uncompressed layers, bottom first */
	size_t ndiff;
	const char *inner; /* the config member as compact JSON, "{}" without one */
	struct arena arena_;
};

/* The whole image config.  ERR_INPUT names the member at fault, ERR_LIMIT the size. */
int oci_parse_image(struct oci_config **out, const char *p, size_t n, struct err *e);
/* Its config member alone, which is what a SIF keeps. */
int oci_parse_config(struct oci_config **out, const char *p, size_t n, struct err *e);
void oci_free(struct oci_config *c);
static inline void oci_free_p_(struct oci_config **c)
{
	oci_free(*c);
}
#define auto_oci auto_(oci_free_p_)

/* The time of "created" (RFC 3339) in Unix seconds; 0 when there is none, or none that
 * SquashFS can hold (1970 to 2106). */
int64_t oci_created(const struct oci_config *c);

#endif
