#include "src/flow/pull_known.h"

#include <string.h>

#include "image/sqfs_known.h"
#include "src/base/log.h"

#define NOTES	  "blocks"
#define INDEX_MAX ((size_t)256 << 20)

void pull_known_fini(struct pull_known *k)
{
	sqfs_known_free(k->blocks);
	image_free(k->image);
	buf_fini(&k->index);
}

/* The name of a layer's note: another compression makes other blocks. */
static char *layer_note(const struct digest *diff_id, const struct flatten_opts *o)
{
	char hex[DIGEST_TEXT_MAX];

	return xasprintf("layer-%.64s-%d-%d-%u", digest_hex(diff_id, hex), (int)o->comp, o->level,
			 o->block_size);
}

static char *index_note(const char *key)
{
	return xasprintf("image-%s", key);
}

static bool open_image(struct pull_known *k, struct store *store, const char *key)
{
	auto_free char *name = index_note(key);
	auto_buf struct buf path = { 0 }, index = { 0 };
	struct err ignored;

	if (store_note_read(store, NOTES, name, INDEX_MAX, &index, &ignored) != 1 ||
	    store_sif_find(store, key, &path, &ignored) != 1 ||
	    image_open(&k->image, buf_str(&path), &ignored) < 0)
		return false;
	if (sqfs_known_open(&k->blocks, k->image->fd, k->image->off, buf_str(&index), index.len) ==
	    0)
		return true;
	image_free(take_ptr(k->image));
	return false;
}

/* A key of the store: a digest in hex, perhaps behind a word. */
static bool is_key(const struct buf *b)
{
	return b->len >= 64 && strspn(b->data, "0123456789abcdefghijklmnopqrstuvwxyz-") == b->len;
}

bool pull_known_open(struct pull_known *k, struct store *store, const char *note)
{
	auto_buf struct buf key = { 0 };
	struct err ignored;

	if (store_note_read(store, NOTES, note, DIGEST_TEXT_MAX, &key, &ignored) != 1)
		return false;
	(void)buf_str(&key);
	if (!is_key(&key) || !open_image(k, store, key.data))
		return false;
	log_debug("blocks of %s are used", key.data);
	return true;
}

void pull_known_find(struct pull_known *k, struct store *store, const struct oci_config *config,
		     struct flatten_opts *o)
{
	o->index = &k->index;
	for (size_t i = config->ndiff; i-- > 0 && !k->blocks;) {
		auto_free char *name = layer_note(&config->diff_ids[i], o);

		pull_known_open(k, store, name);
	}
	o->known = k->blocks;
}

void pull_known_write(struct pull_known *k, struct store *store, const char *key,
		      const char *const *notes, size_t n)
{
	auto_free char *name = index_note(key);
	struct err e;

	sqfs_known_seal(&k->index);
	if (store_note_write(store, NOTES, name, k->index.data, k->index.len, &e) < 0) {
		log_verbose("blocks not noted: %s", e.text);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (store_note_write(store, NOTES, notes[i], key, strlen(key), &e) < 0)
			return;
}

void pull_known_keep(struct pull_known *k, struct store *store, const struct oci_config *config,
		     const struct flatten_opts *o, const char *key)
{
	auto_strv struct strv notes = { 0 };

	for (size_t i = 0; i < config->ndiff; i++) {
		auto_free char *layer = layer_note(&config->diff_ids[i], o);

		strv_add(&notes, layer);
	}
	pull_known_write(k, store, key, (const char *const *)notes.v, notes.n);
}
