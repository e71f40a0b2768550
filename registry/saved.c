/* image-spec 1.1, image-layout.md; the format of docker save is described in moby's
 * image/spec/v1.2.md. */
#include "registry/saved.h"

#include <stdio.h>
#include <string.h>

#include "registry/ref.h"
#include "src/base/json.h"

#define REF_NAME      "org.opencontainers.image.ref.name"
#define IMAGES_MAX    1024
#define TAGS_SHOWN    12
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define CONFIG_TYPE   "application/vnd.oci.image.config.v1+json"
#define LAYER_TYPE    "application/vnd.oci.image.layer.v1.tar"

static void show(struct buf *out, const char *s)
{
	buf_adds(out, out->len ? ", " : "");
	buf_add_escaped(out, s, strnlen(s, 200));
}

/* Tools write "1.2", "name:1.2" or "docker.io/library/name:1.2". */
static bool tag_fits(const char *name, const char *ref)
{
	size_t n = strlen(name), m = strlen(ref);

	if (!strcmp(name, ref))
		return true;
	if (n <= m || strcmp(name + n - m, ref) != 0)
		return false;
	return name[n - m - 1] == ':' || name[n - m - 1] == '/';
}

static bool entry_fits(const struct json *entry, const char *ref)
{
	const char *name = json_str(json_get(json_get(entry, "annotations"), REF_NAME));
	const char *digest = json_str(json_get(entry, "digest"));

	return !ref || (name && tag_fits(name, ref)) || (digest && !strcmp(digest, ref));
}

static int no_entry(const struct json *list, const char *ref, struct err *e)
{
	auto_buf struct buf tags = { 0 }, shown = { 0 };
	const struct json *entry;
	unsigned n = 0;

	json_each (list, i, entry) {
		const char *name = json_str(json_get(json_get(entry, "annotations"), REF_NAME));

		if (name && n++ < TAGS_SHOWN)
			show(&tags, name);
	}
	if (!ref)
		return err_set(e, ERR_NOTFOUND, "no image in it");
	buf_add_escaped(&shown, ref, strnlen(ref, 200));
	return err_set(e, ERR_NOTFOUND, "no image \"%s\" in it; tags there: %s%s", buf_str(&shown),
		       n ? buf_str(&tags) : "none", n > TAGS_SHOWN ? ", ..." : "");
}

int layout_choose(struct descriptor *out, const char *p, size_t n, const char *ref,
		  const struct platform *want, struct err *e)
{
	auto_json struct json *doc = NULL;
	auto_buf struct buf fitting = { 0 };
	const struct json *list, *entry;
	size_t found = 0;

	if (json_parse(&doc, p, n, MANIFEST_MAX, e) < 0)
		return err_wrap(e, "index.json");
	list = json_get(doc, "manifests");
	if (json_kind(list) != JSON_ARRAY)
		return err_set(e, ERR_INPUT, "index.json: \"manifests\" is no list");
	buf_adds(&fitting, "{\"schemaVersion\":2,\"manifests\":[");
	json_each (list, i, entry) {
		if (!entry_fits(entry, ref))
			continue;
		buf_adds(&fitting, found++ ? "," : "");
		json_dump(entry, &fitting);
	}
	buf_adds(&fitting, "]}");
	if (!found)
		return no_entry(list, ref, e);
	if (found == 1) {
		/* Whatever platform it says: there is no other. */
		auto_json struct json *one = NULL;

		if (json_parse(&one, buf_str(&fitting), fitting.len, SIZE_MAX, e) < 0)
			return -1;
		return descriptor_parse(out, json_at(json_get(one, "manifests"), 0),
					"the entry of index.json", e);
	}
	return index_choose(out, buf_str(&fitting), fitting.len, want, e);
}

void docker_save_fini(struct docker_save *s)
{
	free(s->config);
	strv_fini(&s->layers);
	*s = (struct docker_save){ 0 };
}

/* "busybox" stands for "busybox:latest", and Hub's names for each other. */
static bool repo_tag_fits(const char *tag, const char *ref)
{
	auto_ref struct ref a = { 0 }, b = { 0 };
	struct err ignored;

	if (!strcmp(tag, ref))
		return true;
	return ref_parse(&a, tag, &ignored) == 0 && ref_parse(&b, ref, &ignored) == 0 &&
	       !strcmp(a.text, b.text);
}

