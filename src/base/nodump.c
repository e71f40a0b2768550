#include "src/base/nodump.h"

#include <pthread.h>
#include <sys/prctl.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned depth;
static int before; /* what the process was */

void nodump_begin(void)
{
	pthread_mutex_lock(&lock);
	if (depth++ == 0) {
		before = prctl(PR_GET_DUMPABLE);
		prctl(PR_SET_DUMPABLE, 0);
	}
	pthread_mutex_unlock(&lock);
}

void nodump_end(void)
{
	pthread_mutex_lock(&lock);
	/* 2, dumpable for root, is the kernel's to set and nobody else's. */
	if (--depth == 0 && before == 1)
		prctl(PR_SET_DUMPABLE, 1);
	pthread_mutex_unlock(&lock);
}
