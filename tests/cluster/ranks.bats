# Real Slurm (two nodes on this machine), real Open MPI and MPICH, in the host and in an image.
bats_require_minimum_version 1.5.0
# shellcheck source=tests/lab/slurm.sh
. "$BATS_TEST_DIRNAME/../lab/slurm.sh"

export ASAN_OPTIONS=detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}

setup_file() {
	# The path of a socket has at most 107 bytes.
	SLURM_DIR=$(mktemp -d /tmp/berth-slurm.XXXXXX)
	export SLURM_DIR
	slurm_begin "$SLURM_DIR" 2
	# Slurm looks for limits once a minute: the last test sees what became of it.
	cd "$BATS_FILE_TMPDIR" || return 1
	cat >limit <<END
#!/bin/sh
exec "$BERTH" exec -B "$BATS_FILE_TMPDIR" "$LAB_IMAGES/busybox.sif" sh -c 'trap "echo usr2 >>$BATS_FILE_TMPDIR/usr2" USR2; echo up; while :; do sleep 0.2; done'
END
	sbatch --parsable -n1 --time=1 --signal=B:USR2@50 -o limit.out limit >limit.id
}
teardown_file() {
	slurm_end
	rm -rf "$SLURM_DIR"
}

setup() {
	IMG=$LAB_MPI/mpi.sqfs
	export SLURM_CONF=$SLURM_DIR/slurm.conf
	cd "$BATS_TEST_TMPDIR" || return 1
}

