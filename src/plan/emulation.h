/* emulation: what --emulation says about being root inside. */
#ifndef PLAN_EMULATION_H
#define PLAN_EMULATION_H

#include "src/base/err.h"

/* apt wants to give up being root for another user and looks whether it did.  Where the ids of a
 * process cannot be remembered (src/enter/emul_who.c) it did not; this file, which the image itself
 * never holds, tells it not to try.  Files of that prefix in the root of a tree are ours, and are
 * not packed. */
#define EMULATION_PREFIX   "/.berth-"
#define EMULATION_APT_PATH EMULATION_PREFIX "apt.conf"
#define EMULATION_APT_TEXT "APT::Sandbox::User \"root\";\n"

enum emulation {
	EMULATION_FULL,	  /* owners and devices are remembered and shown */
	EMULATION_LIGHT,  /* remembered, but stat shows root: quicker where much is looked at */
	EMULATION_NONE,	  /* one id, and nothing else */
	EMULATION_SUBUID, /* a range of ids from /etc/subuid through newuidmap: known, refused */
};

/* "full", "light", "none", "subuid"; ERR_USAGE names them. */
int emulation_parse(enum emulation *out, const char *text, struct err *e);
const char *emulation_name(enum emulation m);

#endif
