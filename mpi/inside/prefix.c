/* prefix: starts what stands before a program whose argv another has fixed (mpi/spank).
 *
 * Words come in the environment, because slurmstepd executes a task's argv as it is and a plugin
 * can only replace one word of it. */
#include "mpi/inside/inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mpi/handover.h"

/* Heap: the variable is unset afterwards. */
static char *take(const char *key)
{
	const char *v = getenv(key);
	char *copy = strdup(v ? v : "");

	unsetenv(key);
	return copy;
}

int prefix_main(int argc, char **argv)
{
	char key[64], *count = take(PREFIX_COUNT);
	int n = atoi(count), at = 0;
	char **words;

	if (n < 1 || n > PREFIX_MAX)
		return 125;
	words = calloc((size_t)(n + argc + 1), sizeof(*words));
	if (!words)
		return 125;
	for (int i = 0; i < n; i++) {
		snprintf(key, sizeof(key), PREFIX_WORD "%d", i);
		words[at++] = take(key);
	}
	words[at++] = take(PREFIX_ARGV0);
	for (int i = 1; i < argc; i++)
		words[at++] = argv[i];
	execvp(words[0], words);
	dprintf(2, "berth: --container-entrypoint: %s: %s\n", words[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
