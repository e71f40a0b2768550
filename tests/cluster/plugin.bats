# The Slurm plugin in a real slurmd: --container-*, as pyxis' users know them.
bats_require_minimum_version 1.5.0
# shellcheck source=tests/lab/slurm.sh
. "$BATS_TEST_DIRNAME/../lab/slurm.sh"

export ASAN_OPTIONS=detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}

setup_file() {
	SLURM_DIR=$(mktemp -d /tmp/berth-slurm.XXXXXX)
	SLURM_PLUGIN="${BERTH%/*}/spank_berth.so berth=$BERTH container_dir=$SLURM_DIR"
	export SLURM_DIR SLURM_PLUGIN
	[ -e "${BERTH%/*}/spank_berth.so" ] || { echo "no plugin was built: libslurm-dev"; return 1; }
	slurm_begin "$SLURM_DIR" 2
	# Two odd images: an entrypoint, and an environment that only a shell can tell.
	cp -a "$LAB_IMAGES/busybox.dir" "$BATS_FILE_TMPDIR/odd"
	mkdir -p "$BATS_FILE_TMPDIR/odd/.singularity.d/env"
	printf '#!/bin/sh\necho "entry of $1"\nexec "$@"\n' >"$BATS_FILE_TMPDIR/odd/.singularity.d/runscript"
	printf 'export SUM=$(expr 40 + 2)\nexport BOTH=image\n' >"$BATS_FILE_TMPDIR/odd/.singularity.d/env/91-odd.sh"
	chmod 0755 "$BATS_FILE_TMPDIR/odd/.singularity.d/runscript" "$BATS_FILE_TMPDIR"
}
teardown_file() {
	slurm_end
	rm -rf "$SLURM_DIR"
}

