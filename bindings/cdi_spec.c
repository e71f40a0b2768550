#include "bindings/cdi_spec.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "bindings/yaml.h"
#include "src/base/path.h"

#define SPEC_MAX (4u << 20)

static const char *const known_versions[] = { "0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0",
					      "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0" };

/* Letters, digits and what extra has, s[0..n); begins as first says, ends with a letter or digit. */
static bool word_is(const char *s, size_t n, bool digit_first, const char *extra)
{
	if (!n ||
	    !(isalpha((unsigned char)s[0]) || (digit_first && isdigit((unsigned char)s[0]))) ||
	    !isalnum((unsigned char)s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr(extra, s[i]))
			return false;
	return true;
}

static bool kind_is_valid(const char *kind, size_t n)
{
	const char *slash = memchr(kind, '/', n);

	return slash && word_is(kind, (size_t)(slash - kind), false, "_.-") &&
	       word_is(slash + 1, n - (size_t)(slash + 1 - kind), false, "_.-");
}

static bool device_is_valid(const char *name)
{
	return word_is(name, strlen(name), true, "_-.:");
}

bool cdi_name_is_valid(const char *name)
{
	const char *eq = strchr(name, '=');

	return eq && kind_is_valid(name, (size_t)(eq - name)) && device_is_valid(eq + 1);
}

/* A name may be written as a number: name: 0. */
static char *name_of(const struct json *device)
{
	const struct json *name = json_get(device, "name");
	int64_t number;

	if (json_str(name))
		return xstrdup(json_str(name));
	return json_i64(name, &number) == 0 ? xasprintf("%lld", (long long)number) : NULL;
}

static int check_devices(const struct json *devices, struct err *e)
{
	const struct json *d;
	auto_strv struct strv names = { 0 };

	if (json_kind(devices) != JSON_ARRAY || !json_len(devices))
		return err_set(e, ERR_INPUT, "it has no devices");
	json_each (devices, i, d) {
		auto_free char *name = name_of(d);

		if (!name || !device_is_valid(name))
			return err_set(e, ERR_INPUT, "device %zu has no proper name", i);
		if (strv_has(&names, name))
			return err_set(e, ERR_INPUT, "two devices are called %s", name);
		if (json_kind(json_get(d, "containerEdits")) != JSON_OBJECT)
			return err_set(e, ERR_INPUT, "device %s has no containerEdits", name);
		strv_add(&names, name);
	}
	return 0;
}

static int check(struct cdi_spec *s, struct err *e)
{
	s->kind = json_str(json_get(s->doc, "kind"));
	if (!json_str(json_get(s->doc, "cdiVersion")))
		return err_set(e, ERR_INPUT, "it has no cdiVersion");
	if (!s->kind || !kind_is_valid(s->kind, strlen(s->kind)))
		return err_set(e, ERR_INPUT, "its kind is not vendor/class");
	return check_devices(json_get(s->doc, "devices"), e);
}

static void spec_fini(struct cdi_spec *s)
{
	free(s->path);
	json_free(s->doc);
	*s = (struct cdi_spec){ 0 };
}

int cdi_parse(struct cdi_spec *out, const char *path, const char *text, size_t n, struct err *e)
{
	auto_buf struct buf json = { 0 };
	struct cdi_spec s = { .path = xstrdup(path) };
	int r;

	if (str_has_suffix(path, ".json"))
		r = json_parse(&s.doc, text, n, SPEC_MAX, e);
	else if ((r = yaml_to_json(&json, text, n, e)) == 0)
		r = json_parse(&s.doc, buf_str(&json), json.len, 4 * SPEC_MAX, e);
	if (r < 0 || check(&s, e) < 0) {
		spec_fini(&s);
		return err_wrap(e, "%s", path);
	}
	*out = s;
	return 0;
}

static void note_version(const struct cdi_spec *s, struct strv *notes)
{
	const char *version = json_str(json_get(s->doc, "cdiVersion"));

	for (size_t i = 0; i < ARRAY_LEN(known_versions); i++)
		if (!strcmp(known_versions[i], version))
			return;
	strv_addf(notes,
		  "%s: CDI version %s is newer than what is known (1.1.0); what is new in "
		  "it is left out",
		  s->path, version);
}

static void load_dir(struct cdi *c, const struct lend_host *host, const char *dir, size_t place,
		     struct strv *notes)
{
	auto_strv struct strv names = { 0 };

	lend_list(host, dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = path_join(dir, names.v[i]);
		auto_buf struct buf text = { 0 };
		struct cdi_spec s;
		struct err e;

		if (!str_has_suffix(path, ".json") && !str_has_suffix(path, ".yaml") &&
		    !str_has_suffix(path, ".yml"))
			continue;
		if (lend_read(host, path, &text)) {
			strv_addf(notes, "%s cannot be read; its devices are not known", path);
			continue;
		}
		if (cdi_parse(&s, path, buf_str(&text), text.len, &e) < 0) {
			strv_addf(notes, "%s; its devices are not known", e.text);
			continue;
		}
		s.place = place;
		note_version(&s, notes);
		xgrow(&c->v, &c->cap, c->n + 1, sizeof(*c->v));
		c->v[c->n++] = s;
	}
}

void cdi_load(struct cdi *c, const struct lend_host *host, const struct strv *dirs,
	      struct strv *notes)
{
	static const char *const usual[] = { "/etc/cdi", "/var/run/cdi" };

	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		load_dir(c, host, usual[i], i, notes);
	for (size_t i = 0; i < dirs->n; i++)
		load_dir(c, host, dirs->v[i], ARRAY_LEN(usual) + i, notes);
}

void cdi_fini(struct cdi *c)
{
	for (size_t i = 0; i < c->n; i++)
		spec_fini(&c->v[i]);
	free(c->v);
	*c = (struct cdi){ 0 };
}

bool cdi_has_kind(const struct cdi *c, const char *kind)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].kind, kind))
			return true;
	return false;
}

