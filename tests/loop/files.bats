#!/usr/bin/env bats
# Image files that are damaged, hostile or of another kind: a line that names the file, never a crash,
# never a hang.
load ../lab/bats

damage() { python3 "$TOP/tests/lab/damage.py" "$@"; }

# never_crashes: the last run was ended neither by a signal nor by our patience.  SIGBUS is what a
# program gets whose own pages cannot be read.
never_crashes() {
	[ "$status" -lt 124 ] || [ "$status" = 125 ] || [ "$status" = 126 ] || [ "$status" = 127 ] ||
		[ "$status" = 135 ] || {
		printf 'case %s: status %s\n%s\n' "$1" "$status" "$stderr"
		return 1
	}
}

@test "a damaged SIF is refused in one line that names it" {
	pull lab/busybox:1
	worked
	for way in $(damage --list); do
		damage out.sif bad.sif "$way"
		run --separate-stderr timeout -k 5 100 "$BERTH" exec bad.sif true
		never_crashes "$way"
		# Behind the super block, what is damaged may not be needed to run a program.
		case $way in
		squash-inodes | squash-dirs | squash-ids | squash-frags | squash-no-ids | cut-data | table-size) ;;
		*) fails 'bad\.sif' keeps || {
			echo "case: $way"
			return 1
		} ;;
		esac
		run --separate-stderr timeout -k 5 100 "$BERTH" inspect bad.sif
		never_crashes "inspect $way"
	done
}

@test "what cannot be read is said in words that help" {
	pull lab/busybox:1
	damage out.sif bad.sif fs-ext3
	run --separate-stderr berth exec bad.sif true
	fails "ext3" keeps
	damage out.sif bad.sif fs-encrypted
	run --separate-stderr berth exec bad.sif true
	fails "encrypted" keeps
	damage out.sif bad.sif squash-compressor
	run --separate-stderr berth exec bad.sif true
	fails "lzo" keeps
	damage out.sif bad.sif no-partition
	run --separate-stderr berth exec bad.sif true
	fails "partition" keeps
}

@test "flipped bits in a file system crash nothing" {
	pull lab/busybox:1
	for seed in $(seq 30); do
		damage out.sif bad.sif "flip:$seed"
		run --separate-stderr timeout -k 5 100 "$BERTH" exec bad.sif sh -c 'ls -laR /; cat /etc/* >/dev/null'
		never_crashes "seed $seed"
	done
}

@test "files that are no image at all are refused" {
	head -c 100000 /dev/urandom >noise.sif
	: >empty.sif
	cp "$LAB_IMAGES/busybox-gzip.sqfs" lzo.sqfs
	printf '\003' | dd of=lzo.sqfs bs=1 seek=20 conv=notrunc status=none
	for f in noise.sif empty.sif none.sif lzo.sqfs; do
		run --separate-stderr berth exec "$f" true
		fails "${f/./\\.}" keeps
	done
	run --separate-stderr berth exec lzo.sqfs true
	fails "lzo" keeps
	run --separate-stderr berth inspect noise.sif
	fails "noise\\.sif" keeps
}

@test "an ext3 image is refused by name of what it is" {
	truncate -s 2M e.img
	if ! PATH=$PATH:/sbin:/usr/sbin mkfs.ext3 -q e.img; then skip "no mkfs.ext3 here"; fi
	run --separate-stderr berth exec e.img true
	fails "ext3" keeps
}