# No keeper outlives its ranks.
teardown() {
	local i
	for i in $(seq 100); do
		[ -n "$(find /proc/[0-9]*/fd -lname "$LAB_MPI/*" 2>/dev/null)" ] || return 0
		sleep 0.1
	done
	printf 'a keeper is left\n'
	return 1
}

b() { echo "$BERTH" exec -B "$LAB_TMP" "$@"; }
# prints TEXT COMMAND...: it ends well within a minute and prints exactly this line.
prints() {
	local want=$1 out
	shift
	out=$(timeout -k 5 60 "$@" 2>err) || { printf 'status %s\n' $?; cat err; return 1; }
	[ "$out" = "$want" ] || { printf 'got    %s\nwanted %s\n' "$out" "$want"; head -n 20 err; return 1; }
}
OMPI=$LAB_TMP/app.openmpi MPICH=$LAB_TMP/app.mpich

@test "mpirun of Open MPI on one node: all ranks meet, and read each other's memory" {
	prints "size 4 sum 10" mpirun.openmpi --oversubscribe -np 4 $(b "$IMG") "$OMPI" hello
	prints "size 4 unreadable 0" mpirun.openmpi --oversubscribe -np 4 $(b "$IMG") "$OMPI" pairs
	prints "size 2 wrong 0" mpirun.openmpi -np 2 $(b "$IMG") "$OMPI" big 8000000
}

@test "mpirun of MPICH on one node, also through a shell for each rank" {
	prints "size 4 sum 10" mpirun.mpich -np 4 $(b "$IMG") "$MPICH" hello
	prints "size 4 unreadable 0" mpirun.mpich -np 4 sh -c "$(b "$IMG") $MPICH pairs; exit \$?"
	prints "size 2 wrong 0" mpirun.mpich -np 2 $(b "$IMG") "$MPICH" big 8000000
}

@test "ranks that do not share: large messages pass, by way of shared memory" {
	prints "size 2 wrong 0" mpirun.openmpi -np 2 $(b --share=none "$IMG") "$OMPI" big 8000000
	prints "size 2 wrong 0" mpirun.mpich -np 2 $(b --share=none "$IMG") "$MPICH" big 8000000
}

@test "ranks with private writable layers read each other's memory" {
	prints "size 4 unreadable 0" mpirun.openmpi --oversubscribe -np 4 $(b --writable-tmpfs "$IMG") "$OMPI" pairs
	[ ! -s err ] || { cat err; return 1; }
	prints "size 4 unreadable 0" mpirun.mpich -np 4 $(b --writable-tmpfs "$IMG") "$MPICH" pairs
	prints "size 2 wrong 0" mpirun.mpich -np 2 $(b --writable-tmpfs "$IMG") "$MPICH" big 8000000
}

@test "srun --mpi=pmix and Open MPI: two nodes, unequal numbers of tasks" {
	prints "size 4 sum 10" srun -N2 -n4 --mpi=pmix $(b "$IMG") "$OMPI" hello
	prints "size 5 sum 15" srun -N2 -n5 -m plane=4 --mpi=pmix $(b "$IMG") "$OMPI" hello
	prints "size 4 unreadable 0" srun -N1 -n4 --mpi=pmix $(b "$IMG") "$OMPI" pairs
}

@test "srun --mpi=pmi2 and MPICH" {
	prints "size 4 sum 10" srun -N1 -n4 --mpi=pmi2 $(b "$IMG") "$MPICH" hello
	prints "size 4 unreadable 0" srun -N1 -n4 --mpi=pmi2 $(b "$IMG") "$MPICH" pairs
}

@test "mpirun across two nodes of an allocation" {
	prints "size 4 sum 10" salloc -Q -N2 -n4 mpirun.openmpi -np 4 $(b "$IMG") "$OMPI" hello
}

@test "--cleanenv and --containall leave the wire-up whole" {
	prints "size 4 unreadable 0" srun -N1 -n4 --mpi=pmix $(b -C --pwd /tmp "$IMG") "$OMPI" pairs
	[ ! -s err ] || { cat err; return 1; }
	prints "size 4 unreadable 0" srun -N1 -n4 --mpi=pmi2 $(b -C --pwd /tmp "$IMG") "$MPICH" pairs
	prints "size 4 unreadable 0" mpirun.openmpi --oversubscribe -np 4 $(b -e "$IMG") "$OMPI" pairs
}

@test "a heterogeneous job, an array and steps side by side do not meet" {
	local i
	cat >job <<END
#!/bin/sh
for i in 1 2 3; do srun --overlap -n2 --mpi=pmix $(b "$IMG") $OMPI hello & done
wait
END
	sbatch -Q -W -N1 -n2 -a 1-2 -o 'out.%a' job
	for i in 1 2; do [ "$(grep -c 'size 2 sum 3' "out.$i")" = 3 ]; done
	timeout 60 srun -n2 --mpi=none $(b "$IMG") sh -c 'readlink /proc/self/ns/user; sleep 1' : \
		-n2 --mpi=none $(b "$IMG") sh -c 'readlink /proc/self/ns/user; sleep 1' >het
	[ "$(wc -l <het)" = 4 ]
}

@test "a program's status, its signals and scancel" {
	local job status=0
	srun -n2 $(b "$IMG") sh -c 'exit 7' 2>err || status=$?
	[ "$status" = 7 ]
	cat >job <<END
#!/bin/sh
srun -n2 $(b "$IMG") sh -c 'trap "echo got usr2; exit 3" USR2; echo ready; while :; do sleep 0.1; done'
END
	job=$(sbatch --parsable -n2 -o out job)
	until [ "$(grep -c ready out 2>/dev/null)" = 2 ]; do sleep 0.1; done
	scancel -s USR2 "$job.0"
	until ! squeue -h -j "$job" 2>/dev/null | grep -q .; do sleep 0.2; done
	[ "$(grep -c 'got usr2' out)" = 2 ]
	grep -q "JobId=$job .*ExitCode=3:0" "$SLURM_DIR/jobs" || grep "JobId=$job " "$SLURM_DIR/jobs"
	job=$(sbatch --parsable -n2 -o out2 --wrap "srun -n2 $(b "$IMG") sleep 300")
	until [ -n "$(find /proc/[0-9]*/fd -lname "$IMG" 2>/dev/null)" ]; do sleep 0.1; done
	scancel "$job"
	until ! squeue -h -j "$job" 2>/dev/null | grep -q .; do sleep 0.2; done
	grep -q "JobId=$job .*JobState=CANCELLED" "$SLURM_DIR/jobs"
}

