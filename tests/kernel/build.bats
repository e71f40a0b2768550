# Definition files become images: sections, stages, apps, templates, errors, cache.
load kernel
load build

setup() {
	kernel_setup
	build_setup
}

@test "each section of a definition file does what it says" {
	echo data >data.txt
	def <<-END
		Bootstrap: localimage
		From: $SQ

		%pre
		    echo pre >pre.out
		%setup
		    mkdir "\$APPTAINER_ROOTFS/opt/from-setup"
		%files
		    data.txt /opt/data
		    data.txt /opt/dir/
		%post
		    id -u
		    cat /opt/data
		    test -d /opt/from-setup
		    touch /opt/owned /opt/setuid
		    chown 1234:42 /opt/owned
		    chmod 4755 /opt/setuid
		    mknod /opt/null c 1 3
		    echo 'export FROM_POST=p1' >>\$APPTAINER_ENVIRONMENT
		    echo 'posted two words' >>\$APPTAINER_LABELS
		%environment
		    export FROM_ENV="e 1"
		%labels
		    Author Ada L.
		%help
		    How to use it.
		%runscript
		    echo "run \$# \$1 \$FROM_ENV \$FROM_POST"
		%startscript
		    echo started
		%test
		    test -u /opt/setuid
	END
	build
	built
	[[ $output = *"0"*"data"* ]]
	same "$(cat pre.out)" pre
	same "$(lists /opt/owned)" "-rw-r--r-- 1234/42"
	same "$(lists /opt/setuid)" "-rwsr-xr-x 0/0"
	same "$(lists /opt/null)" "crw-r--r-- 0/0"
	same "$(lists /opt/dir/data.txt)" "-rw-r--r-- 0/0"
	same "$(lists /.post.script)$(lists /.build.labels)$(lists /.berth-owners)" ""
	same "$(berth run x.sif 'a b')" "run 1 a b e 1 p1"
	berth test x.sif
	same "$(attribute labels.Author)" "Ada L."
	same "$(attribute labels.posted)" "two words"
	same "$(attribute 'labels["org.label-schema.usage.singularity.deffile.bootstrap"]')" localimage
	same "$(attribute 'labels["org.label-schema.schema-version"]')" 1.0
	same "$(attribute helpfile)" "    How to use it."
	same "$(attribute startscript)" "$(printf '#!/bin/sh\n\n    echo started')"
	[[ $(attribute deffile) = "Bootstrap: localimage"* ]]
	same "$(lists /singularity)" "lrwxrwxrwx 0/0"
	same "$(berth exec x.sif readlink /environment)" .singularity.d/env/90-environment.sh
}

@test "the SIF holds recipe, metadata and partition in the usual order" {
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    true
	END
	build
	built
	python3 - <<-'END'
		import json, struct
		f = open("x.sif", "rb").read()
		assert f[32:42] == b"SIF_MAGIC\0"
		total, = struct.unpack_from("<q", f, 88)
		table, = struct.unpack_from("<q", f, 96)
		types = []
		for i in range(8):
		    t, used = struct.unpack_from("<iB", f, table + 585 * i)
		    if not used:
		        continue
		    off, size = struct.unpack_from("<qq", f, table + 585 * i + 4 + 1 + 4 + 4 + 4)
		    types.append((hex(t), f[off:off + size]))
		kinds = [t for t, _ in types]
		assert kinds == ["0x4001", "0x4006", "0x4004"], kinds
		assert types[0][1].startswith(b"Bootstrap: localimage\n"), types[0][1]
		doc = json.loads(types[1][1])
		assert doc["type"] == "container" and "deffile" in doc["data"]["attributes"]
	END
}

@test "a section's arguments choose the interpreter" {
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post -c /bin/busybox ash
		    echo "shell \$0"; set -o | grep -q xtrace; echo fine
		%runscript -e
		    #!/bin/sh
		    echo "own \$1"
	END
	build
	built
	[[ $output = *"shell /.post.script"*fine* ]]
	same "$(berth run x.sif z)" "own z"
	[[ $(berth exec x.sif head -n1 /.singularity.d/runscript) = "#!/bin/sh -e" ]]
}

