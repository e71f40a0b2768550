#include "src/flow/run_slurm.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mpi/batch.h"
#include "mpi/proxy.h"
#include "src/flow/berth_inside.h"
#include "src/host/rundir.h"

void run_slurm_fini(struct run_slurm *s)
{
	free(s->dir);
}

/* One for the ranks of a launch on this node, whose containers are one; else one a process. */
static char *dir_name(const char *base, const struct launcher *l)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	if (!launcher_has_peers(l) || l->anchor)
		return xasprintf("%s/slurm-%ld", base, (long)getpid());
	for (const char *p = l->id; *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3ULL;
	return xasprintf("%s/slurm-%016llx", base, (unsigned long long)h);
}

int run_slurm_begin(struct run_slurm *s, const struct launcher *l, struct strv *binds,
		    struct err *e)
{
	auto_free char *base = NULL, *client = berth_inside_path(e);

	if (!client || rundir_make(&base, environ, e) < 0)
		return err_wrap(e, "--slurm");
	s->dir = dir_name(base, l);
	if (mkdir(s->dir, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "--slurm: make %s", s->dir);
	strv_addf(binds, "%s:" BATCH_DIR, s->dir);
	for (size_t i = 0; i < ARRAY_LEN(batch_commands); i++)
		strv_addf(binds, "%s:/usr/bin/%s:ro", client, batch_commands[i]);
	return 0;
}

int run_slurm_start(struct run_slurm *s, struct err *e)
{
	return s->dir ? proxy_join(s->dir, e) : 0;
}
