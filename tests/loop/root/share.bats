# The rendezvous of ranks, attacked by another user.  As root, which can be two users.
load ../../lab/bats

rank() {
	lab_as_user env SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_STEP_TASKS_PER_NODE=4 SLURM_NODEID=0 \
		SLURM_PROCID="$1" SLURM_LOCALID="$1" timeout -k 5 100 "$BERTH" "${@:2}"
}

# squat MODE NAME: as nobody; the keeper of the start before holds the name a moment longer.
squat() {
	local i
	for i in $(seq 50); do
		setpriv --reuid="$uid" --regid="$uid" --clear-groups /usr/bin/python3 "$LAB_RUN/squat.py" "$@" \
			>ready 2>squat.err 3>&- </dev/null &
		pid=$!
		while kill -0 "$pid" 2>/dev/null; do
			! grep -q ready ready || return 0
			sleep 0.05
		done
		wait "$pid" || true
		sleep 0.1
	done
	cat squat.err
	return 1
}

@test "a name held by another user: nobody joins him, each rank goes alone, and that is said" {
	local name mode image=$LAB_IMAGES/busybox.sqfs uid pid
	uid=$(id -u nobody)
	name=$(rank 0 -d exec "$image" true 2>&1 | sed -n 's/.*sharing as @//p' | head -n 1)
	[ -n "$name" ]
	cp "$BATS_TEST_DIRNAME/../../lab/squat.py" "$LAB_RUN/squat.py" && chmod 0755 "$LAB_RUN/squat.py"
	for mode in silent garbage older drop; do
		squat $mode "$name"
		rank 0 exec "$image" sh -c 'echo fine $OMPI_MCA_btl_vader_single_copy_mechanism' >out 2>err
		kill "$pid"
		wait "$pid" || true
		cat err
		[ "$(cat out)" = "fine none" ]
		grep -q "its name is held by a process of user $uid" err
	done
	# The name is free again, and nothing of him is left.
	rank 0 exec "$image" echo fine >out 2>err
	[ "$(cat out)" = fine ] && [ ! -s err ]
}
