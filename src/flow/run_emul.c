#include "src/flow/run_emul.h"

#include "src/base/fd.h"

void run_emul_fini(struct run_emul *r)
{
	emul_free(r->emul);
	emul_table_free(r->table);
}

int run_emul_start(struct run_emul *r, const struct plan *p, struct err *e)
{
	struct emul_opts o = { .stat = p->emulation == EMULATION_FULL };

	if (!p->fakeroot || p->emulation == EMULATION_NONE || p->emulation == EMULATION_SUBUID)
		return 0;
	r->table = emul_table_new();
	o.table = r->table;
	return emul_start(&r->emul, &o, e);
}

int run_emul_attach(struct run_emul *r, struct fault *f)
{
	return r->emul ? emul_attach(r->emul, f) : 0;
}
