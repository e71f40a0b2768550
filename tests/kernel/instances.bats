# Instances: started, joined, listed, stopped; and what happens to them and to their notes.
load kernel

eval "kernel_$(declare -f teardown)"

setup() {
	kernel_setup
	export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	mkdir -m 0700 "$HOME" "$XDG_RUNTIME_DIR"
	OWN=$BATS_TEST_TMPDIR/own
	cp -a "$DIR" "$OWN"
	mkdir -p "$OWN/.singularity.d/env"
}

teardown() {
	[ -n "${SQ:-}" ] || return 0
	"$BERTH" -s instance stop --all --force || true
	kernel_teardown
}

# script NAME TEXT: a script of the directory image $OWN.
script() {
	printf '#!/bin/sh\n%s\n' "$2" >"$OWN/.singularity.d/$1"
	chmod 755 "$OWN/.singularity.d/$1"
}

start() { berth instance start "$@" 3>&-; }
names() { berth instance list --json | jq -r '.instances[].instance' | tr '\n' ' '; }
pid_of() { berth instance list --json | jq ".instances[] | select(.instance == \"$1\") | .pid"; }
notes() { find "$XDG_RUNTIME_DIR" /tmp/berth-"$(id -u)" ${TMPDIR:+"$TMPDIR"/berth-"$(id -u)"} -type f 2>/dev/null | wc -l; }

life() {
	start "$IMG" one
	same "$(names)" "one "
	same "$(berth exec instance://one sh -c 'echo $$; cat /etc/hello; echo $APPTAINER_INSTANCE $SINGULARITY_INSTANCE')" "2
hello from the image
one one"
	same "$(berth exec instance://one sh -c 'echo $APPTAINER_CONTAINER')" "$IMG"
	same "$(berth exec instance://one readlink /proc/self/ns/mnt)" "$(berth exec instance://one readlink /proc/1/ns/mnt)"
	run --separate-stderr start "$IMG" one
	fails 125 'instance one is running already \(PID=[0-9]+'
	berth instance stop one
	same "$(names)" ""
	run --separate-stderr berth exec instance://one true
	fails 125 'no instance one is running'
	run --separate-stderr berth instance stop one
	fails 125 'no instance found'
	same "$(notes)" 0
	no_keepers
}
@test "an instance is started, joined, listed and stopped" { each_image life; }

