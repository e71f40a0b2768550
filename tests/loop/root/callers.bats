#!/usr/bin/env bats
# Callers and hosts that only root can make: a uid that no passwd file knows, a member of forty groups,
# automounted directories.  Berth itself runs as an ordinary user.
load ../../lab/bats

setup_file() {
	mkdir -p "$LAB_RUN/callers/tree"
	cp -a "$LAB_IMAGES/busybox.dir/." "$LAB_RUN/callers/tree/"
	chmod 755 "$LAB_RUN/callers" "$LAB_RUN/callers/tree"
}

setup() {
	# Where every user may go.
	mkdir -p "$LAB_RUN/callers/$BATS_TEST_NUMBER"
	cd "$LAB_RUN/callers/$BATS_TEST_NUMBER" || return 1
	IMAGES=("$LAB_IMAGES/busybox.sqfs" "$LAB_RUN/callers/tree")
}

same() {
	[ "$1" = "$2" ] || {
		printf 'got    %s\nwanted %s\n' "$1" "$2"
		return 1
	}
}

# as UID GID GROUPS COMMAND...: without any of root's rights, in an empty environment.
as() {
	local uid=$1 gid=$2 groups=$3
	shift 3
	setpriv --reuid "$uid" --regid "$gid" --groups "$groups" --inh-caps=-all --bounding-set=-all \
		env -i PATH="$PATH" ASAN_OPTIONS=detect_leaks=0 timeout -k 5 60 "$@"
}

@test "a uid that no passwd file knows starts containers and instances" {
	local image who=(as 4242421 4242422 4242422)
	not_known() { ! getent passwd 4242421 >/dev/null; }
	not_known || skip "somebody here is 4242421"
	for image in "${IMAGES[@]}"; do
		same "$("${who[@]}" "$BERTH" exec "$image" sh -c 'id -u; id -g; whoami; echo $HOME; grep -c :4242421: /etc/passwd')" \
			$'4242421\n4242422\nuser\n/\n1'
		same "$("${who[@]}" "$BERTH" exec --containall "$image" id -u)" 4242421
		same "$("${who[@]}" "$BERTH" exec --fakeroot "$image" id -u)" 0
		"${who[@]}" "$BERTH" -q instance start "$image" nobody-knows 3>&-
		same "$("${who[@]}" "$BERTH" exec instance://nobody-knows id -u)" 4242421
		"${who[@]}" "$BERTH" -q instance stop nobody-knows
	done
}

@test "a member of forty groups: files are as on the host, one line of /etc/group a gid" {
	local image groups who
	groups=$(seq -s, 4270001 4270040)
	who=(as 4242421 4242422 "$groups,$(getent group nogroup | cut -d: -f3)")
	mkdir -m 2770 shared && chgrp 4270040 shared
	echo secret >shared/f && chgrp 4270023 shared/f && chmod 0040 shared/f
	echo other >shared/o && chgrp 4270041 shared/o && chmod 0040 shared/o
	for image in "${IMAGES[@]}"; do
		same "$("${who[@]}" "$BERTH" exec -B "$PWD/shared:/mnt" "$image" cat /mnt/f)" secret
		run "${who[@]}" "$BERTH" exec -B "$PWD/shared:/mnt" "$image" cat /mnt/o
		same "$status" 1
		"${who[@]}" "$BERTH" exec -B "$PWD/shared:/mnt" "$image" sh -c 'echo new >/mnt/new'
		same "$(stat -c %u:%g shared/new)" 4242421:4270040
		rm shared/new
		same "$("${who[@]}" "$BERTH" exec "$image" sh -c 'grep ^Groups: /proc/self/status | wc -w')" 42
		same "$("${who[@]}" "$BERTH" exec "$image" sh -c 'cut -d: -f3 /etc/group | sort | uniq -d')" ""
		same "$("${who[@]}" "$BERTH" exec "$image" sh -c 'cut -d: -f1 /etc/passwd | sort | uniq -d')" ""
	done
}

# automounted shared|private: a real automounter, in a mount namespace that propagates as systemd's
# does, or not; what is mounted goes
# again after two seconds.
automounted() {
	export BERTH IMAGES_0="${IMAGES[0]}" IMAGES_1="${IMAGES[1]}" ASAN_OPTIONS=detect_leaks=0
	mkdir -p src/a src/b auto direct
	echo in-a >src/a/f && echo in-b >src/b/f
	printf 'a -fstype=bind :%s/src/a\nb -fstype=bind :%s/src/b\n' "$PWD" "$PWD" >map
	printf '%s/direct -fstype=bind :%s/src/b\n' "$PWD" "$PWD" >direct-map
	printf '%s/auto %s/map --timeout=2\n/- %s/direct-map --timeout=2\n' "$PWD" "$PWD" "$PWD" >master
	chmod -R go+rX .
	cat >run.sh <<-'END'
		user() { setpriv --reuid "$(id -u "$LAB_USER")" --regid "$(id -g "$LAB_USER")" --clear-groups "$@"; }
		gone() { for i in $(seq 200); do [ "$(grep -c " $PWD/$1 " /proc/self/mounts)" -le "$2" ] && return; sleep 0.1; done; echo "$1 stays"; }
		# Processes of the automounter's own group see its directories bare.
		setsid automount -f -v -C -p "$PWD/pid" "$PWD/master" >log 2>&1 &
		daemon=$!
		trap 'kill $daemon; wait $daemon' EXIT
		for i in $(seq 100); do grep -q "mounted direct" log && break; sleep 0.1; done
		for image in "$IMAGES_0" "$IMAGES_1"; do
			# Never touched: an indirect map, a direct one, a map whose entry is touched inside only.
			user "$BERTH" exec -B "$PWD/auto/a:/mnt" "$image" cat /mnt/f
			user "$BERTH" exec -B "$PWD/direct:/mnt" "$image" cat /mnt/f
			[ "$1" = private ] || user "$BERTH" exec -B "$PWD/auto:/mnt" "$image" cat /mnt/b/f
			# The automounter lets go while the container runs.
			gone direct 1; gone auto/a 0
			mkfifo -m 666 go
			user "$BERTH" exec -B "$PWD/direct:/mnt" -B "$PWD:/w" "$image" sh -c 'cat /mnt/f; read x </w/go; cat /mnt/f' &
			sleep 0.5; gone direct 1
			timeout 30 sh -c 'echo >go'
			wait $!
			rm go
		done
	END
	unshare -m --propagation "$1" bash run.sh "$1" 3>&-
}
@test "automounted sources: direct and indirect maps, touched first inside, let go meanwhile" {
	command -v automount >/dev/null || skip "autofs is missing"
	grep -qw autofs /proc/filesystems || skip "this kernel has no autofs"
	run --separate-stderr automounted shared
	printf '%s\n' "$output" "$stderr"
	cat log
	same "$output" "$(printf '%s\n' in-a in-b in-b in-b in-b in-a in-b in-b in-b in-b)"
	# Where nothing propagates (a host without systemd), sources are mounted before the start all the same.
	run --separate-stderr automounted private
	printf '%s\n' "$output" "$stderr"
	same "$output" "$(printf '%s\n' in-a in-b in-b in-b in-a in-b in-b in-b)"
}
