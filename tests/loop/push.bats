#!/usr/bin/env bats
# What Berth sends to a registry comes back the same, to it and to other tools.
load ../lab/bats

send() { run --separate-stderr berth push --tls-ca "$LAB_CA" "$@"; }
reg() { printf 'localhost:%s/push/%s-%s' "${2:-$LAB_OPEN}" "$(mine)" "$1"; }
raw() {
	curl -s --cacert "$LAB_CA" -H "Accept: application/vnd.oci.image.manifest.v1+json" \
		"https://${1%%/*}/v2/$(cut -d/ -f2- <<<"${1%:*}")/manifests/${1##*:}"
}

@test "a SIF goes to oras:// and comes back byte for byte, with Apptainer's media types" {
	send "$LAB_IMAGES/busybox.sif" "oras://$(reg sif):1"
	worked
	raw "$(reg sif):1" >manifest
	[ "$(jq -r '.config.mediaType + " " + .layers[0].mediaType' manifest)" = \
		"application/vnd.sylabs.sif.config.v1+json application/vnd.sylabs.sif.layer.v1.sif" ]
	[ "$(jq -r '.layers[0].annotations."org.opencontainers.image.title"' manifest)" = busybox.sif ]
	[ "$(jq -r '.config.digest' manifest)" = sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a ]
	run --separate-stderr berth pull --tls-ca "$LAB_CA" back.sif "oras://$(reg sif):1"
	worked
	cmp back.sif "$LAB_IMAGES/busybox.sif"
	SSL_CERT_FILE=$LAB_CA run -0 berth exec "oras://$(reg sif):1" cat /etc/hello
}

@test "an image pulled before is pushed with its original layers: the digest is the same" {
	pull lab/busybox:1
	worked
	send out.sif "docker://$(reg orig):1"
	worked
	[ "$(raw "$(reg orig):1" | sha256sum)" = "$(raw "localhost:$LAB_OPEN/lab/busybox:1" | sha256sum)" ]
	# An image that only claims to come from there is not taken for it.
	cp out.sif other.sif
	printf x >>other.sif
	send other.sif "docker://$(reg other):1"
	worked
	[ "$(raw "$(reg other):1" | jq '.layers | length')" = 1 ]
}