static bool image_fits(const struct json *image, size_t i, const char *ref)
{
	const struct json *tag, *tags = json_get(image, "RepoTags");
	char number[24];

	if (!ref)
		return true;
	snprintf(number, sizeof(number), "@%zu", i);
	if (!strcmp(ref, number))
		return true;
	json_each (tags, k, tag)
		if (json_str(tag) && repo_tag_fits(json_str(tag), ref))
			return true;
	return false;
}

static int no_image(const struct json *doc, const char *ref, bool several, struct err *e)
{
	auto_buf struct buf tags = { 0 }, shown = { 0 };
	const struct json *image, *tag;

	json_each (doc, i, image) {
		const struct json *list = json_get(image, "RepoTags");

		json_each (list, k, tag)
			if (json_str(tag) && i < TAGS_SHOWN)
				show(&tags, json_str(tag));
	}
	if (several)
		return err_set(e, ERR_USAGE,
			       "several images are in it: say which, as FILE:NAME:TAG or FILE:@0 "
			       "(there: %s)",
			       tags.len ? buf_str(&tags) : "no names");
	buf_add_escaped(&shown, ref, strnlen(ref, 200));
	return err_set(e, ERR_NOTFOUND, "no image \"%s\" in it; there: %s", buf_str(&shown),
		       tags.len ? buf_str(&tags) : "no names");
}

/* A name inside the archive: no way out of it. */
static bool is_member(const char *s)
{
	return s && *s && *s != '/' && strlen(s) < 4096 && !strstr(s, "..");
}

int docker_save_choose(struct docker_save *out, const char *p, size_t n, const char *ref,
		       struct err *e)
{
	auto_json struct json *doc = NULL;
	const struct json *image, *chosen = NULL, *list, *layer;
	size_t fits = 0;

	if (json_parse(&doc, p, n, MANIFEST_MAX, e) < 0)
		return err_wrap(e, "manifest.json");
	if (json_kind(doc) != JSON_ARRAY || json_len(doc) == 0 || json_len(doc) > IMAGES_MAX)
		return err_set(e, ERR_INPUT, "manifest.json lists no images");
	json_each (doc, i, image)
		if (image_fits(image, i, ref)) {
			chosen = chosen ? chosen : image;
			fits++;
		}
	if (!chosen || (!ref && fits > 1))
		return no_image(doc, ref ? ref : "", chosen != NULL, e);
	list = json_get(chosen, "Layers");
	if (!is_member(json_str(json_get(chosen, "Config"))))
		return err_set(e, ERR_INPUT, "manifest.json: the image has no Config");
	if (json_len(list) > MANIFEST_MAX_LAYERS)
		return err_set(e, ERR_LIMIT, "manifest.json: more than %d layers",
			       MANIFEST_MAX_LAYERS);
	json_each (list, i, layer) {
		if (!is_member(json_str(layer))) {
			strv_fini(&out->layers);
			return err_set(e, ERR_INPUT, "manifest.json: layer %zu has no name", i + 1);
		}
		strv_add(&out->layers, json_str(layer));
	}
	out->config = xstrdup(json_str(json_get(chosen, "Config")));
	return 0;
}

static void write_descriptor(struct jw *w, const char *key, const char *type,
			     const struct digest *d, uint64_t size)
{
	char text[DIGEST_TEXT_MAX];

	jw_obj(w, key);
	jw_str(w, "mediaType", type);
	jw_str(w, "digest", digest_text(d, text));
	jw_int(w, "size", (int64_t)size);
	jw_end(w);
}

void saved_manifest(struct buf *out, const struct digest *config, size_t config_size,
		    const struct digest *diff_ids, const uint64_t *sizes, size_t n)
{
	struct jw w = { .out = out };

	jw_obj(&w, NULL);
	jw_int(&w, "schemaVersion", 2);
	jw_str(&w, "mediaType", MANIFEST_TYPE);
	write_descriptor(&w, "config", CONFIG_TYPE, config, config_size);
	jw_arr(&w, "layers");
	for (size_t i = 0; i < n; i++)
		write_descriptor(&w, NULL, LAYER_TYPE, &diff_ids[i], sizes[i]);
	jw_end(&w);
	jw_end(&w);
}
