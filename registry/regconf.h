/* regconf: registries.conf, version 2 (containers-registries.conf(5)): where a name is fetched
 *from.
 *
 *	auto_regconf struct regconf *c = NULL;
 *	regconf_load(&c, e);                       // the user's file, else the system's, and
 **.conf.d regconf_route(c, &ref, &routes, e);        // mirrors in their order, then the place
 *itself for (i = 0; i < routes.n; i++) ... routes.v[i].ref ...
 *
 * $CONTAINERS_REGISTRIES_CONF names another main file, $CONTAINERS_REGISTRIES_CONF_DIR another
 * directory.  Keys of version 1 ([registries.*]) are read as what they mean in version 2. */
#ifndef REGISTRY_REGCONF_H
#define REGISTRY_REGCONF_H

#include <stdbool.h>

#include "registry/ref.h"
#include "src/base/buf.h"
#include "src/base/err.h"

#define REGCONF_FILE_MAX (1u << 20)

struct regconf;

struct regconf *regconf_new(void);
/* Adds one document; its entries take the place of earlier ones with the same prefix.  name is for
 * messages. */
int regconf_add(struct regconf *c, const char *p, size_t n, const char *name, struct err *e);
int regconf_load(struct regconf **out, struct err *e);
void regconf_free(struct regconf *c);
static inline void regconf_free_p_(struct regconf **c)
{
	regconf_free(*c);
}
#define auto_regconf auto_(regconf_free_p_)

struct route {
	struct ref ref; /* what is asked for, and where */
	bool mirror;	/* not the place itself */
	bool insecure;	/* its certificate is not checked ... */
	bool plain;	/* ... or there is none: http */
};
struct routes {
	struct route *v;
	size_t n;
};
void routes_fini(struct routes *r);
#define auto_routes auto_(routes_fini)

/* At least one.  ERR_USAGE for a registry that is blocked, ERR_INPUT for a location that makes no
 * reference. */
int regconf_route(const struct regconf *c, const struct ref *ref, struct routes *out,
		  struct err *e);
/* The names that a short one ("debian:12") may stand for, best first: its alias alone, or one for
 * each registry that is searched, or the name itself. */
void regconf_expand(const struct regconf *c, const char *name, struct strv *out);

#endif
