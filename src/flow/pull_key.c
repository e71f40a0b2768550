#include "src/flow/pull_key.h"

#include <string.h>

#include "image/meta.h"

void pull_key(const struct digest *manifest, const struct flatten_opts *o,
	      char key[static DIGEST_TEXT_MAX])
{
	char text[DIGEST_TEXT_MAX];
	auto_free char *what =
		xasprintf("sif %d %s %d:%d:%u", META_FORMAT, digest_text(manifest, text),
			  (int)o->comp, o->level, o->block_size);
	struct digest d;

	digest_of(&d, DIGEST_SHA256, what, strlen(what));
	digest_hex(&d, key);
}

void pull_key_default(const struct digest *manifest, char key[static DIGEST_TEXT_MAX])
{
	struct flatten_opts o = { 0 };
	struct err ignored;

	flatten_compression_parse(&o, PULL_COMPRESSION, &ignored);
	pull_key(manifest, &o, key);
}
