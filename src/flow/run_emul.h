/* run_emul: root emulation for exec, run and shell.
 *
 *	auto_run_emul struct run_emul r = { 0 };
 *	run_emul_start(&r, plan, e);        // before namespaces; nothing without --fakeroot
 *	... enter_build() ...
 *	run_emul_attach(&r, &f)             // in the program's process */
#ifndef FLOW_RUN_EMUL_H
#define FLOW_RUN_EMUL_H

#include "src/base/err.h"
#include "src/enter/emul.h"
#include "src/flow/image_owners.h"
#include "src/plan/plan.h"

struct run_emul {
	struct emul *emul; /* NULL: none */
	struct emul_table *table;
	int tree;		    /* the directory that is the image, -1 none */
	struct image_owners owners; /* of an image file */
};

int run_emul_start(struct run_emul *r, const struct plan *p, struct err *e);
int run_emul_attach(struct run_emul *r, struct fault *f);
void run_emul_fini(struct run_emul *r);
#define auto_run_emul auto_(run_emul_fini)

#endif