@test "an MPI that does not speak the launcher's protocol: one warning and a verdict with the remedy" {
	local status=0 ompi=$LAB_MPI/ompi.sqfs
	timeout 60 srun -N1 -n4 --mpi=pmi2 $(b "$ompi") true 2>err
	[ "$(grep -c 'warning: Open MPI does not start under Slurm over PMI; use srun --mpi=pmix' err)" = 1 ]
	timeout 60 srun -N1 -n4 --mpi=pmix $(b "$ompi") true 2>err
	[ ! -s err ]
	srun -n1 --mpi=pmi2 "$BERTH" mpi-check "$ompi" >out 2>err || status=$?
	[ "$status" = 1 ]
	grep -qx 'image: Open MPI.*PMIx.*' out
	grep -q '^verdict: Open MPI does not start' out
	srun -n1 --mpi=pmix "$BERTH" mpi-check "$IMG" >out
	grep -q '^image: Open MPI [0-9.]*, MPICH [0-9.]*;.*UCX' out
	grep -qx 'verdict: Open MPI runs under Slurm over PMIx' out
	"$BERTH" mpi-check "$IMG" | grep -q '^verdict: start it with mpirun'
	# Open MPI itself refuses; nothing hangs.
	! timeout 60 srun -N1 -n2 --mpi=pmi2 $(b "$ompi") "$OMPI" hello 2>err
}

@test "128 ranks of one node: one keeper, one mount, and nothing of Berth in a rank" {
	local pid of=0 berths=0 n others
	# The job of setup_file has a keeper of its own: it shall be there before the count, not come into it.
	until grep -qsx up "$BATS_FILE_TMPDIR/limit.out"; do sleep 0.1; done
	# A test before this one may leave a keeper that is on its way out.
	others=" $(find /proc -maxdepth 1 -name '[0-9]*' -uid "$(id -u)" -printf '%f ' 2>/dev/null || true) "
	mkfifo go
	mpirun.mpich -np 128 $(b "$IMG") sh -c 'echo up >&2; read x <go; readlink /proc/self/ns/mnt' 2>up >mounts &
	n=$!
	until [ "$(grep -c up up 2>/dev/null)" = 128 ]; do sleep 0.1; kill -0 $n; done
	[ "$(find /proc/[0-9]*/fd -lname "$IMG" 2>/dev/null | cut -d/ -f3 | sort -u | wc -l)" = 1 ]
	# Each rank has become its program: no process runs Berth's file or has a page of it but the keeper.
	for pid in $(find /proc -maxdepth 1 -name '[0-9]*' -uid "$(id -u)" -printf '%f\n'); do
		[[ $others != *" $pid "* ]] || continue
		[ "$(readlink "/proc/$pid/exe")" != "$BERTH" ] || berths=$((berths + 1))
		! grep -qs "$BERTH" "/proc/$pid/maps" || of=$((of + 1))
	done
	: >go
	wait $n
	[ "$berths $of" = "1 1" ] || { echo "processes of berth: $berths, with its pages: $of"; return 1; }
	[ "$(wc -l <mounts)" = 128 ] && [ "$(sort -u mounts | wc -l)" = 1 ]
}

@test "--signal reaches the program of a batch script, and so does the time limit" {
	local job i
	job=$(cat "$BATS_FILE_TMPDIR/limit.id")
	for i in $(seq 600); do
		squeue -h -j "$job" 2>/dev/null | grep -q . || break
		sleep 0.2
	done
	grep -qx up "$BATS_FILE_TMPDIR/limit.out"
	grep -qx usr2 "$BATS_FILE_TMPDIR/usr2"
	grep -q "JobId=$job .*JobState=TIMEOUT" "$SLURM_DIR/jobs"
}

@test "garbage in the launcher's variables: the program runs all the same" {
	local bad=(SLURM_STEP_TASKS_PER_NODE='4,(x' SLURM_NODEID=-7 SLURM_STEP_ID="$(printf '%0600d' 7)" SLURM_LOCALID=zz
		PMI_FD=abc PMI_RANK=1e9 PMIX_RANK=-9 PMIX_NAMESPACE=/ PMIX_SERVER_TMPDIR=../../etc MPI_LOCALNRANKS=99999999999)
	timeout 60 srun -n2 env "${bad[@]}" $(b "$LAB_IMAGES/busybox.sif") echo well >out 2>err || { cat err; return 1; }
	[ "$(sort -u out)" = well ]
	[ "$(wc -l <out)" = 2 ]
	# An image that knows no PMIx at all is no reason to say anything.
	timeout 60 srun -n2 --mpi=pmix $(b "$LAB_IMAGES/busybox.sif") true 2>err
	[ ! -s err ] || { cat err; return 1; }
}
