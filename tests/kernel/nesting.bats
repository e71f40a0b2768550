# Containers in containers, all of them an ordinary user's: Berth in Berth in Berth, and Berth in
# rootless podman, with its masked /proc, its small /dev and its seccomp filter.
load kernel

eval "kernel_$(declare -f teardown)"

teardown() {
	[ -n "${SQ:-}" ] || return 0
	[ ! -s "${PAUSE:-/nonexistent}" ] || kill "$(cat "$PAUSE")" || true
	[ -z "${RUNROOT:-}" ] || rm -rf "$RUNROOT"
	kernel_teardown
}

# A root with this machine's own programs, so that Berth itself runs in there.
outer_make() {
	local d
	mkdir -p outer/{usr,dev,proc,sys,tmp,etc,home,root,run,mnt,var/tmp}
	for d in bin sbin lib lib64; do ln -sfn "usr/$d" "outer/$d"; done
	echo root:x:0:0:root:/root:/bin/sh >outer/etc/passwd
	OUTER=$WORK/outer
	HERE=(-B /usr:/usr:ro -B "$(dirname "$BERTH")" -B "$BATS_FILE_TMPDIR" -B "$BATS_TEST_TMPDIR")
}

three_deep() {
	rm -rf data && mkdir data && echo "from the host" >data/said
	same "$("$BERTH" exec "${HERE[@]}" -B "$WORK/data:/mnt/one" "$@" "$OUTER" \
		"$BERTH" exec -B /mnt/one:/mnt/two "$@" "$OUTER" \
		"$BERTH" exec -B /mnt/two:/three "$@" "$IMG" \
		sh -c 'cat /three/said /etc/hello; echo "from below" >/three/answer')" $'from the host\nhello from the image'
	same "$(cat data/answer)" "from below"
}
@test "Berth in Berth in Berth, each with a bind that the next hands on" { outer_make; each_image three_deep; }
@test "the same, each with a PID namespace" { outer_make; each_image three_deep --pid; }

through_three() {
	status=0
	"$BERTH" exec "${HERE[@]}" "$OUTER" "$BERTH" exec "$OUTER" "$BERTH" exec "$IMG" sh -c 'exit 42' || status=$?
	same "$status" 42
	rm -f ready
	"$BERTH" exec "${HERE[@]}" --pwd "$WORK" "$OUTER" "$BERTH" exec --pid "$OUTER" "$BERTH" exec "$IMG" \
		sh -c 'trap "exit 9" TERM; echo >ready; while :; do sleep 0.05; done' 3>&- &
	until_is 20 test -e ready
	kill -TERM $!
	status=0
	wait $! || status=$?
	same "$status" 9
}
@test "status and signals pass through three" { outer_make; each_image through_three; }

@test "an instance inside of a container, and ids at each depth" {
	outer_make
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	mkdir -m 0700 "$XDG_RUNTIME_DIR"
	same "$("$BERTH" exec "${HERE[@]}" "$OUTER" sh -c "'$BERTH' -q instance start '$DIR' deep && \
		'$BERTH' exec instance://deep cat /etc/hello; '$BERTH' exec '$OUTER' '$BERTH' exec '$DIR' id -u; \
		'$BERTH' -q instance stop deep" 3>&-)" "hello from the image
$(id -u)"
}

@test "a small /dev around us has no /dev/fuse: directories run, an image file says what to do" {
	outer_make
	same "$("$BERTH" exec --contain "${HERE[@]}" "$OUTER" "$BERTH" exec "$DIR" cat /etc/hello)" "hello from the image"
	run --separate-stderr "$BERTH" exec --contain "${HERE[@]}" "$OUTER" "$BERTH" exec "$SQ" true
	fails 125 '/dev/fuse is missing, though the kernel has FUSE: an outer container hides it; start that one with /dev/fuse'
	same "$("$BERTH" exec --contain "${HERE[@]}" -B /dev/fuse "$OUTER" "$BERTH" exec "$SQ" cat /etc/hello)" \
		"hello from the image"
}

