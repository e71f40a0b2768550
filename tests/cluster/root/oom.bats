# The end of a step's memory, in the cgroup that Slurm's own plugin makes for it: as root, for cgroups are.
bats_require_minimum_version 1.5.0
# shellcheck source=tests/lab/lab.sh
. "$BATS_TEST_DIRNAME/../../lab/lab.sh"
# shellcheck source=tests/lab/slurm.sh
. "$BATS_TEST_DIRNAME/../../lab/slurm.sh"

setup_file() {
	[ -w /sys/fs/cgroup/memory/cgroup.procs ] && [ -w /sys/fs/cgroup/freezer/cgroup.procs ] ||
		skip "cgroups of version 1 (memory, freezer) are not there to be written"
	SLURM_DIR=$(mktemp -d /tmp/berth-slurm.XXXXXX)
	SLURM_PLUGIN="${BERTH%/*}/spank_berth.so berth=$BERTH container_dir=/tmp"
	SLURM_CGROUP=oom$$x
	export SLURM_DIR SLURM_PLUGIN SLURM_CGROUP
	slurm_begin "$SLURM_DIR" 1
}
teardown_file() {
	slurm_end
	rm -rf "${SLURM_DIR:-/nonexistent}"
}
setup() {
	BB=$LAB_IMAGES/busybox.sif
	lab_user
	cd "$LAB_TMP" || return 1
}
user() { lab_as_user env SLURM_CONF="$SLURM_DIR/slurm.conf" ASAN_OPTIONS=detect_leaks=0 timeout -k 5 120 "$@"; }

# One rank takes what the step does not have; the others wait until it is gone, then read on.
ranks="if [ \$SLURM_PROCID = 1 ]; then exec dd if=/dev/zero of=/dev/null bs=600M count=1; fi
until [ -e $LAB_TMP/oom.gone ]; do sleep 0.1; done; cat /etc/hello"

oom_seen() {
	find "/sys/fs/cgroup/memory/slurm_n${SLURM_CGROUP}1" -name memory.oom_control -exec grep -l 'oom_kill [1-9]' {} + | grep -q .
}

# oom SRUN-ARGUMENT...: a step whose rank 1 is killed for its memory.
oom() {
	local status=0 pid out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
	rm -f "$LAB_TMP/oom.gone"
	user srun -n3 --mem=250M --kill-on-bad-exit=0 "$@" sh -c "$ranks" >"$out" 2>"$err" &
	pid=$!
	lab_wait_for 60 oom_seen
	lab_as_user touch "$LAB_TMP/oom.gone"
	wait "$pid" || status=$?
	cat "$out" "$err"
	echo "status $status"
	[ "$status" = 137 ] && [ "$(grep -cx 'hello from a layer' "$out")" = 2 ]
	grep -q 'error: Detected 1 oom.kill event' "$err" && grep -q 'task 1: Out Of Memory' "$err"
	[ "$(grep -c 'berth:' "$err")" = 0 ]
}

@test "a rank that has no more memory is killed alone: Slurm says why, the others go on" {
	oom "$BERTH" exec -B "$LAB_TMP" "$BB"
	oom --container-image="$BB" --container-mounts="$LAB_TMP:$LAB_TMP"
	[ "$(grep -c 'JobState=OUT_OF_MEMORY .*ExitCode=0:125' "$SLURM_DIR/jobs")" = 2 ]
	lab_wait_for 30 sh -c "! find /proc/[0-9]*/fd -lname '$BB' 2>/dev/null | grep -q ."
}
