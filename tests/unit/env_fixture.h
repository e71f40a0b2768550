/* env_fixture: an image as a pull makes it, and a host's environment with everything odd in it.
 *
 *	struct fixture x;
 *	fixture_init(&x);
 *	strv_add(&x.req.env, "A=b");
 *	make(&x);
 *	get(&x, "A")                              // NULL: the program does not have it
 *	fixture_fini(&x); */
#ifndef TESTS_UNIT_ENV_FIXTURE_H
#define TESTS_UNIT_ENV_FIXTURE_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/plan/env.h"
#include "src/plan/script.h"
#include "tests/unit/unit.h"

#define DOCKER                                                    \
	"#!/bin/sh\n"                                             \
	"export PATH=\"/opt/bin:/usr/bin\"\n"                     \
	"export MODE=\"${MODE:-\"it's \\\"quoted\\\" \\$x\"}\"\n" \
	"export BOTH=\"${BOTH:-\"image\"}\"\n"
#define BASE                                                                    \
	"#!/bin/sh\nif [ -z \"$LD_LIBRARY_PATH\" ]; then\n"                     \
	"    LD_LIBRARY_PATH=\"/.singularity.d/libs\"\nelse\n"                  \
	"    LD_LIBRARY_PATH=\"$LD_LIBRARY_PATH:/.singularity.d/libs\"\nfi\n\n" \
	"PS1=\"Apptainer> \"\nexport LD_LIBRARY_PATH PS1\n"
#define APPS                                                              \
	"if test -n \"${SINGULARITY_APPNAME:-}\"; then\n"                 \
	"    export SINGULARITY_APPNAME\n"                                \
	"    if test -d \"/scif/apps/${SINGULARITY_APPNAME:-}/\"; then\n" \
	"        . \"/scif/apps/x\"\n    else\n        echo \"no\"\n"     \
	"        exit 1\n    fi\nfi\n"

static const char *const host_env[] = { "PATH=/host/bin",
					"HOME=/host/home",
					"LANG=de_DE.UTF-8",
					"BOTH=host",
					"TERM=xterm",
					"LD_LIBRARY_PATH=/h",
					"SLURM_PROCID=3",
					"http_proxy=p",
					"EMPTIED=host",
					"APPTAINER_X=1",
					"BERTH_CACHEDIR=/c",
					"ODD=a 'b' \"c\" $d\nnext",
					"BASH_FUNC_m%%=() {}",
					"nothing",
					"PWD=/host",
					"OPEN=a=b",
					NULL };

struct fixture {
	struct run_req req;
	struct facts facts;
	struct fact_script scripts[8];
	struct fact_file files[2];
	const char *environ[32];
	struct environment_known known;
	struct strv notes;
	struct environment env;
};

static inline void script_add(struct fixture *x, const char *name, const char *text)
{
	x->scripts[x->facts.image.nscripts++] = (struct fact_script){ name, text };
}

static inline void environ_add(struct fixture *x, const char *var)
{
	size_t n = 0;

	while (x->environ[n])
		n++;
	x->environ[n] = var;
}

/* An image as a pull makes it. */
static inline void fixture_init(struct fixture *x)
{
	*x = (struct fixture){ .known = { .home = "/home/ada", .cwd = "/w", .bind = "/a:/b" } };
	memcpy(x->environ, host_env, sizeof(host_env));
	x->facts = (struct facts){ .uid = 1000, .gid = 1001 };
	x->facts.environ = (char *const *)(uintptr_t)x->environ;
	x->facts.env_files = x->files;
	x->facts.image.path = "/img/a.sif";
	x->facts.image.has_sh = true;
	x->facts.image.scripts = x->scripts;
	script_add(x, "01-base.sh", "#!/bin/sh\n# comment\n");
	script_add(x, "10-docker2singularity.sh", DOCKER);
	script_add(x, "90-environment.sh", "#!/bin/sh\nexport TOOL=1\nexport EMPTIED=\n");
	script_add(x, "95-apps.sh", APPS);
	script_add(x, "99-base.sh", BASE);
	script_add(x, "99-runtimevars.sh", "never read $(");
}

static inline void fixture_fini(struct fixture *x)
{
	strv_fini(&x->req.env);
	strv_fini(&x->notes);
	environment_fini(&x->env);
}

static inline void make(struct fixture *x)
{
	struct err e = { 0 };

	ck_ok(environment_make(&x->env, &x->req, &x->facts, &x->known, &x->notes, &e), &e);
}

static inline const char *get(const struct fixture *x, const char *key)
{
	const char *v = strv_env_get(&x->env.vars, key);

	return v ? v : "(unset)";
}

#endif
