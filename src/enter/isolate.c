/* What a new UTS or network namespace needs before it is of use. */
#include "src/enter/state.h"

#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/mem.h"

static int loopback_up(void)
{
	auto_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = { .ifr_name = "lo" };

	if (sock < 0 || ioctl(sock, SIOCGIFFLAGS, &lo) < 0)
		return -1;
	lo.ifr_flags |= IFF_UP;
	return ioctl(sock, SIOCSIFFLAGS, &lo);
}

int isolate_settle(const struct enter *x, struct fault *f)
{
	const struct plan *p = x->plan;

	if (p->hostname && sethostname(p->hostname, strlen(p->hostname)) < 0)
		return fault_at(f, FAULT_HOSTNAME, 0);
	if (p->ns & CLONE_NEWNET && loopback_up() < 0)
		return fault_at(f, FAULT_LOOPBACK, 0);
	return 0;
}
