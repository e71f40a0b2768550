# Namespaces of a container's own: PID with its waiter and its init, IPC, UTS, network.
load kernel

own_processes() {
	same "$(berth exec --pid "$IMG" sh -c 'echo $$')" 2
	same "$(berth exec --pid --no-init "$IMG" sh -c 'echo $$')" 1
	same "$(berth exec -C "$IMG" sh -c 'echo $$; set -- /proc/[0-9]*; echo $#')" "2
2" # init and sh
	[ "$(berth exec -C --no-pid "$IMG" sh -c 'echo $$')" -gt 2 ]
	same "$(BERTH_PID=1 berth exec "$IMG" sh -c 'echo $$')" 2
	same "$(APPTAINER_UNSHARE_PID=1 APPTAINER_NOSHIMINIT=1 berth exec "$IMG" sh -c 'echo $$')" 1
}
@test "a PID namespace of its own: with an init, without, and not" { each_image own_processes; }

ends() {
	run berth exec --pid "$IMG" sh -c 'exit 7'
	same "$status" 7
	run berth exec --pid --no-init "$IMG" sh -c 'exit 255'
	same "$status" 255
	run berth exec --pid "$IMG" sh -c 'kill -TERM $$'
	same "$status" 143
	run berth exec --pid "$IMG" sh -c 'kill -KILL $$'
	same "$status" 137
	# Immune: nobody handles it.
	run berth exec --pid --no-init "$IMG" sh -c 'kill -TERM $$; exit 3'
	same "$status" 3
	run -127 --separate-stderr berth exec --pid "$IMG" no-such-program
	fails 127 'no-such-program: executable file not found'
	run --separate-stderr berth exec --pid "$IMG" /bin/plain
	fails 126 '/bin/plain: cannot start: Permission denied'
	run --separate-stderr berth exec --pid --pwd /not/there "$IMG" true
	fails 125 '/not/there'
}
@test "the exit status comes out of a PID namespace; 128 + n for a signal" { each_image ends; }

@test "a waiter whose first process was killed dies by the same signal" {
	local pid how
	cat >watch.py <<-'END'
		import os, signal, subprocess, sys, time
		p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
		assert p.stdout.readline() == b"here\n"
		kids = open(f"/proc/{p.pid}/task/{p.pid}/children").read().split()
		assert len(kids) == 1, kids
		os.kill(int(kids[0]), signal.SIGKILL)
		print(p.wait(30))
	END
	same "$(python3 watch.py "$BERTH" exec --pid "$SQ" sh -c 'echo here; sleep 60')" -9
	same "$(python3 watch.py "$BERTH" exec --pid --no-init "$SQ" sh -c 'echo here; sleep 60')" -9
}

reached() {
	local sig
	for sig in TERM USR1 HUP ALRM; do # a shell's background job ignores INT
		"$BERTH" exec --pid "$IMG" sh -c "trap 'echo got $sig >got; exit 9' $sig; echo >ready
			while :; do sleep 0.05; done" 3>&- &
		until_is 20 test -e ready
		kill -s "$sig" $!
		status=0
		wait $! || status=$?
		same "$status $(cat got)" "9 got $sig"
		rm got ready
	done
}
@test "signals that are sent to the waiter reach the program" {
	IMG=$DIR reached
}

@test "a signal before the program starts ends the start" {
	local i pid bad=0
	for i in $(seq 20); do
		"$BERTH" exec --pid "$SQ" sh -c 'echo $$ >/dev/null; exec sleep 60' 3>&- &
		pid=$!
		sleep "0.0$((RANDOM % 5))$((RANDOM % 10))"
		kill -TERM "$pid"
		until_is 10 gone "$pid" || bad=1
		wait "$pid" || true
	done
	same "$bad" 0
	no_keepers
}

@test "kill -9 of the waiter takes everything along" {
	local pid first
	"$BERTH" exec --pid "$SQ" sh -c 'sleep 61 & echo >ready; sleep 62' 3>&- &
	pid=$!
	until_is 10 test -e ready
	first=$(cat "/proc/$pid/task/$pid/children")
	kill -KILL "$pid"
	until_is 5 gone "${first% }"
	until_is 5 eval '! grep -qsE "^sleep.6[12]" /proc/[0-9]*/cmdline'
}

@test "Ctrl-C comes once, Ctrl-Z stops the job and fg continues it" {
	cat >term.py <<-'END'
		import os, pty, signal, sys, time
		pid, fd = pty.fork()
		if pid == 0:
		    os.execv(sys.argv[1], sys.argv[1:])
		seen, end = b"", time.time() + 40
		def until(text):
		    global seen
		    while text not in seen:
		        assert time.time() < end, seen
		        seen += os.read(fd, 4096)
		until(b"ready")
		os.write(fd, b"\x03")
		until(b"INT 1")
		os.write(fd, b"\x1a")
		while True:
		    _, status = os.waitpid(pid, os.WUNTRACED)
		    assert os.WIFSTOPPED(status), status
		    break
		os.killpg(pid, signal.SIGCONT)
		os.write(fd, b"done\n")
		until(b"read done")
		_, status = os.waitpid(pid, 0)
		assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 5, status
		assert b"INT 2" not in seen, seen
	END
	python3 term.py "$BERTH" exec --pid "$SQ" sh -c 'n=0; trap "n=\$((n+1)); echo INT \$n" INT
		echo ready; while ! read -r line; do :; done; sleep 0.2; echo "read $line"; exit 5'
}

