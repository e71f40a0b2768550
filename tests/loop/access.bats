#!/usr/bin/env bats
# Who the user is at a registry, and which places a name leads to.
load ../lab/bats

reg() { run --separate-stderr berth registry "$@"; }
conf() {
	export CONTAINERS_REGISTRIES_CONF=$WORK/registries.conf
	cat >"$CONTAINERS_REGISTRIES_CONF"
}
get() { run --separate-stderr berth pull --tls-ca "$LAB_CA" "$@"; }

@test "a login is tried, kept with mode 0600, listed without its secret, and forgotten" {
	reg login -u alice --password-stdin --tls-ca "$LAB_CA" "docker://localhost:$LAB_BASIC" <<<wonderland
	worked
	[ "$(stat -c %a "$HOME/.berth/auth.json")" = 600 ]
	pull lab/busybox:1 "$LAB_BASIC"
	worked
	good_sif
	reg list
	[[ $output = *"docker://localhost:$LAB_BASIC"*alice* ]]
	[[ $output != *wonderland* ]]
	reg logout "docker://localhost:$LAB_BASIC"
	worked
	pull lab/busybox:1 "$LAB_BASIC" -F --disable-cache
	fails 'registry login' keeps
	reg login -u alice --password-stdin --tls-ca "$LAB_CA" "docker://localhost:$LAB_BASIC" <<<wrong
	[ "$status" = 125 ]
	[[ $stderr = *401* && $stderr != *wrong* ]]
	# Through tokens too.
	reg login -u alice --password-stdin --tls-ca "$LAB_CA" "oras://localhost:$LAB_TOKEN" <<<wonderland
	worked
	pull lab/busybox:1 "$LAB_TOKEN" -F
	worked
	reg login "docker://localhost:$LAB_BASIC" </dev/null
	[ "$status" = 125 ]
}

@test "credential helpers are asked, and their failure is quoted" {
	mkdir -p bin "$HOME/.docker"
	cat >bin/docker-credential-lab <<-'SH'
		#!/bin/sh
		read -r server
		echo "$1 $server" >>"$HOME/helper.calls"
		[ -z "$HELPER_FAILS" ] || { echo "the keyring is locked"; exit 1; }
		echo '{"ServerURL":"'"$server"'","Username":"alice","Secret":"wonderland"}'
	SH
	chmod +x bin/docker-credential-lab
	export PATH=$WORK/bin:$PATH
	echo '{"credHelpers":{"localhost:'"$LAB_BASIC"'":"lab"}}' >"$HOME/.docker/config.json"
	pull lab/busybox:1 "$LAB_BASIC"
	worked
	good_sif
	[ "$(sort -u "$HOME/helper.calls")" = "get localhost:$LAB_BASIC" ]
	HELPER_FAILS=1 pull lab/busybox:1 "$LAB_BASIC" -F --disable-cache
	[ "$status" = 125 ]
	[[ $stderr = *"docker-credential-lab: the keyring is locked"* ]]
}

@test "a login for a part of a registry beats the one for all of it" {
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"localhost:%s":{"auth":"%s"},"localhost:%s/lab":{"auth":"%s"}}}' \
		"$LAB_BASIC" "$(printf bob:no | base64)" "$LAB_BASIC" "$(printf alice:wonderland | base64)" \
		>"$HOME/.docker/config.json"
	pull lab/busybox:1 "$LAB_BASIC"
	worked
}

@test "a dead mirror costs one try, a living one serves, and the place itself comes last" {
	fault '[]'
	conf <<-EOF
		[[registry]]
		prefix = "reg.example/lab"
		location = "localhost:$LAB_OPEN/lab"
		[[registry.mirror]]
		location = "localhost:1/lab"
		[[registry.mirror]]
		location = "localhost:$FAULT/lab"
	EOF
	get out.sif docker://reg.example/lab/busybox:1
	worked
	good_sif
	[[ $stderr = *"localhost:1"*"trying localhost:$FAULT"* ]]
	[ "$(requests '.path | test("/blobs/")')" -ge 2 ]
	# A mirror that has only half of it: the rest comes from the place itself.
	echo '[{"re":"GET .*/blobs/", "skip":1, "do":"status", "arg":404}]' >"$FAULT_RULES"
	get -F --disable-cache out.sif docker://reg.example/lab/busybox:1
	worked
	good_sif
	# A mirror that lies is passed over.
	echo '[{"re":"GET .*/manifests/", "do":"digest", "arg":"sha256:'"$(printf 'a%.0s' {1..64})"'"}]' >"$FAULT_RULES"
	get -F --disable-cache out.sif docker://reg.example/lab/busybox:1
	worked
	good_sif
}

