/* manifest: image manifests and indexes (image-spec 1.1; Docker schema 2).
 *
 *	if (manifest_is_index(doc.media_type)) {
 *		auto_descriptor struct descriptor d = { 0 };
 *		index_choose(&d, doc.body.data, doc.body.len, &platform, e);
 *		... fetch d.digest ...
 *	}
 *	auto_manifest struct manifest m = { 0 };
 *	manifest_parse(&m, doc.body.data, doc.body.len, doc.media_type, e);
 *
 * All of it is what a stranger wrote: sizes are bounded, types are checked,
 * messages quote foreign text escaped.  Pure: no network, no files. */
#ifndef REGISTRY_MANIFEST_H
#define REGISTRY_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry/platform.h"
#include "src/base/digest.h"
#include "src/base/err.h"
#include "src/base/mem.h"

/* The largest document read; registries must take 4 MiB. */
#define MANIFEST_MAX (8u << 20)
/* Docker stops at 127 layers. */
#define MANIFEST_MAX_LAYERS 1024
/* The largest size that a descriptor may state: 1 PiB. */
#define DESCRIPTOR_MAX_SIZE (1ull << 50)

struct descriptor {
	char *media_type;
	struct digest digest;
	uint64_t size;
};
struct json;
/* From its JSON object; what is for messages ("layer 1 of 2"). */
int descriptor_parse(struct descriptor *out, const struct json *j, const char *what, struct err *e);
void descriptor_fini(struct descriptor *d);
#define auto_descriptor auto_(descriptor_fini)

struct manifest {
	char *media_type; /* one of the two manifest types */
	struct descriptor config;
	struct descriptor *layers; /* bottom first */
	size_t nlayers;
	uint64_t total; /* bytes of all layers as stored */
};
void manifest_fini(struct manifest *m);
#define auto_manifest auto_(manifest_fini)

bool manifest_is_index(const char *media_type);
/* The four types that are asked for, best first. */
extern const char *const manifest_types[4];

/* Which type the document has: the server's Content-Type (parameters are cut,
 * NULL is fine) and the body's own mediaType must agree; a server that says only
 * "json" or "text" is believed to mean the body's.  *type points into static text.
 * ERR_INPUT, ERR_UNSUPPORTED for schema 1 and unknown types. */
int manifest_type(const char **type, const char *p, size_t n, const char *content_type,
		  struct err *e);

/* An image manifest.  media_type as from manifest_type(), or NULL. */
int manifest_parse(struct manifest *out, const char *p, size_t n, const char *media_type,
		   struct err *e);
/* One SIF file as an artifact (oras://): its only layer is the file. */
bool manifest_is_sif(const struct manifest *m);
/* Whether every layer and the config are a container image's: ERR_UNSUPPORTED
 * names the media type that is not. */
int manifest_check_image(const struct manifest *m, struct err *e);

/* The entry of an index that fits want best, the first among equals.  ERR_NOTFOUND
 * lists the platforms on offer.  The entry may be an index again. */
int index_choose(struct descriptor *out, const char *p, size_t n, const struct platform *want,
		 struct err *e);

#endif