@test "list prints what tools read, byte for byte" {
	same "$(berth instance list)" "INSTANCE NAME    PID    IP    IMAGE"
	same "$(berth instance list --json)" $'{\n\t"instances": []\n}'
	start "$SQ" web && start "$SQ" db
	local web db logs
	web=$(pid_of web) db=$(pid_of db)
	logs=$HOME/.berth/instances/logs/$(uname -n)/$(id -un)
	same "$(berth instance list)" "INSTANCE NAME    PID$(printf '%*s' $((${#db} + 1)) '')IP    IMAGE
db               $db          $SQ
web              $web          $SQ"
	same "$(berth instance list -l w*)" "INSTANCE NAME    PID$(printf '%*s' $((${#web} + 1)) '')LOGS
web              $web    $logs/web.err
$(printf '%*s' $((21 + ${#web})) '')$logs/web.out"
	same "$(berth instance list --json 'd?')" $'{\n\t"instances": [\n\t\t{\n\t\t\t"instance": "db",
\t\t\t"pid": '"$db"$',\n\t\t\t"img": "'"$SQ"$'",\n\t\t\t"ip": "",
\t\t\t"logErrPath": "'"$logs/db.err"$'",\n\t\t\t"logOutPath": "'"$logs/db.out"$'"\n\t\t}\n\t]\n}'
	run --separate-stderr berth instance list --json --logs
	fails 125 'leave --logs out'
}

@test "the startscript gets the arguments and writes to the logs" {
	script startscript 'echo "args: $*"; echo "name: $APPTAINER_NAME $APPTAINER_COMMAND" >&2; exec sleep 300'
	start --pid-file pid "$OWN" s "one two" '$HOME'
	same "$(cat pid)" "$(pid_of s)"
	until_is 10 grep -q name "$HOME/.berth/instances/logs/$(uname -n)/$(id -un)/s.err"
	same "$(cat "$HOME"/.berth/instances/logs/*/*/s.out)" 'args: one two $HOME'
	same "$(cat "$HOME"/.berth/instances/logs/*/*/s.err)" "name: own start"
	same "$(stat -c %a "$HOME"/.berth/instances/logs/*/*/s.out)" 600
	berth instance stop s
	script runscript 'echo "run $*"; exec sleep 300'
	berth instance run "$OWN" s x 3>&-
	until_is 10 grep -qx "run x" "$HOME"/.berth/instances/logs/*/*/s.out
}

@test "a startscript that fails ends the instance, one that ends well does not" {
	script startscript 'exit 0'
	start "$OWN" well
	sleep 0.2
	same "$(names)" "well "
	script startscript 'sleep 0.2; exit 3'
	start "$OWN" bad
	until_is 10 eval '[ "$(names)" = "well " ]'
	printf '#!/bin/none\n' >"$OWN/.singularity.d/startscript"
	run --separate-stderr start "$OWN" none
	fails 126 'startscript: cannot start: its interpreter'
	same "$(names)" "well "
	berth instance stop -a
	script startscript ''
	rm "$OWN/bin/sh"
	start "$OWN" no-shell
	same "$(berth exec instance://no-shell cat /etc/hello)" "hello from the image"
}

@test "stop: the program hears INT, whatever is left TERM, and it is over when stop comes back" {
	script startscript 'trap "echo int; exit 0" INT; (trap "echo term; exit 0" TERM; while :; do sleep 0.05; done) &
		echo ready; while :; do sleep 0.05; done'
	start "$OWN" s
	local log=$HOME/.berth/instances/logs/$(uname -n)/$(id -un)/s.out pid
	until_is 10 grep -q ready "$log"
	pid=$(pid_of s)
	berth instance stop s
	gone "$pid"
	same "$(sort "$log" | tr '\n' ' ')" "int ready term "
}

# By order, not by the clock: what the program does last is done, and it is gone, when stop is back.
@test "stop: joined programs hear TERM, may finish, and are gone when stop comes back" {
	local guest='trap "sleep 0.3; echo term >>said; exit 3" TERM; echo >ready.$1; while :; do sleep 0.05; done'
	start "$SQ" idle
	"$BERTH" exec instance://idle sh -c "$guest" - 1 3>&- &
	local one=$!
	"$BERTH" exec instance://idle sh -c "$guest" - 2 3>&- &
	local two=$! pid
	until_is 10 test -e ready.1 -a -e ready.2
	pid=$(pid_of idle)
	berth instance stop idle
	same "$(cat said)" $'term\nterm'
	gone "$pid"
	for pid in "$one" "$two"; do
		status=0
		wait "$pid" || status=$?
		same "$status" 3
	done
	# One that is deaf does not keep it for ever.
	start "$SQ" idle
	"$BERTH" exec instance://idle sh -c 'trap "" TERM; echo >ready.3; while :; do sleep 0.05; done' 3>&- &
	until_is 10 test -e ready.3
	run berth instance stop -t 1 idle
	said 0 "Killing idle instance"
	status=0
	wait $! || status=$?
	same "$status" 137
}

@test "stop: a deaf program is killed after the time, at once with --force; other signals" {
	script startscript 'trap "" INT TERM; echo ready; while :; do sleep 0.05; done'
	local log=$HOME/.berth/instances/logs/$(uname -n)/$(id -un)
	start "$OWN" deaf && start "$OWN" mute
	until_is 10 grep -q ready "$log/deaf.out"
	until_is 10 grep -q ready "$log/mute.out"
	run berth instance stop -t 1 deaf
	said 0 "Killing deaf instance"
	run berth instance stop -F mute
	said 0 "Stopping mute instance"
	not grep -q Killing <<<"$output"
	script startscript 'trap "echo usr1; exit 0" USR1; echo ready; while :; do sleep 0.05; done'
	start "$OWN" s
	until_is 10 grep -q ready "$log/s.out"
	run --separate-stderr berth instance stop -s NONE s
	fails 125 'signal NONE: no such signal'
	run --separate-stderr berth instance stop -t soon s
	fails 125 'timeout soon: seconds'
	berth instance stop -s SIGUSR1 s
	grep -q usr1 "$log/s.out"
	# As job scripts do it, without us.
	script startscript 'exec sleep 300'
	start --pid-file pid "$OWN" s
	kill -TERM "$(cat pid)"
	until_is 10 gone "$(cat pid)"
	same "$(names)" ""
}

@test "stop and list take patterns; stop without a name asks for one" {
	start "$SQ" w1 && start "$SQ" w2 && start "$SQ" x
	same "$(berth instance list 'w*' | wc -l)" 3
	berth instance stop 'w?'
	same "$(names)" "x "
	run --separate-stderr berth instance stop
	fails 125 'name an instance, or say --all'
	berth instance stop --all
	same "$(names)" ""
}

@test "names are checked; commands of the group are named" {
	local bad
	for bad in "" . .. a/b 'a b' -x ../x 'a*' "$(printf '%065d' 0)"; do
		run --separate-stderr berth instance start -- "$SQ" "$bad"
		fails 125 'instance name .*: 1 to 64 letters'
	done
	run --separate-stderr berth instance
	fails 125 'which of its commands: start, run, list, stop, stats'
	run --separate-stderr berth instance begin x
	fails 125 'no command "instance begin"'
	run --separate-stderr berth exec instance:// true
	fails 125 'instance name "": 1 to 64'
}

@test "of eight starts of one name at once one wins, and the others are told" {
	local i pids=() won=0
	for i in $(seq 8); do
		"$BERTH" instance start "$SQ" same >"out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do if wait "$i"; then won=$((won + 1)); fi; done
	same "$won" 1
	same "$(grep -lE 'instance same is (running already|being started)' out.* | wc -l)" 7
	same "$(names)" "same "
}

@test "a killed instance is not listed, and its note goes" {
	start "$SQ" dead
	kill -KILL "$(pid_of dead)"
	until_is 10 eval '[ -z "$(names)" ]'
	same "$(notes)" 0
	start "$SQ" dead
	same "$(names)" "dead "
}

@test "notes of another boot are removed; a pid that is another process now is not an instance" {
	start "$SQ" live
	local dir old
	dir=$(dirname "$(find "$XDG_RUNTIME_DIR" -name live.json)")
	old=$(dirname "$dir")/$(uname -n)-00000000-4026531836
	mkdir -m 0700 "$old"
	cp "$dir/live.json" "$old/"
	# This shell's pid, with a start time that is not its own; broken and foreign files.
	jq ".name = \"fake\" | .pid = $$" "$dir/live.json" >"$dir/fake.json"
	echo '{' >"$dir/broken.json"
	jq 'del(.image)' "$dir/live.json" >"$dir/less.json"
	same "$(names)" "live "
	[ ! -e "$old" ]
	[ ! -e "$dir/fake.json" ]
}

@test "without XDG_RUNTIME_DIR, HOME, terminal or environment; with any umask" {
	local clean=(env -i "$BERTH")
	"${clean[@]}" instance start "$SQ" cron 3>&- <&- >&- 2>&-
	same "$(names)" "cron "
	same "$("${clean[@]}" exec instance://cron cat /etc/hello)" "hello from the image"
	"${clean[@]}" instance stop cron
	(umask 0777 && start "$SQ" mask)
	same "$(names)" "mask "
	berth instance stop mask
	HOME=/nonexistent start "$SQ" nohome
	same "$(berth instance list --json | jq -r '.instances[0].logOutPath | startswith("'"$XDG_RUNTIME_DIR"'")')" true
	berth instance stop nohome
	chmod 0777 "$XDG_RUNTIME_DIR" # not private: not taken
	start "$SQ" open
	same "$(find "$XDG_RUNTIME_DIR" -name open.json)" ""
	same "$(names)" "open "
	berth instance stop open
	chmod 0700 "$XDG_RUNTIME_DIR"
}

@test "a session's own directory may vanish: instances in other places are seen" {
	env -u XDG_RUNTIME_DIR "$BERTH" instance start "$SQ" batch 3>&-
	start "$SQ" login
	same "$(names)" "batch login "
	same "$(env -u XDG_RUNTIME_DIR "$BERTH" exec instance://batch cat /etc/hello)" "hello from the image"
}

joined() {
	start "$IMG" j
	run berth exec instance://j sh -c 'exit 9'
	same "$status" 9
	run berth exec instance://j sh -c 'kill -TERM $$'
	same "$status" 143
	run -127 --separate-stderr berth exec instance://j no-such-program
	fails 127 'no-such-program: executable file not found'
	same "$(cd /etc && berth exec --env A=b instance://j sh -c 'pwd; echo $A')" $'/etc\nb'
	same "$(berth exec --cleanenv instance://j sh -c 'echo ${LOGNAME-none}')" none
	same "$(echo in | berth exec instance://j cat)" in
	same "$(python3 -c 'import subprocess, sys; subprocess.call(sys.argv[1:])' \
		"$BERTH" exec instance://j ls /proc/self/fd | tr '\n' ' ')" "0 1 2 3 "
	same "$(berth exec instance://j grep -E '^Cap(Prm|Eff|Inh|Amb)' /proc/self/status | grep -vc 0000000000000000)" 0
	same "$(berth exec instance://j id -u)" "$(id -u)"
	berth instance stop j
}
@test "a joined program: status, working directory, environment, descriptors" { each_image joined; }

@test "a joined program: signals reach it, and it ends with who started it" {
	start "$SQ" j
	"$BERTH" exec instance://j sh -c 'trap "exit 4" TERM; echo >ready; while :; do sleep 0.05; done' 3>&- &
	until_is 10 test -e ready
	kill -TERM $!
	status=0
	wait $! || status=$?
	same "$status" 4
	"$BERTH" exec instance://j sh -c 'echo >ready2; exec sleep 64' 3>&- &
	until_is 10 test -e ready2
	kill -KILL $!
	until_is 10 eval '! grep -qs "^sleep.64" /proc/[0-9]*/cmdline'
	"$BERTH" exec instance://j sh -c 'echo >ready3; exec sleep 65' 3>&- &
	until_is 10 test -e ready3
	berth instance stop j
	until_is 10 gone $!
}

@test "the image file may be moved while its instance runs" {
	start "$SQ" moved
	mv "$SQ" "$SQ.away"
	same "$(berth exec instance://moved cat /etc/hello)" "hello from the image"
	berth instance stop moved
	mv "$SQ.away" "$SQ"
}

@test "network none, a host name and IPC of an instance are joined, too" {
	start --network none --hostname box --ipc "$DIR" n
	same "$(berth exec instance://n hostname)" box
	same "$(berth exec instance://n sh -c 'ip -o link | wc -l')" 1
	same "$(berth exec instance://n readlink /proc/self/ns/ipc)" "$(berth exec instance://n readlink /proc/1/ns/ipc)"
}

@test "stats without any cgroup" {
	script startscript 'while :; do :; done'
	start "$OWN" busy
	run berth instance stats --no-stream busy
	said 0 "INSTANCE NAME    CPU USAGE"
	grep -qE '^busy +[1-9][0-9.]+% +[0-9.]+[KM]iB / [0-9.]+GiB' <<<"$output"
	same "$(berth instance stats --json busy | jq '.pids >= 2 and .memory_usage > 0')" true
	run --separate-stderr berth instance stats nobody
	fails 125 'no instance nobody is running'
}

@test "kill -9 of instance start at random moments: an instance with a note, or none" {
	local i pid
	for i in $(seq 25); do
		"$BERTH" instance start "$SQ" "k$i" >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" || true
	done
	berth -q instance stop --all || true
	no_keepers
}

# Whatever is of ours, one line a thing: processes, namespaces that are not in the file of that name,
# names of sockets, mounts in the host's table, files, cgroups.  A waiter's links may not be read: its
# name tells.
traces() {
	local pid stat name
	ps -u "$(id -u)" -o pid=,stat=,comm= | while read -r pid stat name; do
		[[ $stat = Z* || ($name != berth* && $(readlink "/proc/$pid/exe") != "$BERTH") ]] || echo "process $name"
	done
	comm -13 namespaces <(namespaces)
	grep -o "@berth/[0-9]*/$(id -u)/.*" /proc/net/unix || true
	grep -e " berth " -e " $BATS_TEST_TMPDIR" /proc/self/mountinfo || true
	find "$XDG_RUNTIME_DIR" -mindepth 1
	find /sys/fs/cgroup -type d -name 'berth-[0-9]*' -user "$(id -un)" 2>/dev/null || true
}
namespaces() { readlink /proc/[0-9]*/ns/* 2>/dev/null | sort -u; }
nothing_left() { [ -z "$(traces)" ]; }

# all_at_once N BERTH-WORDS...: waits for all; %i is the number.
all_at_once() {
	local i n=$1 pids=()
	shift
	for i in $(seq "$n"); do
		"$BERTH" -q "${@//%i/$i}" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
}

# BERTH_LEAK_STARTS=1000 BERTH_LEAK_AT_ONCE=200 tests/run -f 'leave nothing' kernel
@test "starts and stops in a row, and at once, leave nothing" {
	local i n=${BERTH_LEAK_STARTS:-40} m=${BERTH_LEAK_AT_ONCE:-30}
	# What an earlier test has killed is let go first.
	namespaces >namespaces
	until_is 60 nothing_left || { traces; return 1; }
	namespaces >namespaces
	for i in $(seq "$n"); do
		berth -q instance start "$SQ" "row" 3>&-
		berth -q instance stop row
	done
	all_at_once "$m" instance start "$SQ" once%i
	all_at_once "$m" exec instance://once%i true
	same "$(berth instance list --json | jq '.instances | length')" "$m"
	# The check itself: it sees them.
	traces >seen
	[ "$(grep -c '^process berth-init' seen)" -ge "$m" ]
	[ "$(grep -c '^mnt:' seen)" -ge "$m" ]
	[ "$(grep -c '[.]json$' seen)" = "$m" ]
	berth -q instance stop --all
	all_at_once "$m" exec --pid "$SQ" true
	all_at_once $((m / 4)) exec --fakeroot "$DIR" true
	all_at_once "$m" exec --share=node "$SQ" true
	until_is 60 nothing_left || { traces; return 1; }
}
