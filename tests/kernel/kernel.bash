# kernel: what every bats file of this folder begins with.
#
#	load kernel
#
#	each_image CHECK       # CHECK with $IMG a SquashFS, then with $IMG a directory
#	berth exec "$IMG" ...  # the berth under test, never longer than 100 s
#
# $SQ and $DIR are one small tree: busybox, and the odd links that mount points meet.  Each test
# has copies of its own, so its keepers can be told by the image that they hold open.
# Needs $BERTH; takes busybox from $LAB_IMAGES or from this machine.
# shellcheck shell=bash disable=SC2034,SC2154

bats_require_minimum_version 1.5.0

# The leak check of a build with sanitizers asks /proc, which a half-made container lacks.
export ASAN_OPTIONS=detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}

setup_file() {
	local busybox=${LAB_IMAGES:-}/busybox.dir/bin/busybox tree=$BATS_FILE_TMPDIR/tree name
	[ -x "${BERTH:?the binary under test}" ] || return 1
	[ -x "$busybox" ] || busybox=$(command -v busybox) || return 0
	mkdir -p "$tree"/{bin,dev,proc,sys,tmp,etc/deep,home,root,usr/lib,var,run,opt/many} || return 1
	cp "$busybox" "$tree/bin/busybox"
	for name in $("$busybox" --list); do
		[ "$name" = busybox ] || ln -s busybox "$tree/bin/$name"
	done
	echo root:x:0:0:root:/root:/bin/sh >"$tree/etc/passwd"
	echo root:x:0: >"$tree/etc/group"
	echo "hello from the image" >"$tree/etc/hello"
	ln -s /gpfs/scratch "$tree/scratch"   # leads to nothing
	ln -s ../run "$tree/var/run"
	ln -s ../../../../etc/deep "$tree/up" # would leave a careless root
	printf 'not a program\n' >"$tree/bin/plain"
	printf '#!/bin/none\n' >"$tree/bin/orphan" && chmod 755 "$tree/bin/orphan"
	printf 'echo "script $1"\n' >"$tree/bin/noshebang" && chmod 755 "$tree/bin/noshebang"
	for name in $(seq 200); do head -c 5000 /dev/urandom >"$tree/opt/many/$name"; done
	head -c 3000000 /dev/urandom >"$tree/opt/big"
	mksquashfs "$tree" "$BATS_FILE_TMPDIR/image.sqfs" -comp zstd -all-root -quiet -no-progress
}

setup() { kernel_setup; }

kernel_setup() {
	[ -e "$BATS_FILE_TMPDIR/image.sqfs" ] || skip "no busybox here (package busybox-static)"
	SQ=$BATS_TEST_TMPDIR/image.sqfs DIR=$BATS_FILE_TMPDIR/tree WORK=$BATS_TEST_TMPDIR/work
	cp "$BATS_FILE_TMPDIR/image.sqfs" "$SQ"
	mkdir -p "$WORK"
	cd "$WORK" || return 1
	host_mounts >"$BATS_TEST_TMPDIR/mounts"
}

# After each test, whatever it did: no keeper, no mount in the host's table.
teardown() {
	[ -n "${SQ:-}" ] || return 0
	cd / || return 1
	no_keepers || return 1
	same "$(host_mounts)" "$(cat "$BATS_TEST_TMPDIR/mounts")"
}

host_mounts() { grep -e " berth " -e "$BATS_TEST_TMPDIR" /proc/self/mountinfo | wc -l; }

berth() { timeout -k 5 100 "$BERTH" "$@"; }

# No "||" here: a check's lines count one by one, by errexit.
each_image() {
	for IMG in "$SQ" "$DIR"; do
		printf 'with the image %s\n' "$IMG"
		"$@"
	done
}

# For lines that must fail; "! command" would not count.
not() { ! "$@"; }

# said STATUS TEXT: the last run ended so and printed the text.
said() {
	same "$status" "$1" && [[ $output = *"$2"* ]] || {
		printf 'printed: %s\nwanted:  %s\n' "$output" "$2"
		return 1
	}
}

# The pids of processes that hold this test's image open: its keepers.
keepers() {
	find /proc/[0-9]*/fd -lname "$SQ" 2>/dev/null | cut -d/ -f3 | sort -un
}

no_keepers() {
	local i
	for i in $(seq 300); do
		[ -n "$(keepers)" ] || return 0
		sleep 0.1
	done
	printf 'keepers are left: %s\n' "$(keepers | tr '\n' ' ')"
	return 1
}

# until_is SECONDS COMMAND...: waits for it to succeed; on a loaded machine up to a minute.
until_is() {
	local i n=$(($1 < 60 ? 60 : $1))
	shift
	for i in $(seq $((n * 20))); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	printf 'not within %s s: %s\n' "$n" "$*"
	return 1
}

# gone PID: ended; a zombie that its parent has not collected has ended, too.
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

same() {
	[ "$1" = "$2" ] || {
		printf 'got    %s\nwanted %s\n' "$1" "$2"
		return 1
	}
}

# The last run (with --separate-stderr) ended with STATUS and one line that matches REGEX.
fails() {
	local lines
	same "$status" "$1" || { printf '%s\n' "$stderr"; return 1; }
	lines=$(grep -c . <<<"$stderr")
	same "$lines" 1 || { printf '%s\n' "$stderr"; return 1; }
	grep -qE -- "$2" <<<"$stderr" || {
		printf '%s\nwanted: %s\n' "$stderr" "$2"
		return 1
	}
}