@test "what was typed for a registry is not sent to its mirror" {
	fault '[]'
	conf <<-EOF
		[[registry]]
		prefix = "reg.example/lab"
		location = "localhost:$LAB_BASIC/lab"
		[[registry.mirror]]
		location = "localhost:$FAULT/lab"
	EOF
	get --docker-username alice --docker-password wonderland out.sif docker://reg.example/lab/busybox:1
	worked
	[ "$(requests '.auth != ""')" = 0 ]
}

@test "a bare name follows the site's aliases and search list; docker:// does not" {
	conf <<-EOF
		unqualified-search-registries = ["localhost:1", "localhost:$LAB_OPEN"]
		[aliases]
		bb = "localhost:$LAB_OPEN/lab/busybox"
	EOF
	get out.sif bb:1
	worked
	good_sif
	get -F --disable-cache out.sif lab/busybox:1
	worked
	[[ $stderr = *"trying localhost:$LAB_OPEN"* ]]
}

@test "insecure and blocked are what registries.conf says, and nonsense in it is named" {
	conf <<-EOF
		[[registry]]
		location = "localhost:$LAB_HTTP"
		insecure = true
		[[registry]]
		location = "localhost:$LAB_OPEN"
		insecure = true
		[[registry]]
		location = "blocked.example"
		blocked = true
	EOF
	run --separate-stderr berth pull out.sif "docker://localhost:$LAB_HTTP/lab/busybox:1"
	worked
	run --separate-stderr berth pull -F --disable-cache out.sif "docker://localhost:$LAB_OPEN/lab/busybox:1"
	worked
	get -F out.sif docker://blocked.example/x
	fails 'registries.conf blocks blocked.example' keeps
	echo 'x = ' >"$CONTAINERS_REGISTRIES_CONF"
	get -F out.sif "docker://localhost:$LAB_OPEN/lab/busybox:1"
	fails 'registries.conf: line 1' keeps
}

@test "a client certificate from certs.d is shown to the host that it is for" {
	mkdir -p "$HOME/.config/containers/certs.d/localhost:$LAB_OPEN"
	cp "$LAB_CA" "$HOME/.config/containers/certs.d/localhost:$LAB_OPEN/ca.crt"
	run --separate-stderr berth pull out.sif "docker://localhost:$LAB_OPEN/lab/busybox:1"
	worked
	: >"$HOME/.config/containers/certs.d/localhost:$LAB_OPEN/me.cert"
	run --separate-stderr berth pull -F --disable-cache out.sif "docker://localhost:$LAB_OPEN/lab/busybox:1"
	fails 'key of the client certificate' keeps
}

@test "--limit-rate caps the rate of all transfers together" {
	local started
	fault '[]'
	started=${EPOCHREALTIME%.*}
	get --limit-rate 300k --parallel 4 out.sif "docker://localhost:$FAULT/lab/busybox:1"
	worked
	good_sif
	[ $((${EPOCHREALTIME%.*} - started)) -ge 2 ]
	started=${EPOCHREALTIME%.*}
	berth push --tls-ca "$LAB_CA" --limit-rate 300k out.sif "docker://localhost:$LAB_OPEN/$(mine limited):1"
	[ $((${EPOCHREALTIME%.*} - started)) -ge 2 ]
}