@test "a SIF without its layers, and a directory, become an OCI image that other tools read" {
	local kind
	for kind in gzip zstd none; do
		send --compress "$kind" "$LAB_IMAGES/busybox.sif" "docker://$(reg one):$kind"
		worked
		skopeo --insecure-policy copy -q --src-cert-dir "$LAB_RUN/tls/skopeo" \
			"docker://$(reg one):$kind" "oci:lay:$kind"
		run --separate-stderr berth pull -F --tls-ca "$LAB_CA" out.sif "docker://$(reg one):$kind"
		worked
		good_sif
		run -0 berth inspect --json out.sif
	done
	umoci unpack --rootless --image lay:gzip um >/dev/null 2>&1
	[ "$(cat um/rootfs/etc/hello)" = "hello from a layer" ]
	# The same image gives the same digest.
	before=$(raw "$(reg one):gzip" | sha256sum)
	send "$LAB_IMAGES/busybox.sif" "docker://$(reg one):again"
	[ "$before" = "$(raw "$(reg one):again" | sha256sum)" ]
	# The config is kept.
	[ "$(skopeo inspect --config --cert-dir "$LAB_RUN/tls/skopeo" "docker://$(reg one):gzip" | jq -c .config.Env)" = \
		"$(skopeo inspect --config --cert-dir "$LAB_RUN/tls/skopeo" "docker://localhost:$LAB_OPEN/lab/busybox:1" | jq -c .config.Env)" ]
	send "$LAB_IMAGES/busybox.dir" "docker://$(reg dir):1"
	worked
	SSL_CERT_FILE=$LAB_CA run -0 berth exec "docker://$(reg dir):1" echo ran
	[ "$output" = ran ]
}

@test "links, modes, times, long names and attributes of a directory survive the way" {
	local long
	long=$(printf 'n%.0s' {1..180})
	mkdir -p tree/bin "tree/$long/$long"
	cp "$(command -v busybox)" tree/bin/sh
	echo a >tree/file && ln tree/file tree/hard && ln -s /bin/sh tree/soft && chmod 4711 tree/file
	ln -s "/$long/$long" tree/long && echo b >"tree/$long/$long/x" && touch -d @86400 "tree/$long/$long/x"
	: >tree/empty && mkdir tree/none && chmod 0700 tree/none && mkfifo tree/pipe
	setfattr -n user.k -v value tree/file 2>/dev/null || true
	send tree oci:lay:1
	worked
	umoci unpack --rootless --image lay:1 um >/dev/null 2>&1
	cd um/rootfs
	[ "$(stat -c '%a %h' file)" = "4711 2" ]
	[ file -ef hard ]
	[ "$(readlink long)" = "/$long/$long" ]
	[ "$(stat -c %Y "$long/$long/x")" = 86400 ]
	[ "$(stat -c '%s %F' empty)" = "0 regular empty file" ]
	[ -p pipe ]
}

@test "a push takes a login where the registry wants one, and says so where there is none" {
	send "$LAB_IMAGES/busybox.sif" "oras://$(reg auth "$LAB_BASIC"):1"
	fails 'writing takes a login' keeps
	send --docker-username alice --docker-password wrong "$LAB_IMAGES/busybox.sif" "oras://$(reg auth "$LAB_BASIC"):1"
	fails 'may not write|refused' keeps
	[[ $stderr != *wrong* ]]
	send --docker-username alice --docker-password wonderland "$LAB_IMAGES/busybox.sif" "oras://$(reg auth "$LAB_BASIC"):1"
	worked
	BERTH_DOCKER_USERNAME=alice BERTH_DOCKER_PASSWORD=wonderland send "$LAB_IMAGES/busybox.sif" "docker://$(reg tok "$LAB_TOKEN"):1"
	worked
}

@test "what the registry has is not sent again, and mounts save the rest" {
	fault '[]'
	send "$LAB_IMAGES/busybox.sif" "oras://localhost:$FAULT/push/$(mine)-a:1"
	worked
	: >"$FAULT_LOG"
	send "$LAB_IMAGES/busybox.sif" "oras://localhost:$FAULT/push/$(mine)-a:2"
	worked
	[ "$(requests '.method == "PATCH"')" = 0 ]
	send --mount-from "push/$(mine)-a" "$LAB_IMAGES/busybox.sif" "oras://localhost:$FAULT/push/$(mine)-b:1"
	worked
	[ "$(requests '.method == "PATCH"')" = 0 ]
}

@test "an upload that is cut goes on where the registry stopped" {
	fault '[{"re":"PATCH ", "times":2, "do":"cutup", "arg":400000}]'
	send "$LAB_IMAGES/busybox.sif" "oras://localhost:$FAULT/push/$(mine)-cut:1"
	worked
	run --separate-stderr berth pull --tls-ca "$LAB_CA" back.sif "oras://$(reg cut):1"
	worked
	cmp back.sif "$LAB_IMAGES/busybox.sif"
	fault '[{"re":"PATCH ", "times":1, "do":"cutup", "arg":100000},
		{"re":"PUT .*digest=", "times":1, "do":"status", "arg":503, "retry_after":"0"}]'
	send --compress none "$LAB_IMAGES/busybox.dir" "docker://localhost:$FAULT/push/$(mine)-stream:1"
	worked
	SSL_CERT_FILE=$LAB_CA run -0 berth exec "docker://$(reg stream):1" echo ran
}

@test "a registry that says it has more than was sent, or nothing for ever, gets nothing else" {
	fault '[{"re":"PATCH ", "do":"accept", "arg":"0-400000000"}]'
	send "$LAB_IMAGES/busybox.sif" "oras://localhost:$FAULT/push/$(mine)-more:1"
	fails 'busybox|blob.*has more than was sent' keeps
	send --compress none "$LAB_IMAGES/busybox.dir" "docker://localhost:$FAULT/push/$(mine)-more:1"
	fails 'has more than was sent' keeps
	fault '[{"re":"PATCH ", "skip":1, "do":"accept", "arg":"0-400000000"}]'
	send "$LAB_IMAGES/busybox.sif" "docker://localhost:$FAULT/push/$(mine)-config:1"
	fails 'has more than was sent' keeps
	fault '[{"re":"PATCH ", "do":"accept", "arg":"0-0"}]'
	send "$LAB_IMAGES/busybox.dir" "docker://localhost:$FAULT/push/$(mine)-none:1"
	fails 'takes nothing of it' keeps
}