setup() {
	IMG=$LAB_MPI/mpi.sqfs BB=$LAB_IMAGES/busybox.sif ODD=$BATS_FILE_TMPDIR/odd
	export SLURM_CONF=$SLURM_DIR/slurm.conf BERTH_CACHEDIR=$BATS_TEST_TMPDIR/cache BERTH_TLS_CA=$LAB_CA
	cd "$BATS_TEST_TMPDIR" || return 1
}
# No keeper outlives its step.
teardown() {
	local i
	for i in $(seq 100); do
		[ -n "$(find /proc/[0-9]*/fd -lname "$LAB_MPI/*" -o -lname "$BB" 2>/dev/null)" ] || return 0
		sleep 0.1
	done
	printf 'a keeper is left\n'
	return 1
}

# step TEXT OPTION... COMMAND...: a step that prints exactly this and ends well.
step() {
	local want=$1 out
	shift
	out=$(timeout -k 5 60 srun "$@" 2>err) || { printf 'status %s\n' $?; cat err; return 1; }
	[ "$out" = "$want" ] || { printf 'got    %s\nwanted %s\n' "$out" "$want"; head -n 20 err; return 1; }
}
# refused STATUS REGEX OPTION... COMMAND...: one line of ours says why.
refused() {
	local want=$1 regex=$2 status=0
	shift 2
	timeout -k 5 60 srun "$@" >out 2>err || status=$?
	[ "$status" = "$want" ] && [ "$(grep -c '^berth: ' err)" = 1 ] && grep -qE "$regex" err || {
		printf 'status %s, wanted %s and %s\n' "$status" "$want" "$regex"
		cat err
		return 1
	}
}

# meet N: what N ranks of a step say in sh to stay until all are there; /here is a directory of the host's.
meet() {
	local dir='/here/met.$SLURM_JOB_ID.$SLURM_STEP_ID'
	printf 'mkdir -p %s; echo >%s/$SLURM_PROCID; until [ $(ls %s | wc -l) = %s ]; do sleep 0.1; done' \
		"$dir" "$dir" "$dir" "$1"
}

@test "MPI through the plugin: two nodes, one container a node, memory of others readable" {
	step "size 4 sum 10" -N2 -n4 --mpi=pmix --container-image="$IMG" --container-mounts="$LAB_TMP:$LAB_TMP" \
		"$LAB_TMP/app.openmpi" hello
	step "size 4 unreadable 0" -N1 -n4 --mpi=pmix --container-image="$IMG" \
		--container-mounts="$LAB_TMP:$LAB_TMP" "$LAB_TMP/app.openmpi" pairs
	step "size 4 unreadable 0" -N1 -n4 --mpi=pmi2 --container-image="$IMG" \
		--container-mounts="$LAB_TMP:$LAB_TMP" "$LAB_TMP/app.mpich" pairs
	srun -N2 -n6 --container-image="$BB" --container-mounts="$PWD:/here" sh -c "readlink /proc/self/ns/user; $(meet 6)" >out
	[ "$(sort -u out | wc -l)" = 2 ]
}

@test "the program is looked up in the image, which has no C library, and is Slurm's own process" {
	local status=0
	step "hello from a layer" -n1 --container-image="$BB" cat /etc/hello
	step "/bin:/usr/bin: hello" -n1 --container-image="$BB" sh -c 'echo ${PATH%/usr/local/sbin*} $GREETING'
	srun -n1 --container-image="$BB" sh -c 'exit 7' 2>err || status=$?
	[ "$status" = 7 ]
	status=0
	srun -n1 --container-image="$BB" sh -c 'kill -SEGV $$' 2>err || status=$?
	[ "$status" = 139 ]
	step "0 1" -n1 --container-image="$BB" sh -c 'echo $SLURM_PROCID $SLURM_NTASKS'
	step "slurmstepd" -n1 --container-image="$BB" sh -c 'sed -n "s/^Name:.//p" /proc/$PPID/status'
}

@test "a name in a registry is fetched once for all nodes and tasks" {
	step "$(yes 'hello from a layer' | head -n 4)" -N2 -n4 \
		--container-image="docker://localhost:$LAB_OPEN/lab/busybox:1" cat /etc/hello
	step "hello from a layer" -n1 --container-image="localhost:$LAB_OPEN#lab/busybox:1" cat /etc/hello
	[ "$(find cache -name '*.sif' | wc -l)" = 1 ]
	refused 1 'localhost:[0-9]+#lab/nosuch:1.*nosuch' --container-image="localhost:$LAB_OPEN#lab/nosuch:1" true
	# The batch step of sbatch has no srun to fetch for it.
	rm -rf cache
	printf '#!/bin/sh\ncat /etc/hello; echo "$SLURM_JOB_NAME $1"\n' >job
	sbatch -Q -W -J inside -o out --container-image="localhost:$LAB_OPEN#lab/busybox:1" job arg
	[ "$(cat out)" = "$(printf 'hello from a layer\ninside arg')" ]
}

@test "mounts, working directory, home" {
	mkdir d && echo there >d/f
	step "/x/there" -n1 --container-image="$BB" --container-mounts="$PWD/d:/x:ro+rprivate,tmpfs:/scr" \
		--container-workdir=/x sh -c 'echo $PWD/$(cat f); echo >g 2>/dev/null && echo written; echo >/scr/g'
	step "there" -n1 --container-image="$BB" --container-mounts="$PWD/d" cat "$PWD/d/f"
	step "yes" -n1 --container-image="$BB" --container-mount-home sh -c 'test -d $HOME/ && echo yes'
	step "no" -n1 --container-image="$BB" --no-container-mount-home --container-workdir=/ \
		sh -c "test -d $HOME/ || echo no"
	PYXIS_CONTAINER_IMAGE=$BB step "hello from a layer" -n1 cat /etc/hello
	refused 125 'host.s /nosuch: No such file' -N1 -n3 --container-image="$BB" --container-mounts=/nosuch:/x true
	refused 125 'SRC:DST' -n1 --container-image="$BB" --container-mounts=relative true
	refused 125 'flag exec is not known' -n1 --container-image="$BB" --container-mounts=/a:/b:exec true
	refused 125 'container-workdir=/nosuch' -n1 --container-image="$BB" --container-workdir=/nosuch true
	refused 125 'container-image=/no/such.sif: No such file' -N1 -n3 --container-image=/no/such.sif true
	echo text >bad.sif
	refused 125 'bad.sif' -n1 --container-image="$PWD/bad.sif" true
}

@test "environment: the image's wins, --container-env turns it round; scripts for a shell; entrypoint" {
	export BOTH=host ONLY=host
	step "42 image host" -n1 --container-image="$ODD" sh -c 'echo $SUM $BOTH $ONLY'
	step '42 $x' -n1 --container-image="$ODD" --container-env=SUM,BOTH \
		env BOTH='$x' sh -c 'echo $SUM $BOTH'
	BOTH='$x y' step '42 $x y' -n1 --container-image="$ODD" --container-env=BOTH sh -c 'echo $SUM $BOTH'
	step "$(printf 'entry of sh\n2 words')" -n1 --container-image="$ODD" --container-entrypoint \
		sh -c 'echo $# $1' sh words "more words"
	step "42" -n1 --container-image="$ODD" --container-entrypoint --no-container-entrypoint \
		sh -c 'echo $SUM'
}

@test "programs of --multi-prog run in the container; an entrypoint before them is refused" {
	printf '# two\n0 echo zero %%t\n1 ls /.singularity.d/runscript\n' >multi
	[ "$(timeout 60 srun -n2 --multi-prog --container-image="$ODD" multi | sort)" = "$(printf '/.singularity.d/runscript\nzero 0')" ]
	refused 125 'container-entrypoint: not with --multi-prog.*--no-container-entrypoint' \
		-N1 -n2 --multi-prog --container-image="$ODD" --container-entrypoint multi
	# Only words that look like it.
	step "$(printf 'entry of echo\n0 --multi-prog')" -n1 --container-image="$ODD" --container-entrypoint echo 0 --multi-prog
}

@test "writable, readonly, root inside" {
	step "hi" -n1 --container-image="$BB" --container-writable sh -c 'echo hi >/etc/new; cat /etc/new'
	step "ro" -n1 --container-image="$BB" sh -c 'echo 2>/dev/null >/etc/new || echo ro'
	step "0" -n1 --container-image="$BB" --container-remap-root id -u
	step "$(id -u)" -n1 --container-image="$BB" --no-container-remap-root id -u
}

@test "a named container is kept for the steps of its job, and gone with it" {
	cat >job <<'END'
#!/bin/sh
s() { srun --overlap -n1 "$@"; }
s --container-image=$BB --container-name=work sh -c 'echo kept >/etc/new'
s --container-name=work cat /etc/new
s --container-name=work --container-readonly sh -c 'echo 2>/dev/null >/etc/new || echo ro'
s --container-name=work:create true
s --container-name=work:exec true
s --container-name=other true
s --container-image=$BB --container-name=../x true
s --container-name=work sh -c 'readlink /proc/self/ns/mnt; touch here; while [ ! -e go ]; do sleep 0.1; done' &
while [ ! -e here ]; do sleep 0.1; done
s --container-name=work:exec readlink /proc/self/ns/mnt
s --container-name=work:no_exec true
touch go
wait
END
	BB=$BB sbatch -Q -W -n2 -o out -e err job || true
	[ "$(grep -c '^kept$' out)" = 1 ]
	grep -qx ro out
	[ "$(grep '^mnt:' out | sort | uniq -c | awk '{ print $1 }')" = 2 ]
	[ "$(grep -c '^berth: ' err)" = 5 ] || { cat err; return 1; }
	grep -q 'work:create: the container is there' err
	grep -q 'work:exec: no step' err
	grep -q 'other: there is no container' err
	grep -q 'a name has 1 to 64' err
	grep -q 'work:no_exec: a step runs in it' err
	for i in $(seq 50); do
		[ -n "$(find "$SLURM_DIR"/berth-*/slurm -name work 2>/dev/null)" ] || return 0
		sleep 0.1
	done
	find "$SLURM_DIR"/berth-*
	return 1
}

