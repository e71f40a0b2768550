#include "src/plan/isolate.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <sched.h>
#include <string.h>

#define HOSTNAME_MAX 64 /* of the kernel */

const char *const isolate_files[3] = { "/etc/hostname", "/etc/hosts", "/etc/resolv.conf" };

static bool has_own_net(const struct run_req *req)
{
	return req->net || req->network;
}

static int hostname_check(const char *name, struct err *e)
{
	size_t n = strlen(name);
	bool good = n > 0 && n <= HOSTNAME_MAX && name[0] != '-' && name[0] != '.';

	for (size_t i = 0; i < n; i++)
		good &= isascii((unsigned char)name[i]) &&
			(isalnum((unsigned char)name[i]) || strchr("-._", name[i]));
	if (good)
		return 0;
	return err_set(e, ERR_USAGE,
		       "--hostname %s: a host name is 1 to %d letters, digits, '-' and '.'", name,
		       HOSTNAME_MAX);
}

static int network_check(const struct run_req *req, struct err *e)
{
	auto_strv struct strv names = { 0 };

	if (req->netns_path)
		return err_set(
			e, ERR_UNSUPPORTED,
			"--netns-path %s: joining a network namespace of somebody else takes "
			"root; --network none makes an own one",
			req->netns_path);
	if (!has_own_net(req))
		return 0;
	strv_split(&names, req->network ? req->network : "bridge", ',');
	for (size_t i = 0; i < names.n; i++)
		if (strcmp(names.v[i], "none"))
			return err_set(
				e, ERR_UNSUPPORTED,
				"--net%s%s: only --network none (a loopback interface and "
				"nothing else) works without root; leave --net out to use the "
				"host's network",
				req->network ? " --network " : "", req->network ? names.v[i] : "");
	return 0;
}

static int dns_check(const struct run_req *req, struct err *e)
{
	for (size_t i = 0; i < req->dns.n; i++) {
		auto_strv struct strv list = { 0 };
		unsigned char raw[sizeof(struct in6_addr)];

		strv_split(&list, req->dns.v[i], ',');
		for (size_t k = 0; k < list.n; k++)
			if (inet_pton(AF_INET, list.v[k], raw) != 1 &&
			    inet_pton(AF_INET6, list.v[k], raw) != 1)
				return err_set(e, ERR_USAGE, "--dns %s: not an IP address",
					       list.v[k]);
	}
	return 0;
}

int isolate_check(const struct run_req *req, struct err *e)
{
	if (req->hostname && hostname_check(req->hostname, e) < 0)
		return -1;
	return network_check(req, e) < 0 ? -1 : dns_check(req, e);
}

void isolate_make(struct plan *p, const struct run_req *req)
{
	if (req->pid || req->instance)
		p->ns |= CLONE_NEWPID;
	if (req->ipc)
		p->ns |= CLONE_NEWIPC;
	if (req->uts || req->hostname)
		p->ns |= CLONE_NEWUTS;
	if (has_own_net(req))
		p->ns |= CLONE_NEWNET;
	p->init = req->instance || (req->pid && !req->no_init);
	if (req->hostname)
		p->hostname = xstrdup(req->hostname);
}

bool isolate_owns_file(const struct run_req *req, const char *path)
{
	if (!strcmp(path, "/etc/hostname"))
		return req->hostname != NULL;
	if (!strcmp(path, "/etc/hosts"))
		return req->hostname || has_own_net(req);
	return !strcmp(path, "/etc/resolv.conf") && req->dns.n > 0;
}

/* A name that leads nowhere makes programs wait for name servers.  With the host's network the
 * host's names stay. */
static void hosts_file(struct buf *out, const struct run_req *req, const struct facts *f)
{
	if (has_own_net(req) || !f->hosts)
		buf_adds(out, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	else
		buf_adds(out, f->hosts);
	if (out->len && out->data[out->len - 1] != '\n')
		buf_addch(out, '\n');
	if (req->hostname)
		buf_printf(out, "127.0.1.1\t%s\n", req->hostname);
}

void isolate_file(struct buf *out, const char *path, const struct run_req *req,
		  const struct facts *f)
{
	if (!strcmp(path, "/etc/hostname")) {
		buf_printf(out, "%s\n", req->hostname);
	} else if (!strcmp(path, "/etc/hosts")) {
		hosts_file(out, req, f);
	} else {
		for (size_t i = 0; i < req->dns.n; i++) {
			auto_strv struct strv list = { 0 };

			strv_split(&list, req->dns.v[i], ',');
			for (size_t k = 0; k < list.n; k++)
				buf_printf(out, "nameserver %s\n", list.v[k]);
		}
	}
}
