/* memlimit: how much memory this process may use, as its cgroups say.
 *
 *	auto_memory_limit struct memory_limit m = { 0 };
 *	memory_limit_find(&m, AT_FDCWD);
 *	m.bytes, m.from    // 4294967296, "/sys/fs/cgroup/job_7/memory.max"
 *
 * The smallest limit from the own group up to the root counts, as the kernel has it;
 * cgroup v1 and v2.  Looked up below a root directory, as src/host/host.h. */
#ifndef HOST_MEMLIMIT_H
#define HOST_MEMLIMIT_H

#include <stdint.h>

#include "src/base/mem.h"

struct memory_limit {
	uint64_t bytes; /* UINT64_MAX: there is none */
	char *from;	/* the file that says so; NULL without a limit */
};

void memory_limit_find(struct memory_limit *out, int rootfd);
void memory_limit_fini(struct memory_limit *m);
#define auto_memory_limit auto_(memory_limit_fini)

#endif