@test "a layout that others write to: names laid out beforehand, an entry at the same time, odd indexes" {
	local i pids=()
	mkdir -p lay/blobs/sha256 mine
	echo precious >precious
	# What a name made of a pid alone would lead to.
	(cd lay/blobs && eval 'ln -s ../../precious .berth-{1..99}.part' 2>/dev/null || true)
	echo data >mine/file
	sh -c 'ln -s ../../precious lay/blobs/.berth-$$.part; exec "$@"' - "$BERTH" push mine oci:lay:first
	[ "$(cat precious)" = precious ]
	rm -r lay/blobs/.berth-*
	for i in 1 2 3 4 5 6; do
		"$BERTH" push mine "oci:lay:t$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	[ "$(jq -r '.manifests[].annotations."org.opencontainers.image.ref.name"' lay/index.json | sort | tr '\n' ' ')" = \
		"first t1 t2 t3 t4 t5 t6 " ]
	# What else the index says stays.
	jq -c '.annotations = {"x": "y"} | .mediaType = "application/vnd.oci.image.index.v1+json"' lay/index.json >new
	mv new lay/index.json
	send mine oci:lay:last
	worked
	[ "$(jq -c '[.annotations.x, (.manifests | length), .mediaType]' lay/index.json)" = \
		'["y",8,"application/vnd.oci.image.index.v1+json"]' ]
	echo '[]' >lay/index.json
	send mine oci:lay:last
	fails 'lay/index.json.*no OCI index' keeps
	[ "$(cat lay/index.json)" = '[]' ]
	[ -z "$(find lay/blobs -name '.*')" ]
}

@test "a blob of one byte arrives; what is no file is not attached" {
	printf x >one
	send --attach 'text/plain=one' "$LAB_IMAGES/busybox.sif" "docker://$(reg byte):1"
	worked
	mkfifo pipe
	send --attach 'text/plain=pipe' "$LAB_IMAGES/busybox.sif" "docker://$(reg byte):1"
	fails '--attach pipe: .*no regular file' keeps
}

@test "tags are given and images deleted" {
	send "$LAB_IMAGES/busybox.sif" "oras://$(reg tag):1"
	worked
	run --separate-stderr berth tag --tls-ca "$LAB_CA" "oras://$(reg tag):1" stable
	worked
	[ "$(raw "$(reg tag):stable" | sha256sum)" = "$(raw "$(reg tag):1" | sha256sum)" ]
	run --separate-stderr berth tag --tls-ca "$LAB_CA" "oras://$(reg tag):1" 'not a tag'
	fails 'is no tag' keeps
	run --separate-stderr berth delete --tls-ca "$LAB_CA" "oras://$(reg tag):1" </dev/null
	fails '-F deletes without asking|usage' keeps
	run --separate-stderr berth delete -F --tls-ca "$LAB_CA" "oras://$(reg tag):1"
	worked
	run --separate-stderr berth pull --tls-ca "$LAB_CA" "oras://$(reg tag):stable"
	fails '404' keeps
}

@test "what cannot be pushed is said in words" {
	send "$LAB_IMAGES/busybox.sqfs" "oras://$(reg bad):1"
	fails 'is no SIF' keeps
	send nothing.sif "oras://$(reg bad):1"
	fails 'nothing.sif: No such file' keeps
	send "$LAB_IMAGES/busybox.sif" "library://a/b/c"
	fails 'a push goes to docker://, oras://, oci:DIR.* or oci-archive:FILE' keeps
	send "$LAB_IMAGES/busybox.sif" "docker://$(reg bad)@sha256:$(printf 'a%.0s' {1..64})"
	fails 'goes to a tag' keeps
	send --compress brotli "$LAB_IMAGES/busybox.dir" "docker://$(reg bad):1"
	fails 'gzip, zstd or none' keeps
}

@test "what belongs to an image goes as a referrer, and a list is kept where the registry keeps none" {
	local digest
	echo '{"spdxVersion":"SPDX-2.3"}' >sbom.json
	send --attach 'application/spdx+json=sbom.json' "$LAB_IMAGES/busybox.sif" "docker://$(reg att):1"
	worked
	digest=sha256:$(raw "$(reg att):1" | sha256sum | cut -d' ' -f1)
	list() { curl -s --cacert "$LAB_CA" -H 'Accept: application/vnd.oci.image.index.v1+json' "https://localhost:$LAB_OPEN/v2/$(cut -d/ -f2- <<<"$(reg att)")/manifests/${digest/:/-}"; }
	[ "$(list | jq -r '.manifests[].artifactType')" = application/spdx+json ]
	entry=$(list | jq -r '.manifests[0].digest')
	curl -s --cacert "$LAB_CA" -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
		"https://localhost:$LAB_OPEN/v2/$(cut -d/ -f2- <<<"$(reg att)")/manifests/$entry" >m
	[ "$(jq -r '.subject.digest + " " + .layers[0].annotations."org.opencontainers.image.title"' m)" = "$digest sbom.json" ]
	[ "$(jq -r '.layers[0].digest' m)" = "sha256:$(sha256sum <sbom.json | cut -d' ' -f1)" ]
	# A SIF that belongs to it, and the same again: one entry each.
	for _ in 1 2; do
		send --subject 1 "$LAB_IMAGES/busybox.sif" "oras://$(reg att):sif"
		worked
	done
	[ "$(list | jq '.manifests | length')" = 2 ]
	[ "$(raw "$(reg att):sif" | jq -r .subject.digest)" = "$digest" ]
	run --separate-stderr berth pull --tls-ca "$LAB_CA" back.sif "oras://$(reg att):sif"
	worked
	cmp back.sif "$LAB_IMAGES/busybox.sif"
	send --subject none "$LAB_IMAGES/busybox.sif" "oras://$(reg att):x"
	fails '--subject none:.*404' keeps
	send --attach sbom.json "$LAB_IMAGES/busybox.sif" "docker://$(reg att):1"
	fails 'write TYPE=FILE' keeps
	send --subject 1 "$LAB_IMAGES/busybox.sif" "docker://$(reg att):1"
	fails 'a SIF that goes to oras://' keeps
}

