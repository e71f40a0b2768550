#!/usr/bin/env bats
# The main job, end to end: what was pulled runs as the ordinary user.
load ../lab/bats

@test "python3 with numpy runs from the pulled image" {
	needs_debian
	pull lab/numpy:1
	worked
	run --separate-stderr berth exec out.sif python3 -c 'import numpy, os
print(numpy.arange(10).sum(), os.getuid())'
	worked
	[ "$output" = "45 $(id -u)" ]
}

@test "the image's environment and program are those of its config" {
	pull lab/busybox:1
	worked
	[ "$(berth exec out.sif sh -c 'echo $GREETING')" = hello ]
	[ "$(berth run out.sif)" = "hello from a layer" ]
	[ "$(berth run out.sif echo other)" = other ]
}

@test "exec and run take a docker:// URI, and ask for no layer twice" {
	fault '[]'
	export SSL_CERT_FILE=$LAB_CA
	run --separate-stderr berth exec "docker://localhost:$FAULT/lab/busybox:1" cat /etc/hello
	worked
	[ "$output" = "hello from a layer" ]
	: >"$FAULT_LOG"
	run --separate-stderr berth run "docker://localhost:$FAULT/lab/busybox:1"
	worked
	[ "$output" = "hello from a layer" ]
	[ "$(requests '.path | test("/blobs/")')" = 0 ]
	tidy
}

@test "the status is the program's" {
	pull lab/busybox:1
	run berth exec out.sif sh -c 'exit 42'
	[ "$status" = 42 ]
	run -127 berth exec out.sif /no/such/program
	run -126 berth exec out.sif /etc/hello
	run berth exec none.sif true
	[ "$status" = 125 ]
}

@test "entrypoint and command with quotes and blanks are passed as they are" {
	pull lab/corpus:1
	worked
	berth inspect --json out.sif | jq -e '.type == "container"'
	run --separate-stderr berth inspect -r out.sif
	worked
	run --separate-stderr berth inspect out.sif
	[[ $output = *org.example.a* ]]
}

@test "the store's owner alone reads the store's directory" {
	pull lab/busybox:1
	worked
	[ "$(stat -c %U "$CACHE")" = "$(id -un)" ]
}

@test "--oci-compat starts Entrypoint, Env and Cmd as the image has them" {
	pull lab/busybox:1
	worked
	run --separate-stderr berth run --oci-compat out.sif
	[ "$status" = 0 ] && [ "$output" = "hello from a layer" ] || { echo "$stderr"; return 1; }
	run --separate-stderr env HOSTVAR=1 "$BERTH" exec --oci-compat --env 'LITERAL=$HOME' out.sif /bin/sh -c \
		'echo "$PATH|$GREETING|$LITERAL|$HOSTVAR|$(pwd)|${APPTAINER_NAME-none}"'
	[ "$output" = '/bin:/usr/bin|hello|$HOME||/|none' ] || { echo "$output $stderr"; return 1; }
}

@test "a configuration is read once by all that a URI needs" {
	export SSL_CERT_FILE=$LAB_CA
	openssl genpkey -algorithm ed25519 2>/dev/null | openssl pkey -pubout -out key.pub
	# A pipe gives its text to one reader, and nothing to the next.
	once() {
		rm -f conf && mkfifo conf && exec 9<>conf 8<conf && printf '%s\n' "$1" >conf && exec 9>&-
	}
	once "verify key = * $WORK/key.pub"
	run --separate-stderr berth -c conf exec "docker://localhost:$LAB_OPEN/lab/busybox:1" true
	fails "busybox:1 is not signed, and \"verify key\" of conf:1 .* asks" keeps
	once "verify key = * $WORK/key.pub"
	run --separate-stderr berth -c conf pull out.sif "docker://localhost:$LAB_OPEN/lab/busybox:1"
	fails "busybox:1 is not signed, and \"verify key\" of conf:1 .* asks" keeps
	exec 8<&-
}

@test "an image that is a URI starts where the URI, or the store, is listed" {
	fault '[]'
	export SSL_CERT_FILE=$LAB_CA
	uri=docker://localhost:$FAULT/lab/busybox:1
	echo "limit container paths = /apps, docker://localhost:$FAULT/other" >conf
	run --separate-stderr berth -c conf exec "$uri" true
	fails "$uri: it would lie in the store $CACHE, and neither that nor the URI is listed; conf:1 says" keeps
	[ "$(requests true)" = 0 ]
	echo "limit container paths = /apps, docker://localhost:$FAULT/lab" >conf
	run --separate-stderr berth -c conf exec "$uri" cat /etc/hello
	worked
	[ "$output" = "hello from a layer" ]
	echo "limit container paths = $BATS_TEST_TMPDIR/cache" >conf
	run --separate-stderr berth -c conf exec "$uri" cat /etc/hello
	worked
	[ "$output" = "hello from a layer" ]
}
