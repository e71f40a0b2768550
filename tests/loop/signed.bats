#!/usr/bin/env bats
# Signatures of the OCI world: kept, checked with a key, asked for by the site.
load ../lab/bats

key() { # NAME [ALGORITHM...]
	local name=$1
	shift
	[ $# -gt 0 ] || set -- -algorithm EC -pkeyopt ec_paramgen_curve:P-256
	openssl genpkey "$@" -out "$BATS_TEST_TMPDIR/$name.key" 2>/dev/null
	openssl pkey -in "$BATS_TEST_TMPDIR/$name.key" -pubout -out "$BATS_TEST_TMPDIR/$name.pub"
}
sign() { # IMAGE KEY [OPTION...]
	local image=$1 name=$2
	shift 2
	python3 "$TOP/tests/lab/cosign.py" --ca "$LAB_CA" --key "$BATS_TEST_TMPDIR/$name.key" "$@" "localhost:$LAB_OPEN/$image"
}
# A repository of this test's own with the small image.
own() {
	skopeo --insecure-policy copy -q --src-cert-dir "$LAB_RUN/tls/skopeo" --dest-cert-dir "$LAB_RUN/tls/skopeo" \
		"docker://localhost:$LAB_OPEN/lab/busybox:1" "docker://localhost:$LAB_OPEN/signed/$(mine)-$1:1"
}
repo() { printf 'signed/%s-%s:1' "$(mine)" "$1"; }
keyed() { # IMAGE KEY [PORT] [OPTION...]
	local image=$1 name=$2 port=$LAB_OPEN
	shift 2
	if [[ ${1:-} =~ ^[0-9]+$ ]]; then port=$1 && shift; fi
	pull "$image" "$port" -F --verify-key "$BATS_TEST_TMPDIR/$name.pub" "$@"
}

@test "a signature is found in each place that cosign puts it, and is good with its key alone" {
	local form
	key good
	key other
	for form in tag fallback bundle message; do
		own "$form"
		sign "$(repo "$form")" good --form "$form"
		keyed "$(repo "$form")" good
		worked
		good_sif
		rm out.sif
		keyed "$(repo "$form")" other
		fails 'is not signed with the key that --verify-key .*other.pub asks for'
	done
	# One more, by another: both are good then.
	sign "$(repo fallback)" other --form fallback
	keyed "$(repo fallback)" other
	worked
}

@test "RSA and Ed25519 keys, and a certificate, are taken as well" {
	key rsa -algorithm RSA -pkeyopt rsa_keygen_bits:2048
	key ed -algorithm ED25519
	key p384 -algorithm EC -pkeyopt ec_paramgen_curve:P-384
	for name in rsa ed p384; do
		own "$name"
		sign "$(repo "$name")" "$name"
		keyed "$(repo "$name")" "$name"
		worked
	done
	openssl req -x509 -new -key "$BATS_TEST_TMPDIR/rsa.key" -subj /CN=x -days 2 -out "$BATS_TEST_TMPDIR/cert.pub" 2>/dev/null
	keyed "$(repo rsa)" cert
	worked
	key small -algorithm RSA -pkeyopt rsa_keygen_bits:1024
	rm out.sif
	keyed "$(repo rsa)" small
	fails 'an RSA key of 1024 bits proves nothing'
}

@test "a registry that lists referrers itself is asked for them" {
	key good
	own api
	sign "$(repo api)" good --form bundle --site "$BATS_TEST_TMPDIR/site"
	lab_spawn "$BATS_TEST_TMPDIR/serve.log" python3 -u "$TOP/tests/lab/ociserve.py" \
		--tls "$LAB_RUN/tls" --site "$BATS_TEST_TMPDIR/site" --log "$BATS_TEST_TMPDIR/asked"
	port=$(lab_port "$BATS_TEST_TMPDIR/serve.log" 'listening on ([0-9]+)')
	keyed "$(repo api)" good "$port"
	worked
	grep -q '/referrers/sha256:' "$BATS_TEST_TMPDIR/asked"
}

@test "what was kept is enough later, without a network, for every command that starts something" {
	key good
	key other
	own kept
	digest=$(sign "$(repo kept)" good)
	sign "$(repo kept)" good --attest >/dev/null
	SSL_CERT_FILE=$LAB_CA run -0 berth exec "docker://localhost:$LAB_OPEN/$(repo kept)" true
	# Nothing was asked for, and yet they are there.
	[ "$(find "$CACHE/v1/signatures" -type f | wc -l)" = 1 ]
	gone=$(repo kept)
	gone=localhost:1/${gone%:1}@$digest
	run --separate-stderr berth -v exec --verify-key "$BATS_TEST_TMPDIR/good.pub" "docker://$gone" cat /etc/hello
	worked
	[ "$output" = "hello from a layer" ]
	[[ $stderr = *"1 signature(s) and 1 attestation(s) are good"* ]]
	BERTH_VERIFY_KEY=$BATS_TEST_TMPDIR/good.pub run -0 berth run "docker://$gone" true
	run --separate-stderr berth exec --verify-key "$BATS_TEST_TMPDIR/other.pub" "docker://$gone" true
	[ "$status" = 125 ]
	# A record that was changed counts for nothing.
	sed -i 's/"parts":\["..../&AAAA/' "$CACHE"/v1/signatures/*
	run --separate-stderr berth exec --verify-key "$BATS_TEST_TMPDIR/good.pub" "docker://$gone" true
	[ "$status" = 125 ]
	run -0 berth cache clean -f --type blob
	[ -z "$(find "$CACHE/v1/signatures" -type f)" ]
}

@test "signatures go along when the image is pushed elsewhere with its layers" {
	key good
	own here
	for form in tag bundle; do sign "$(repo here)" good --form "$form" >/dev/null; done
	sign "$(repo here)" good --attest >/dev/null
	keyed "$(repo here)" good
	worked
	run --separate-stderr berth push --docker-username alice --docker-password wonderland --tls-ca "$LAB_CA" \
		out.sif "docker://localhost:$LAB_BASIC/$(repo there)"
	worked
	[[ $stderr = *"3 manifest(s) of signatures went along"* ]]
	rm -rf "$CACHE" out.sif
	BERTH_DOCKER_USERNAME=alice BERTH_DOCKER_PASSWORD=wonderland run --separate-stderr berth -v pull --tls-ca "$LAB_CA" \
		--verify-key "$BATS_TEST_TMPDIR/good.pub" out.sif "docker://localhost:$LAB_BASIC/$(repo there)"
	worked
	[[ $stderr = *"2 signature(s) and 1 attestation(s)"* ]]
}

@test "an index that is signed vouches for its images" {
	key good
	own index
	name=signed/$(mine)-index
	curl -s --cacert "$LAB_CA" -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
		"https://localhost:$LAB_OPEN/v2/$name/manifests/1" >manifest
	jq -cn --arg d "sha256:$(sha256sum <manifest | cut -d' ' -f1)" --argjson n "$(stat -c %s manifest)" '
		"application/vnd.oci.image." as $t | {schemaVersion: 2, mediaType: ($t + "index.v1+json"), manifests: [
		{mediaType: ($t + "manifest.v1+json"), digest: $d, size: $n, platform: {os: "linux", architecture: "amd64"}}]}' >index
	curl -sf --cacert "$LAB_CA" -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' \
		--data-binary @index "https://localhost:$LAB_OPEN/v2/$name/manifests/1"
	sign "$name:1" good
	keyed "$name:1" good
	worked
}

@test "what is unsigned, malformed, or signed for another image is one line, and nothing is fetched" {
	key good
	own bad
	keyed "$(repo bad)" good
	fails 'is not signed, and --verify-key .*good.pub asks for a signature'
	[ -z "$(find "$CACHE" -name '*.sif')" ]
	sign "$(repo bad)" good --attest
	keyed "$(repo bad)" good
	fails 'is not signed with the key'
	sign "$(repo bad)" good --digest "sha256:$(printf 'a%.0s' {1..64})"
	keyed "$(repo bad)" good
	fails 'the signature is for sha256:aaaa.* and not for sha256:'
	echo '{"critical":{"type":7}}' >"$BATS_TEST_TMPDIR/payload"
	sign "$(repo bad)" good --payload "$BATS_TEST_TMPDIR/payload"
	keyed "$(repo bad)" good
	fails 'the signed payload is no simple signing document'
	echo '{"critical' >"$BATS_TEST_TMPDIR/payload"
	sign "$(repo bad)" good --payload "$BATS_TEST_TMPDIR/payload"
	keyed "$(repo bad)" good
	fails 'the signed payload:'
	pull "$(repo bad)" --verify-key "$BATS_TEST_TMPDIR/none.pub"
	fails 'none.pub: no such file'
	pull "$(repo bad)" --verify-key "$BATS_TEST_TMPDIR/good.key"
	fails 'it is the private half'
	pull "$(repo bad)" --verify-key "$LAB_CA.none"
	fails 'no such file'
	pull "$(repo bad)" --verify-key "$BATS_TEST_DIRNAME/signed.bats"
	fails 'is no public key in PEM form'
	run --separate-stderr berth pull --verify-key "$BATS_TEST_TMPDIR/good.pub" out.sif "oci:lay:1"
	fails 'signatures stand beside images in registries'
	run --separate-stderr berth exec --verify-key "$BATS_TEST_TMPDIR/good.pub" "$LAB_IMAGES/busybox.sif" true
	fails 'is a file' keeps
}

@test "a manifest, config or layer that was tampered with is refused before use" {
	key good
	own t
	digest=$(sign "$(repo t)" good --site "$BATS_TEST_TMPDIR/site")
	lab_spawn "$BATS_TEST_TMPDIR/serve.log" python3 -u "$TOP/tests/lab/ociserve.py" \
		--tls "$LAB_RUN/tls" --site "$BATS_TEST_TMPDIR/site" --log "$BATS_TEST_TMPDIR/asked"
	port=$(lab_port "$BATS_TEST_TMPDIR/serve.log" 'listening on ([0-9]+)')
	name=$(repo t)
	there=$BATS_TEST_TMPDIR/site/${name%:1}
	config=$(jq -r .config.digest "$there/manifests/1")
	layer=$(jq -r '.layers[-1].digest' "$there/manifests/1")
	for file in "blobs/$layer" "blobs/$config"; do
		cp "$there/$file" saved
		printf 'X' | dd of="$there/$file" bs=1 seek=20 conv=notrunc status=none
		keyed "$name" good "$port" --disable-cache
		fails 'digest|hashes to|not what|damaged' keeps
		[ ! -e out.sif ]
		mv saved "$there/$file"
	done
	# Another image under the signed name.
	jq -c '.annotations = {"x": "y"}' "$there/manifests/1" >new && mv new "$there/manifests/1"
	keyed "$name" good "$port" --disable-cache
	fails 'is not signed, and'
	# What lies in the store is no safer than what comes.
	cp "$there/manifests/$digest" "$there/manifests/1"
	keyed "$name" good "$port"
	worked
	rm out.sif
	for file in "$CACHE"/v1/blobs/sha256/*/"${digest#sha256:}"; do
		chmod u+w "$file" && printf ' ' >>"$file"
	done
	keyed "$name" good "$port"
	worked
}

@test "a key that is not there, or is none, is told before anything is asked of the registry" {
	fault '[]'
	pull lab/busybox:1 "$FAULT" --verify-key "$WORK/none.pub"
	fails "--verify-key .*none.pub: no such file"
	echo noise >key.pub
	pull lab/busybox:1 "$FAULT" --verify-key key.pub
	fails '--verify-key key.pub: ' keeps
	SSL_CERT_FILE=$LAB_CA run --separate-stderr berth exec --verify-key none.pub "docker://localhost:$FAULT/lab/busybox:1" true
	fails '--verify-key none.pub: no such file' keeps
	[ ! -s "$FAULT_LOG" ]
}

@test "the site asks for a signature by name, longest prefix first" {
	key site
	key lab
	own in
	own free
	sign "$(repo in)" lab
	mkdir -p "$HOME/.config/berth"
	name=$(repo in)
	printf 'verify key = localhost:%s/signed %s\nverify key = localhost:%s/%s %s\n' "$LAB_OPEN" \
		"$BATS_TEST_TMPDIR/site.pub" "$LAB_OPEN" "${name%:1}" "$BATS_TEST_TMPDIR/lab.pub" >"$HOME/.config/berth/berth.conf"
	pull "$(repo in)"
	worked
	pull "$(repo free)" -F
	fails 'is not signed, and "verify key" of .*berth.conf:1 .* asks for a signature' keeps
	SSL_CERT_FILE=$LAB_CA run --separate-stderr berth exec "docker://localhost:$LAB_OPEN/$(repo free)" true
	fails 'is not signed, and' keeps
	pull lab/busybox:1 -F
	worked
	# Both hold, where both speak.
	keyed "$(repo in)" site
	fails 'is not signed with the key that --verify-key' keeps
	# A build asks for its base as a pull does.
	for name in in free; do
		printf 'Bootstrap: docker\nFrom: localhost:%s/%s\n' "$LAB_OPEN" "$(repo "$name")" >"$name.def"
	done
	SSL_CERT_FILE=$LAB_CA run --separate-stderr berth build built.sif free.def
	[ "$status" != 0 ]
	[[ $stderr = *'is not signed, and "verify key" of'* ]]
	[ ! -e built.sif ]
	SSL_CERT_FILE=$LAB_CA run --separate-stderr berth build built.sif in.def
	worked
	echo 'verify key = localhost' >"$HOME/.config/berth/berth.conf"
	pull "$(repo in)" -F
	fails 'berth.conf:1: verify key = localhost: write PREFIX /PATH' keeps
}
