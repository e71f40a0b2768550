/* program: where a tool of the host is.
 *
 *	auto_free char *full = program_find("mke2fs");   // NULL: not installed
 */
#ifndef FLOW_PROGRAM_H
#define FLOW_PROGRAM_H

/* The first executable of that name in PATH, else in the directories that hold an administrator's
 * tools, which an ordinary user's PATH leaves out on Debian.  Heap string or NULL. */
char *program_find(const char *name);

#endif
