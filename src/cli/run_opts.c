/* The order is the one in which --help shows them: groups of what belongs together.  What other
 * engines know and Berth needs no option for is accepted without a word (OPT_NOOP); what would be a
 * lie to accept is refused with the way out (OPT_REFUSE). */
#include "src/cli/run_opts.h"

#include "src/plan/request.h"

#define REQ struct run_req

/* clang-format off */
const struct opt run_opts[] = {
	/* Binds, home, working directory. */
	OPT_LIST('B', "bind", "SRC[:DST[:OPTS]]", NULL, REQ, binds, 0,
		 "bind a host path into the container; OPTS is ro, rw, image-src=PATH or id=N; "
		 "repeatable, commas separate"),
	OPT_LIST(0, "mount", "SPEC", NULL, REQ, mounts, 0,
		 "the same as type=bind,source=SRC,destination=DST[,ro][,image-src=PATH][,id=N]"),
	OPT_STR('H', "home", "SRC[:DST]", "HOME", REQ, home,
		"use this directory as home"),
	OPT_FLAG(0, "no-home", "NO_HOME", REQ, no_home,
		 "do not bind the home directory"),
	OPT_STR(0, "pwd", "DIR", "CWD,TARGET_CWD,PWD,TARGET_PWD", REQ, pwd,
		"start in this directory of the container"),
	OPT_ALIAS_STR("cwd", REQ, pwd),

	/* How much of the host is there. */
	OPT_FLAG('c', "contain", "CONTAIN", REQ, contain,
		 "empty home and /tmp, minimal /dev"),
	OPT_FLAG('C', "containall", "CONTAINALL", REQ, containall,
		 "--contain and --cleanenv, with own IPC and PID namespaces"),
	OPT_FLAG(0, "compat", "COMPAT", REQ, compat,
		 "--containall, --no-init, --no-umask, --no-eval and --writable-tmpfs"),
	OPT_LIST(0, "no-mount", "NAMES", "NO_MOUNT", REQ, no_mount, 0,
		 "leave out proc, sys, dev, home, tmp, cwd, bind-paths or one absolute target"),

	OPT_STR('W', "workdir", "DIR", "WORKDIR", REQ, workdir,
		"with --contain, home, /tmp and /var/tmp lie in this directory of the host; --scratch "
		"too"),
	OPT_LIST('S', "scratch", "DIR", "SCRATCH,SCRATCHDIR", REQ, scratch, 0,
		 "an empty directory to write to at DIR, in memory or below --workdir; repeatable"),

	/* Where changes go. */
	OPT_FLAG(0, "writable-tmpfs", "WRITABLE_TMPFS", REQ, writable_tmpfs,
		 "changes to the image go to memory and end with the container"),
	OPT_SIZE(0, "tmpfs-size", "SIZE", "TMPFS_SIZE", REQ, tmpfs_size,
		 "room for them (k, M, G); without it, what the job's memory limit allows"),
	OPT_LIST('o', "overlay", "PATH[:ro]", "OVERLAY,OVERLAYIMAGE", REQ, overlays, 0,
		 "lay a directory, SquashFS, ext3 or SIF over the image; a directory or ext3 without :ro takes the "
		 "changes; repeatable, the first is on top"),

	/* Environment. */
	OPT_STR(0, "env-level", "LEVEL", "ENV_LEVEL", REQ, env_level,
		"how much of the host's environment passes: dropin, clean (nothing that a loader, "
		"Python, Perl, R or conda acts on), strict (terminal, locale, the job)"),
	OPT_FLAG(0, "explain-env", NULL, REQ, explain_env,
		 "print where each variable comes from, start nothing"),
	OPT_FLAG('e', "cleanenv", "CLEANENV", REQ, cleanenv,
		 "do not pass the host's environment on"),
	OPT_LIST(0, "no-env", "NAMES", "NOENV,NO_ENV", REQ, no_env, 0,
		 "variables of the host that are not passed on; commas separate"),
	OPT_LIST(0, "env", "K=V", NULL, REQ, env, 0,
		 "set a variable in the container; repeatable, commas separate"),
	OPT_LIST(0, "env-file", "FILE", "ENV_FILE", REQ, env_files, 0,
		 "set variables from a file of K=V lines; repeatable, commas separate, the last wins"),
	OPT_FLAG(0, "no-eval", "NO_EVAL", REQ, no_eval,
		 "take values of --env and arguments as they are, expand nothing"),

	/* What is started. */
	OPT_STR('s', "shell", "PATH", "SHELL", REQ, shell,
		"the program that shell starts"),
	OPT_STR(0, "app", "NAME", "APP,APPNAME", REQ, app,
		"an application of the image (/scif/apps/NAME): its environment, its runscript"),
	OPT_FLAG(0, "no-umask", "NO_UMASK", REQ, no_umask, "use umask 0022"),
	OPT_FLAG(0, "dry-run", NULL, REQ, dry_run,
		 "print what would be done as JSON, start nothing"),
	OPT_NOOP_STR("runscript-timeout"), /* nothing here gives a script a time */
	OPT_REFUSE_STR("dmtcp-launch",
		"checkpoints of DMTCP are not made by Berth: start dmtcp_launch as the program"),
	OPT_REFUSE_STR("dmtcp-restart",
		"checkpoints of DMTCP are not made by Berth: start dmtcp_restart as the program"),

	/* Namespaces. */
	OPT_NOOP('u', "userns"), /* there always is one */
	OPT_FLAG('p', "pid", "PID,UNSHARE_PID", REQ, pid,
		 "own PID namespace: the program sees, and leaves, no other processes"),
	OPT_FLAG(0, "no-pid", "NO_PID", REQ, no_pid,
		 "stay in the host's PID namespace, with --containall too"),
	OPT_FLAG(0, "no-init", "NOSHIMINIT,NO_INIT", REQ, no_init,
		 "the program itself is the first process of a PID namespace"),
	OPT_FLAG('i', "ipc", "IPC,UNSHARE_IPC", REQ, ipc, "own IPC namespace"),
	OPT_FLAG(0, "uts", "UTS,UNSHARE_UTS", REQ, uts, "own host name"),
	OPT_STR(0, "hostname", "NAME", "HOSTNAME", REQ, hostname,
		"the host name in the container; implies --uts"),
	OPT_FLAG('n', "net", "NET,UNSHARE_NET", REQ, net,
		 "own network namespace; takes --network none"),
	OPT_STR(0, "network", "NAMES", "NETWORK", REQ, network,
		"none: a loopback interface and nothing else; implies --net"),
	OPT_LIST(0, "network-args", "ARGS", "NETWORK_ARGS", REQ, network_args, 0,
		 "accepted; the network none has no use for them"),
	{ OPT_KIND_STR, 0, "netns-path", "PATH", "NETNS_PATH",
	  OPT_AT(REQ, netns_path, const char *), OPT_HIDDEN, "" },
	OPT_STR(0, "pid-file", "FILE", "PID_FILE", REQ, pid_file,
		"instance start, run: write the pid of its first process there"),
	/* Limits of a cgroup of its own. */
	OPT_STR(0, "memory", "SIZE", "MEMORY", REQ, memory, "memory limit (512m, 2G)"),
	OPT_STR(0, "memory-reservation", "SIZE", "MEMORY_RESERVATION", REQ, memory_reservation,
		"memory that is kept for it"),
	OPT_STR(0, "memory-swap", "SIZE", "MEMORY_SWAP", REQ, memory_swap,
		"limit of memory and swap together; -1 for no limit of swap"),
	OPT_STR(0, "cpus", "N", "CPUS", REQ, cpus, "processors at most (1.5)"),
	OPT_STR(0, "cpu-shares", "N", "CPU_SHARES", REQ, cpu_shares, "weight beside others (1024)"),
	OPT_STR(0, "cpuset-cpus", "LIST", "CPUSET_CPUS", REQ, cpuset_cpus,
		"processors it may run on (0-3,8)"),
	OPT_STR(0, "cpuset-mems", "LIST", "CPUSET_MEMS", REQ, cpuset_mems, "memory nodes it may use"),
	OPT_STR(0, "pids-limit", "N", "PIDS_LIMIT", REQ, pids_limit, "processes at most; -1 for no limit"),
	OPT_STR(0, "blkio-weight", "N", "BLKIO_WEIGHT", REQ, blkio_weight,
		"block I/O weight (10 to 1000)"),
	OPT_LIST(0, "blkio-weight-device", "PATH:N", "BLKIO_WEIGHT_DEVICE", REQ, blkio_weight_device, 0,
		 "the same for one device (/dev/sda:500); commas, repeatable"),
	OPT_ALIAS_FLAG("oom-kill-disable", "OOM_KILL_DISABLE", REQ, oom_kill_disable),
	OPT_STR(0, "apply-cgroups", "FILE", "APPLY_CGROUPS", REQ, apply_cgroups,
		"limits from a TOML file; options win over it"),
	/* Rights.  There are none to add: no setuid program and no capability gives more than the
	 * caller has, so what takes away is already so. */
	OPT_NOOP_STR("drop-caps"),
	OPT_NOOP(0, "no-privs"),
	OPT_REFUSE_STR("add-caps", "capabilities for a program take root; Berth starts none with more "
		"rights than yours"),
	OPT_REFUSE(0, "keep-privs", "takes root; Berth starts no program with more rights than yours"),
	OPT_REFUSE(0, "allow-setuid", "takes root; set-user-id programs have no effect in a container of "
		"an ordinary user"),
	OPT_LIST(0, "security", "uid:N|gid:N", "SECURITY", REQ, security, 0,
		 "the ids that stand for yours inside; commas separate"),
	OPT_LIST(0, "dns", "ADDRESSES", "DNS", REQ, dns, 0,
		 "name servers for /etc/resolv.conf; commas separate"),
	OPT_STR(0, "share", "auto|node|none|KEY", "SHARE", REQ, share,
		"which processes of this node share one container: the ranks of an MPI launch or job "
		"step (auto), all that one process started (node), none, or all with the same KEY"),
	OPT_STR(0, "mpi", "auto|image|host", "MPI", REQ, mpi,
		"whose MPI: the image's, refused where it cannot start under this launcher (auto), the "
		"image's in any case, or the host's of the same family in its place"),
	OPT_FLAG(0, "sharens", "SHARENS", REQ, sharens, "the same as --share=node"),

	OPT_FLAG(0, "slurm", "SLURM", REQ, slurm,
		 "srun, sbatch, salloc, squeue, scancel, sinfo, sacct and scontrol in the container ask "
		 "the host's"),

	/* For the Slurm plugin (mpi/spank). */
	{ OPT_KIND_STR, 0, "hand-over", "FD", NULL, OPT_AT(REQ, hand_over, const char *), OPT_HIDDEN, "" },
	{ OPT_KIND_FLAG, 0, "share-any", NULL, NULL, OPT_AT(REQ, share_any, bool), OPT_HIDDEN, "" },
	{ OPT_KIND_STR, 0, "save-as", "FILE", NULL, OPT_AT(REQ, save_as, const char *), OPT_HIDDEN, "" },

	/* Root inside. */
	OPT_FLAG('f', "fakeroot", "FAKEROOT", REQ, fakeroot,
		 "be root inside; owners and devices are remembered, not made"),
	OPT_STR(0, "emulation", "MODE", "EMULATION", REQ, emulation,
		"with --fakeroot: full, light (owners are remembered, stat shows root), none"),
	OPT_FLAG('w', "writable", "WRITABLE", REQ, writable,
		 "write changes into the directory that is the image"),

	/* What the host lends. */
	OPT_FLAG(0, "nv", "NV", REQ, nv,
		 "lend the NVIDIA driver's libraries, programs and devices"),
	OPT_FLAG(0, "nvccli", "NVCCLI", REQ, nvccli,
		 "as --nv, and the image's NVIDIA_* variables decide what is lent"),
	OPT_FLAG(0, "rocm", "ROCM", REQ, rocm,
		 "lend AMD GPUs, and the host's ROCm runtime where the image has none"),
	OPT_FLAG(0, "intel", "INTEL", REQ, intel,
		 "lend Intel GPUs, and the host's Level Zero where the image has none"),
	OPT_FLAG(0, "intel-hpu", "INTEL_HPU", REQ, intel_hpu,
		 "lend Gaudi devices"),
	OPT_FLAG(0, "compat32", "COMPAT32", REQ, compat32,
		 "with --nv: the driver's 32-bit libraries as well"),
	OPT_LIST(0, "device", "VENDOR/CLASS=NAME", "DEVICE", REQ, devices, 0,
		 "lend a CDI device; all-of-job: what the scheduler gave; repeatable, commas separate"),
	OPT_LIST(0, "cdi-dirs", "DIRS", "CDI_DIRS", REQ, cdi_dirs, 0,
		 "more directories of CDI specs; commas separate"),
	OPT_LIST(0, "module", "NAMES", "MODULE", REQ, modules, 0,
		 "a bundle that the site has defined; repeatable, commas separate"),
	OPT_FLAG(0, "fabric", "FABRIC", REQ, fabric,
		 "lend the node's fast network: verbs, libfabric, UCX, their devices"),
	OPT_FLAG(0, "require-fabric", "REQUIRE_FABRIC", REQ, require_fabric,
		 "as --fabric, and fail where the image cannot use it"),
	OPT_FLAG(0, "strict", "STRICT", REQ, strict,
		 "fail where a thing that was asked for is not there or not done that way"),
	OPT_FLAG(0, "no-nv", "NV_OFF,NO_NV", REQ, no_nv, "leave out what --nv or a configuration lends"),
	OPT_FLAG(0, "no-rocm", "ROCM_OFF,NO_ROCM", REQ, no_rocm,
		 "leave out what --rocm or a configuration lends"),
	OPT_LIST(0, "containlibs", "FILES", "CONTAINLIBS", REQ, containlibs, 0,
		 "libraries to bind where the loader looks (/.singularity.d/libs); commas"),

	/* An image that is a URI. */
	OPT_STR(0, "arch", "ARCH", "PULL_ARCH", REQ, arch,
		"platform to take when the image is pulled"),
	OPT_STR_BARE(0, "docker-username", "USER", "DOCKER_USERNAME", REQ, user,
		"user name for the registry"),
	OPT_STR_BARE(0, "docker-password", "PASSWORD", "DOCKER_PASSWORD", REQ, password,
		"password for the registry; the variable BERTH_DOCKER_PASSWORD hides it from ps"),
	OPT_FLAG(0, "docker-login", "DOCKER_LOGIN", REQ, docker_login,
		 "ask for user name and password on the terminal"),
	OPT_STR(0, "authfile", "FILE", "AUTH_FILE,AUTHFILE", REQ, auth_file,
		"read the registry's credentials from this file"),
	OPT_STR(0, "tls-ca", "FILE", "TLS_CA", REQ, ca_file,
		"trust the certificates in this PEM file"),
	OPT_FLAG(0, "no-https", "NOHTTPS,NO_HTTPS", REQ, no_https,
		 "talk plain http to the registry"),
	OPT_UINT(0, "parallel", "N", "PARALLEL", REQ, parallel, "layers downloaded at once (4)"),
	OPT_SIZE(0, "limit-rate", "SIZE", "LIMIT_RATE", REQ, limit_rate,
		 "take no more than this many bytes a second from the network"),
	OPT_STR(0, "verify-key", "FILE", "VERIFY_KEY", REQ, verify_key,
		"ask for a cosign signature by this public key (PEM)"),
	OPT_FLAG(0, "disable-cache", "DISABLE_CACHE", REQ, disable_cache,
		 "keep nothing in the store"),
	OPT_NOOP_STR("docker-host"),
	OPT_NOOP_STR("tmpdir"), /* nothing is unpacked */

	/* How others bring an image to the kernel; Berth serves it where it lies. */
	OPT_NOOP(0, "unsquash"),
	OPT_NOOP(0, "tmp-sandbox"),
	OPT_NOOP(0, "no-tmp-sandbox"),
	OPT_NOOP(0, "sif-fuse"),
	OPT_NOOP(0, "underlay"),
	OPT_FLAG(0, "oci-compat", "OCI_COMPAT", REQ, oci_compat,
		"start as an OCI runtime would: Entrypoint, Cmd, Env, WorkingDir and User as they stand"),
	OPT_FLAG(0, "oci", "OCI", REQ, oci, "--oci-compat and --compat"),
	OPT_NOOP(0, "no-oci"),
	OPT_FLAG(0, "no-compat", "NO_COMPAT", REQ, no_compat, "--oci without --compat"),
	OPT_NOOP(0, "keep-layers"),
	OPT_REFUSE_STR("data",
		"bind the file system of a data image instead: --bind FILE:DEST:image-src=/"),
	OPT_REFUSE_STR("fusemount",
		"mount it on the host and bind it, or start the FUSE program inside the container"),
	OPT_REFUSE(0, "boot", "booting a system's init needs real root; start the services "
		"as instances"),

	/* Encrypted images. */
	OPT_REFUSE(0, "passphrase", "encrypted images are not opened by Berth; decrypt it once with "
		"the program that made it (build --sandbox)"),
	OPT_REFUSE_STR("pem-path", "encrypted images are not opened by Berth; decrypt it once with "
		"the program that made it (build --sandbox)"),
	OPT_END,
};
/* clang-format on */