@test "a registry that keeps the list of referrers itself gets no list, and is asked for its own" {
	local port digest at
	lab_spawn "$BATS_TEST_TMPDIR/serve.log" python3 -u "$TOP/tests/lab/ociserve.py" --writable \
		--tls "$LAB_RUN/tls" --site "$BATS_TEST_TMPDIR/site" --log "$BATS_TEST_TMPDIR/asked"
	port=$(lab_port "$BATS_TEST_TMPDIR/serve.log" 'listening on ([0-9]+)')
	at=localhost:$port/some/box
	echo '{"spdxVersion":"SPDX-2.3"}' >sbom.json
	send --attach 'application/spdx+json=sbom.json' "$LAB_IMAGES/busybox.sif" "docker://$at:1"
	worked
	digest=sha256:$(raw "$at:1" | sha256sum | cut -d' ' -f1)
	send --subject 1 "$LAB_IMAGES/busybox.sif" "oras://$at:sif"
	worked
	list=$(curl -sf --cacert "$LAB_CA" "https://localhost:$port/v2/some/box/referrers/$digest")
	[ "$(jq -r '.manifests[].artifactType' <<<"$list" | xargs)" = "application/spdx+json application/vnd.sylabs.sif.config.v1+json" ]
	run ! grep "PUT .*/manifests/${digest/:/-}" "$BATS_TEST_TMPDIR/asked"
	run --separate-stderr berth pull --tls-ca "$LAB_CA" back.sif "oras://$at:sif"
	worked
	cmp back.sif "$LAB_IMAGES/busybox.sif"
}

@test "an oci-archive is one file that other tools read, and comes back the same" {
	send "$LAB_IMAGES/busybox.sif" oci-archive:box.tar:1.2
	worked
	tidy box.tar
	skopeo --insecure-policy copy -q oci-archive:box.tar:1.2 oci:lay:1
	run --separate-stderr berth pull out.sif oci-archive:box.tar:1.2
	worked
	good_sif
	send "$LAB_IMAGES/busybox.sif" oci-archive:box.tar:1.2
	fails 'box.tar' keeps
	send -F "$LAB_IMAGES/busybox.sif" oci-archive:box.tar:1.3
	worked
	run --separate-stderr berth pull -F out.sif oci-archive:box.tar:1.3
	worked
}

@test "progress as JSON is one object a line, from begin to end, messages too" {
	run --separate-stderr berth push --progress json --tls-ca "$LAB_CA" "$LAB_IMAGES/busybox.sif" "oras://$(reg prog):1"
	worked
	jq -es 'all(.event) and (map(select(.event == "message")) | length) == 1' <<<"$stderr"
	[ "$(jq -r 'select(.event == "end") | .label + " " + .note' <<<"$stderr")" = "busybox.sif done" ]
	run --separate-stderr berth --progress json pull --tls-ca "$LAB_CA" out.sif "docker://localhost:$LAB_OPEN/lab/busybox:1"
	worked
	jq -es 'map(select(.event == "end" and .done >= 0)) | length >= 2' <<<"$stderr"
	jq -es 'map(select(.label == "writing the image")) | .[0].event == "start" and .[-1].note == "done"' <<<"$stderr"
	BERTH_PROGRESS=plain run --separate-stderr berth pull -F --tls-ca "$LAB_CA" --disable-cache out.sif "docker://localhost:$LAB_OPEN/lab/busybox:1"
	[[ $stderr = *"writing the image: "*", done"* ]]
	run --separate-stderr berth pull --progress json out.sif "docker://localhost:1/x"
	[ "$status" = 125 ]
	jq -es '.[-1].level == "error" and (.[-1].text | contains("localhost:1"))' <<<"$stderr"
	run --separate-stderr berth pull --progress bars out.sif "docker://localhost:1/x"
	fails 'auto, plain, json or none' keeps
}
