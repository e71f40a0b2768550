# What the host lends, in real containers.  The host is this machine with files laid over it in
# namespaces of the test's own (tests/lab/lendns.sh); its driver library is a real one that gcc makes,
# and a program in the image really loads it.
load kernel

setup_file() {
	local tree=$BATS_FILE_TMPDIR/tree libs=$BATS_FILE_TMPDIR/hostlibs host=$BATS_FILE_TMPDIR/host
	local busybox v=550.54.14
	busybox=$(command -v busybox) && command -v gcc >/dev/null && command -v python3 >/dev/null || return 0
	mkdir -p "$tree"/{bin,dev,proc,sys,tmp,etc,home,root,lib64,lib/x86_64-linux-gnu,usr/bin,var/tmp} "$libs" \
		"$host"/{dev/nvidia-caps,driver/nvidia/gpus/0000:3b:00.0,etc/cdi,site/bindings.d}
	cp "$busybox" "$tree/bin/busybox"
	for name in sh cat ls true readlink env; do ln -s busybox "$tree/bin/$name"; done
	echo root:x:0:0:root:/root:/bin/sh >"$tree/etc/passwd"

	# The image: this machine's C library, and a program that asks for CUDA.
	cp -L /lib64/ld-linux-x86-64.so.2 "$tree/lib64/"
	cp -L "$(gcc -print-file-name=libc.so.6)" "$tree/lib/x86_64-linux-gnu/"
	cat >"$BATS_FILE_TMPDIR/ask.c" <<-'END'
		#include <dlfcn.h>
		#include <stdio.h>
		int main(int argc, char **argv)
		{
			void *lib = dlopen(argc > 1 ? argv[1] : "libcuda.so.1", RTLD_NOW);
			const char *(*f)(void) = lib ? (const char *(*)(void))dlsym(lib, "cuWho") : NULL;
			puts(f ? f() : dlerror());
			return !f;
		}
	END
	gcc -o "$tree/bin/ask" "$BATS_FILE_TMPDIR/ask.c"

	# The host: two libraries that belong to the driver, one needs the other; one is too new.
	echo 'const char *ptxWho(void) { return "driver '$v'"; }' >"$libs/ptx.c"
	echo 'const char *ptxWho(void); const char *cuWho(void) { return ptxWho(); }' >"$libs/cu.c"
	gcc -shared -fPIC -o "$libs/libnvidia-ptxjitcompiler.so.$v" -Wl,-soname,libnvidia-ptxjitcompiler.so.1 \
		"$libs/ptx.c"
	ln -s "libnvidia-ptxjitcompiler.so.$v" "$libs/libnvidia-ptxjitcompiler.so.1"
	gcc -shared -fPIC -o "$libs/libcuda.so.$v" -Wl,-soname,libcuda.so.1 "$libs/cu.c" \
		-L"$libs" -l:libnvidia-ptxjitcompiler.so.1
	ln -s "libcuda.so.$v" "$libs/libcuda.so.1"
	python3 -B - "$TOP_LAB" "$libs" "$host/etc/ld.so.cache" "$v" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		from elfstub import stub
		from lendhosts import ldcache
		libs, v = sys.argv[2], sys.argv[4]
		open(libs + "/libnvidia-gtk3.so." + v, "wb").write(
			stub("libnvidia-gtk3.so." + v, ["libc.so.6"], {"libc.so.6": ["GLIBC_2.99"]}))
		names = ["libcuda.so.1", "libnvidia-ptxjitcompiler.so.1", "libnvidia-gtk3.so." + v]
		open(sys.argv[3], "wb").write(ldcache([(n, libs + "/" + n, 64) for n in names]))
	END
	: >"$host/dev/nvidia0"; : >"$host/dev/nvidiactl"; : >"$host/dev/nvidia-uvm"
	: >"$host/dev/nvidia-caps/nvidia-cap1"
	mkdir "$host/dev/infiniband" && : >"$host/dev/infiniband/uverbs0"
	echo "NVRM version: NVIDIA UNIX x86_64 Kernel Module  $v  Thu Feb 22 01:44:30 UTC 2024" \
		>"$host/driver/nvidia/version"
	printf 'Model: \t NVIDIA A100\nGPU UUID: \t GPU-1\nDevice Minor: \t 0\n' \
		>"$host/driver/nvidia/gpus/0000:3b:00.0/information"
	cat >"$host/etc/cdi/nvidia.yaml" <<-END
		cdiVersion: 0.6.0
		kind: nvidia.com/gpu
		devices:
		- name: "0"
		  containerEdits:
		    deviceNodes:
		    - path: /dev/nvidia0
		containerEdits:
		  env: [NVIDIA_VISIBLE_DEVICES=void, FROM_CDI=yes]
		  mounts:
		  - {hostPath: $libs/libcuda.so.$v, containerPath: /usr/lib64/libcuda.so.$v, options: [ro, nosuid]}
		  - {hostPath: $libs/libnvidia-ptxjitcompiler.so.$v, containerPath: /usr/lib64/libnvidia-ptxjitcompiler.so.$v, options: [ro]}
		  hooks:
		  - hookName: createContainer
		    path: /usr/bin/nvidia-cdi-hook
		    args: [nvidia-cdi-hook, create-symlinks, --link, "libcuda.so.1::/usr/lib64/libcuda.so"]
		  - hookName: createContainer
		    path: /usr/bin/nvidia-cdi-hook
		    args: [nvidia-cdi-hook, update-ldcache, --folder, /usr/lib64]
	END
	cat >"$host/site/bindings.d/site.conf" <<-END
		[licence]
		bind = $BATS_FILE_TMPDIR/hostlibs:/opt/site
		env = LM_LICENSE_FILE=27000@licence
		prepend = PATH=/opt/site/bin
		[swap]
		lib = $libs/libcuda.so.1 as libmpi.so.12
		lib = libnvidia-ptxjitcompiler.so.1
		conflicts = licence
		[elsewhere]
		when exists = /no/such/place
		[words]
		env = SITE_WORDS=a "b" \$c
		append = PATH=/opt/site/bin
	END
	cat >"$host/etc/cdi/odd.json" <<-'END'
		{"cdiVersion": "0.6.0", "kind": "vendor.com/odd", "devices": [
		{"name": "mem", "containerEdits": {"mounts": [{"type": "tmpfs", "hostPath": "tmpfs",
		 "containerPath": "/scratch", "options": ["mode=0700", "size=64k", "noexec"]}]}},
		{"name": "nic", "containerEdits": {"netDevices": [{"hostInterfaceName": "lo", "name": "x"}]}}]}
	END
	mksquashfs "$tree" "$BATS_FILE_TMPDIR/image.sqfs" -comp zstd -all-root -quiet -no-progress
}

