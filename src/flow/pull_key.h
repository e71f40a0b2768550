/* pull_key: the name under which the store keeps the SIF made from a manifest. */
#ifndef FLOW_PULL_KEY_H
#define FLOW_PULL_KEY_H

#include "image/flatten.h"
#include "src/base/digest.h"

#define PULL_COMPRESSION "zstd:3"

/* Nothing but manifest and options changes a finished image. */
void pull_key(const struct digest *manifest, const struct flatten_opts *o,
	      char key[static DIGEST_TEXT_MAX]);
/* With the default options. */
void pull_key_default(const struct digest *manifest, char key[static DIGEST_TEXT_MAX]);

#endif
