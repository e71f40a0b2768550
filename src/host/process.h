/* process: is it still the process that was noted?
 *
 *	uint64_t start;
 *	process_start_time(&start, pid);
 *	...
 *	auto_close int fd = process_open(pid, start);   // -1: that one has ended
 *	process_wait(fd, 10000);
 *
 * A pid is used again; a pid with its start time is not.  The time is compared after the pidfd was
 * opened, so the descriptor means that process for ever (Linux 5.3). */
#ifndef HOST_PROCESS_H
#define HOST_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* In clock ticks since boot.  False: there is no such process, or it is a zombie. */
bool process_start_time(uint64_t *out, pid_t pid);
/* A pidfd, or -1 when it has ended. */
int process_open(pid_t pid, uint64_t start);
/* Waits for its end, at most ms (-1: for ever).  True: it has ended. */
bool process_wait(int pidfd, int ms);

#endif
