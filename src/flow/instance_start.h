/* instance_start: a container that stays when the command that made it has ended.
 *
 *	auto_instance_start struct instance_start s = { 0 };
 *	instance_start_claim(&s, req, e);         // the name, the logs: before anything costs time
 *	...
 *	return instance_start_act(&s, x, plan, keeper, e);
 *
 * The instance is noted after its container stands and before its program starts, and dies with
 * this process until then: whenever that is killed, there is an instance with a note or none. */
#ifndef FLOW_INSTANCE_START_H
#define FLOW_INSTANCE_START_H

#include "image/oci.h"
#include "src/base/err.h"
#include "src/enter/enter.h"
#include "src/flow/instances.h"
#include "src/plan/request.h"

struct instance_start {
	struct instance_claim claim;
	struct instance note;
	const char *pid_file;
	const struct lent *lent; /* what the host lends it; NULL: nothing */
	int null, out, err;	 /* standard descriptors of the instance */
};

void instance_start_fini(struct instance_start *s);
#define auto_instance_start auto_(instance_start_fini)

/* As instance_claim(), and opens the logs. */
int instance_start_claim(struct instance_start *s, const struct run_req *req, struct err *e);
/* The signal that will stop it: with --oci-compat the image's StopSignal (TERM where it has none),
 * else INT, as Apptainer.  oci may be NULL.  ERR_INPUT: StopSignal is none. */
int instance_start_signal(struct instance_start *s, const struct run_req *req,
			  const struct oci_config *oci, struct err *e);
/* 0: it runs.  Else as run_enter(). */
int instance_start_act(struct instance_start *s, struct enter *x, struct plan *p, int keeper,
		       struct err *e);

#endif
