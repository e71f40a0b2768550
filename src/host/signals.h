/* signals: a signal as people and image configurations write it.
 *
 *	int sig = signal_parse("SIGRTMIN+3");   // 0: there is no such signal
 */
#ifndef HOST_SIGNALS_H
#define HOST_SIGNALS_H

/* "TERM", "SIGTERM", "sigterm", "15", "SIGRTMIN+3", "RTMAX-1". */
int signal_parse(const char *text);

#endif
