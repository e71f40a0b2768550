/* cpus: how many CPUs this process may use.
 *
 *	threads = cpus_usable("/");   // never 0
 *
 * The least of: the affinity mask, and the CPU quota of every cgroup from ours up (version 2:
 * cpu.max, version 1: cpu.cfs_quota_us), rounded up.  On a node with 128 cores where the job
 * has 4, that is 4. */
#ifndef HOST_CPUS_H
#define HOST_CPUS_H

/* root: "/", or a directory that stands for it (proc/self/cgroup, sys/fs/cgroup below it). */
unsigned cpus_usable(const char *root);

#endif
