/* nodump: no core file while a secret is in memory.
 *
 *	nodump_begin();
 *	... a password is read, sent, cleared ...
 *	nodump_end();
 *
 * PR_SET_DUMPABLE, which holds for core files and for those that go through a pipe, to which
 * RLIMIT_CORE means nothing; nobody else of the same user can attach meanwhile.  The kernel makes
 *the files of /proc/PID root's at the same time, so id maps must not be written before the end.
 *Calls nest and come from any thread. */
#ifndef BASE_NODUMP_H
#define BASE_NODUMP_H

void nodump_begin(void);
void nodump_end(void);

#endif
