# Applications in an image (SCIF), and images as Apptainer writes them: scripts below /.singularity.d.
load kernel

# A tree as Apptainer's build leaves one, packed: $APPS.
apptainer_image() {
	local tree=$BATS_TEST_TMPDIR/tree s=$BATS_TEST_TMPDIR/tree/.singularity.d app
	cp -a "$DIR" "$tree"
	mkdir -p "$s/env" "$tree/scif/apps/foo/scif" "$tree/scif/apps/foo/bin"
	printf '#!/bin/sh\n\necho "runscript $*"\n' >"$s/runscript"
	printf '#!/bin/sh\n\necho testing; exit 3\n' >"$s/test"
	printf 'Use it well.\n' >"$s/runscript.help"
	printf '#!/bin/sh\n\necho "started $*"; exec sleep 100\n' >"$s/startscript"
	printf 'bootstrap: docker\nfrom: base\n' >"$s/Singularity"
	printf '{"org.label-schema.schema-version":"1.0","MAINTAINER":"ada"}\n' >"$s/labels.json"
	printf '#!/bin/sh\n' >"$s/env/01-base.sh"
	printf '#!/bin/sh\n# Custom environment shell code should follow\n\nexport LIVE=1\n' >"$s/env/90-environment.sh"
	cat >"$s/env/95-apps.sh" <<-'END'
		#!/bin/sh
		if test -n "${SINGULARITY_APPNAME:-}"; then
		    export SINGULARITY_APPNAME
		    if test -d "/scif/apps/${SINGULARITY_APPNAME:-}/"; then
		        SCIF_APPROOT="/scif/apps/${SINGULARITY_APPNAME:-}"
		        export SCIF_APPROOT
		        PATH="/scif/apps/${SINGULARITY_APPNAME:-}/bin:$PATH"
		        . "/scif/apps/${SINGULARITY_APPNAME:-}/scif/env.sh"
		        export PATH
		    fi
		fi
	END
	echo 'export APPVAR=app' >"$tree/scif/apps/foo/scif/env.sh"
	printf '#!/bin/sh\n\necho "app $APPVAR $SCIF_APPROOT $*"\n' >"$tree/scif/apps/foo/scif/runscript"
	printf '#!/bin/sh\necho tool\n' >"$tree/scif/apps/foo/bin/tool"
	printf 'Solves it.\n' >"$tree/scif/apps/foo/scif/runscript.help"
	printf '{"VERSION":"7"}\n' >"$tree/scif/apps/foo/scif/labels.json"
	mkdir "$tree/scif/apps/bar" "$tree/scif/apps/bar/scif" "$tree/scif/apps/empty"
	chmod -R a+rx "$s" "$tree/scif"
	TREE=$tree
	APPS=$BATS_TEST_TMPDIR/apps.sqfs
	mksquashfs "$tree" "$APPS" -comp gzip -all-root -quiet -no-progress
}

# Its SIF files: $SIF as years ago, the recipe and the partition; $SIF_JSON with the metadata too.
apptainer_sif() {
	local arch=2
	[ "$(uname -m)" != aarch64 ] || arch=4
	SIF=$BATS_TEST_TMPDIR/old.sif SIF_JSON=$BATS_TEST_TMPDIR/apps.sif
	jq -nc '{data: {attributes: {
		apps: {foo: {helpfile: "Solves it.", labels: {VERSION: "7"}, runscript: "#!/bin/sh"}, bar: {}},
		labels: {MAINTAINER: "ada"}, helpfile: "Use it well.",
		deffile: "bootstrap: docker\nfrom: base"}}, type: "container"}' >inspect-metadata.json
	for name in "$SIF" "$SIF_JSON"; do
		berth sif new "$name"
		berth sif add --datatype 1 --groupid 1 "$name" "$TREE/.singularity.d/Singularity"
		[ "$name" = "$SIF" ] || berth sif add --datatype 6 --groupid 1 "$name" inspect-metadata.json
		berth sif add --datatype 4 --partfs 1 --parttype 2 --partarch $arch --groupid 1 "$name" "$APPS"
	done
}

# The image as $IMG, in each way that it is kept.
each_kind() {
	apptainer_image
	apptainer_sif
	for IMG in "$APPS" "$TREE" "$SIF" "$SIF_JSON"; do
		printf 'with the image %s\n' "$IMG"
		"$@"
	done
}

