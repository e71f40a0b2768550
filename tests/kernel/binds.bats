# Binds: onto what is there, what is missing, and what only seems to be.
load kernel

missing() {
	local i args=() lines=
	mkdir -p src && echo data >src/file
	for i in $(seq 125); do
		args+=(-B "$PWD/src:/new/dir$i/a/b")         # directories, nested
		args+=(-B "$PWD/src/file:/new/dir$i/f")      # files beside them
		args+=(-B "$PWD/src/file:/opt/many/new$i")   # in a directory that is there
		args+=(-B "$PWD/src:/scratch/p$i")           # below a link that leads to nothing
	done
	lines=$(berth exec "${args[@]}" "$IMG" sh -c 'cat /new/dir*/a/b/file /new/dir*/f \
		/opt/many/new* /scratch/p*/file /gpfs/scratch/p7/file; ls /opt/many | wc -l')
	same "$(grep -cx data <<<"$lines")" 501
	same "$(tail -n 1 <<<"$lines")" 325
}
@test "500 binds onto missing files and directories, nested and through links" {
	each_image missing
}

through_links() {
	mkdir -p src/sub && echo inside >src/file
	same "$(berth exec -B "$PWD/src:/var/run/x" "$IMG" cat /run/x/file)" inside
	same "$(berth exec -B "$PWD/src:/scratch" "$IMG" cat /gpfs/scratch/file)" inside
	# The link's ".." stop at the image's root: the host's directory is not touched.
	same "$(berth exec -B "$PWD/src:/up" "$IMG" cat /etc/deep/file)" inside
}
@test "links in the image are followed inside the image" { each_image through_links; }

read_only_bind() {
	mkdir -p src
	run berth exec -B "$PWD/src:/data:ro" "$IMG" touch /data/x
	said 1 "Read-only file system"
	berth exec -B "$PWD/src:/data" "$IMG" touch /data/x
	rm src/x
}
@test "a read-only bind refuses writes, another one takes them" { each_image read_only_bind; }

bind_faults() {
	touch file
	run --separate-stderr berth exec -B "$PWD/file:/etc" "$IMG" true
	fails 125 'bind .*/file on /etc: one of them is a directory'
	run --separate-stderr berth exec -B "$PWD/none:/data" "$IMG" true
	fails 125 'none.*[Nn]o such file'
	mkdir -p src
	run --separate-stderr berth exec -B "$PWD/src:/data" -B "$PWD/src:/data/sub" "$IMG" true
	fails 125 'bind .* on /data/sub: there is no /data/sub to mount on; create it'
}
@test "a bind that cannot be made is named with its reason" { each_image bind_faults; }

through_file() {
	run --separate-stderr berth exec -B /tmp:/etc/hello/sub "$IMG" true
	fails 125 '/etc/hello'
}
@test "a mount point below a file is named" { each_image through_file; }

many_descriptors() {
	local i args=()
	for i in $(seq 60); do args+=(-B "$PWD:/new/$i"); done
	same "$(ulimit -Sn 40; berth exec "${args[@]}" "$IMG" sh -c 'ulimit -Sn')" 40
	run --separate-stderr bash -c 'ulimit -n 40; "$0" exec "$@"' "$BERTH" "${args[@]}" "$IMG" true
	fails 125 'more open files than the hard limit'
}
@test "more binds than the soft limit of open files, which is as before inside" {
	each_image many_descriptors
}

names() {
	same "$(berth exec "$IMG" grep -c "^$(id -un):" /etc/passwd)" 1
	same "$(berth exec "$IMG" grep -c "^root:" /etc/passwd)" 1
	same "$(berth exec -B /etc/hostname:/etc/passwd "$IMG" cat /etc/passwd)" "$(cat /etc/hostname)"
}
@test "the caller's name is in /etc/passwd; a bind of the user's outranks it" { each_image names; }

odd_names() {
	local name='a, b: "c" \d'
	mkdir -p "$name" && cp -a "$DIR/." "$name/"
	same "$(berth exec "$PWD/$name" cat /etc/hello)" "hello from the image"
}
@test "a directory image may have any name" { odd_names; }

later_mount() {
	rm -rf host && mkdir -p host/late
	# The "host" is a namespace in which we may mount, with its mounts shared as systemd has them.
	timeout 60 unshare --user --map-root-user --mount --propagation shared sh -c '
		mount --bind host host
		"$1" exec -B "$PWD/host:/data" "$2" sh -c "
			echo >/data/started
			for i in \$(seq 100); do [ -e /data/late/file ] && break; sleep 0.05; done
			cat /data/late/file" >seen &
		for i in $(seq 100); do [ -e host/started ] && break; sleep 0.05; done
		mount -t tmpfs late host/late && echo "mounted later" >host/late/file
		wait' sh "$BERTH" "$IMG"
	same "$(cat seen)" "mounted later"
}
@test "a mount that the host makes later appears below a bind" { each_image later_mount; }

private() { not grep -q 'shared:' <<<"$(berth exec "$IMG" cat /proc/self/mountinfo)"; }
@test "no mount inside is shared with the host" { each_image private; }

contained() {
	local seen
	mkdir -p src && echo kept >src/file
	seen=$(berth exec --contain -B "$PWD/src:/tmp/src" "$IMG" sh -c \
		'echo x >/dev/null; echo x >/tmp/new; ls /tmp; cat /tmp/src/file; ls "$HOME"; pwd')
	same "$(tr '\n' ' ' <<<"$seen")" "new src kept $HOME "
	[ ! -e /tmp/new ]
}
@test "--contain: empty home and /tmp, binds into them, a small /dev" { each_image contained; }
