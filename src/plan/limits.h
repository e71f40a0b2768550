/* limits: what --memory and its kin mean in the files of cgroup v2.
 *
 *	auto_strv struct strv files = { 0 };
 *	limits_make(&files, req, &facts, e);      // "memory.max=1073741824", "cpu.max=150000
 *100000"
 *
 * facts.limits is what --apply-cgroups names (NULL: none), a table of OCI's LinuxResources: memory,
 *cpu, pids, blockIO, hugepageLimits, unified.  Options come after it and win.  Pure text. */
#ifndef PLAN_LIMITS_H
#define PLAN_LIMITS_H

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/plan/facts.h"
#include "src/plan/request.h"

#define LIMITS_TOML_MAX (1 << 20)

/* ERR_USAGE names the option or key and what is wrong with it; ERR_UNSUPPORTED for what version 2
 * does not have. */
int limits_make(struct strv *out, const struct run_req *req, const struct facts *f, struct err *e);

/* The paths that --blkio-weight-device names: what facts.devices has to tell. */
void limits_devices(struct strv *out, const struct run_req *req);

#endif
