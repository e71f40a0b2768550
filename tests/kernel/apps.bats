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
	chmod -R a+rx "$s" "$tree/scif"
	APPS=$BATS_TEST_TMPDIR/apps.sqfs
	mksquashfs "$tree" "$APPS" -comp gzip -all-root -quiet -no-progress
}

@test "apps: run, test and the environment of an image that Apptainer wrote" {
	apptainer_image
	run --separate-stderr berth run "$APPS" one 'two words'
	same "$output" "runscript one two words" || { echo "$stderr"; return 1; }
	run --separate-stderr berth test "$APPS"
	same "$status $output" "3 testing" || return 1
	run --separate-stderr berth exec "$APPS" sh -c 'echo "$LIVE[$SCIF_APPROOT]"'
	same "$output" "1[]"
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
