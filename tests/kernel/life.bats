# Who lives how long: the program, its children, the keeper; and what kill -9 leaves.
load kernel

@test "a background child reads the image after the main process ended" {
	berth exec "$SQ" sh -c '(until [ -e go ]; do sleep 0.05; done; cat /opt/many/* | md5sum >sum) >/dev/null 2>&1 &' 3>&-
	[ ! -s sum ]
	: >go
	until_is 10 test -s sum
	same "$(cat sum)" "$(cd "$DIR" && cat opt/many/* | md5sum)"
}

@test "whoever reads the program's output sees its end, keeper or not" {
	berth exec "$SQ" sh -c 'echo out; until [ -e go ]; do sleep 0.05; done >/dev/null 2>&1 &' 3>&- | timeout 60 cat
	[ -n "$(keepers)" ]
	: >go
	until_is 10 no_keepers
}

@test "a killed keeper: the program gets errors, nothing hangs" {
	local pid keeper
	"$BERTH" exec "$SQ" sh -c 'echo $$ >started; read line <go; cat /opt/big >copy 2>error; echo $? >result' \
		>/dev/null 2>&1 3>&- &
	pid=$!
	mkfifo go
	until_is 10 test -s started
	keeper=$(keepers | grep -vx "$pid")
	kill -KILL "$keeper"
	until_is 5 gone "$keeper"
	timeout 60 sh -c 'echo >go'
	until_is 10 gone "$pid"
	[ ! -s copy ]
}

@test "a killed program: the keeper ends" {
	local pid
	"$BERTH" exec "$SQ" sleep 60 3>&- &
	pid=$!
	until_is 10 grep -qx sleep "/proc/$pid/comm"
	[ -n "$(keepers)" ]
	kill -KILL "$pid"
	until_is 2 no_keepers
}

@test "both killed at once leave nothing" {
	local pid
	"$BERTH" exec "$SQ" sleep 60 3>&- &
	pid=$!
	until_is 10 grep -qx sleep "/proc/$pid/comm"
	# shellcheck disable=SC2046
	kill -KILL "$pid" $(keepers)
	until_is 2 gone "$pid"
}

@test "job signals end the program and not its files" {
	local pid keeper
	"$BERTH" exec "$SQ" sh -c 'trap "md5sum /opt/big >sum; exit 0" TERM; echo >started; while :; do sleep 0.1; done' \
		>/dev/null 2>&1 3>&- &
	pid=$!
	until_is 10 test -e started
	keeper=$(keepers | grep -vx "$pid")
	# As a batch system does: the same signal to every process of the job.
	kill -TERM "$keeper" "$pid"
	until_is 10 test -s sum
	same "$(cut -d' ' -f1 sum)" "$(md5sum <"$DIR/opt/big" | cut -d' ' -f1)"
}

@test "kill -9 of a start at random moments leaves nothing" {
	local i pid
	for i in $(seq 40); do
		"$BERTH" exec "$SQ" sh -c 'cat /opt/many/* >/dev/null' >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "0.0$((RANDOM % 4))$((RANDOM % 10))"
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" || true
	done
	no_keepers
}

@test "no socket and no file is left behind" {
	local before after
	before=$(find "$BATS_TEST_TMPDIR" | sort)
	berth exec "$SQ" true
	no_keepers
	after=$(find "$BATS_TEST_TMPDIR" | sort)
	same "$after" "$before"
	not grep -i berth /proc/net/unix
}

@test "the keeper is in the host's namespaces and holds nothing of the job" {
	local pid keeper
	"$BERTH" exec "$SQ" sleep 60 3>&- 8<"$DIR/etc/hello" &
	pid=$!
	until_is 10 grep -qx sleep "/proc/$pid/comm"
	keeper=$(keepers)
	same "$(readlink "/proc/$keeper/ns/mnt")" "$(readlink /proc/self/ns/mnt)"
	same "$(readlink "/proc/$keeper/cwd")" /
	not grep hello <<<"$(ls -l "/proc/$keeper/fd")"
	for i in 0 1 2; do same "$(readlink "/proc/$keeper/fd/$i")" /dev/null; done
	[ "$(ps -o sid= -p "$keeper")" != "$(ps -o sid= -p "$pid")" ]
	kill "$pid"
}

@test "a damaged image: an error of the program or of ours, never a hang" {
	local at status=0
	for at in 100 $(($(stat -c %s "$SQ") / 3)) $(($(stat -c %s "$SQ") - 9000)); do
		cp "$BATS_FILE_TMPDIR/image.sqfs" "$SQ"
		head -c 6000 /dev/urandom | dd of="$SQ" bs=1 seek="$at" conv=notrunc status=none
		timeout -k 5 100 "$BERTH" exec "$SQ" sh -c 'cat /opt/big /opt/many/* /etc/* >/dev/null' \
			>out 2>&1 || status=$?
		[ "$status" != 124 ] && [ "$status" != 137 ] || return 1
		no_keepers
	done
	[ "$status" != 0 ]
}
