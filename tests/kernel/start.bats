# What a program sees and what its caller gets back.
load kernel

exits_with() { run berth exec "$IMG" sh -c "exit $1"; same "$status" "$1"; }

statuses() {
	exits_with 0
	exits_with 7
	exits_with 255
}
@test "the exit status is the program's own" { each_image statuses; }

by_signal() {
	local how
	how=$(python3 -c 'import subprocess, sys; print(subprocess.call(sys.argv[1:]))' \
		"$BERTH" exec "$IMG" sh -c 'kill -TERM $$')
	same "$how" -15
	run berth exec "$IMG" sh -c 'kill -TERM $$'
	same "$status" 143
}
@test "a program that dies by a signal is seen to die by it" { each_image by_signal; }

becomes() {
	local pid
	"$BERTH" exec "$IMG" sleep 60 3>&- &
	pid=$!
	until_is 10 grep -qx sleep "/proc/$pid/comm"
	kill -TERM "$pid"
	run wait "$pid"
	until_is 5 gone "$pid"
}
@test "the process that was started becomes the program: kill reaches it" { each_image becomes; }

@test "Ctrl-C on a terminal reaches the program, not the keeper" {
	each_image interrupted
}
interrupted() {
	python3 - "$BERTH" exec "$IMG" sh -c \
		'trap "cat /etc/hello; exit 3" INT; tty -s && echo ready; while :; do sleep 1; done' <<-'END'
		import os, pty, sys, time
		pid, fd = pty.fork()
		if pid == 0:
		    os.execv(sys.argv[1], sys.argv[1:])
		seen, sent = b"", False
		end = time.time() + 20
		while time.time() < end:
		    try:
		        data = os.read(fd, 4096)
		    except OSError:
		        break
		    seen += data
		    if b"ready" in seen and not sent:
		        os.write(fd, b"\x03")
		        sent = True
		_, status = os.waitpid(pid, 0)
		assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 3, (status, seen)
		assert b"hello from the image" in seen, seen
	END
}

piped() {
	same "$(printf abc | berth exec "$IMG" cat)" abc
	same "$(head -c 5000000 /dev/zero | berth exec "$IMG" md5sum)" \
		"$(head -c 5000000 /dev/zero | md5sum)"
}
@test "standard input and output are the caller's" { each_image piped; }

no_leaks() {
	# Python closes all but 0 to 2; ls itself opens the fourth.
	same "$(python3 -c 'import subprocess, sys; subprocess.call(sys.argv[1:])' \
		"$BERTH" exec "$IMG" ls /proc/self/fd | tr '\n' ' ')" "0 1 2 3 "
}
@test "no descriptor of ours leaks into the program" { each_image no_leaks; }

passed_on() { same "$(berth exec "$IMG" sh -c 'cat <&9' 9<<<"from nine")" "from nine"; }
@test "descriptors that the caller opened are passed on" { each_image passed_on; }

closed() { berth exec "$IMG" true <&- >&- 2>&-; }
@test "a start without standard descriptors works" { each_image closed; }

read_only() {
	run berth exec "$IMG" touch /etc/new
	said 1 "Read-only file system"
	run berth exec "$IMG" rm /etc/hello
	said 1 "Read-only file system"
}
@test "the image is read-only" { each_image read_only; }

identity() {
	same "$(berth exec "$IMG" id -u)" "$(id -u)"
	same "$(berth exec "$IMG" id -un)" "$(id -un)"
	same "$(berth exec "$IMG" id -g)" "$(id -g)"
	rm -f made
	berth exec "$IMG" touch made
	same "$(stat -c %u:%g made)" "$(id -u):$(id -g)"
	same "$(berth exec "$IMG" stat -c %u:%g "$PWD/made")" "$(id -u):$(id -g)"
}
@test "the caller is the same user inside and outside" { each_image identity; }

no_rights() {
	local status
	status=$(berth exec "$IMG" grep -E '^(CapPrm|CapEff|CapInh|CapAmb|NoNewPrivs)' /proc/self/status)
	same "$(grep -c 0000000000000000 <<<"$status")" 4
	grep -q '^NoNewPrivs:.1' <<<"$status"
}
@test "the program has no capabilities and gets none" {
	[ "$(id -u)" != 0 ] || skip "root keeps its capabilities within the namespace"
	each_image no_rights
}

umask_kept() { (umask 027 && same "$(berth exec "$IMG" sh -c umask)" 0027); }
@test "the umask is kept" { each_image umask_kept; }

work_dirs() {
	same "$(berth exec "$IMG" pwd)" "$PWD"
	same "$(cd /etc && berth exec "$IMG" sh -c 'pwd; cat hello' | tr '\n' ' ')" \
		"/etc hello from the image "
	same "$(berth exec --pwd /opt/many "$IMG" sh -c 'pwd; echo $PWD' | tr '\n' ' ')" \
		"/opt/many /opt/many "
	run --separate-stderr berth exec --pwd /not/there "$IMG" true
	fails 125 '/not/there'
}
@test "the working directory is the caller's, or the one asked for" { each_image work_dirs; }

program_faults() {
	run -127 --separate-stderr berth exec "$IMG" no-such-program
	fails 127 'no-such-program: executable file not found in \$PATH of the container'
	run -127 --separate-stderr berth exec "$IMG" /bin/no-such-program
	fails 127 '/bin/no-such-program: no such file in the container'
	run --separate-stderr berth exec "$IMG" /bin/plain
	fails 126 '/bin/plain: cannot start: Permission denied'
	run --separate-stderr berth exec "$IMG" /etc
	fails 126 '/etc: cannot start'
	run --separate-stderr berth exec "$IMG" orphan
	fails 126 'orphan: cannot start: its interpreter or dynamic loader is not in the image'
	same "$(berth exec "$IMG" noshebang one)" "script one"
}
@test "126 for what cannot be executed, 127 for what is not there" { each_image program_faults; }

@test "an image that is not there is a failure of our own" {
	run --separate-stderr berth exec "$WORK/none.sif" true
	fails 125 'none.sif'
}

@test "forty starts at once all work" {
	local i pids=() bad=0
	for i in $(seq 40); do
		berth exec "$SQ" cat /etc/hello >"out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || bad=$((bad + 1)); done
	same "$bad" 0
	same "$(sort -u out.*)" "hello from the image"
}

@test "an image starts inside a container of ours" {
	same "$(berth exec / "$BERTH" exec "$SQ" cat /etc/hello)" "hello from the image"
	same "$(berth exec / "$BERTH" exec "$DIR" cat /etc/hello)" "hello from the image"
}
