# ext3 layers: read through fuse2fs, written to with fuse-overlayfs over it.
load kernel

setup() {
	kernel_setup
	mkdir -p src/{upper/etc,work}
	echo over >src/upper/etc/over
	mke2fs src over.ext3
}

# mke2fs DIR FILE
mke2fs() {
	truncate -s 32M "$2"
	/sbin/mke2fs -q -t ext3 -d "$1" "$2"
}

# What serves ext3 for this test's containers.
servers() { find /proc/[0-9]*/fd -lname "$PWD/*.ext3" 2>/dev/null | wc -l; }

read_only() {
	same "$(berth exec --overlay over.ext3:ro "$IMG" cat /etc/hello /etc/over)" $'hello from the image\nover'
	run berth exec --overlay over.ext3:ro "$IMG" touch /etc/new
	said 1 'Read-only file system'
	same "$(berth exec --pid --overlay over.ext3:ro --writable-tmpfs "$IMG" sh -c 'echo more >>/etc/over; cat /etc/over')" $'over\nmore'
	mkdir -p ov
	same "$(berth exec --overlay ov --overlay over.ext3:ro "$IMG" sh -c 'rm /etc/over; ls /etc/over || echo gone')" gone
	until_is 10 eval '[ $(servers) = 0 ]'
	chmod -R u+rwx ov && rm -r ov
}
@test "--overlay FILE.ext3:ro shows its upper, alone and with others, and leaves nothing" { each_image read_only; }

@test "an ext3 overlay partition of a SIF is a layer" {
	"$BATS_TEST_DIRNAME/../lab/sif.py" both.sif primary=squashfs:"$SQ" overlay=ext3:over.ext3
	same "$(berth exec --overlay both.sif:ro "$SQ" cat /etc/over)" over
}

@test "instances and ranks that share read an ext3 layer" {
	export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	mkdir -m 0700 "$HOME" "$XDG_RUNTIME_DIR"
	berth instance start --overlay over.ext3:ro "$SQ" one 3>&-
	same "$(berth exec instance://one cat /etc/over)" over
	same "$(berth exec --overlay over.ext3:ro "$SQ" cat /etc/over)" over
	berth instance stop one
	same "$(berth exec --share node --overlay over.ext3:ro "$DIR" cat /etc/over)" over
	same "$(berth exec --share node --overlay over.ext3:ro "$SQ" cat /etc/over)" over
	until_is 10 eval '[ $(servers) = 0 ]'
}

@test "ext3 layers that cannot be had are named with the reason" {
	mkdir -p empty && mke2fs empty empty.ext3
	run --separate-stderr berth exec --overlay empty.ext3:ro "$SQ" true
	fails 125 'empty.ext3: there is no directory upper in it'
	cp over.ext3 bad.ext3
	dd if=/dev/zero of=bad.ext3 bs=1024 seek=2 count=60 conv=notrunc status=none
	run --separate-stderr berth exec --overlay bad.ext3:ro "$SQ" true
	fails 125 'bad.ext3: its directory upper cannot be opened .*e2fsck'
	dd if=/dev/zero of=bad.ext3 bs=1 seek=1024 count=56 conv=notrunc status=none
	run --separate-stderr berth exec --overlay bad.ext3:ro "$SQ" true
	fails 125 'bad.ext3: fuse2fs ended with status [0-9]+; look at the file with e2fsck'
	# Somebody writes to it.
	run --separate-stderr flock over.ext3 "$BERTH" exec --overlay over.ext3:ro "$SQ" true
	fails 125 'over.ext3: somebody is writing to it'
	run --separate-stderr unshare -Urm sh -c 'mount --bind /dev/null /usr/bin/fuse2fs
		exec "$0" exec --overlay over.ext3:ro "$1" true' "$BERTH" "$SQ"
	fails 125 'program fuse2fs .* not installed \(package fuse2fs\)'
	until_is 10 eval '[ $(servers) = 0 ]'
}

# closed FILE: nobody serves it any more, and what was written is whole.
closed() {
	until_is 10 test ! -e "$1.berth-lease"
	/sbin/e2fsck -fn "$1"
}

written() {
	cp over.ext3 rw.ext3
	same "$(berth exec --overlay rw.ext3 "$IMG" sh -c 'cat /etc/over; echo new >/etc/new; rm -r /opt/many /etc/hello; mkdir /opt/many')" over
	closed rw.ext3
	same "$(berth exec --pid --overlay rw.ext3 "$IMG" sh -c 'cat /etc/new; ls /opt/many; [ -e /etc/hello ] || echo gone')" $'new\ngone'
	closed rw.ext3
	until_is 10 eval '[ $(servers) = 0 ]'
}
@test "--overlay FILE.ext3 keeps changes" { each_image written; }

