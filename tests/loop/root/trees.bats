#!/usr/bin/env bats
# The tree in the SIF is the tree that umoci unpacks as root, whoever reads it.  As root: umoci's
# truth, loop mounts, and files of mode 0000 need it; Berth itself still runs as the ordinary user.
load ../../lab/bats

setup_file() {
	mkdir -p "$LAB_RUN/trees"
	chown "$LAB_USER:" "$LAB_RUN/trees"
}

MEMORY=/sys/fs/cgroup/memory LIMIT=$((256 << 20))

# memory_group NAME: a group of 256 MiB, page cache included, no swap; sets GROUP, empty where none can be made.
memory_group() {
	GROUP=$MEMORY/berth-$(basename "$LAB_RUN")-$1
	[ -w "$MEMORY/memory.limit_in_bytes" ] && mkdir "$GROUP" 2>/dev/null && echo "$LIMIT" >"$GROUP/memory.limit_in_bytes" || GROUP=
	[ -z "$GROUP" ] || echo "$LIMIT" >"$GROUP/memory.memsw.limit_in_bytes" 2>/dev/null || true
}

teardown_file() {
	rmdir "$MEMORY/berth-$(basename "$LAB_RUN")-"* 2>/dev/null || true
}

# sif IMAGE: pulled once for this file, by the ordinary user; sets SIF and OFFSET.
sif() {
	SIF=$LAB_RUN/trees/$1.sif
	if [ ! -e "$SIF" ]; then
		memory_group "$1"
		(
			[ -z "$GROUP" ] || echo "$BASHPID" >"$GROUP/cgroup.procs"
			# The sanitizer's own store of freed memory is 256 MiB.
			lab_as_user env BERTH_CACHEDIR="$LAB_RUN/trees/cache" ASAN_OPTIONS="$ASAN_OPTIONS:quarantine_size_mb=8" \
				timeout -k 5 230 "$BERTH" pull --tls-ca "$LAB_CA" "$SIF" "docker://localhost:$LAB_OPEN/lab/$1:1"
		)
	fi
	OFFSET=$(python3 -c 'import sys; print(open(sys.argv[1], "rb").read(1 << 20).index(b"hsqs"))' "$SIF")
}

# What Berth adds to every image: docs/images.md says why.
extra() {
	cat <<-END
		/.singularity.d
		/.singularity.d/
		/.exec
		/.run
		/.shell
		/.test
		/singularity
		/environment
		/dev
		/proc
		/sys
		/tmp
		/root
		/home
		/var
		/var/tmp
		/etc
		/etc/hosts
		/etc/resolv.conf
	END
}

# same IMAGE DIR
same() {
	python3 "$TOP/tests/lab/treelist.py" "$2" >got
	extra >extra
	python3 "$TOP/tests/lab/treelist.py" --diff "$LAB_TRUTH/$1" got extra
}

by_kernel() {
	sif "$1"
	mkdir mnt
	mount -t squashfs -o "ro,loop,offset=$OFFSET" "$SIF" mnt || skip "this kernel mounts no SquashFS"
	same "$1" mnt || { umount mnt && false; }
	umount mnt
}

by_unsquashfs() {
	sif "$1"
	unsquashfs -quiet -no-progress -o "$OFFSET" -d tree "$SIF" >log
	same "$1" tree
}

by_squashfuse() {
	sif "$1"
	mkdir mnt
	squashfuse_ll -f -o "offset=$OFFSET" "$SIF" mnt 3>&- &
	lab_wait_for 10 mountpoint -q mnt
	# squashfuse 0.1.105 gives trusted.* the name security.* and the other way round.
	python3 "$TOP/tests/lab/treelist.py" mnt | sed 's/"trusted\./"security./' >got
	fusermount3 -u mnt || umount mnt
	extra >extra
	python3 "$TOP/tests/lab/treelist.py" --diff "$LAB_TRUTH/$1" got extra
}

@test "the corpus, mounted by the kernel" { by_kernel corpus; }
@test "the corpus, unpacked by unsquashfs" { by_unsquashfs corpus; }
@test "the corpus, mounted by squashfuse_ll" { by_squashfuse corpus; }