@test "files come from an earlier stage with its links and bytes" {
	def <<-END
		Bootstrap: localimage
		From: $SQ
		Stage: make
		%post
		    mkdir /out && echo made >/out/a && ln -s a /out/b && ln -s out/a /named
		    echo keep >/out/tool && chmod 755 /out/tool

		Bootstrap: localimage
		From: $SQ
		Stage: final
		%files from make
		    /out /result
		    /named /followed
		    /out/t* /bin/
		%post
		    cat /result/a /followed; test -L /result/b; /bin/tool 2>/dev/null || true
	END
	build
	built
	same "$(lists /bin/tool)" "-rwxr-xr-x 0/0"
	same "$(lists /followed)" "-rw-r--r-- 0/0"
	same "$(lists /out)" ""
}

@test "apps have their place, environment, labels and install" {
	echo payload >payload
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%appinstall foo
		    echo '#!/bin/sh' >bin/foo; echo 'echo foo \$FOO' >>bin/foo; chmod 755 bin/foo
		    test "\$SCIF_APPROOT" = /scif/apps/foo
		%appenv foo
		    export FOO=bar
		%apprun foo
		    exec foo
		%applabels foo
		    Version 2
		%apphelp foo
		    foo's help
		%appfiles foo
		    payload
		    payload sub/p
		%apptest foo
		    true
		%apprun other
		    echo other
	END
	build
	built
	same "$(attribute 'apps.foo.labels.Version')" 2
	same "$(attribute 'apps.foo.helpfile')" "    foo's help"
	same "$(attribute 'apps | keys | join(",")')" foo,other
	same "$(berth exec x.sif cat /scif/apps/foo/payload /scif/apps/foo/sub/p)" "$(printf 'payload\npayload')"
	same "$(berth exec x.sif sh -c 'SINGULARITY_APPNAME=foo; . /.singularity.d/env/95-apps.sh; foo')" "foo bar"
	same "$(lists /scif/data/foo/output)" "drwxr-xr-x 0/0"
}

@test "templates take build arguments, files of them and defaults" {
	printf '# args\nWHO=file\n' >args
	def <<-END
		Bootstrap: localimage
		From: {{ BASE }}
		%arguments
		    WHO=nobody
		    GREETING=hello {{ WHO }}
		%post
		    echo "{{ GREETING }}!"
	END
	build --build-arg "BASE=$SQ"
	built
	[[ $output = *"hello nobody!"* ]]
	build --build-arg "BASE=$SQ" --build-arg-file args
	built
	[[ $output = *"hello file!"* ]]
	rm -f x.sif
	build --build-arg "BASE=$SQ" --build-arg OTHER=1
	refused "build arguments that nothing uses: OTHER"
	build --build-arg "BASE=$SQ" --build-arg OTHER=1 --warn-unused-build-args
	built
	rm -f x.sif
	build
	refused 'x.def:2: \{\{ BASE \}\} has no value; give --build-arg BASE='
}

@test "mistakes in a recipe are named with file and line" {
	def <<<'Bootstrap: dcoker'
	build
	refused 'x.def:1: unknown bootstrap agent "dcoker" \(did you mean docker\?\)'
	printf 'Bootstrap: localimage\nFrom: %s\n%%psot\n' "$SQ" >x.def
	build
	refused 'x.def:3: unknown section %psot \(did you mean %post\?\)'
	printf 'Bootstrap: localimage\nFrom: %s\n%%files\nnothing-here /x\n' "$SQ" >x.def
	build
	refused 'line 4: no such file: nothing-here'
	printf 'Bootstrap: localimage\nFrom: none.sif\n' >x.def
	build
	refused 'none.sif: No such file'
	head -c 3000 /dev/urandom >x.def
	build
	refused 'x.def'
	rm x.def
	build
	refused 'x.def: No such file'
}

@test "a step that fails says its line, status and last words, and leaves nothing" {
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    echo something is wrong here
		    exit 17
	END
	build
	refused 'line 3: %post failed with exit status 17; the last lines: .*something is wrong here'
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    kill -KILL \$\$
	END
	build
	refused 'was killed by SIGKILL'
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%test
		    false
	END
	build
	refused '%test failed with exit status 1'
	build --notest
	built
}

@test "what a step leaves running ends with it" {
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    (setsid sleep 4242 &) ; (sleep 4243 & exit 0) ; echo forked
	END
	build
	built
	not pgrep -u "$(id -u)" -f 'sleep 424[23]'
}

