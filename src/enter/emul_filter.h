/* emul_filter: the seccomp program of root emulation.
 *
 *	struct emul_filter f = { .arches = emul_host_arches, .narches = ..., .stat = true };
 *	struct sock_filter code[EMUL_FILTER_MAX];
 *	size_t n = emul_filter_make(code, &f);
 *
 * Pure: the same request gives the same program.  Calls of other machines' ABIs pass; x32 calls are
 * refused (ENOSYS), or their numbers, which are those of x86_64 with a bit set, would be a way
 * round. */
#ifndef ENTER_EMUL_FILTER_H
#define ENTER_EMUL_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMUL_FILTER_MAX 1024 /* instructions */

struct emul_filter {
	const uint32_t *arches; /* AUDIT_ARCH_* */
	size_t narches;
	bool stat;	/* the stat family is answered, too */
	bool fake_sync; /* fsync and its kin return 0 at once */
};

/* What this machine can run: its own ABI first. */
extern const uint32_t emul_host_arches[];
extern const size_t emul_host_narches;

/* Writes at most EMUL_FILTER_MAX instructions and returns their number. */
size_t emul_filter_make(struct sock_filter *code, const struct emul_filter *f);

#endif