@test "exec pulls as it is told: rate, downloads at once, and a login that it asks for" {
	local started top
	export SSL_CERT_FILE=$LAB_CA
	# One after the other: the layer below is asked for when the top one has come, which takes seconds.
	top=$(skopeo inspect --raw --cert-dir "$LAB_RUN/tls/skopeo" "docker://localhost:$LAB_OPEN/lab/busybox:1" | jq -r '.layers[-1].digest')
	fault "[{\"re\": \"GET .*/blobs/$top\", \"do\": \"slow\", \"arg\": 100}]"
	run --separate-stderr berth exec --parallel 1 "docker://localhost:$FAULT/lab/busybox:1" cat /etc/hello
	worked
	[ "$output" = "hello from a layer" ]
	[ "$(jq -s --arg top "$top" '[.[] | select(.path | test("/blobs/")) | .time] | .[2] - .[1] > 1' "$FAULT_LOG")" = true ]
	rm -r "$CACHE"
	started=${EPOCHREALTIME%.*}
	fault '[]'
	run --separate-stderr berth exec --limit-rate 300k "docker://localhost:$FAULT/lab/busybox:1" true
	worked
	# A megabyte of layers.
	[ $((${EPOCHREALTIME%.*} - started)) -ge 2 ]
	rm -r "$CACHE"
	cat >type.py <<-'EOF'
	import os, pty, sys
	pid, fd = pty.fork()
	if pid == 0:
	    os.execvp(sys.argv[1], sys.argv[1:])
	answers, seen, all = [(b"Username: ", b"alice\n"), (b"Password: ", b"wonderland\n")], b"", b""
	while True:
	    try:
	        got = os.read(fd, 1000)
	    except OSError:
	        break
	    if not got:
	        break
	    seen, all = seen + got, all + got
	    if answers and seen.endswith(answers[0][0]):
	        os.write(fd, answers.pop(0)[1])
	        seen = b""
	sys.stdout.buffer.write(all)
	sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	EOF
	run -0 timeout 200 python3 type.py "$BERTH" exec --docker-login "docker://localhost:$LAB_BASIC/lab/busybox:1" cat /etc/hello
	[[ $output = *Username*Password*"hello from a layer"* && $output != *wonderland* ]]
	# A file needs no login.
	run -0 --separate-stderr berth exec --docker-login "$LAB_IMAGES/busybox.sif" cat /etc/hello
	[ "$output" = "hello from a layer" ]
}

@test "a push, a tag and prefetch --resolve go where registries.conf sends the name" {
	conf <<-EOF
		[[registry]]
		prefix = "images.example"
		location = "localhost:$LAB_OPEN"
		[[registry]]
		location = "localhost:$LAB_HTTP"
		insecure = true
		[[registry]]
		prefix = "mirrored.example/lab"
		location = "localhost:1/lab"
		[[registry.mirror]]
		location = "localhost:$LAB_OPEN/lab"
		[[registry]]
		location = "blocked.example"
		blocked = true
	EOF
	run --separate-stderr berth push --tls-ca "$LAB_CA" "$LAB_IMAGES/busybox.sif" oras://images.example/sent/conf:1
	worked
	run --separate-stderr berth tag --tls-ca "$LAB_CA" oras://images.example/sent/conf:1 two
	worked
	get back.sif "oras://localhost:$LAB_OPEN/sent/conf:two"
	worked
	run --separate-stderr berth push "$LAB_IMAGES/busybox.sif" "oras://localhost:$LAB_HTTP/sent/plain:1"
	worked
	run --separate-stderr berth push "$LAB_IMAGES/busybox.sif" oras://blocked.example/x:1
	fails 'registries.conf blocks blocked.example' keeps
	run --separate-stderr berth prefetch --resolve --tls-ca "$LAB_CA" docker://mirrored.example/lab/busybox:1
	worked
	[[ $output = docker://mirrored.example/lab/busybox@sha256:* ]]
}

@test "while a secret is in memory there is no core file and nobody attaches; after that all is as before" {
	fault '[{"re":"/blobs/", "do":"slow", "arg":20000}]' "$LAB_BASIC"
	ulimit -c unlimited
	BERTH_DOCKER_USERNAME=alice BERTH_DOCKER_PASSWORD=wonderland \
		"$BERTH" pull --tls-ca "$LAB_CA" out.sif "docker://localhost:$FAULT/lab/busybox:1" 3>&- &
	pid=$!
	echo "$pid" >>"$LAB_PIDS"
	for _ in $(seq 100); do
		[ "$(requests '.path | test("/blobs/")')" = 0 ] || break
		sleep 0.1
	done
	[ "$(stat -c %U "/proc/$pid/environ")" = root ]
	run cat "/proc/$pid/environ"
	[ "$status" != 0 ]
	kill -ABRT "$pid"
	wait "$pid" || true
	[ -z "$(find . -name 'core*')" ]
	# What is started afterwards is an ordinary process.
	BERTH_DOCKER_USERNAME=alice BERTH_DOCKER_PASSWORD=wonderland SSL_CERT_FILE=$LAB_CA run --separate-stderr \
		berth exec "docker://localhost:$LAB_BASIC/lab/busybox:1" stat -c %u /proc/self/environ
	worked
	[ "$output" = "$(id -u)" ]
}
