# resolv.conf, hosts, localtime: whatever the image has there, and after the host replaced them.
load kernel

# odd_image NAME COMMAND: an image whose /etc has what COMMAND made of it, as directory and file.
odd_image() {
	cp -a "$DIR" "$1.dir"
	(cd "$1.dir/etc" && eval "$2")
	mksquashfs "$1.dir" "$1.sqfs" -comp lz4 -all-root -quiet -no-progress
}

placed() {
	for IMG in "$1.sqfs" "$1.dir"; do
		printf 'with %s\n' "$IMG"
		run --separate-stderr berth exec "$IMG" cat /etc/resolv.conf /etc/hosts
		same "$status" 0
		same "$output" "$(cat /etc/resolv.conf /etc/hosts)"
		same "$stderr" ""
	done
	run --separate-stderr berth exec --writable-tmpfs "$1.sqfs" cat /etc/resolv.conf /etc/hosts
	same "$output" "$(cat /etc/resolv.conf /etc/hosts)"
}
@test "in place of a directory" {
	odd_image d 'mkdir resolv.conf hosts localtime'
	placed d
}
@test "in place of a link that leads nowhere" {
	odd_image l 'ln -s /nowhere/x resolv.conf; ln -s ../none hosts; ln -s /usr/none localtime'
	placed l
}
@test "in place of a link into /run, and of nothing" {
	odd_image r 'ln -s ../run/systemd/resolve/stub-resolv.conf resolv.conf; rm -f hosts'
	placed r
}

follows() {
	rm -rf etc go done seen
	mkdir etc && cp -r /etc/. etc/ 2>/dev/null || true
	echo "nameserver 192.0.2.1" >etc/resolv.conf
	# shellcheck disable=SC2016
	timeout 60 unshare --user --map-root-user --mount sh -c '
		mount --rbind etc /etc
		"$1" exec $3 "$2" sh -c "
			cat /etc/resolv.conf; echo >go
			for i in \$(seq 100); do [ -e done ] && break; sleep 0.05; done
			cat /etc/resolv.conf; stat -c %s /etc/resolv.conf" >seen &
		for i in $(seq 200); do [ -e go ] && break; sleep 0.05; done
		echo "nameserver 192.0.2.222 # and more" >etc/new && mv etc/new etc/resolv.conf
		echo >done
		wait' sh "$BERTH" "$SQ" "$1"
	same "$(cat seen)" $'nameserver 192.0.2.1\nnameserver 192.0.2.222 # and more\n34'
}
@test "a resolv.conf that the host replaces is followed" { follows ""; }
@test "also below a layer of changes" { follows --writable-tmpfs; }