@test "--writable writes to the ext3 overlay partition of a SIF, which is read without it" {
	"$BATS_TEST_DIRNAME/../lab/sif.py" both.sif primary=squashfs:"$SQ" overlay=ext3:over.ext3
	berth exec --writable both.sif sh -c 'echo new >/etc/new'
	until_is 10 test ! -e both.sif.berth-lease
	same "$(berth exec both.sif cat /etc/new /etc/over)" $'new\nover'
	run berth exec both.sif touch /etc/more
	said 1 'Read-only file system'
	run --separate-stderr unshare -Urm sh -c 'mount --bind /dev/null /usr/bin/fuse2fs
		exec "$0" exec both.sif true' "$BERTH"
	fails 125 'overlay partition of .*/both.sif: .*not installed \(package fuse2fs\)'
}

@test "what is written to an ext3 overlay by an instance, or by ranks that share, is kept" {
	local k pids=()
	export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	mkdir -m 0700 "$HOME" "$XDG_RUNTIME_DIR"
	cp over.ext3 rw.ext3
	berth instance start --overlay rw.ext3 "$SQ" writes 3>&-
	berth exec instance://writes sh -c 'echo joined >/etc/new'
	run --separate-stderr berth exec --overlay rw.ext3 "$SQ" true
	berth instance stop writes
	fails 125 'rw.ext3: in use by process [0-9]+ on this host'
	closed rw.ext3
	same "$(berth exec --overlay rw.ext3:ro "$SQ" cat /etc/new)" joined
	# One container, one writer, two programs that see what the other writes.
	for k in 1 2; do
		berth exec --share "$BATS_TEST_TMPDIR" --overlay rw.ext3 "$SQ" sh -c '
			echo >/r$0; i=0; while [ $i -lt 500 ]; do [ ! -e /r$1 ] || exit 0; i=$((i + 1)); sleep 0.1; done; exit 1' \
			"$k" "$((3 - k))" 3>&- &
		pids+=($!)
	done
	wait "${pids[0]}"
	wait "${pids[1]}"
	closed rw.ext3
	same "$(berth exec --overlay rw.ext3:ro "$SQ" ls /r1 /r2)" $'/r1\n/r2'
}

@test "with other ids inside an ext3 overlay is read, not written to" {
	same "$(berth exec --fakeroot --overlay over.ext3:ro "$SQ" cat /etc/over)" over
	run --separate-stderr berth exec --fakeroot --overlay over.ext3 "$SQ" true
	fails 125 'over.ext3: it cannot take changes: fuse-overlayfs ends where ids are others inside .*overlay create --dir'
	run --separate-stderr berth exec --security uid:7 --overlay over.ext3 "$SQ" true
	fails 125 'over.ext3: it cannot take changes'
}

@test "an ext3 overlay has one writer, and none where that cannot be" {
	local pid
	cp over.ext3 rw.ext3
	"$BERTH" exec --overlay rw.ext3 "$SQ" sh -c 'echo >/started; exec sleep 60' 3>&- &
	pid=$!
	until_is 10 test -e rw.ext3.berth-lease
	run --separate-stderr berth exec --overlay rw.ext3 "$SQ" true
	fails 125 'rw.ext3: in use by process [0-9]+ on this host'
	run --separate-stderr berth exec --overlay rw.ext3:ro "$SQ" true
	fails 125 'rw.ext3: somebody is writing to it'
	kill "$pid" && wait "$pid" || true
	closed rw.ext3
	chmod 444 rw.ext3
	run --separate-stderr berth exec --overlay rw.ext3 "$SQ" true
	fails 125 'rw.ext3: it cannot take changes: you may not write to the file; FILE:ro is read.*overlay create --dir'
	run --separate-stderr unshare -Urm sh -c 'mount --bind /dev/null /usr/bin/fuse-overlayfs
		exec "$0" exec --overlay over.ext3 "$1" true' "$BERTH" "$SQ"
	fails 125 'fuse-overlayfs, which is not installed \(package fuse-overlayfs\)'
}

@test "an ext3 layer whose upper or work is a link leads nowhere on the host" {
	local name
	mkdir host && echo secret >host/secret
	for name in upper work; do
		rm -rf bad bad.ext3 && mkdir -p bad/{upper,work}
		rmdir "bad/$name" && ln -s "$PWD/host" "bad/$name"
		mke2fs bad bad.ext3
		run --separate-stderr berth exec --overlay bad.ext3 "$SQ" ls /secret
		fails 125 "bad.ext3"
		[ "$(ls -A host)" = secret ]
	done
	run --separate-stderr berth exec --overlay bad.ext3:ro "$SQ" ls /secret
	[ "$status" != 0 ]
	rm -rf bad bad.ext3 && mkdir bad && ln -s "$PWD/host" bad/upper && mke2fs bad bad.ext3
	run --separate-stderr berth exec --overlay bad.ext3:ro "$SQ" ls /secret
	fails 125 "bad.ext3"
}
