/* docker_config: the part of an OCI image configuration that a Dockerfile changes: what image-spec
 * config.md calls "config", with the members that Docker adds.
 *
 *	auto_docker_config struct docker_config c = { 0 };
 *	docker_config_parse(&c, inner, e);        // of the base; "{}" for scratch
 *	docker_config_json(&c, &text);            // of the result */
#ifndef RECIPE_DOCKER_CONFIG_H
#define RECIPE_DOCKER_CONFIG_H

#include <stdbool.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/base/mem.h"

struct docker_config {
	struct strv env; /* "K=V" */
	struct strv entrypoint, cmd, shell, onbuild;
	struct strv labels; /* "K=V"; no key holds a = */
	struct strv ports, volumes;
	struct strv health;						  /* Test of Healthcheck */
	int64_t interval, timeout, start_period, start_interval, retries; /* of Healthcheck; ns */
	char *user, *workdir, *stop_signal;				  /* NULL: none */
};

void docker_config_fini(struct docker_config *c);
#define auto_docker_config auto_(docker_config_fini)

/* Fills a zeroed c.  Members of the wrong type are errors. */
int docker_config_parse(struct docker_config *c, const char *json, struct err *e);
/* Compact JSON, "{}" for nothing. */
void docker_config_json(const struct docker_config *c, struct buf *out);

#endif