@test "links of a base image cannot lead a build out of it" {
	cp -r "$DIR" evil
	ln -s / evil/opt/host
	ln -s "$PWD" evil/opt/here
	rm -rf evil/srv && ln -s ../../../../../../.. evil/srv
	echo harmless >f
	printf 'Bootstrap: localimage\nFrom: evil\n%%files\n f /opt/here/escaped\n' >x.def
	build
	refused '/opt/here of the image is a link that leads nowhere'
	def <<-END
		Bootstrap: localimage
		From: evil
		%files
		    f /opt/host/escaped
		    f /srv/upward
		%post
		    cat /escaped /upward
	END
	build
	built
	[ ! -e /escaped ]
	[ ! -e escaped ]
	[ ! -e /upward ]
	same "$(lists /escaped)" "-rw-r--r-- 0/0"
	rm -rf evil/etc && ln -s / evil/etc
	rm -f x.sif
	build
	[ ! -e /resolv.conf ] && [ ! -e /hosts ]
}

@test "a step that was done comes from the store, up to the first change" {
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%files
		    input /opt/input
		%post
		    echo ran-post; cat /opt/input; rm -r /opt/many; chown 7:8 /etc/hello
	END
	echo 1 >input
	build
	built
	mv x.sif first.sif
	build
	built
	[[ $stderr = *"all steps are in the store"* ]]
	not grep -q ran-post <<<"$output"
	cmp x.sif first.sif
	# Only what follows from the steps, not the time of the build, when the recipe's end changes.
	printf '%%labels\n    New label\n' >>x.def
	build
	built
	[[ $stderr = *"%post: from the store"* ]]
	not grep -q ran-post <<<"$output"
	same "$(lists /etc/hello)" "-rw-r--r-- 7/8"
	same "$(lists /opt/many)" ""
	same "$(lists /opt/input)" "-rw-r--r-- 0/0"
	echo 2 >input
	build
	built
	[[ $output = *ran-post*2* ]]
	build --no-cache
	built
	[[ $output = *ran-post* ]]
	build --disable-cache
	built
	[[ $output = *ran-post* ]]
}

@test "the same recipe and epoch give the same bytes" {
	export SOURCE_DATE_EPOCH=1700000000
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    date >/dev/null; echo x >/opt/x; mkdir /opt/d; chown 5 /opt/d
		%runscript
		    true
	END
	build --disable-cache
	built
	mv x.sif one.sif
	sleep 1.1
	build --disable-cache
	built
	cmp x.sif one.sif
	same "$(attribute 'labels["org.opencontainers.image.created"]')" 2023-11-14T22:13:20Z
}

# As build, saying what it does.
loud() { run --separate-stderr berth --debug build -F "$@" x.sif x.def; }

@test "blocks of the last image from the same base are taken over, and change no byte" {
	export SOURCE_DATE_EPOCH=1700000000
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    echo 1 >/opt/aaa
	END
	build
	built
	sed -i 's/echo 1/echo other/' x.def
	loud
	built
	[[ $stderr = *"blocks of image-"*"are used"* ]]
	mv x.sif one.sif
	loud --disable-cache
	built
	[[ $stderr != *"blocks of image-"* ]]
	cmp x.sif one.sif
	# A store that is damaged costs time and nothing else.
	for note in "$BERTH_CACHEDIR"/v1/blocks/image-*; do echo nonsense >"$note"; done
	for i in "$BERTH_CACHEDIR"/v1/sif/image-*; do rm -r "$i"; done
	loud
	built
	[[ $stderr != *"blocks of image-"* ]]
	cmp x.sif one.sif
}

@test "a build that is killed at any moment leaves nothing half-made, and nothing false in the store" {
	export SOURCE_DATE_EPOCH=1700000000
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%files
		    input /opt/input
		%post
		    head -c 4000000 /dev/urandom >/tmp/noise; rm /tmp/noise
		    yes | head -c 9000000 >/opt/much; chown 7:8 /opt/much; touch -d @1600000000 /opt/much
	END
	echo 1 >input
	build --disable-cache
	built
	mv x.sif want.sif
	for delay in 0.05 0.15 0.3 0.5 0.8 1.2; do
		"$BERTH" build -F x.sif x.def >out 2>err 3>&- &
		local pid=$!
		sleep $delay
		kill -KILL $pid || true
		wait $pid || true
		[ ! -e x.sif ] || cmp x.sif want.sif
		rm -f x.sif
	done
	build
	built
	cmp x.sif want.sif
	# What a killed one had started may go on for a moment, and make a file where one is being removed.
	nothing_left() { build && built && [ -z "$(find . "$BERTH_CACHEDIR/v1/tmp" -maxdepth 1 -name '*.part' -o -name '.berth-*' -o -name '*.copy')" ]; }
	until_is 30 nothing_left
}

