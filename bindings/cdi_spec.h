/* cdi_spec: the Container Device Interface's spec files of a host.
 *
 *	auto_cdi struct cdi c = { 0 };
 *	cdi_load(&c, host, &dirs, &notes);                     // bad files are noted and skipped
 *	if (cdi_find(&d, &c, "nvidia.com/gpu=0", e) < 0) ...   // names what there is instead
 *	json_get(d.spec->doc, "containerEdits"), json_get(d.device, "containerEdits")
 *
 * JSON (*.json) and YAML (*.yaml, *.yml) files in /etc/cdi, /var/run/cdi and further directories; a
 * device of a later directory hides one of an earlier, and two of one name in equal places make it
 * unusable.  Versions 0.1.0 to 0.8.0, 1.0.0 and 1.1.0; a newer one is read and noted.  Fields that
 * are not known are left alone.
 *
 * Source: github.com/cncf-tags/container-device-interface, SPEC.md. */
#ifndef BINDINGS_CDI_SPEC_H
#define BINDINGS_CDI_SPEC_H

#include "bindings/lend.h"
#include "src/base/json.h"

struct cdi_spec {
	char *path;
	size_t place; /* number of its directory: higher wins */
	struct json *doc;
	const char *kind; /* "nvidia.com/gpu"; doc's */
};

struct cdi {
	struct cdi_spec *v;
	size_t n, cap;
};

struct cdi_device {
	const struct cdi_spec *spec;
	const struct json *device;
};

void cdi_load(struct cdi *c, const struct lend_host *host, const struct strv *dirs,
	      struct strv *notes);
void cdi_fini(struct cdi *c);
#define auto_cdi auto_(cdi_fini)

/* One file's text; path tells which language it is and goes into messages.  ERR_INPUT with the
 * reason. */
int cdi_parse(struct cdi_spec *out, const char *path, const char *text, size_t n, struct err *e);

/* "vendor/class=name" and its parts' alphabets. */
bool cdi_name_is_valid(const char *name);
/* ERR_USAGE for a name that is none, ERR_NOTFOUND for one that no spec has. */
int cdi_find(struct cdi_device *out, const struct cdi *c, const char *name, struct err *e);
bool cdi_has_kind(const struct cdi *c, const char *kind);

#endif
