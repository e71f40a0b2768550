# Who one is inside, and how one ends: the image's User and StopSignal with --oci-compat, --security.
load kernel

setup() {
	kernel_setup
	me=$(id -u) mygroup=$(id -g)
	mkdir -p tree/srv/app && cp -r "$DIR"/{bin,etc,dev,proc,sys,tmp,home} tree/
	echo app:x:1234:1235:App:/srv/app:/bin/sh >>tree/etc/passwd
	printf 'own:x:1235:\nlog:x:44:app\n' >>tree/etc/group
	mksquashfs tree root.sqfs -all-root -quiet -no-progress -noappend
}

# image USER [STOPSIGNAL]: app.sif whose configuration says so.
image() {
	local arch
	case $(uname -m) in x86_64) arch=2 ;; *) arch=4 ;; esac
	rm -f app.sif
	printf '{"User":"%s","StopSignal":"%s","Entrypoint":["/bin/id"]}' "$1" "${2:-}" >oci-config.json
	berth sif new app.sif
	berth sif add --datatype 6 --groupid 1 app.sif oci-config.json
	berth sif add --datatype 4 --partfs 1 --parttype 2 --partarch $arch --groupid 1 app.sif root.sqfs
}

@test "--oci-compat runs as the image's User, with its name and home" {
	image app:own
	same "$(berth run --oci-compat app.sif)" "uid=1234(app) gid=1235(own) groups=65534(nogroup),1235(own)" ||
		same "$(berth run --oci-compat app.sif)" "uid=1234(app) gid=1235(own) groups=1235(own)"
	same "$(berth exec --oci-compat app.sif sh -c 'echo $HOME; whoami; grep -c ^app: /etc/passwd')" $'/srv/app\napp\n1'
	# What it writes is the caller's.
	berth exec --oci-compat -B "$PWD:/out" app.sif sh -c 'echo >/out/made; stat -c %u:%g /out/made' >seen
	same "$(cat seen) $(stat -c %u:%g made)" "1234:1235 $me:$mygroup"
	# Without the option, and with -H, as ever.
	same "$(berth run app.sif -u)" "$me"
	mkdir mine
	same "$(berth exec --oci-compat -H "$PWD/mine:/mine" app.sif sh -c 'echo $HOME')" /mine
}

@test "--oci-compat: numbers, further groups, fakeroot, a name that is not there" {
	image 4000
	same "$(berth run --oci-compat app.sif -u) $(berth run --oci-compat app.sif -g)" "4000 0"
	image app
	run --separate-stderr berth run --oci-compat app.sif -u
	same "$output" 1234
	[[ $stderr = *"in the groups log, too"* ]] || { echo "$stderr"; return 1; }
	run --separate-stderr berth run --oci-compat --fakeroot app.sif -u
	same "$output" 0
	[[ $stderr = *"as root, not as the image's User app"* ]] || { echo "$stderr"; return 1; }
	image ghost
	run --separate-stderr berth run --oci-compat app.sif
	fails 125 'User ghost of the image: its /etc/passwd has no user ghost'
	berth run app.sif
}

numbers() {
	same "$(berth exec --security uid:1234 "$IMG" id -u)" 1234
	same "$(berth exec --security uid:77,gid:78 "$IMG" sh -c 'echo $(id -u) $(id -g) $HOME')" "77 78 $HOME"
	same "$(SINGULARITY_SECURITY=gid:9 "$BERTH" exec "$IMG" sh -c 'echo $(id -u) $(id -g)')" "$me 9"
	same "$(berth exec --security uid:0 "$IMG" id -un)" root
	run --separate-stderr berth exec --security gid:1:2 "$IMG" true
	fails 125 'more than one group takes root'
	run --separate-stderr berth exec --security apparmor:x "$IMG" true
	fails 125 'apparmor:x: a profile is chosen by the site'
	run --separate-stderr berth exec --fakeroot --security uid:1 "$IMG" true
	fails 125 'exclude each other'
}
@test "--security uid and gid are numbers for the caller; the rest is refused" { each_image numbers; }

# stopped_by ARG...: the signal that `instance stop` sent to an instance that was started with ARG...
stopped_by() {
	berth instance start "$@" -B "$PWD:/out" app.sif one 3>&-
	until_is 20 test -e ready
	berth instance stop ${STOP:-} one
	cat heard
	rm -f ready heard
}

@test "instance stop: the image's StopSignal with --oci-compat, INT without, --signal before both" {
	export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	mkdir -m 0700 "$HOME" "$XDG_RUNTIME_DIR"
	mkdir -p tree/.singularity.d
	cat >tree/.singularity.d/startscript <<-'S'
		#!/bin/sh
		for s in INT TERM USR1 USR2; do trap "echo $s >/out/heard; exit 0" $s; done
		echo >/out/ready
		while :; do sleep 0.1; done
	S
	chmod 755 tree/.singularity.d/startscript
	mksquashfs tree root.sqfs -all-root -quiet -no-progress -noappend
	image "" SIGUSR1
	same "$(stopped_by --oci-compat)" USR1
	same "$(stopped_by)" INT
	same "$(STOP="-s usr2" stopped_by --oci-compat)" USR2
	image ""
	same "$(stopped_by --oci-compat)" TERM
	image "" SIGNONE
	run --separate-stderr berth instance start --oci-compat app.sif one
	fails 125 'StopSignal SIGNONE of the image: no such signal'
	run --separate-stderr berth instance stop -s NONE --all
	fails 125 '--signal NONE: no such signal'
}