@test "the Debian image, mounted by the kernel" {
	needs_debian
	by_kernel full
}
@test "the Debian image, unpacked by unsquashfs" {
	needs_debian
	by_unsquashfs full
}
@test "the Debian image, mounted by squashfuse_ll" {
	needs_debian
	by_squashfuse full
}

@test "the Debian image, read through Berth's own mount, has the same bytes" {
	needs_debian
	sif full
	lab_as_user env BERTH_CACHEDIR="$LAB_RUN/trees/cache" timeout 200 "$BERTH" exec "$SIF" \
		sh -c 'find / -xdev -type f -path "/usr/*" -print0 | sort -z | xargs -0 sha256sum' >ours
	jq -r 'select(.type == "file" and (.path | startswith("/usr/"))) | .sha256 + "  " + .path' \
		"$LAB_TRUTH/full" | LC_ALL=C sort -k2 >want
	LC_ALL=C sort -k2 ours | cmp - want
}

@test "GNU's old sparse files have the content that GNU tar gives them" {
	sif sparse
	unsquashfs -quiet -no-progress -o "$OFFSET" -d tree "$SIF" >log
	mkdir want
	tar -C want -xf "$LAB_TMP/small/oci/sparse.tar"
	cmp want/sparse/gnu tree/sparse/gnu
	cmp want/after tree/after
}

# small_disk MB: sets SMALL, a file system of that size that the ordinary user may write.
small_disk() {
	SMALL=$LAB_RUN/trees/small
	mkdir -p "$SMALL"
	mount -t tmpfs -o size=${1}m,mode=0777 none "$SMALL"
}

# full_disk MB: a pull with -F over an existing file there fails and leaves it alone.
full_disk() {
	small_disk "$1"
	head -c 1000000 /dev/urandom >"$SMALL/out.sif"
	cp "$SMALL/out.sif" before
	status=0 same=no
	lab_as_user env BERTH_CACHEDIR="$LAB_RUN/trees/cache" timeout 200 "$BERTH" pull -F \
		--tls-ca "$LAB_CA" --compress lz4 "$SMALL/out.sif" \
		"docker://localhost:$LAB_OPEN/lab/full:1" 2>log || status=$?
	found=$(ls -A "$SMALL")
	cmp before "$SMALL/out.sif" && same=yes
	umount "$SMALL"
	cat log
	[ "$status" = 125 ]
	[ "$same" = yes ]
	[ "$found" = out.sif ]
}

@test "an image larger than 256 MiB was pulled within 256 MiB, the page cache included" {
	needs_debian
	sif full
	GROUP=$MEMORY/berth-$(basename "$LAB_RUN")-full
	[ -d "$GROUP" ] || skip "no memory group of cgroup version 1 can be made here"
	[ "$(unsquashfs -o "$OFFSET" -lln "$SIF" | awk '{ sum += $3 } END { print sum }')" -gt "$LIMIT" ]
	[ "$(cat "$GROUP/memory.limit_in_bytes")" = "$LIMIT" ]
	[ "$(cat "$GROUP/memory.max_usage_in_bytes")" -gt $((LIMIT / 4)) ]
	[ "$(awk '$1 == "oom_kill" { print $2 }' "$GROUP/memory.oom_control")" = 0 ]
	echo "$(cat "$GROUP/memory.max_usage_in_bytes") bytes at most, $(cat "$GROUP/memory.failcnt") times at the limit"
}

@test "a disk that is too small is refused before the first byte" {
	needs_debian
	full_disk 2
	grep -qE 'no room' log
}

@test "a disk that fills up leaves the existing output as it was" {
	needs_debian
	full_disk 90
	grep -qE 'No space left' log
}

@test "a full disk under the store is said, and the output is not there" {
	needs_debian
	small_disk 2
	status=0
	lab_as_user env BERTH_CACHEDIR="$SMALL/cache" timeout 200 "$BERTH" pull --tls-ca "$LAB_CA" \
		"$LAB_RUN/trees/none.sif" "docker://localhost:$LAB_OPEN/lab/full:1" 2>log || status=$?
	umount "$SMALL"
	cat log
	[ "$status" = 125 ]
	grep -qE 'No space left|no room' log
	[ ! -e "$LAB_RUN/trees/none.sif" ]
}
