/* emul_stat: the layouts of struct stat that the stat family writes. */
#ifndef ENTER_EMUL_STAT_H
#define ENTER_EMUL_STAT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "src/enter/emul_calls.h"
#include "src/enter/emul_table.h"

#define EMUL_STAT_MAX 256 /* bytes of the largest */

/* st as the record says it is. */
void emul_stat_apply(struct statx *st, const struct emul_rec *r);
/* Writes what a call of that ABI and form stores; its size. */
size_t emul_stat_encode(unsigned char out[EMUL_STAT_MAX], uint32_t arch, enum emul_form form,
			const struct statx *st);

#endif
