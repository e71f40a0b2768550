# slurmd as root, as on real nodes, and the job of an ordinary user: the plugin gives root up.
bats_require_minimum_version 1.5.0
# shellcheck source=tests/lab/lab.sh
. "$BATS_TEST_DIRNAME/../../lab/lab.sh"
# shellcheck source=tests/lab/slurm.sh
. "$BATS_TEST_DIRNAME/../../lab/slurm.sh"

setup_file() {
	SLURM_DIR=$(mktemp -d /tmp/berth-slurm.XXXXXX)
	SLURM_PLUGIN="${BERTH%/*}/spank_berth.so berth=$BERTH container_dir=$SLURM_DIR/kept"
	export SLURM_DIR SLURM_PLUGIN
	mkdir -m 1777 "$SLURM_DIR/kept"
	slurm_begin "$SLURM_DIR" 1
}
teardown_file() {
	slurm_end
	rm -rf "$SLURM_DIR"
}
setup() {
	BB=$LAB_IMAGES/busybox.sif
	lab_user
}
# user COMMAND...: an ordinary user's shell on the submit host.
user() { lab_as_user env SLURM_CONF="$SLURM_DIR/slurm.conf" ASAN_OPTIONS=detect_leaks=0 timeout -k 5 60 "$@"; }

@test "a slurmd of root's: the program, the engine and what it keeps are the user's" {
	local uid
	uid=$(id -u "$LAB_USER")
	cd "$LAB_TMP"
	user srun -n2 --container-image="$BB" sh -c 'grep -E "^(Uid|CapEff|CapPrm|NoNewPrivs)" /proc/self/status' >"$BATS_TEST_TMPDIR/out"
	[ "$(sort -u "$BATS_TEST_TMPDIR/out" | tr -d '\n\t ')" = \
		"CapEff:0000000000000000CapPrm:0000000000000000NoNewPrivs:1Uid:$uid$uid$uid$uid" ]
	user srun -n1 --container-image="$BB" --container-save="$LAB_TMP/saved.sqsh" true
	[ "$(stat -c %u "$LAB_TMP/saved.sqsh")" = "$uid" ]
	user salloc -Q -n1 sh -c "srun --container-image=$BB --container-name=w sh -c 'echo kept >/etc/new'
		srun --container-name=w cat /etc/new; stat -c %u $SLURM_DIR/kept/berth-*/slurm/n1/job-*/w/upper" >"$BATS_TEST_TMPDIR/out"
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = "$(printf 'kept\n%s' "$uid")" ]
	# The epilog took it away, and the node is well.
	for _ in $(seq 50); do
		[ -n "$(find "$SLURM_DIR"/kept/berth-*/slurm -name w)" ] || break
		sleep 0.1
	done
	[ -z "$(find "$SLURM_DIR"/kept/berth-*/slurm -name w)" ]
	user sinfo -h -o %t | grep -qxE 'idle|mix|comp'
}
