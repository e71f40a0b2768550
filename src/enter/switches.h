/* switches: the host's settings that take single features away from an ordinary user, where
 * blockers are those that keep containers from starting at all.
 *
 *	struct switches s;
 *	switches_probe(&s, "/");                   // or a directory of fixtures
 *	switches_report(&s, print_line, out);      // each setting that takes something away
 *
 * A failed start and `berth check` take their texts from here, so they agree. */
#ifndef ENTER_SWITCHES_H
#define ENTER_SWITCHES_H

#include <stdbool.h>

#include "src/base/err.h"

struct switches {
	/* user.max_*_namespaces, -1 not known */
	long max_pid, max_ipc, max_uts, max_net;
	long ptrace_scope;	 /* kernel.yama.ptrace_scope, -1 without Yama */
	long selinux;		 /* -1 none, 0 permissive, 1 enforcing */
	bool selinux_has_userns; /* its policy decides about user namespaces (Linux 6.1) */
	bool seccomp;		 /* a filter is on this process */
	bool has_overlay;	 /* in /proc/filesystems; a module may still be loaded */
	char proc_over[256];	 /* what is mounted over a part of /proc; "" nothing */
};

/* Reads the settings below root. */
void switches_probe(struct switches *s, const char *root);

/* Of the namespaces in flags (CLONE_NEW*), the first whose number is limited to 0: -1 with
 * ERR_HOST, cause and remedy.  0: none. */
int switches_namespaces(const struct switches *s, unsigned flags, struct err *e);

/* Calls f for each setting that takes something away: what it is about, and cause, effect and
 * remedy in one line. */
void switches_report(const struct switches *s,
		     void (*f)(void *arg, const char *what, const char *text), void *arg);

/* Why what was tried failed with sys, as ERR_HOST: an overlay in a user namespace, user attributes
 * on a tmpfs there, a /proc for a new PID namespace.  Always -1. */
int switches_overlay(const struct switches *s, int sys, struct err *e);
int switches_tmpfs_xattr(int sys, struct err *e);
int switches_proc(const struct switches *s, int sys, struct err *e);

#endif
