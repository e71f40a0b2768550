# Where changes go: memory, a directory overlay, the directory image itself; and who may write.
load kernel

changes='echo new >/etc/new; rm /etc/hello; rm -r /opt/many; mkdir /opt/many; ls /opt/many; cat /etc/new'

in_memory() {
	same "$(berth exec --writable-tmpfs "$IMG" sh -c "$changes")" new
	same "$(berth exec "$IMG" cat /etc/hello)" "hello from the image"
	[ ! -e "$DIR/etc/new" ]
	# Larger than 64 MiB, where the machine has it.
	berth exec --writable-tmpfs "$IMG" sh -c 'head -c 100000000 /dev/zero >/big && rm /big'
	run berth exec --writable-tmpfs --tmpfs-size 1M "$IMG" dd if=/dev/zero of=/big bs=1M count=3
	said 1 "No space left on device"
	berth exec --writable-tmpfs --tmpfs-size 1M "$IMG" sh -c 'head -c 500000 /dev/zero >/big'
}
@test "--writable-tmpfs: changes in memory, a full one says so" { each_image in_memory; }

on_disk() {
	mkdir -p ov
	same "$(berth exec --overlay ov "$IMG" sh -c "$changes")" new
	same "$(berth exec --overlay ov "$IMG" sh -c 'cat /etc/new; ls /opt/many; [ -e /etc/hello ] || echo gone')" \
		$'new\ngone'
	same "$(berth exec --overlay "ov:ro" "$IMG" cat /etc/new)" new
	run berth exec --overlay ov:ro "$IMG" touch /etc/more
	said 1 "Read-only file system"
	same "$(berth exec "$IMG" cat /etc/hello)" "hello from the image"
	[ -e ov/upper/etc/new ]
	[ ! -e ov/.berth-lease ]
	chmod -R u+rwx ov && rm -r ov
}
@test "--overlay DIR keeps changes, and :ro shows them" { each_image on_disk; }

several() {
	mkdir -p one two ov
	echo 1 >one/which && echo 2 >two/which && echo two >two/two
	mksquashfs one one.sqfs -all-root -quiet -no-progress -noappend
	mksquashfs two two.sqfs -all-root -quiet -no-progress -noappend
	"$BATS_TEST_DIRNAME/../lab/sif.py" two.sif primary=squashfs:"$SQ" overlay=squashfs:two.sqfs
	same "$(berth exec --overlay one.sqfs,two.sif --overlay ov "$IMG" sh -c \
		'cat /which /two; echo w >/which; cat /which')" $'1\ntwo\nw'
	same "$(cat ov/upper/which)" w
	run --separate-stderr berth exec --overlay ov --overlay one "$IMG" true
	fails 125 'only one can be written to'
	chmod -R u+rwx ov && rm -r ov one two
}
@test "several layers: SquashFS, a SIF's overlay partition, one directory on top" { each_image several; }

one_writer() {
	local pid=
	mkdir -p ov
	"$BERTH" exec --overlay ov "$IMG" sh -c 'echo >/started; exec sleep 60' 3>&- &
	pid=$!
	until_is 10 test -e ov/upper/started
	run --separate-stderr berth exec --overlay ov "$IMG" true
	fails 125 "--overlay .*/ov: in use by process [0-9]+ on this host"
	berth exec --overlay ov:ro "$IMG" true
	kill "$pid" && wait "$pid" || true
	until_is 5 test ! -e ov/.berth-lease
	berth exec --overlay ov "$IMG" true
	chmod -R u+rwx ov && rm -r ov
}
@test "one writer, many readers; the second writer hears who" { each_image one_writer; }

one_after_another() {
	local i
	mkdir -p ov
	for i in $(seq 8); do berth exec --overlay ov "$IMG" sh -c "echo $i >>/lines"; done
	same "$(tail -n 1 ov/upper/lines) $(wc -l <ov/upper/lines)" "8 8"
	until_is 5 test ! -e ov/.berth-lease
	chmod -R u+rwx ov
	rm -r ov
}
@test "writers one right after another do not meet" { each_image one_after_another; }

