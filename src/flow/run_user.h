/* run_user: who the program is inside, where that is not the caller: --security, or with
 * --oci-compat the image's User.
 *
 *	auto_run_user struct run_user u = { 0 };
 *	run_user_gather(&u, req, &image, &facts, &notes, e);   // u owns what facts then point to
 *
 * To the kernel it is the caller: his one id is mapped to another number. */
#ifndef FLOW_RUN_USER_H
#define FLOW_RUN_USER_H

#include "src/base/err.h"
#include "src/flow/run_image.h"
#include "src/plan/facts.h"
#include "src/plan/oci_user.h"
#include "src/plan/request.h"

struct run_user {
	struct oci_user user;
	struct fact_group group;
};
static inline void run_user_fini(struct run_user *u)
{
	oci_user_fini(&u->user);
}
#define auto_run_user auto_(run_user_fini)

/* After run_image_open().  notes: what is not done as the image says it. */
int run_user_gather(struct run_user *u, const struct run_req *req, struct run_image *image,
		    struct facts *f, struct strv *notes, struct err *e);

#endif
