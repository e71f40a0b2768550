/* request: what the user asked of exec, run or shell, as the command line said it.
 *
 *	struct run_req r = { .verb = RUN_EXEC, .image = "a.sif" };
 *	strv_add(&r.args, "true");
 *	strv_add(&r.binds, "/data:/mnt:ro,/scratch");
 *
 * Words only: nothing here was looked up.  The cli owns every string and list.
 * A new option gets a field here, a row in src/cli/run_opts.c and a rule in src/plan. */
#ifndef PLAN_REQUEST_H
#define PLAN_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/buf.h"

enum run_verb { RUN_EXEC, RUN_RUN, RUN_SHELL, RUN_TEST, RUN_START };

struct run_req {
	enum run_verb verb;
	const char *image;     /* path or URI, as written */
	struct strv args;      /* command and arguments (exec), arguments (run, shell) */
	struct strv binds;     /* -B: each src[:dst[:opts]][,...] */
	struct strv mounts;    /* --mount: each a line of CSV, or several lines */
	struct strv env;       /* --env: each K=V[,K=V...] */
	struct strv env_files; /* --env-file: each a path, or several with commas */
	struct strv no_mount;  /* --no-mount: proc, sys, dev, devpts, home, tmp, cwd,
				* bind-paths, or an absolute target; commas */
	struct strv site_binds; /* bind path of berth.conf: each as of -B */
	const char *home;      /* -H: src[:dst], NULL when not given */
	const char *pwd;       /* --pwd, --cwd */
	bool contain;	       /* -c */
	bool containall;       /* -C; request_settle() unfolds it, as it does --compat */
	bool compat;
	bool no_home;
	bool minimal_dev; /* mount dev of berth.conf: /dev as --contain makes it */

	/* What is started, and in which environment. */
	struct strv no_env;    /* --no-env: names that the host does not lend; commas */
	const char *env_level; /* --env-level: dropin, clean, strict; NULL: the site's */
	const char *shell;     /* --shell */
	const char *app;       /* --app: a SCIF application of the image */
	const char *prompt;    /* PS1 of the container, NULL: "Berth> " */
	bool cleanenv;	       /* -e */
	bool no_eval;	       /* values of --env are not expanded, run evaluates nothing */
	bool oci_compat;       /* Entrypoint, WorkingDir, User as an OCI runtime takes them */
	bool oci;	       /* --oci: oci_compat and compat */
	bool no_compat;	       /* --oci without compat */
	bool no_umask;
	bool dry_run;	  /* print the plan instead of acting on it */
	bool explain_env; /* print where each variable comes from */

	/* Namespaces and writable layers. */
	const char *mpi;   /* --mpi: auto, image, host; NULL: auto */
	const char *share; /* --share: auto, node, none or a key; NULL: auto */
	bool sharens;	   /* --sharens: --share=node */
	const char *hand_over; /* --hand-over: the socket that takes the container, which
				* another process enters (mpi/handover.h); NULL: none */
	bool share_any;	       /* --share-any: with a key, whatever container has it */
	bool slurm;	       /* --slurm: the batch system's commands are there */
	const char *save_as;   /* --save-as: the root becomes this image; nothing is started */
	bool pid, no_pid, no_init, ipc, uts, net;
	const char *hostname;	  /* --hostname: implies uts */
	const char *network;	  /* --network: names with commas; implies net */
	const char *netns_path;	  /* --netns-path */
	struct strv network_args; /* --network-args: nothing that "none" has a use for */
	const char *instance;	  /* instance start, run: its name; else NULL */
	const char *joined;	  /* the instance that is joined; NULL: none */
	const char *pid_file;	  /* --pid-file: where an instance's pid is written */
	struct strv dns;	  /* --dns: addresses; commas */
	bool writable; /* -w: changes go to the directory that is the image */
	bool writable_tmpfs;
	uint64_t tmpfs_size;  /* --tmpfs-size in bytes; 0: what the job may use */
	struct strv overlays; /* --overlay: each path[:ro], or several with commas */
	const char *workdir;  /* --workdir: where home, tmp, var_tmp and scratch lie */
	struct strv scratch;  /* --scratch: targets, each one or several with commas */

	struct strv security; /* --security: uid:N, gid:N; commas */

	/* Root inside. */
	bool fakeroot;		 /* -f */
	const char *emulation;	 /* --emulation: full, light, none, subuid; NULL: full */

	/* Limits of cgroup version 2, as written. */
	const char *memory, *memory_reservation, *memory_swap;
	const char *cpus, *cpu_shares, *cpuset_cpus, *cpuset_mems;
	const char *pids_limit, *blkio_weight;
	struct strv blkio_weight_device;
	bool oom_kill_disable;
	const char *apply_cgroups; /* a TOML file */

	/* What the host lends. */
	struct strv containlibs; /* --containlibs: files for /.singularity.d/libs; commas */
	bool nv, nvccli, no_nv;	 /* no_nv wins */
	bool rocm, no_rocm;
	bool intel, intel_hpu, compat32;
	struct strv devices;	 /* --device: CDI names, "all-of-job"; commas */
	struct strv cdi_dirs;	 /* --cdi-dirs; commas */
	struct strv modules;	 /* --module: the site's bundles; commas */
	bool fabric, require_fabric;
	bool strict;		 /* what is not done as it was asked for is an error */

	/* For an image that is a URI: handed on to the pull. */
	const char *arch, *user, *password, *ca_file, *auth_file;
	const char *verify_key;
	bool no_https, disable_cache, docker_login;
	unsigned parallel;
	uint64_t limit_rate;
};

/* Unfolds the options that stand for several (--compat, --containall, --oci) into the
 * fields that a plan reads.  Once, after the words are parsed. */
void request_settle(struct run_req *r);

/* "exec", "run", ...; what the container calls APPTAINER_COMMAND. */
const char *request_verb(enum run_verb v);

#endif
