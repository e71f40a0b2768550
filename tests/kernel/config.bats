# berth.conf: the user's file, one in its place, and the site's, which outranks what it locks.
load kernel

setup() {
	kernel_setup
	export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
	mkdir -p "$XDG_CONFIG_HOME/berth" || return 1
	MINE=$XDG_CONFIG_HOME/berth/berth.conf
}

# with_site TEXT COMMAND...: the site's file says so, in a mount namespace of its own.
with_site() {
	local file=$BATS_TEST_TMPDIR/site.conf
	SITE=$("$BERTH" buildcfg APPTAINER_CONF_FILE)
	printf '%s\n' "$1" >"$file"
	# shellcheck disable=SC2016
	run --separate-stderr unshare -Urm bash -c '
		top=$(dirname "$(dirname "$1")"); from=$2; site=$1; shift 2
		mkdir -p "$top" 2>/dev/null
		cp "$from" /dev/shm/berth-site.$$ && mount -t tmpfs none "$top" && mkdir "$top/berth" &&
			cp /dev/shm/berth-site.$$ "$site"
		ok=$?; rm -f /dev/shm/berth-site.$$
		[ $ok = 0 ] || exit 99
		exec timeout -k 5 100 "$@"' - "$SITE" "$file" "${@:2}"
}

@test "config: the user's file switches mounts, names and binds" {
	mkdir "$WORK/data" && echo there >"$WORK/data/f"
	printf '# mine\nmount home = no\nmount dev = minimal\nconfig passwd = no\nbind path = %s:/mnt/data:ro\n' \
		"$WORK/data" >"$MINE"
	check() {
		run --separate-stderr berth exec --no-mount cwd,tmp "$IMG" sh -c \
			'cat /mnt/data/f; touch /mnt/data/g 2>/dev/null || echo ro; ls /dev | wc -l; cat /etc/passwd; ls -d "$HOME"'
		same "$(sed -n 1,2p <<<"$output")" $'there\nro'
		[ "$(sed -n 3p <<<"$output")" -lt 20 ]
		same "$(sed -n 4p <<<"$output")" root:x:0:0:root:/root:/bin/sh
		same "$(sed -n 5p <<<"$output")" ""
	}
	each_image check
}

@test "config: an option outranks the file" {
	mkdir "$WORK/h" && touch "$WORK/h/mark"
	echo 'mount home = no' >"$MINE"
	run --separate-stderr berth exec --home "$WORK/h:/home/me" "$SQ" ls /home/me
	same "$output" mark
}

@test "config: -c and CONFIG_FILE take the place of the user's file" {
	echo 'mount proc = perhaps' >"$MINE"
	printf 'allow setuid = yes\nmax loop devices = 256\nmount tmp = no\n' >apptainer.conf
	run --separate-stderr berth -c apptainer.conf exec --no-mount cwd,home "$SQ" ls /tmp
	same "$status" 0 && same "$output$stderr" "" || { echo "$stderr"; return 1; }
	run --separate-stderr env APPTAINER_CONFIG_FILE=apptainer.conf "$BERTH" exec --no-mount cwd,home "$SQ" ls /tmp
	same "$status" 0 && same "$output$stderr" "" || return 1
	run --separate-stderr berth --config none.conf exec "$SQ" true
	fails 125 '--config none.conf: No such file or directory'
}

@test "config: bad lines are named, unknown keys are told and left out" {
	printf '\nmount proc = perhaps\n' >"$MINE"
	run --separate-stderr berth exec "$SQ" true
	fails 125 "$MINE:2: mount proc = perhaps: it is one of yes,no" || return 1
	printf 'mount hom = no\n' >"$MINE"
	run --separate-stderr berth exec "$SQ" echo on
	same "$output" on || return 1
	fails 0 "warning: $MINE:1: unknown key \"mount hom\" \\(did you mean \"mount home\"\\?\\)" || return 1
	rm "$MINE" && mkdir "$MINE"
	run --separate-stderr berth exec "$SQ" true
	fails 125 "configuration.*Is a directory"
}

@test "config: the site's lock outranks the user's file, environment and options" {
	echo 'mount tmp = yes' >"$MINE"
	with_site $'lock = mount tmp\nmount tmp = no' "$BERTH" exec --no-mount cwd,home "$SQ" ls /tmp
	same "$status$output" 0 || { echo "$stderr"; return 1; }
	grep -qF "$MINE:1: \"mount tmp\" is settled by \"mount tmp\" at $SITE:1; left out" <<<"$stderr" || return 1
	with_site 'lock = mount tmp' env BERTH_NO_MOUNT=tmp "$BERTH" exec "$SQ" true
	fails 125 "--no-mount tmp: $SITE:1 says \"mount tmp = yes\" for everybody" || return 1
	with_site 'lock = mount tmp' env BERTH_CONFIG_FILE=/dev/null "$BERTH" exec --no-mount tmp "$SQ" true
	fails 125 "--no-mount tmp: $SITE:1 says"
}

