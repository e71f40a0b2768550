#include "mpi/inside/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mpi/batch.h"
#include "mpi/handover.h"

int main(int argc, char **argv)
{
	if (getenv(PREFIX_COUNT))
		return prefix_main(argc, argv);
	if (access(BATCH_DIR, F_OK) == 0)
		return client_main(argc, argv);
	dprintf(2, "berth: this program is Berth's own; nobody needs to start it\n");
	return 125;
}