@test "orphans are collected, and end with the program" {
	same "$(berth exec --pid "$SQ" sh -c 'for i in 1 2 3; do (sleep 0.1 & ) ; done; sleep 0.5
		for i in $(seq 100); do n=$(cat /proc/[0-9]*/stat | grep -c " Z ") || break; sleep 0.1; done
		echo $n')" 0
	berth exec --pid "$SQ" sh -c 'sleep 63 & exit 0'
	not grep -qs "^sleep.63" /proc/[0-9]*/cmdline
}

@test "whoever reads the output sees its end when the program closes it" {
	"$BERTH" exec --pid "$SQ" sh -c 'echo out; exec >&- 2>&-; while [ ! -e stop ]; do sleep 0.1; done' 3>&- |
		{ cat >out; echo >ended; } &
	until_is 10 test -e ended
	same "$(cat out)" out
	touch stop
	until_is 10 no_keepers
}

inside() {
	same "$(python3 -c 'import subprocess, sys; subprocess.call(sys.argv[1:])' \
		"$BERTH" exec --pid "$IMG" ls /proc/self/fd | tr '\n' ' ')" "0 1 2 3 "
	same "$(python3 -c 'import subprocess, sys; subprocess.call(sys.argv[1:])' \
		"$BERTH" exec --pid "$IMG" ls /proc/1/fd | wc -l)" 0
	same "$(berth exec --pid "$IMG" sh -c 'cat /proc/1/status /proc/self/status' |
		grep -E '^Cap(Prm|Eff|Inh|Amb)' | grep -vc 0000000000000000)" 0
	same "$(berth exec --pid "$IMG" sh -c 'cat <&9' 9<<<"from nine")" "from nine"
	berth exec --pid "$IMG" true <&- >&- 2>&-
	same "$(berth exec --pid "$IMG" sh -c 'grep -h ^Sig[BI] /proc/self/status' | sort -u)" \
		"$(berth exec "$IMG" sh -c 'grep -h ^Sig[BI] /proc/self/status' | sort -u)"
}
@test "descriptors, capabilities and signal masks in a PID namespace" { each_image inside; }

@test "a masked /proc around us: the host's is shown, and that is said" {
	run --separate-stderr unshare -Urm sh -c "mount -t tmpfs none /proc/sys && \
		'$BERTH' exec --pid '$DIR' sh -c 'echo \$\$'"
	fails 0 'refuses a fresh /proc'
	same "$output" 2
}

names() {
	same "$(berth exec --hostname node7 "$IMG" sh -c 'hostname; cat /etc/hostname; tail -n 1 /etc/hosts' |
		tr '\n\t' '  ')" "node7 node7 127.0.1.1 node7 "
	[ "$(uname -n)" != node7 ]
	same "$(berth exec --uts "$IMG" hostname)" "$(uname -n)"
	same "$(berth exec --dns 192.0.2.1,2001:db8::1 "$IMG" grep -c ^nameserver /etc/resolv.conf)" 2
	run --separate-stderr berth exec --hostname -bad "$IMG" true
	fails 125 'hostname -bad: a host name is'
	run --separate-stderr berth exec --dns ns.example.org "$IMG" true
	fails 125 'dns ns.example.org: not an IP address'
}
@test "a host name of its own, name servers of its own" { each_image names; }

own_ns() { [ "$(berth exec "$2" "$IMG" readlink "/proc/self/ns/$1")" != "$(readlink "/proc/self/ns/$1")" ]; }
own_spaces() {
	own_ns ipc --ipc
	own_ns uts --uts
	same "$(berth exec "$IMG" readlink /proc/self/ns/ipc)" "$(readlink /proc/self/ns/ipc)"
	same "$(berth exec --net --network none "$IMG" sh -c 'ls /sys/class/net >/dev/null; ip -o link | grep -c .')" 1
	berth exec --network none "$IMG" ip -o addr | grep -q 127.0.0.1
	run --separate-stderr berth exec --net "$IMG" true
	fails 125 'only --network none'
	run --separate-stderr berth exec --net --network bridge "$IMG" true
	fails 125 'network bridge: only --network none'
	run --separate-stderr berth exec --netns-path /proc/1/ns/net "$IMG" true
	fails 125 'netns-path .* takes root'
}
@test "IPC, UTS and network namespaces; other networks are refused" { each_image own_spaces; }
