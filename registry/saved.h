/* saved: what stands at the top of a saved image: index.json of an OCI layout, manifest.json of
 * `docker save`.  Pure.
 *
 *	layout_choose(&d, text, n, "1.2", &platform, e);      // the manifest or index to read
 *	docker_save_choose(&s, text, n, "busybox:1", e);      // names of config and layers
 */
#ifndef REGISTRY_SAVED_H
#define REGISTRY_SAVED_H

#include "registry/manifest.h"
#include "src/base/buf.h"

/* The entry of an OCI layout's index that ref names: a digest, a tag
 * (org.opencontainers.image.ref.name, also the end of a full name there), or NULL: the only one,
 * else by platform.  ERR_NOTFOUND lists the tags that are there. */
int layout_choose(struct descriptor *out, const char *p, size_t n, const char *ref,
		  const struct platform *want, struct err *e);

struct docker_save {
	char *config;	    /* name of a file in the archive */
	struct strv layers; /* names, bottom first */
};
void docker_save_fini(struct docker_save *s);
#define auto_docker_save auto_(docker_save_fini)

/* ref: "name:tag", "@0" for the first image, or NULL when there is one only. */
int docker_save_choose(struct docker_save *out, const char *p, size_t n, const char *ref,
		       struct err *e);

/* A manifest for an image whose layers are plain or compressed files that only their diff IDs
 * name: config and layers as given, deterministic. */
void saved_manifest(struct buf *out, const struct digest *config, size_t config_size,
		    const struct digest *diff_ids, const uint64_t *sizes, size_t n);

#endif
