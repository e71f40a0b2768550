# What people complain of with today's engines, where no other file here shows it: variables in any
# spelling without a word, nodes without runtime directories, a name or a file, the host's environment.
load kernel

# with PREFIX NAME=VALUE... -- BERTH-WORDS...: each variable as PREFIX_NAME.
with() {
	local prefix=$1 set=()
	shift
	while [ "$1" != -- ]; do set+=("${prefix}_$1"); shift; done
	shift
	env "${set[@]}" timeout -k 5 100 "$BERTH" "$@"
}

silent() {
	run --separate-stderr with "$@"
	same "$status" 0
	same "$stderr" "" || { printf 'with: %s\n' "$*"; return 1; }
}

every_spelling() {
	local p
	mkdir -p work home bound && echo A=b >envfile
	for p in BERTH APPTAINER SINGULARITY; do
		silent $p BIND="$PWD/bound:/mnt" BINDPATH="$PWD/bound:/opt" HOME="$PWD/home" PWD=/tmp NO_MOUNT=tmp \
			ENV_FILE="$PWD/envfile" NO_EVAL=1 NO_UMASK=1 IPC=1 UTS=1 HOSTNAME=box NO_INIT=1 \
			-- exec "$IMG" true
		silent $p CONTAIN=1 CLEANENV=1 NO_HOME=1 WORKDIR="$PWD/work" SCRATCH=/scr WRITABLE_TMPFS=1 CWD=/ NOENV=A \
			PID=1 NV_OFF=1 ROCM_OFF=1 SHELL=/bin/sh DISABLE_CACHE=1 NOHTTPS=1 PULL_ARCH=amd64 \
			-- exec "$IMG" true
		silent $p CONTAINALL=1 COMPAT=1 NET=1 NETWORK=none UNSHARE_PID=1 UNSHARE_IPC=1 UNSHARE_NET=1 TARGET_PWD=/ \
			NO_PRIVS=1 DROP_CAPS=all TMPDIR="$PWD" CACHEDIR="$PWD/cache" DOCKER_USERNAME=a DOCKER_PASSWORD=b \
			-- exec "$IMG" true
		silent $p FAKEROOT=1 SCRATCHDIR=/scr -- exec "$IMG" true
		silent $p OVERLAY="$PWD/over.$p" -- exec "$IMG" true
	done
}
@test "variables in each of the three spellings say nothing" {
	IMG=$SQ
	mkdir over.{BERTH,APPTAINER,SINGULARITY}
	every_spelling
}

@test "two spellings that agree say nothing, two that do not are named once" {
	run --separate-stderr env APPTAINER_PWD=/tmp SINGULARITY_PWD=/tmp timeout 60 "$BERTH" exec "$DIR" pwd
	same "$output$stderr" /tmp
	run --separate-stderr env APPTAINER_PWD=/tmp SINGULARITY_PWD=/ timeout 60 "$BERTH" exec "$DIR" pwd
	same "$output" /tmp
	same "$(grep -c 'SINGULARITY_PWD' <<<"$stderr")" 1
}

# A compute node: no runtime directory, no home, no variables; /run cannot be written to.
@test "a node with a read-only /run and neither HOME nor XDG_RUNTIME_DIR" {
	for IMG in "$SQ" "$DIR"; do
		run --separate-stderr unshare -Urm sh -c 'mount -t tmpfs -o ro none /run && shift && exec env -i ASAN_OPTIONS="$ASAN_OPTIONS" \
			PATH="$PATH" TMPDIR="$PWD" sh -c '\''
				"$1" exec "$2" cat /etc/hello
				"$1" exec --writable-tmpfs --pid "$2" sh -c "echo w >/w; cat /w"
				"$1" -q instance start "$2" node && "$1" exec instance://node echo joined
				"$1" -q instance stop node'\'' - "$@"' - - "$BERTH" "$IMG"
		same "$output" $'hello from the image\nw\njoined'
		same "$stderr" ""
	done
}

@test "an existing file is no registry's name; a missing one is told both readings" {
	cp "$SQ" app.sqsh
	cp "$SQ" debian:12
	same "$(berth exec app.sqsh cat /etc/hello)" "hello from the image"
	same "$(berth exec debian:12 cat /etc/hello)" "hello from the image"
	run --separate-stderr berth exec gone.sqsh true
	fails 125 'gone.sqsh: no such file; an image of a registry is written docker://gone.sqsh'
	rm app.sqsh debian:12
}