@test "--container-save: what was changed becomes an image" {
	step "" -N2 -n4 --container-image="$BB" --container-save="$PWD/new.sif" \
		sh -c 'test $SLURM_PROCID != 0 || { echo saved >/opt; rm /etc/hello; }'
	step "saved hello" -n1 --container-image="$PWD/new.sif" sh -c 'echo $(cat /opt) $GREETING; test ! -e /etc/hello'
	"$BERTH" inspect -l new.sif | grep -q busybox
	srun -n1 --container-image="$BB" --container-save=/nosuch/x.sif true 2>err || true
	grep -q 'save the container.*/nosuch' err
	[ -z "$(find "$SLURM_DIR"/berth-*/slurm -name 'save.*' 2>/dev/null)" ]
}

@test "arrays, heterogeneous jobs, steps side by side and unequal tasks through the plugin" {
	local i
	printf '#!/bin/sh\nfor i in 1 2 3; do srun --overlap -n2 --container-image=%s --container-mounts=%s:/here sh -c '\''readlink /proc/self/ns/user; %s'\'' & done\nwait\n' \
		"$BB" "$PWD" "$(meet 2)" >job
	sbatch -Q -W -N1 -n2 -a 1-2 -o 'out.%a' job
	for i in 1 2; do
		[ "$(wc -l <"out.$i")" = 6 ] && [ "$(sort -u "out.$i" | wc -l)" = 3 ] || { cat "out.$i"; return 1; }
	done
	# Slurm keeps one set of a plugin's options for all components of a command.
	timeout 60 srun -n1 --container-image="$ODD" sh -c 'echo $SUM' : -n2 sh -c 'echo $SUM' >het
	[ "$(sort het | uniq -c | tr -d ' ')" = 342 ]
	step "5" -N2 -n5 -m plane=4 --container-image="$BB" sh -c 'test $SLURM_PROCID != 4 || echo $SLURM_NTASKS'
}
