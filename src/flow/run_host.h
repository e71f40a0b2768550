/* run_host: the host's half of a plan's facts.
 *
 *	auto_run_host struct run_host h = { 0 };
 *	run_host_gather(&h, req, &facts, e);   // h owns all that facts points to
 */
#ifndef FLOW_RUN_HOST_H
#define FLOW_RUN_HOST_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/host/host.h"
#include "src/host/memlimit.h"
#include "src/plan/facts.h"
#include "src/plan/request.h"

struct run_host {
	struct host host;
	struct strv paths, env_files; /* as plan_wants() named them */
	struct memory_limit memory;
	struct fact_path *path_facts;
	struct fact_group *groups;
	struct fact_file *file_facts;
	char **texts;		  /* of env_files */
	struct buf limits;	  /* --apply-cgroups' file */
	struct strv device_paths; /* of --blkio-weight-device */
	struct fact_device *devices;
	struct buf hosts; /* /etc/hosts, when it is made anew */
};

void run_host_fini(struct run_host *h);
#define auto_run_host auto_(run_host_fini)

/* Fills all of f but f->image.  Looks only at what the request needs. */
int run_host_gather(struct run_host *h, const struct run_req *req, struct facts *f, struct err *e);

#endif
