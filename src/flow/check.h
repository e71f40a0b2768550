/* check: what this host has and lacks for running containers, each line with its
 * remedy.
 *
 *	auto_buf struct buf text = { 0 };
 *	int r = flow_check(&text, e);   // 0: all there, 1: something needed is missing
 *
 * The texts are those that exec prints when it fails for the same reason. */
#ifndef FLOW_CHECK_H
#define FLOW_CHECK_H

#include "src/base/buf.h"
#include "src/base/err.h"

/* Adds one line a finding.  0 nothing that stops a container, 1 something does. */
int flow_check(struct buf *text, struct err *e);

#endif
