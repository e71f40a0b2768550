/* emulation: what --emulation says about being root inside. */
#ifndef PLAN_EMULATION_H
#define PLAN_EMULATION_H

#include "src/base/err.h"

enum emulation {
	EMULATION_FULL,	  /* owners and devices are remembered and shown */
	EMULATION_LIGHT,  /* remembered, but stat shows root: quicker where much is looked at */
	EMULATION_NONE,	  /* one id, and nothing else */
	EMULATION_SUBUID, /* a range of ids from /etc/subuid through newuidmap */
};

/* "full", "light", "none", "subuid"; ERR_USAGE names them. */
int emulation_parse(enum emulation *out, const char *text, struct err *e);
const char *emulation_name(enum emulation m);

#endif
