# --slurm: Slurm's commands inside of images that know nothing of Slurm; and what reaches a batch
# job's program.
bats_require_minimum_version 1.5.0
# shellcheck source=tests/lab/slurm.sh
. "$BATS_TEST_DIRNAME/../lab/slurm.sh"

export ASAN_OPTIONS=detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}

setup_file() {
	SLURM_DIR=$(mktemp -d /tmp/berth-slurm.XXXXXX)
	export SLURM_DIR
	slurm_begin "$SLURM_DIR" 2
}
teardown_file() {
	slurm_end
	rm -rf "$SLURM_DIR"
}
# The working directory is in sight at its own path; the image is a busybox without any library.
setup() {
	BB=$LAB_IMAGES/busybox.sif
	export SLURM_CONF=$SLURM_DIR/slurm.conf TMPDIR=$BATS_TEST_TMPDIR
	unset XDG_RUNTIME_DIR
	cd "$BATS_TEST_TMPDIR" || return 1
	IN="timeout -k 5 60 $BERTH exec --slurm -B $PWD --pwd $PWD $BB"
}
# The host's side has ended with the container, and left no directory.
teardown() {
	local i
	for i in $(seq 100); do
		[ -n "$(find "$BATS_TEST_TMPDIR" /tmp/berth-"$(id -u)" /run/user/"$(id -u)" -name 'slurm-*' -type d 2>/dev/null)" ] ||
			return 0
		sleep 0.1
	done
	printf 'a proxy is left\n'
	return 1
}
# until_true SECONDS COMMAND...; on a loaded machine up to a minute.
until_true() {
	local i n=$(($1 < 60 ? 60 : $1))
	shift
	for i in $(seq $((n * 5))); do
		"$@" && return 0
		sleep 0.2
	done
	printf 'never true: %s\n' "$*"
	return 1
}
over() { ! squeue -h -j "$1" 2>/dev/null | grep -q .; }
ended_as() { over "$1" && grep -q "JobId=$1 .*$2" "$SLURM_DIR/jobs"; }

@test "sbatch, squeue, sinfo, scontrol and scancel from inside an image" {
	printf '#!/bin/sh\necho "job in $PWD $1"; sleep 60\n' >job
	$IN sh -c 'sbatch --parsable -o out job arg >id && squeue -h -o %i && sinfo -h -o %D && scontrol ping' >list
	grep -qx "$(cat id)" list
	grep -qx 2 list
	grep -q 'is UP' list
	until_true 20 grep -qs "^job in $PWD arg$" out
	$IN scancel "$(cat id)"
	until_true 20 ended_as "$(cat id)" JobState=CANCELLED
}

@test "srun from inside: output, input, status, signals, and the end of the client" {
	local status=0 pid
	[ "$(echo text | $IN srun -n1 cat)" = text ]
	[ "$($IN srun -n1 sh -c 'echo only >&2; echo out' 2>err)" = out ]
	grep -qx only err
	$IN srun -n1 sh -c 'exit 7' 2>err || status=$?
	[ "$status" = 7 ]
	"$BERTH" exec --slurm -B "$PWD" --pwd "$PWD" "$BB" srun -n1 sh -c 'trap "echo usr1; exit 3" USR1; echo up; while :; do sleep 0.1; done' >out 2>err &
	pid=$!
	until_true 20 grep -qs up out
	kill -USR1 "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" = 3 ]
	grep -qx usr1 out
	"$BERTH" exec --slurm -B "$PWD" --pwd "$PWD" "$BB" srun -n1 -J orphan sleep 60 2>err &
	pid=$!
	until_true 20 sh -c 'squeue -h -n orphan -t R | grep -q .'
	kill -KILL "$pid"
	until_true 30 sh -c '! squeue -h -n orphan | grep -q .'
}

@test "only Slurm's commands, only when asked for, and the directory is the host's" {
	local status=0
	run ! "$BERTH" exec "$BB" sh -c 'test -e /.berth-slurm || test -e /usr/bin/sbatch'
	$IN sh -c 'cp /usr/bin/srun ./touch; ./touch /tmp/never' 2>err || status=$?
	[ "$status" = 125 ]
	grep -q '^berth: --slurm: touch is not among the commands' err
	status=0
	"$BERTH" exec --slurm --scratch /only "$BB" sh -c 'cd /only; sbatch --wrap true' 2>err || status=$?
	[ "$status" = 125 ]
	grep -q 'the directory /only is not one of the host' err
	run ! "$BERTH" instance start --slurm "$BB" nope
	[[ "$output" = *"--slurm goes with exec"* ]]
	PATH=/nowhere run ! "$BERTH" exec --slurm "$BB" sinfo
	[[ "$output" = *"berth: --slurm: sinfo on the host"* ]]
}

@test "the ranks of a step have one host's side and one container" {
	srun -n4 "$BERTH" exec --slurm -B "$PWD" "$BB" sh -c 'readlink /proc/self/ns/user >>ns; squeue -h -o %i >ids.$SLURM_PROCID
		until [ $(ls ids.* | wc -l) = 4 ]; do sleep 0.1; done'
	[ "$(sort -u ns | wc -l)" = 1 ]
	[ "$(cat ids.? | sort -u | wc -l)" = 1 ] && [ -s ids.3 ]
}

@test "requeue, SIGKILL, and memory that is not to be had reach the record" {
	local job
	cat >job <<END
#!/bin/sh
echo "run \${SLURM_RESTART_COUNT:-0}"
[ "\${SLURM_RESTART_COUNT:-0}" = 0 ] || exec "$BERTH" exec "$BB" sh -c 'exit 9'
exec "$BERTH" exec "$BB" sleep 300
END
	job=$(sbatch --parsable --requeue --open-mode=append -o out job)
	until_true 20 grep -qs 'run 0' out
	scontrol requeue "$job"
	until_true 20 sh -c "squeue -h -j $job -t PD | grep -q ."
	# Slurm waits two minutes before it starts it again, unless told not to.
	scontrol update JobId="$job" StartTime=now
	until_true 40 ended_as "$job" 'ExitCode=9:0'
	grep -qx 'run 1' out
	job=$(sbatch --parsable -o out2 --wrap "exec $BERTH exec $BB sh -c 'kill -KILL \$\$'")
	until_true 20 ended_as "$job" 'ExitCode=0:9'
	# What a program makes of the end of its memory is its own exit status.
	job=$(sbatch --parsable -o out3 --wrap "exec $BERTH exec $BB sh -c 'ulimit -v 20000; dd if=/dev/zero of=/dev/null bs=200M count=1 || exit 42'")
	until_true 20 ended_as "$job" 'ExitCode=42:0'
}