@test "a sandbox keeps its owners, and becomes an image again" {
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    chown 11:12 /etc/hello; mknod /opt/zero c 1 5; chown 13:14 /
	END
	run --separate-stderr berth build --sandbox box x.def
	built
	[ -f box/opt/zero ]
	[ -s box/.berth-owners ]
	same "$(find . -maxdepth 1 -name '.berth-*' | wc -l)" 0
	run --separate-stderr berth build --sandbox box x.def
	same "$status" 125
	[[ $stderr = *"box exists already; -F replaces it, --update goes on in it"* ]]
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    stat -c %u:%g /etc/hello; touch /opt/updated
	END
	run --separate-stderr berth build --sandbox --update box x.def
	built
	[[ $output = *11:12* ]]
	run --separate-stderr berth build x.sif box
	built
	same "$(lists /etc/hello)" "-rw-r--r-- 11/12"
	same "$(lists /opt/zero)" "crw-r--r-- 0/0"
	same "$(lists /opt/updated)" "-rw-r--r-- 0/0"
	same "$(lists "")" "drwxr-xr-x 13/14"
	same "$(lists /.berth-owners)" ""
}

@test "a build that is killed leaves no output, and the next one goes on from its steps" {
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%files
		    input /opt/input
		%post
		    sleep 4245 & echo waiting; while [ ! -e /bind/go ]; do sleep 0.1; done
	END
	echo 1 >input
	mkdir bind
	"$BERTH" build -B "$PWD/bind" -B "$PWD/bind:/bind" x.sif x.def >out 2>err 3>&- &
	local pid=$!
	until_is 30 grep -q waiting out
	kill -KILL $pid
	wait $pid || true
	[ ! -e x.sif ]
	until_is 30 not pgrep -u "$(id -u)" -f 'sleep 4245'
	touch bind/go
	build -B "$PWD/bind" -B "$PWD/bind:/bind"
	built
	[[ $stderr = *"%files: from the store"* ]]
	# What the killed one left is gone, with what it had started.
	same "$(find . -maxdepth 1 -name '.berth-*' | wc -l)" 0
}

@test "Ctrl-C ends the step and leaves nothing" {
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    echo waiting; sleep 4244
	END
	"$BERTH" build x.sif x.def >out 2>err 3>&- &
	local pid=$!
	until_is 30 grep -q waiting out
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	same "$status" 125
	grep -q 'stopped by SIGTERM' err
	[ ! -e x.sif ]
	[ -z "$(find . -maxdepth 1 -name '.berth-*')" ]
	not pgrep -u "$(id -u)" -f 'sleep 4244'
}

@test "--dry-run prints the steps and builds nothing" {
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    true
	END
	run --separate-stderr berth build --dry-run x.sif x.def
	built
	same "$(jq -r '.stages[0].steps[0].title' <<<"$output")" "%post"
	[ ! -e x.sif ]
}

@test "--json is one line of result, and what steps say goes to stderr" {
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    echo said by post
	END
	build --json
	built
	same "$(wc -l <<<"$output")" 1
	same "$(jq -r '[.format, .from_store, .steps, .steps_from_store, .bytes] | join(" ")' <<<"$output")" \
		"sif false 1 0 $(stat -c %s x.sif)"
	same "$(jq -r .output <<<"$output")" "$PWD/x.sif"
	[[ $stderr = *"said by post"* ]]
	build --json
	same "$(jq -r .from_store <<<"$output")" true
	echo '{"header": {}}' >x.def
	rm x.sif
	build
	refused 'x.def: definition files in JSON are not read'
}

