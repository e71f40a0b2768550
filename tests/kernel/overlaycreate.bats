# overlay create: images, partitions of a SIF, directories, and what is refused.
load kernel

sif() { python3 "$BATS_TEST_DIRNAME/../lab/sif.py" "$@"; }

# What mke2fs itself says of a file: "NAME OWNER MODE" of each directory in it.
in_image() {
	PATH=$PATH:/usr/sbin:/sbin debugfs -R "ls -p $2" "$1" 2>/dev/null |
		awk -F/ '$6 != "." && $6 != ".." && $6 != "lost+found" && NF > 6 { print $6, $4, $3 }' | sort
}

nothing_left() { same "$(find . -name '.berth-*')" ""; }

@test "an ext3 image of the size asked for has upper and work of the caller" {
	berth overlay create a.img
	same "$(stat -c %s a.img)" $((64 << 20))
	[ "$(stat -c %b a.img)" -ge $((64 << 11)) ]
	same "$(in_image a.img /)" "upper $(id -u) 040755
work $(id -u) 040755"
	(umask 0777 && berth overlay create -S c.img)
	same "$(stat -c %a c.img)" 600
	same "$(in_image c.img / | cut -d' ' -f3 | xargs)" "040755 040755"
	(umask 077 && berth overlay create -s 100 -S --create-dir /usr/local/x --create-dir /../opt b.img)
	same "$(stat -c %s b.img)" $((100 << 20))
	[ "$(stat -c %b b.img)" -lt 40000 ]
	same "$(in_image b.img /upper | cut -d' ' -f1 | xargs)" "opt usr"
	same "$(in_image b.img /upper/usr/local | cut -d' ' -f1)" x
	PATH=$PATH:/usr/sbin:/sbin e2fsck -fn b.img
	nothing_left
}

@test "a directory becomes an overlay without any tool" {
	PATH=/nothing "$BERTH" overlay create --dir --create-dir /etc/x layer
	same "$(cd layer && find . -mindepth 1 | sort | xargs)" "./upper ./upper/etc ./upper/etc/x ./work"
	run --separate-stderr berth overlay create --dir layer
	fails 125 'is an overlay already'
}

@test "a SIF gets one overlay partition and still runs" {
	sif a.sif primary=squashfs:"$SQ"
	berth overlay create --sparse a.sif
	same "$(berth exec a.sif cat /etc/hello)" "hello from the image"
	run -0 --separate-stderr berth sif list a.sif
	[[ $output = *Overlay* ]]
	berth sif dump "$(grep Overlay <<<"$output" | cut -d'|' -f1 | tr -d ' ')" a.sif >dumped.img
	same "$(in_image dumped.img / | cut -d' ' -f1 | xargs)" "upper work"
	cp a.sif before.sif
	run --separate-stderr berth overlay create a.sif
	fails 125 'has a writable overlay already: object [0-9]+'
	cmp a.sif before.sif
	nothing_left
}

@test "overlay create refuses what it cannot make, and leaves what is there" {
	echo mine >there
	run --separate-stderr berth overlay create there
	fails 125 'there already and no SIF'
	same "$(cat there)" mine
	run --separate-stderr berth overlay create -s 5 small.img
	fails 125 '--size 5: give 64 to'
	run --separate-stderr berth overlay create -s many small.img
	fails 125 '"many" is not a whole number'
	run --separate-stderr berth overlay create --create-dir x small.img
	fails 125 '--create-dir x: give an absolute path'
	run --separate-stderr berth overlay create --dir --sparse small.img
	fails 125 '--dir excludes'
	run --separate-stderr berth overlay create no/such/small.img
	fails 125 'output directory no/such is not there'
	run --separate-stderr berth overlay create .
	fails 125 ''
	sif system.sif data=squashfs:"$SQ"
	run --separate-stderr berth overlay create system.sif
	fails 125 'no system partition'
	[ ! -e small.img ]
	nothing_left
}

# A file of that name that is no program fails as a tool would.
@test "a mke2fs that fails is quoted" {
	mkdir bin
	printf '#!/bin/sh\necho "disk on fire"\necho more\nexit 3\n' >bin/mke2fs
	chmod 755 bin/mke2fs
	PATH=$PWD/bin:$PATH run --separate-stderr berth overlay create a.img
	fails 125 'bin/mke2fs has failed: disk on fire$'
	[ ! -e a.img ]
	nothing_left
}
