/* run_start: from the words of exec, run, shell, test and instance to flow_run().
 *
 *	static int run_exec(void *req, int argc, char **argv, struct err *e)
 *	{
 *		return run_start(req, RUN_EXEC, 1, argc, argv, e);
 *	}
 *
 * A started program never comes back here. */
#ifndef CLI_RUN_START_H
#define CLI_RUN_START_H

#include "src/base/err.h"
#include "src/plan/request.h"

/* argv[0] is the image, what follows the first `names` words the program's arguments.  Asks for a
 * login where that was said and the image is to be fetched.  The status is what flow_run() says. */
int run_start(struct run_req *r, enum run_verb verb, int names, int argc, char **argv,
	      struct err *e);

#endif