@test "--bind and --mount are there while steps run, and leave no trace" {
	mkdir lent && echo lent >lent/f
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    cat /new/a/f /mnt/f; ! touch /new/a/x
	END
	build --mount "type=bind,src=$PWD/lent,dst=/new/a,ro" -B "$PWD/lent:/mnt"
	built
	[[ $output = *lent*lent* ]]
	same "$(lists /new)" ""
	rm x.sif
	build --mount type=bind,src=/nowhere-at-all,dst=/x
	refused 'bind /nowhere-at-all: No such file'
	build --mount "type=bind,src=$SQ,dst=/x,image-src=/"
	refused 'a build binds no images'
	build --mount type=tmpfs,dst=/x
	refused '--mount'
}

@test "a build keeps the store's size, but what was used a moment ago stays" {
	printf 'Bootstrap: localimage\nFrom: %s\n%%post\n    echo ran\n' "$SQ" >x.def
	BERTH_CACHE_MAX_SIZE=much build
	built
	[[ $stderr = *'BERTH_CACHE_MAX_SIZE is "much"'* ]]
	BERTH_CACHE_MAX_SIZE=1K build --no-cache
	built
	build
	[[ $stderr = *"all steps are in the store"* ]]
}

# in_space SIZE DIR COMMAND...: with a file system of its own over DIR.
in_space() {
	unshare -Urm sh -euc 'mount -t tmpfs -o "size=$0,mode=1777" tmpfs "$1"; cd "$1"; shift; exec "$@"' "$@"
}

@test "a full disk is said, and nothing is left; a build needs no temporary directory" {
	unshare -Urm true 2>/dev/null || skip "this machine makes no user namespaces"
	mkdir small
	printf 'Bootstrap: localimage\nFrom: %s\n%%post\n    head -c 30000000 /dev/urandom >/opt/big\n' "$SQ" >x.def
	# Where the stages are is full.
	run --separate-stderr in_space 8m "$PWD/small" sh -c \
		'"$0" build x.sif "$1" >&2 || { s=$?; ls -A; exit $s; }' "$BERTH" "$PWD/x.def"
	same "$status" 125
	[[ $stderr = *"No space left on device"* ]]
	same "$output" ""
	# Where the output goes is full; the store has the step, the next build goes on from it.
	mkdir stages
	run --separate-stderr in_space 8m "$PWD/small" sh -c \
		'"$0" build --tmpdir "$2" x.sif "$1" >&2 || { s=$?; ls -A; exit $s; }' "$BERTH" "$PWD/x.def" "$PWD/stages"
	same "$status" 125
	[[ $stderr = *"No space left on device"* ]]
	same "$output" ""
	same "$(ls -A stages)" ""
	build
	built
	[[ $stderr = *"%post: from the store"* ]]
	rm x.sif
	TMPDIR=/nowhere build --no-cache
	built
}

@test "names with newlines and other bytes, and output without end of line, are as any" {
	printf 'from host' >$'new\nline'
	def <<-'END'
		Bootstrap: localimage
		From: SQUASH
		%files
		    new?line /opt/
		%post
		    cd /opt; printf 'x' >"$(printf 'a\nb\tc\377')"; chown 7 a*
		    mkdir "$(printf 'd\nx')"; yes endless | head -c 3000000
	END
	sed -i "s,SQUASH,$SQ," x.def
	build
	built
	[ "${#output}" -ge 3000000 ]
	same "$(berth exec x.sif sh -c 'cat /opt/new?line; cat /opt/a*; test -d /opt/d?x && echo dir')" "from hostxdir"
	rm "$BERTH_CACHEDIR"/v1/sif/image-*/* -f
	build
	built
	[[ $stderr = *"%post: from the store"* ]]
	same "$(berth exec x.sif sh -c 'cat /opt/new?line')" "from host"
}

@test "squashfuse shows the built image as Berth does" {
	command -v squashfuse >/dev/null || skip "no squashfuse"
	unshare -Urm true 2>/dev/null || skip "this machine makes no user namespaces"
	def <<-END
		Bootstrap: localimage
		From: $SQ
		%post
		    echo built >/opt/built; ln -s built /opt/link; chmod 600 /opt/built
	END
	build
	built
	mkdir mnt
	same "$(unshare -Urm sh -euc 'squashfuse -o offset=$0 x.sif mnt >/dev/null; cat mnt/opt/link
		stat -c %a mnt/opt/built; umount mnt' "$(squashfs_offset x.sif)")" "$(printf 'built\n600')"
	same "$(berth exec x.sif cat /opt/link)" built
}
