#include <sched.h>
#include <string.h>

#include "src/plan/isolate.h"
#include "tests/unit/unit.h"

static const char *refusal(const struct run_req *req)
{
	static struct err e;

	e = (struct err){ 0 };
	return isolate_check(req, &e) < 0 ? e.text : "";
}

START_TEST(only_the_network_none_is_taken)
{
	struct run_req req = { .network = "none" };

	ck_assert_str_eq(refusal(&req), "");
	req.network = "none,bridge";
	ck_assert(strstr(refusal(&req), "--network bridge: only --network none"));
	req = (struct run_req){ .net = true };
	ck_assert(strstr(refusal(&req), "--net: only --network none"));
	req = (struct run_req){ .netns_path = "/run/netns/x" };
	ck_assert(strstr(refusal(&req), "--netns-path /run/netns/x:"));
}
END_TEST

START_TEST(a_host_name_is_checked_before_the_kernel_sees_it)
{
	static const char long_name[] =
		"a123456789b123456789c123456789d123456789e123456789f123456789g1234";
	struct run_req req = { .hostname = "node-7.example" };

	ck_assert_str_eq(refusal(&req), "");
	req.hostname = "";
	ck_assert(strstr(refusal(&req), "a host name is 1 to 64"));
	req.hostname = "a b";
	ck_assert(strstr(refusal(&req), "--hostname a b:"));
	req.hostname = "-x";
	ck_assert(*refusal(&req));
	req.hostname = long_name;
	ck_assert(*refusal(&req));
	req.hostname = long_name + 1;
	ck_assert_str_eq(refusal(&req), "");
}
END_TEST

START_TEST(options_become_namespaces)
{
	struct plan p = { 0 };
	struct run_req req = { .containall = true, .no_pid = true };

	request_settle(&req);
	isolate_make(&p, &req);
	ck_assert_uint_eq(p.ns, CLONE_NEWIPC);
	p = (struct plan){ 0 };
	req = (struct run_req){ .compat = true };
	request_settle(&req);
	isolate_make(&p, &req);
	ck_assert_uint_eq(p.ns, CLONE_NEWIPC | CLONE_NEWPID);
	ck_assert(!p.init);
	p = (struct plan){ 0 };
	req = (struct run_req){ .pid = true, .hostname = "x", .network = "none" };
	isolate_make(&p, &req);
	ck_assert_uint_eq(p.ns, CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNET);
	ck_assert(p.init);
	ck_assert_str_eq(p.hostname, "x");
	free(p.hostname);
}
END_TEST

START_TEST(the_files_say_what_the_options_said)
{
	struct run_req req = { .hostname = "x" };
	struct facts f = { .hosts = "10.0.0.1 login" };
	auto_buf struct buf hosts = { 0 }, own = { 0 }, resolv = { 0 };

	ck_assert(isolate_owns_file(&req, "/etc/hostname"));
	ck_assert(!isolate_owns_file(&req, "/etc/resolv.conf"));
	isolate_file(&hosts, "/etc/hosts", &req, &f);
	ck_assert_str_eq(buf_str(&hosts), "10.0.0.1 login\n127.0.1.1\tx\n");
	req.network = "none";
	isolate_file(&own, "/etc/hosts", &req, &f);
	ck_assert_str_eq(buf_str(&own),
			 "127.0.0.1\tlocalhost\n"
			 "::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\tx\n");
	strv_add(&req.dns, "192.0.2.1,::1");
	isolate_file(&resolv, "/etc/resolv.conf", &req, &f);
	ck_assert_str_eq(buf_str(&resolv), "nameserver 192.0.2.1\nnameserver ::1\n");
	ck_assert_str_eq(refusal(&req), "");
	strv_add(&req.dns, "ns1");
	ck_assert_str_eq(refusal(&req), "--dns ns1: not an IP address");
	strv_fini(&req.dns);
}
END_TEST

UNIT(isolate, only_the_network_none_is_taken, a_host_name_is_checked_before_the_kernel_sees_it,
     options_become_namespaces, the_files_say_what_the_options_said)