TOP_LAB=${BATS_TEST_DIRNAME%%/tests/*}/tests/lab
LIBS=/.singularity.d/libs

# on_host COMMAND...: on the machine with the GPU.
on_host() {
	BERTH_SITE=$("$BERTH" buildcfg APPTAINER_CONFDIR) unshare -Urm "$TOP_LAB/lendns.sh" "$BATS_FILE_TMPDIR/host" timeout -k 5 100 "$@"
}

needs_host() {
	[ -e "$BATS_FILE_TMPDIR/image.sqfs" ] || skip "busybox, gcc or python3 is missing"
	unshare -Urm true 2>/dev/null || skip "this machine makes no user namespaces"
	on_host true
}

loaded() {
	same "$(on_host "$BERTH" exec --nv "$IMG" ask)" "driver 550.54.14"
	same "$(on_host "$BERTH" exec --nv "$IMG" ask libcuda.so)" "driver 550.54.14"
	same "$(on_host "$BERTH" exec --nv --contain "$IMG" ask)" "driver 550.54.14"
	same "$(on_host "$BERTH" exec --nv --cleanenv "$IMG" ask)" "driver 550.54.14"
	same "$(on_host "$BERTH" exec --nv "$IMG" readlink $LIBS/libcuda.so.1)" libcuda.so.550.54.14
	same "$(on_host "$BERTH" exec --nv "$IMG" readlink $LIBS/libcuda.so.550.54.14)" .host/0/libcuda.so.550.54.14
	run on_host "$BERTH" exec --nv "$IMG" sh -c "echo x >$LIBS/libcuda.so.550.54.14"
	said 1 "Read-only file system"
	run on_host "$BERTH" exec --nv "$IMG" sh -c "echo x >$LIBS/new"
	said 1 "Read-only file system"
}
@test "the driver's library is really loaded by a program inside" { needs_host; each_image loaded; }

not_asked() {
	run on_host "$BERTH" exec "$IMG" ask
	said 1 "libcuda.so.1: cannot open shared object file"
	run on_host "$BERTH" exec --nv --no-nv "$IMG" ask
	said 1 "libcuda.so.1: cannot open shared object file"
	same "$(on_host "$BERTH" exec --contain "$IMG" sh -c 'ls -d /dev/nvidia* 2>/dev/null | wc -l')" 0
}
@test "nothing is lent that nobody asked for" { needs_host; each_image not_asked; }

devices() {
	same "$(on_host "$BERTH" exec --nv --contain "$IMG" sh -c 'echo /dev/nvidia* /dev/nvidia-caps/*')" \
		"/dev/nvidia-caps /dev/nvidia-uvm /dev/nvidia0 /dev/nvidiactl /dev/nvidia-caps/nvidia-cap1"
	same "$(NVIDIA_VISIBLE_DEVICES=none on_host "$BERTH" exec --nv --contain "$IMG" \
		sh -c 'ls -d /dev/nvidia0 2>/dev/null | wc -l')" 0
	same "$(CUDA_VISIBLE_DEVICES=GPU-1 on_host "$BERTH" exec --nv --cleanenv "$IMG" \
		sh -c 'echo $CUDA_VISIBLE_DEVICES')" GPU-1
}
@test "--contain has the devices that are lent and no others" { needs_host; each_image devices; }

keeps_the_users() {
	mkdir -p mine && cp "$BATS_FILE_TMPDIR/hostlibs/libcuda.so.550.54.14" mine/libmine.so
	same "$(on_host "$BERTH" exec --nv -B "$PWD/mine/libmine.so:$LIBS/libmine.so" "$IMG" ask libmine.so)" \
		"driver 550.54.14"
	same "$(on_host "$BERTH" exec --nv --env LD_LIBRARY_PATH=/opt/x "$IMG" env | grep ^LD_LIBRARY)" \
		"LD_LIBRARY_PATH=/opt/x:$LIBS"
}
@test "the user's own libraries and search path stay beside it" { needs_host; each_image keeps_the_users; }

@test "a container inside a container passes on what it was given" {
	needs_host
	local outer=$BATS_TEST_TMPDIR/outer d
	[ "$BERTH" -ef "$(command -v true)" ] && return 1
	# This machine's own programs, so that Berth itself runs in there.
	mkdir -p "$outer"/{usr,dev,proc,sys,tmp,etc,home,root,var/tmp}
	for d in bin sbin lib lib64; do ln -s "usr/$d" "$outer/$d"; done
	echo root:x:0:0:root:/root:/bin/sh >"$outer/etc/passwd"
	run --separate-stderr on_host "$BERTH" exec --nv -B /usr -B "$BATS_FILE_TMPDIR" -B "$(dirname "$BERTH")" \
		"$outer" "$BERTH" exec --nv --contain "$DIR" ask
	printf '%s\n' "$stderr"
	same "$output" "driver 550.54.14"
}

@test "an image with musl is refused with the reason, and --dry-run and gpu-check say the same" {
	needs_host
	local musl=$BATS_TEST_TMPDIR/musl text="made for glibc, the image's C library is musl"
	mkdir -p "$musl"/{bin,dev,proc,sys,tmp,etc,lib,root} && cp "$DIR/bin/busybox" "$musl/bin/true"
	cp "$DIR/bin/busybox" "$musl/lib/ld-musl-x86_64.so.1"
	run --separate-stderr on_host "$BERTH" exec --nv "$musl" true
	fails 125 "^berth: .*nv: libcuda.so.1: $text"
	run --separate-stderr on_host "$BERTH" gpu-check --nv "$musl"
	fails 1 "^berth: .*nv: libcuda.so.1: $text"
	grep -q "^nv: libcuda.so.1: refused: $text" <<<"$output"
}

@test "gpu-check and --dry-run list each library with its verdict" {
	needs_host
	run --separate-stderr on_host "$BERTH" gpu-check "$SQ"
	same "$status" 0
	grep -qx "nv: driver: given: 550.54.14, CUDA up to 12.4, 1 GPU" <<<"$output"
	grep -q "^nv: libnvidia-gtk3.so.550.54.14: skipped: needs GLIBC_2.99 of libc.so.6, the image has glibc" <<<"$output"
	grep -q "^nv: /dev/nvidia0: given" <<<"$output"
	grep -q "^rocm: /dev/kfd: absent: " <<<"$output"
	on_host "$BERTH" exec --nv --dry-run "$SQ" true >plan.json
	same "$(jq -r '.lent[] | select(test("gtk3"))' plan.json | cut -c1-44)" "nv: libnvidia-gtk3.so.550.54.14: skipped: ne"
	same "$(jq -r '.mounts[] | select(.target == "'$LIBS'/.host/0") | .origin + " " + .flags' plan.json)" \
		"lent ro,rec,optional,nosuid,nodev,dir"
}

cdi() {
	same "$(on_host "$BERTH" exec --device nvidia.com/gpu=0 --contain "$IMG" sh -c \
		'ask; ask libcuda.so; echo $FROM_CDI /dev/nvidia*')" \
		"$(printf 'driver 550.54.14\ndriver 550.54.14\nyes /dev/nvidia0')"
	same "$(SLURM_JOB_GPUS=0 on_host "$BERTH" exec --device=all-of-job "$IMG" ask)" "driver 550.54.14"
	run --separate-stderr on_host "$BERTH" exec --device nvidia.com/gpu=7 "$IMG" true
	fails 125 'nvidia.com/gpu=7: no such device; there are 0$'
	run --separate-stderr on_host "$BERTH" exec --device gpu0 "$IMG" true
	fails 125 'gpu0: write VENDOR/CLASS=NAME'
	run --separate-stderr on_host "$BERTH" exec --device all-of-job "$IMG" true
	fails 125 'no scheduler has named GPUs'
}
@test "a CDI device brings its libraries, links, variables and nodes" { needs_host; each_image cdi; }

modules() {
	same "$(on_host "$BERTH" exec --module licence "$IMG" sh -c \
		'echo $LM_LICENSE_FILE ${PATH%%:*}; ls /opt/site/libcuda.so.1')" \
		"$(printf '27000@licence /opt/site/bin\n/opt/site/libcuda.so.1')"
	same "$(on_host "$BERTH" exec --module swap "$IMG" ask libmpi.so.12)" "driver 550.54.14"
	run --separate-stderr on_host "$BERTH" exec --module licence,swap "$IMG" true
	fails 125 'swap and licence exclude each other .*site.conf: line [0-9]+'
	run --separate-stderr on_host "$BERTH" exec --module none "$IMG" true
	fails 125 "none: no such module; $("$BERTH" buildcfg APPTAINER_CONFDIR)/bindings.d has licence, swap, elsewhere"
	run --separate-stderr on_host "$BERTH" exec --module elsewhere "$IMG" true
	fails 125 'elsewhere: this host has no /no/such/place'
}
@test "a site's module brings binds, variables and libraries under other names" { needs_host; each_image modules; }

@test "without a driver --nv warns once, and --strict fails" {
	[ -e "$BATS_FILE_TMPDIR/image.sqfs" ] || skip "busybox, gcc or python3 is missing"
	[ ! -e /proc/driver/nvidia/version ] || skip "this machine has an NVIDIA driver"
	run --separate-stderr berth exec --nv "$SQ" true
	same "$status" 0
	same "$(grep -c 'this host runs no NVIDIA kernel driver' <<<"$stderr")" 1
	run --separate-stderr berth exec --nv --strict "$SQ" true
	fails 125 'nv: driver: this host runs no NVIDIA kernel driver'
}

odd_cdi() {
	run --separate-stderr on_host "$BERTH" exec --device vendor.com/odd=mem "$IMG" sh -c \
		'echo x >/scratch/f && cat /scratch/f && grep " /scratch " /proc/mounts | cut -d" " -f3-4'
	same "$status" 0
	same "$(head -n 1 <<<"$output")" x
	grep -qE '^tmpfs rw,.*noexec.*size=64k,mode=700' <<<"$output"
	run --separate-stderr on_host "$BERTH" exec --device vendor.com/odd=nic "$IMG" true
	same "$status" 0
	same "$(grep -c 'netDevices: network devices are moved by root only' <<<"$stderr")" 1
	run --separate-stderr on_host "$BERTH" exec --strict --device vendor.com/odd=nic "$IMG" true
	fails 125 'netDevices: network devices are moved by root only'
}
@test "a CDI device brings file systems in memory; what it cannot bring is said" { needs_host; each_image odd_cdi; }

# From start to stop on the machine with the GPU; the joined programs ask by themselves.
kept_by_instance() {
	export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	mkdir -p -m 0700 "$HOME" "$XDG_RUNTIME_DIR"
	cat >all.sh <<-'END'
		set -e
		trap '"$BERTH" -s instance stop lent' EXIT
		"$BERTH" -q instance start "$@" lent
		inside() { "$BERTH" exec instance://lent "$@"; }
		inside ask
		"$BERTH" exec --cleanenv instance://lent ask
		inside sh -c 'ls /dev/nvidia0; echo "$SITE_WORDS ${PATH##*:}"; echo $LD_LIBRARY_PATH'
		"$BERTH" exec --env LD_LIBRARY_PATH=/opt/x instance://lent sh -c 'echo $LD_LIBRARY_PATH'
	END
	same "$(on_host bash all.sh --nv --contain --module words "$IMG" 3>&-)" "driver 550.54.14
driver 550.54.14
/dev/nvidia0
a \"b\" \$c /opt/site/bin
$LIBS
/opt/x:$LIBS"
	# Nothing was lent: a join cannot add it, and says so.
	cat >none.sh <<-'END'
		trap '"$BERTH" -s instance stop lent' EXIT
		"$BERTH" -q instance start "$1" lent
		"$BERTH" exec --nv instance://lent sh -c 'echo "[$LD_LIBRARY_PATH]"'
	END
	run --separate-stderr on_host bash none.sh "$IMG" 3>&-
	same "$output" "[]"
	grep -q -- '--nv has no effect on an instance that runs' <<<"$stderr"
}
@test "what was lent to an instance is there for every program that joins it" { needs_host; each_image kept_by_instance; }

# rank N COMMAND...: task N of two on each of NODES nodes, on the machine with the GPU.
rank() {
	local n=$1
	shift
	SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_STEP_TASKS_PER_NODE="2(x${NODES:-1})" SLURM_NODEID=0 \
		SLURM_STEP_NUM_TASKS=$((2 * ${NODES:-1})) SLURM_PROCID=$n SLURM_LOCALID=$n "$@"
}

kept_by_ranks() {
	export -f rank
	cat >ranks.sh <<-'END'
		for n in 0 1; do
			rank $n "$BERTH" exec --nv --contain -B "$PWD:/work" "$1" sh -c "
				ask >/work/said.$n; readlink /proc/self/ns/mnt >/work/ns.$n
				while ! [ -s /work/ns.0 ] || ! [ -s /work/ns.1 ]; do sleep 0.05; done" &
		done
		wait
	END
	rm -f said.* ns.*
	on_host bash ranks.sh "$IMG" 3>&-
	same "$(cat said.0 said.1)" "$(printf 'driver 550.54.14\ndriver 550.54.14')"
	same "$(cat ns.0)" "$(cat ns.1)"
}
@test "ranks that share a container all have what is lent" { needs_host; each_image kept_by_ranks; }

fabric_unopened() {
	local said='this host has InfiniBand/RoCE \(verbs\) \(/dev/infiniband/uverbs0\), which the image cannot open'
	# One of many nodes: the first rank says it, once, and nobody else.
	export NODES=2 RANK=0
	on_rank() { rank "$RANK" on_host "$BERTH" exec "$@"; }
	run --separate-stderr on_rank "$IMG" true
	same "$status" 0
	same "$(grep -cE "$said.*it has no libibverbs.so.1; --fabric lends it" <<<"$stderr")" 1
	same "$(grep -c . <<<"$stderr")" 1
	RANK=1
	run --separate-stderr on_rank "$IMG" true
	same "$status$stderr" 0
	# A node alone talks through memory; a program alone to nobody.
	NODES=1 RANK=0
	run --separate-stderr on_rank "$IMG" true
	same "$status$stderr" 0
	run --separate-stderr on_host "$BERTH" exec "$IMG" true
	same "$status$stderr" 0
	# Nothing of any host helps an image with musl.
	[ -d musl ] || { cp -r "$DIR" musl && rm -rf musl/lib musl/lib64 && mkdir musl/lib && : >musl/lib/ld-musl-x86_64.so.1; }
	run --separate-stderr on_host "$BERTH" exec --fabric musl true
	same "$status" 0
	same "$(grep -cE "$said" <<<"$stderr")" 1
	run --separate-stderr on_host "$BERTH" exec --require-fabric musl true
	fails 125 '--require-fabric: InfiniBand/RoCE \(verbs\): libibverbs.so.1: '
}
@test "a fabric that the image cannot open: one warning, and fatal with --require-fabric" {
	needs_host
	each_image fabric_unopened
}

@test "build --nv lends the driver to %post, and the image has nothing of it" {
	needs_host
	printf 'Bootstrap: localimage\nFrom: %s\n%%post\n    ask; ls -d /dev/nvidia0\n' \
		"$BATS_FILE_TMPDIR/image.sqfs" >x.def
	export BERTH_CACHEDIR=$BATS_TEST_TMPDIR/cache
	run on_host "$BERTH" build x.sif x.def
	said 125 "libcuda.so.1: cannot open shared object file"
	run on_host "$BERTH" build --nv x.sif x.def
	said 0 "driver 550.54.14"
	said 0 /dev/nvidia0
	same "$("$BERTH" exec x.sif ls -A "$LIBS")" ""
}