actions() {
	run --separate-stderr berth run "$IMG" one 'two words'
	same "$output" "runscript one two words" || { echo "$stderr"; return 1; }
	run --separate-stderr berth test "$IMG"
	same "$status $output" "3 testing" || return 1
	run --separate-stderr berth exec "$IMG" sh -c 'echo "$LIVE[$SCIF_APPROOT]"'
	same "$output" "1[]"
}

@test "apps: run, test and the environment of an image that Apptainer wrote" { each_kind actions; }

start_script() {
	berth instance start "$IMG" apps a b 3>&-
	until_is 10 grep -qx "started a b" "$HOME"/.berth/instances/logs/*/*/apps.out
	same "$(berth exec instance://apps sh -c 'echo $LIVE')" 1
	berth instance stop apps
	rm -r "$HOME/.berth"
}

@test "apps: instance start runs the startscript that Apptainer wrote" {
	export HOME=$BATS_TEST_TMPDIR/home
	mkdir "$HOME"
	each_kind start_script
}

inspection() {
	same "$(berth inspect --list-apps "$IMG")" $'bar\nfoo'
	same "$(berth inspect "$IMG" | grep MAINTAINER)" "MAINTAINER: ada"
	same "$(berth inspect --app foo "$IMG")" "VERSION: 7"
	same "$(berth inspect -H --app foo "$IMG")" "Solves it."
	same "$(berth inspect -d "$IMG")" $'bootstrap: docker\nfrom: base'
	same "$(berth inspect -j --app foo "$IMG" | jq -c .)" \
		'{"data":{"attributes":{"apps":{"foo":{"labels":{"VERSION":"7"}}}}},"type":"container"}'
	same "$(berth inspect -j --app foo --list-apps "$IMG" | jq -c '.data.attributes | keys, (.apps | keys)' | tr '\n' ' ')" \
		'["apps"] ["bar","foo"] '
	# What spython reads: attributes and type.
	berth inspect --all --app nosuch "$IMG" | jq -e '.type == "container" and (.data.attributes |
		.labels.MAINTAINER == "ada" and (.helpfile | startswith("Use it well.")) and
		(.deffile | contains("from: base")) and (.apps.foo.helpfile | startswith("Solves it.")) and .apps.bar == {})'
	same "$(berth run-help "$IMG")" "Use it well."
	same "$(berth run-help --app foo "$IMG")" "Solves it."
	same "$(berth run-help --app bar "$IMG")" "No help sections were defined for this image"
	run --separate-stderr berth inspect --app nosuch "$IMG"
	fails 125 'the image has no application "nosuch" \(it has: bar, foo\)'
	run --separate-stderr berth run-help --app nosuch "$IMG"
	fails 125 'the image has no application "nosuch"'
}

@test "apps: inspect and run-help know an image and its applications" { each_kind inspection; }

@test "apps: an image without applications or help says so" {
	same "$(berth inspect --list-apps "$SQ")" ""
	same "$(berth run-help "$SQ")" "No help sections were defined for this image"
	run --separate-stderr berth inspect --app x "$SQ"
	fails 125 'the image has no application "x" \(it has none\)'
	run --separate-stderr berth run-help nosuch.sif
	fails 125 'nosuch.sif'
}

@test "apps: --app runs the application with its environment" {
	apptainer_image
	run --separate-stderr berth run --app foo "$APPS" x
	same "$output" "app app /scif/apps/foo x" || { echo "$stderr"; return 1; }
	run --separate-stderr berth exec --app foo "$APPS" tool
	same "$output" tool || { echo "$stderr"; return 1; }
	run --separate-stderr berth run --app nosuch "$APPS"
	fails 125 'the image has no application "nosuch"' || return 1
	run --separate-stderr berth test --app foo "$APPS"
	fails 125 'the application foo of the image has no test' || return 1
	run --separate-stderr berth run --app ../../etc "$APPS"
	fails 125 'the image has no application'
}

@test "apps: an image without a test has nothing to fail" {
	run --separate-stderr berth test "$SQ"
	same "$status" 0 && [[ $stderr == *"no test script"* ]]
}
