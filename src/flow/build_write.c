/* The finished tree becomes a SIF: recipe, inspect-metadata.json, oci-config.json, SquashFS. */
#include <string.h>
#include <unistd.h>

#include "image/flatten.h"
#include "image/image.h"
#include "image/pack.h"
#include "src/base/log.h"
#include "src/flow/build_inspect.h"
#include "src/flow/build_state.h"
#include "src/flow/owners.h"
#include "src/host/cpus.h"

#define DEFAULT_COMPRESSION "zstd:3"

/* The recipe of an image that was made from another one is that one's reference. */
static void recipe_of(const struct build *b, const struct build_stage *s, struct buf *out)
{
	if (b->text)
		buf_adds(out, b->text);
	else
		buf_printf(out, "bootstrap: %s\nfrom: %s\n", s->agent, s->from ? s->from : "");
}

static int oci_object(const struct build *b, const struct build_stage *s, struct buf *out)
{
	if (b->docker)
		docker_config_json(&s->config, out);
	else if (s->base_config)
		buf_adds(out, s->base_config->inner);
	return 0;
}

/* Of the files most are the base's, and the last image that was made from it has their blocks. */
static void find_known(struct build *b, const struct build_stage *s, struct pack_opts *o)
{
	while (s->from_stage >= 0)
		s = &b->stages[s->from_stage];
	if (!b->store || !*s->base.hex)
		return;
	b->known_note = xasprintf("base-%.64s-%d-%d", s->base.hex, (int)o->comp, o->level);
	if (!b->req->no_cache)
		pull_known_open(&b->known, b->store, b->known_note);
	o->known = b->known.blocks;
	o->index = &b->known.index;
}

int build_write_sif(struct build *b, struct build_stage *s, struct err *e)
{
	auto_buf struct buf recipe = { 0 }, inspect = { 0 }, oci = { 0 };
	auto_owners struct owners owners = { .table = s->tree.owners };
	struct pack_opts o = {
		.threads = cpus_usable("/"), .epoch = b->epoch, .look = owners_look, .arg = &owners
	};
	struct flatten_opts f = { 0 };
	struct pack_object objects[3];
	struct pack_stat st = { 0 };
	size_t n = 0;

	if (flatten_compression_parse(&f, b->req->compress ? b->req->compress : DEFAULT_COMPRESSION,
				      e) < 0)
		return -1;
	o.comp = f.comp;
	o.level = f.level;
	find_known(b, s, &o);
	recipe_of(b, s, &recipe);
	oci_object(b, s, &oci);
	if (build_inspect_make(&s->tree, &inspect, e) < 0)
		return -1;
	objects[n++] = (struct pack_object){ SIF_DEFFILE, NULL, recipe.data, recipe.len };
	objects[n++] =
		(struct pack_object){ SIF_JSON, IMAGE_INSPECT_NAME, inspect.data, inspect.len };
	if (oci.len)
		objects[n++] = (struct pack_object){ SIF_JSON, IMAGE_OCI_NAME, oci.data, oci.len };
	if (pack_sif(b->out.fd, s->tree.fd, build_tree_arch(&s->tree), objects, n, &o, &st, e) < 0)
		return err_wrap(e, "write the image");
	if (st.acls)
		log_info("%u files had POSIX ACLs, which SquashFS cannot hold", st.acls);
	return 0;
}
