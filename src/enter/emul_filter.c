/* A plain list of comparisons: since 5.11 the kernel knows beforehand which numbers every filter
 * lets pass without a look at their arguments, and runs no program for them; the calls in the list
 * cost far more than their place in it. */
#include "src/enter/emul_filter.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "src/enter/emul_calls.h"

#define X32_BIT 0x40000000u

#if defined(__x86_64__)
const uint32_t emul_host_arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 };
#elif defined(__aarch64__)
const uint32_t emul_host_arches[] = { AUDIT_ARCH_AARCH64 };
#else
#error "root emulation has no table of system calls for this machine"
#endif
const size_t emul_host_narches = sizeof(emul_host_arches) / sizeof(*emul_host_arches);

struct asm_ {
	struct sock_filter *code;
	size_t n;
};

static void put(struct asm_ *a, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	assert(a->n < EMUL_FILTER_MAX);
	a->code[a->n++] = (struct sock_filter){ code, jt, jf, k };
}

static void load(struct asm_ *a, size_t offset)
{
	put(a, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

/* The low half of an argument; both machines are little-endian. */
static void load_arg(struct asm_ *a, unsigned arg)
{
	load(a, offsetof(struct seccomp_data, args) + arg * 8u);
}

static void give(struct asm_ *a, uint32_t action)
{
	put(a, BPF_RET | BPF_K, 0, 0, action);
}

/* Skips the next n instructions when A is not k. */
static void unless(struct asm_ *a, uint32_t k, uint8_t n)
{
	put(a, BPF_JMP | BPF_JEQ | BPF_K, 0, n, k);
}

static void flags_test(struct asm_ *a, unsigned arg, uint32_t flags)
{
	load_arg(a, arg);
	put(a, BPF_JMP | BPF_JSET | BPF_K, 0, 1, flags);
	give(a, SECCOMP_RET_USER_NOTIF);
	give(a, SECCOMP_RET_ALLOW);
}

static void value_test(struct asm_ *a, unsigned arg, uint32_t value)
{
	load_arg(a, arg);
	unless(a, value, 1);
	give(a, SECCOMP_RET_USER_NOTIF);
	give(a, SECCOMP_RET_ALLOW);
}

static void one_call(struct asm_ *a, const struct emul_nr *c, const struct emul_filter *f)
{
	if ((c->action == EMUL_NOTIFY_STAT && !f->stat) ||
	    (c->action == EMUL_ZERO_SYNC && !f->fake_sync))
		return;
	switch (c->action) {
	case EMUL_NOTIFY:
	case EMUL_NOTIFY_STAT:
		unless(a, (uint32_t)c->nr, 1);
		give(a, SECCOMP_RET_USER_NOTIF);
		break;
	case EMUL_NOTIFY_CREATE:
		unless(a, (uint32_t)c->nr, 4);
		flags_test(a, c->arg, O_CREAT);
		break;
	case EMUL_NOTIFY_KEEP:
		unless(a, (uint32_t)c->nr, 4);
		value_test(a, c->arg, PR_SET_KEEPCAPS);
		break;
	case EMUL_NOTIFY_LIMIT:
		unless(a, (uint32_t)c->nr, 4);
		value_test(a, c->arg, RLIMIT_RTTIME);
		break;
	case EMUL_NOTIFY_NS:
		unless(a, (uint32_t)c->nr, 4);
		flags_test(a, c->arg, CLONE_NEWNS | CLONE_NEWUSER);
		break;
	case EMUL_ZERO:
	case EMUL_ZERO_SYNC:
		unless(a, (uint32_t)c->nr, 1);
		give(a, SECCOMP_RET_ERRNO);
		break;
	case EMUL_ENOSYS:
		unless(a, (uint32_t)c->nr, 1);
		give(a, SECCOMP_RET_ERRNO | ENOSYS);
		break;
	}
}

static void one_abi(struct asm_ *a, uint32_t arch, const struct emul_filter *f)
{
	size_t n, over;
	const struct emul_nr *calls = emul_abi_calls(arch, &n);

	/* Jumps of comparisons reach 255 instructions, a plain one anywhere. */
	unless(a, arch, 1);
	put(a, BPF_JMP | BPF_JA, 0, 0, 1);
	over = a->n;
	put(a, BPF_JMP | BPF_JA, 0, 0, 0);
	load(a, offsetof(struct seccomp_data, nr));
	if (arch == AUDIT_ARCH_X86_64) {
		put(a, BPF_JMP | BPF_JSET | BPF_K, 0, 1, X32_BIT);
		give(a, SECCOMP_RET_ERRNO | ENOSYS);
	}
	for (size_t i = 0; i < n; i++)
		one_call(a, &calls[i], f);
	give(a, SECCOMP_RET_ALLOW);
	a->code[over].k = (uint32_t)(a->n - over - 1);
}

size_t emul_filter_make(struct sock_filter *code, const struct emul_filter *f)
{
	struct asm_ a = { .code = code };

	load(&a, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < f->narches; i++)
		one_abi(&a, f->arches[i], f);
	give(&a, SECCOMP_RET_ALLOW);
	return a.n;
}