static const struct json *device_of(const struct cdi_spec *s, const char *name)
{
	const struct json *d;

	json_each (json_get(s->doc, "devices"), i, d) {
		auto_free char *has = name_of(d);

		if (has && !strcmp(has, name))
			return d;
	}
	return NULL;
}

/* "0, 1, all" of this kind, or the kinds that there are. */
static void known_names(const struct cdi *c, const char *name, size_t kind_len, struct buf *out)
{
	const struct json *d;

	for (size_t i = 0; i < c->n; i++) {
		if (strncmp(c->v[i].kind, name, kind_len) != 0 || c->v[i].kind[kind_len])
			continue;
		json_each (json_get(c->v[i].doc, "devices"), k, d) {
			auto_free char *has = name_of(d);

			if (out->len < 300)
				buf_printf(out, "%s%s", out->len ? ", " : "", has ? has : "");
		}
	}
	if (out->len)
		return;
	for (size_t i = 0; i < c->n && out->len < 300; i++)
		buf_printf(out, "%s%s", out->len ? ", " : "", c->v[i].kind);
}

int cdi_find(struct cdi_device *out, const struct cdi *c, const char *name, struct err *e)
{
	size_t n = strcspn(name, "=");
	const struct cdi_spec *twin = NULL;
	auto_buf struct buf known = { 0 };

	*out = (struct cdi_device){ 0 };
	if (!cdi_name_is_valid(name))
		return err_set(e, ERR_USAGE,
			       "--device %s: write VENDOR/CLASS=NAME, as nvidia.com/gpu=0", name);
	for (size_t i = 0; i < c->n; i++) {
		const struct cdi_spec *s = &c->v[i];
		const struct json *d = NULL;

		if (!strncmp(s->kind, name, n) && !s->kind[n])
			d = device_of(s, name + n + 1);
		if (!d || (out->spec && out->spec->place > s->place))
			continue;
		twin = out->spec && out->spec->place == s->place ? out->spec : NULL;
		*out = (struct cdi_device){ s, d };
	}
	if (twin)
		return err_set(e, ERR_INPUT, "--device %s: %s and %s both have it", name,
			       twin->path, out->spec->path);
	if (out->spec)
		return 0;
	known_names(c, name, n, &known);
	if (!known.len)
		return err_set(
			e, ERR_NOTFOUND,
			"--device %s: no CDI spec in /etc/cdi, /var/run/cdi or --cdi-dirs; the "
			"vendor's tool makes one (nvidia-ctk cdi generate)",
			name);
	return err_set(e, ERR_NOTFOUND, "--device %s: no such device; there are %s", name,
		       buf_str(&known));
}
