#include "src/flow/gpu_check.h"

#include <unistd.h>

#include "src/flow/run_image.h"
#include "src/flow/run_lend.h"

extern char **environ;

static void say(const struct lent *l, struct buf *text)
{
	for (size_t i = 0; i < l->nverdicts; i++) {
		lent_line(text, &l->verdicts[i]);
		buf_addch(text, '\n');
	}
}

int flow_gpu_check(const struct run_req *req, struct buf *text, struct err *e)
{
	auto_run_image struct run_image image = { 0 };
	auto_lent struct lent lent = { 0 };
	auto_free char *cwd = getcwd(NULL, 0);
	struct facts facts = { .environ = environ, .cwd = cwd };
	struct run_req r = *req;
	int status;

	if (!r.nv && !r.nvccli && !r.rocm && !r.intel && !r.intel_hpu && !r.fabric &&
	    !r.require_fabric && !r.devices.n && !r.modules.n)
		r.nv = r.rocm = r.intel = r.fabric = true;
	/* Every device counts, also where the whole /dev would be shown. */
	r.contain = true;
	if (r.image && run_image_open(&image, r.image, cwd, &r, &facts.image, e) < 0)
		return -1;
	status = run_lend(&lent, &r, &facts, r.image ? &image : NULL, e);
	say(&lent, text);
	for (size_t i = 0; i < lent.notes.n; i++)
		if (!status && str_has_prefix(lent.notes.v[i], "this host has "))
			buf_printf(text, "%s\n", lent.notes.v[i]);
	if (status < 0 && e->kind == ERR_HOST)
		return 1;
	return status;
}
