#include "src/host/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits only, at most most; else -1. */
static int number(const char *text, int most)
{
	size_t n = strspn(text, "0123456789");
	int v = n && n < 4 && !text[n] ? atoi(text) : -1;

	return v <= most ? v : -1;
}

/* What follows RTMIN or RTMAX, as the C library numbers them. */
static int real_time(const char *text)
{
	int n = number(text[5] ? text + 6 : "0", SIGRTMAX - SIGRTMIN);

	if (n < 0)
		return 0;
	if (!strncasecmp(text, "RTMIN", 5) && (!text[5] || text[5] == '+'))
		return SIGRTMIN + n;
	if (!strncasecmp(text, "RTMAX", 5) && (!text[5] || text[5] == '-'))
		return SIGRTMAX - n;
	return 0;
}

int signal_parse(const char *text)
{
	int n = number(text, SIGRTMAX);

	if (n > 0)
		return n;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (int sig = 1; sig < NSIG; sig++) {
		const char *name = sigabbrev_np(sig);

		if (name && !strcasecmp(name, text))
			return sig;
	}
	return !strncasecmp(text, "RTM", 3) && strlen(text) >= 5 ? real_time(text) : 0;
}
