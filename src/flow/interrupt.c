/* Handlers and not a blocked mask with signalfd: threads that were there before us (a progress
 * display) do not have our mask, and the kernel may choose any of them. */
#include "src/flow/interrupt.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

struct interrupt {
	void (*stop)(void *arg);
	void *arg;
	pthread_t thread;
	int running;
	struct sigaction old[ARRAY_LEN(signals)], old_xfsz;
};

static int wake = -1; /* eventfd */
static volatile sig_atomic_t caught;
static atomic_int ending;

static void on_signal(int signo)
{
	int saved = errno;
	uint64_t one = 1;

	caught = signo;
	(void)!write(wake, &one, sizeof(one));
	errno = saved;
}

static void *wait_for_it(void *arg)
{
	struct interrupt *in = arg;
	uint64_t n;

	while (read(wake, &n, sizeof(n)) < 0 && errno == EINTR)
		;
	if (!ending)
		in->stop(in->arg);
	return NULL;
}

struct interrupt *interrupt_begin(void (*stop)(void *arg), void *arg)
{
	struct interrupt *in = xcalloc(1, sizeof(*in));
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND };

	sigaction(SIGXFSZ, &(struct sigaction){ .sa_handler = SIG_IGN }, &in->old_xfsz);
	in->stop = stop;
	in->arg = arg;
	caught = 0;
	ending = 0;
	wake = eventfd(0, EFD_CLOEXEC);
	/* Without the thread a signal ends the process as ever; that is safe, only untidy. */
	if (wake < 0 || pthread_create(&in->thread, NULL, wait_for_it, in) != 0)
		return in;
	in->running = 1;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		sigaction(signals[i], NULL, &in->old[i]);
		if (in->old[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
	}
	return in;
}

int interrupt_signal(const struct interrupt *in)
{
	(void)in;
	return caught;
}

void interrupt_end(struct interrupt *in)
{
	uint64_t one = 1;

	if (!in)
		return;
	if (in->running) {
		for (size_t i = 0; i < ARRAY_LEN(signals); i++)
			sigaction(signals[i], &in->old[i], NULL);
		ending = 1;
		(void)!write(wake, &one, sizeof(one));
		pthread_join(in->thread, NULL);
	}
	sigaction(SIGXFSZ, &in->old_xfsz, NULL);
	close_p_(&wake);
	wake = -1;
	free(in);
}