@test "config: a site limits namespaces, binds and images" {
	with_site 'allow pid ns = no' "$BERTH" exec --containall "$SQ" true
	fails 125 "--pid \\(or what implies it\\): $SITE:1 says \"allow pid ns = no\"" || return 1
	with_site 'allow pid ns = no' "$BERTH" exec --containall --no-pid "$SQ" echo ran
	same "$output" ran || { echo "$stderr"; return 1; }
	with_site 'user bind control = no' env SINGULARITY_BIND=/usr:/mnt "$BERTH" exec "$SQ" true
	fails 125 "bind /usr on /mnt: $SITE:1 says \"user bind control = no\"" || return 1
	with_site 'limit container paths = /apps' "$BERTH" exec "$SQ" true
	fails 125 "$SQ: it lies elsewhere; $SITE:1 says \"limit container paths = /apps\"" || return 1
	ln -s "$SQ" link.sqfs
	with_site "limit container paths = $WORK" "$BERTH" exec link.sqfs true
	fails 125 "$SQ: it lies elsewhere" || return 1
	with_site "limit container paths = $(dirname "$SQ")" "$BERTH" exec link.sqfs echo ran
	same "$output" ran || return 1
	with_site 'limit container owners = nobody-at-all' "$BERTH" exec "$SQ" true
	fails 125 "$SQ: it belongs to .*; $SITE:1 says" || return 1
	with_site 'allow container dir = no' "$BERTH" exec "$DIR" true
	fails 125 "$DIR: it is a directory; $SITE:1 says \"allow container dir = no\""
}

@test "config: layers that take changes, their size, and ext3 file systems" {
	echo 'sessiondir max size = 24' >"$MINE"
	check() {
		run --separate-stderr berth exec --writable-tmpfs "$IMG" df -m /
		same "$(awk 'NR == 2 { print $2 }' <<<"$output")" 24
		run --separate-stderr berth exec --writable-tmpfs --tmpfs-size 8M "$IMG" df -m /
		same "$(awk 'NR == 2 { print $2 }' <<<"$output")" 8
	}
	each_image check
	echo 'enable overlay = no' >"$MINE"
	run --separate-stderr berth exec --writable-tmpfs "$IMG" true
	fails 125 "--writable-tmpfs: $MINE:1 says \"enable overlay = no\""
	echo 'allow container extfs = no' >"$MINE"
	mke2fs -q -t ext3 layer.img 4M
	run --separate-stderr berth exec --overlay layer.img:ro "$IMG" true
	fails 125 "it is an ext3 file system; $MINE:1 says \"allow container extfs = no\""
}

@test "config: files among layers and binds are images, too" {
	cp "$SQ" layer.sqfs
	with_site "limit container paths = $(dirname "$SQ")" "$BERTH" exec --overlay layer.sqfs "$SQ" true
	same "$status" 0 || { echo "$stderr"; return 1; }
	mkdir apps && mv "$SQ" apps/
	with_site "limit container paths = $WORK/apps" "$BERTH" exec --overlay layer.sqfs apps/image.sqfs true
	fails 125 "$WORK/layer.sqfs: it lies elsewhere; $SITE:1 says" || return 1
	with_site "limit container paths = $WORK/apps" "$BERTH" exec -B layer.sqfs:/mnt:image-src=/ apps/image.sqfs true
	fails 125 "$WORK/layer.sqfs: it lies elsewhere; $SITE:1 says" || return 1
	mv apps/image.sqfs "$SQ"
}

@test "config: who joins an instance is asked for his options" {
	berth instance start "$SQ" asked
	printf 'allow ipc ns = no\nmount hom = no\n' >"$MINE"
	run --separate-stderr berth exec --ipc instance://asked true
	fails 125 "--ipc \\(or what implies it\\): $MINE:1 says \"allow ipc ns = no\"" || { berth instance stop asked; return 1; }
	run --separate-stderr berth exec instance://asked echo in
	berth instance stop asked
	same "$output" in || { echo "$stderr"; return 1; }
	fails 0 "warning: $MINE:2: unknown key \"mount hom\""
}

@test "config: a build keeps to what the site says of images, binds and mounts" {
	printf 'Bootstrap: localimage\nFrom: %s\n%%post\n  ls /sys | wc -l\n' "$SQ" >ran.def
	printf 'Bootstrap: localimage\nFrom: %s\n%%labels\n  a b\n' "$SQ" >copied.def
	with_site "limit container paths = /apps" "$BERTH" build --disable-cache out.sif ran.def
	fails 125 "base $SQ: $SQ: it lies elsewhere; $SITE:1 says" || return 1
	with_site "limit container paths = /apps" "$BERTH" build --disable-cache out.sif copied.def
	same "$status" 0 || { echo "$stderr"; return 1; }
	with_site $'user bind control = no' "$BERTH" build -F --disable-cache -B /usr:/mnt out.sif ran.def
	fails 125 "a bind of the build: $SITE:1 says \"user bind control = no\"" || return 1
	with_site $'mount sys = no' "$BERTH" build -F --disable-cache out.sif ran.def
	same "$status" 0 && grep -qx 0 <<<"$output" || { echo "$output$stderr"; return 1; }
}