# in_podman OPTION... -- SCRIPT: as podman starts an ordinary user's containers by default.
in_podman() {
	local options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	timeout -k 5 100 podman --runtime runc --root "$BATS_TEST_TMPDIR/store" --runroot "$RUNROOT" --storage-driver vfs \
		--cgroup-manager cgroupfs --log-level error run --rm --network host "${options[@]}" -v /usr:/usr:ro \
		-v "$(dirname "$BERTH"):$(dirname "$BERTH"):ro" -v "$BATS_FILE_TMPDIR:$BATS_FILE_TMPDIR" \
		-v "$BATS_TEST_TMPDIR:$BATS_TEST_TMPDIR" -e ASAN_OPTIONS -e BERTH="$BERTH" -e SQ="$SQ" -e DIR="$DIR" \
		-e XDG_RUNTIME_DIR=/tmp --rootfs "$OUTER" /bin/sh -c "$2" 3>&-
}

podman_begin() {
	command -v podman >/dev/null || skip "podman is missing"
	[ "$(id -u)" != 0 ] || skip "rootless podman is an ordinary user's"
	outer_make
	export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	mkdir -m 0700 "$HOME" "$XDG_RUNTIME_DIR"
	PAUSE=$XDG_RUNTIME_DIR/libpod/tmp/pause.pid
	# Podman takes 50 characters at most.
	RUNROOT=$(mktemp -d /tmp/berth-p.XXXXXX)
	local why
	why=$(in_podman -- true 2>&1) || skip "podman does not run here: $(tail -n 1 <<<"$why")"
}

@test "in rootless podman: image files, directories, binds, PID namespaces, instances, root emulation" {
	podman_begin
	run --separate-stderr in_podman --device /dev/fuse -- '
		grep "^Seccomp:" /proc/self/status
		"$BERTH" exec "$SQ" cat /etc/hello
		"$BERTH" exec -B /usr/share:/new/place "$SQ" sh -c "ls /new/place | grep -c ."
		"$BERTH" exec --pid "$DIR" sh -c "echo pid \$\$"
		"$BERTH" exec --contain "$SQ" sh -c "ls /dev | grep -c -x null"
		"$BERTH" exec --fakeroot "$DIR" id -u
		"$BERTH" exec --writable-tmpfs "$SQ" sh -c "echo w >/w && cat /w"
		"$BERTH" -q instance start "$SQ" in-podman && "$BERTH" exec instance://in-podman echo joined
		"$BERTH" -q instance stop in-podman
		"$BERTH" exec "$DIR" sh -c "exit 7"; echo status $?'
	printf '%s\n' "$output" "$stderr"
	same "$(sed 3d <<<"$output")" "Seccomp:	2
hello from the image
pid 2
1
0
w
joined
status 7"
	[ "$(sed -n 3p <<<"$output")" -gt 5 ]
	# Where podman's masks keep a PID namespace from a /proc of its own that is said; nothing else is.
	same "$(grep -v 'refuses a fresh /proc' <<<"$stderr")" ""
}

@test "in rootless podman without /dev/fuse: directories run, an image file says what to do" {
	podman_begin
	run --separate-stderr in_podman -- '"$BERTH" exec "$DIR" cat /etc/hello; "$BERTH" exec "$SQ" true; echo $?; "$BERTH" check'
	printf '%s\n' "$output" "$stderr"
	same "$(sed -n 1,2p <<<"$output")" $'hello from the image\n125'
	grep -q 'an outer container hides it; start that one with /dev/fuse (podman and docker: --device /dev/fuse)' <<<"$stderr"
	grep -q '^MISSING /dev/fuse' <<<"$output"
	grep -qE '^(ok +/proc|note +/proc +.*unmask=ALL)' <<<"$output"
	grep -qE '^note +seccomp +a seccomp filter is on this process' <<<"$output"
}
