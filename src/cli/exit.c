#include "src/cli/exit.h"

int exit_status_of(const struct err *e)
{
	(void)e;
	return EXIT_OWN_FAILURE;
}