background() {
	mkdir -p ov
	berth exec --overlay ov "$IMG" sh -c '(until [ -e go ]; do sleep 0.05; done; echo >/late) >/dev/null 2>&1 &' 3>&-
	run --separate-stderr berth exec --overlay ov "$IMG" true
	fails 125 'in use by process'
	: >go
	until_is 20 test -e ov/upper/late
	until_is 5 test ! -e ov/.berth-lease
	chmod -R u+rwx ov
	rm -r ov go
}
@test "the lease lives as long as any process of the container" { each_image background; }

after_a_crash() {
	local pid owner
	mkdir -p ov
	"$BERTH" exec --overlay ov "$IMG" sh -c 'echo >/started; exec sleep 60' 3>&- &
	pid=$!
	until_is 10 test -e ov/upper/started
	owner=$(sed -n 's/^pid //p' ov/.berth-lease)
	kill -KILL "$pid" "$owner"
	until_is 5 gone "$pid"
	until_is 5 gone "$owner"
	[ -e ov/.berth-lease ]
	# As "volatile" and a crash leave it.
	mkdir -p ov/work/work/incompat/volatile && chmod 0 ov/work/work/incompat
	berth exec --overlay ov "$IMG" test -e /started
	until_is 5 test ! -e ov/.berth-lease
	printf 'berth-lease 1\nhost node17\nmachine m\nboot b\npidns 1\npid 4711\nstart 5\n' >ov/.berth-lease
	run --separate-stderr berth exec --overlay ov "$IMG" true
	fails 125 'process 4711 on host node17.*remove .*/ov/.berth-lease'
	chmod -R u+rwx ov && rm -r ov
}
@test "a dead writer's lease is broken, a far one's is not" { each_image after_a_crash; }

unfit() {
	run --separate-stderr berth exec --overlay none "$IMG" true
	fails 125 '--overlay .*/none: No such file'
	mkdir -p closed/upper && chmod 555 closed
	run --separate-stderr berth exec --overlay closed "$IMG" true
	fails 125 'cannot be written to \(Permission denied\).*closed:ro'
	berth exec --overlay closed:ro "$IMG" true
	chmod 700 closed && rm -r closed
	if [ ! -x /root ]; then
		run --separate-stderr berth exec --overlay /root:ro "$IMG" true
		fails 125 'overlay: open /root/upper: Permission denied'
	fi
	echo text >text
	run --separate-stderr berth exec --overlay text "$IMG" true
	fails 125 'no SIF, SquashFS or ext3 image'
}
@test "an overlay that is missing, closed or no image is named" { each_image unfit; }

# A file system in user space cannot hold an upper layer: our own image, seen from inside.
@test "an upper directory on FUSE is refused by name, with the way out" {
	mkdir -p tree/ov && chmod 777 tree/ov
	mksquashfs tree fuse.sqfs -quiet -no-progress
	run --separate-stderr berth exec -B fuse.sqfs:/mnt:image-src=/ / "$BERTH" exec \
		--overlay /mnt/ov "$DIR" true
	fails 125 'overlay: /mnt/ov lies on FUSE, which cannot hold the whiteouts.*/mnt/ov:ro'
}

@test "--writable writes into a directory image, makes what it lacks, and refuses a file" {
	cp -a "$DIR" mine
	berth exec --writable -B "$PWD:/new/deep" mine sh -c 'echo w >/etc/w; ls /new/deep' | grep -q mine
	same "$(cat mine/etc/w)" w
	[ -d mine/new/deep ]
	run --separate-stderr berth exec --writable "$SQ" true
	fails 125 '--writable: .*image.sqfs is an image file.*--writable-tmpfs, --overlay DIR'
	run --separate-stderr berth exec --writable --overlay ov mine true
	fails 125 'exclude each other'
	chmod -R a-w mine/etc && chmod 555 mine
	run berth exec --writable mine touch /x
	[ "$status" != 0 ]
	chmod -R u+w mine
}
