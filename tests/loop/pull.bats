#!/usr/bin/env bats
# Pulling from Debian's docker-registry: TLS, credentials, tokens, names, the store.
load ../lab/bats

@test "an image is pulled over HTTPS and runs" {
	pull lab/busybox:1
	worked
	tidy out.sif
	store_tidy
	good_sif
}

@test "the output's name comes from the reference, --name or --dir" {
	run --separate-stderr berth pull --tls-ca "$LAB_CA" "docker://localhost:$LAB_OPEN/lab/busybox:1"
	worked
	mkdir d
	run --separate-stderr berth pull --tls-ca "$LAB_CA" --dir d --name n.sif \
		"docker://localhost:$LAB_OPEN/lab/busybox:1"
	worked
	tidy busybox_1.sif d
	cmp busybox_1.sif d/n.sif
}

@test "a certificate that nobody vouches for is refused" {
	run --separate-stderr berth pull out.sif "docker://localhost:$LAB_OPEN/lab/busybox:1"
	fails "localhost.*certificate"
}

@test "SSL_CERT_FILE is as good as --tls-ca" {
	SSL_CERT_FILE=$LAB_CA run --separate-stderr berth pull out.sif \
		"docker://localhost:$LAB_OPEN/lab/busybox:1"
	worked
}

@test "a file that holds no certificate is named" {
	echo nothing >ca.pem
	run --separate-stderr berth pull --tls-ca ca.pem out.sif "docker://localhost:$LAB_OPEN/lab/busybox:1"
	fails "ca\.pem" keeps
	tidy ca.pem
}

@test "plain http is spoken only when asked" {
	run --separate-stderr berth pull out.sif "docker://localhost:$LAB_HTTP/lab/busybox:1"
	fails "localhost|https|TLS|SSL"
	run --separate-stderr berth pull --no-https out.sif "docker://localhost:$LAB_HTTP/lab/busybox:1"
	worked
	good_sif
}

@test "Basic credentials come from the options, the environment or standard input" {
	pull lab/busybox:1 "$LAB_BASIC"
	fails "401|denied|unauthori[sz]ed|credentials"
	pull lab/busybox:1 "$LAB_BASIC" --docker-username alice --docker-password wrong
	fails "401|denied|unauthori[sz]ed|credentials"
	pull lab/busybox:1 "$LAB_BASIC" --docker-username alice --docker-password wonderland
	worked
	rm -r out.sif "$CACHE"
	APPTAINER_DOCKER_USERNAME=alice APPTAINER_DOCKER_PASSWORD=wonderland pull lab/busybox:1 "$LAB_BASIC"
	worked
	rm -r out.sif "$CACHE"
	run --separate-stderr berth pull --tls-ca "$LAB_CA" --docker-username alice --docker-password-stdin \
		out.sif "docker://localhost:$LAB_BASIC/lab/busybox:1" <<<wonderland
	worked
}

@test "credentials come from docker's config file" {
	mkdir "$HOME/.docker"
	printf '{"auths":{"localhost:%s":{"auth":"%s"}}}' "$LAB_BASIC" \
		"$(printf alice:wonderland | base64)" >"$HOME/.docker/config.json"
	pull lab/busybox:1 "$LAB_BASIC"
	worked
}

@test "a password never shows in messages, not even with --debug" {
	run berth --debug pull --tls-ca "$LAB_CA" --docker-username alice --docker-password wonderful \
		out.sif "docker://localhost:$LAB_BASIC/lab/busybox:1"
	[ "$status" = 125 ]
	[[ $output != *wonderful* ]]
	[[ $output != *"$(printf alice:wonderful | base64)"* ]]
}

@test "anonymous bearer tokens open what is public" {
	pull open/busybox:1 "$LAB_TOKEN"
	worked
	good_sif
}

@test "bearer tokens are asked for with credentials where needed" {
	pull lab/busybox:1 "$LAB_TOKEN"
	fails "denied|401|unauthori[sz]ed|credentials"
	pull lab/busybox:1 "$LAB_TOKEN" --docker-username alice --docker-password wrong
	fails "denied|401|unauthori[sz]ed|credentials"
	pull lab/busybox:1 "$LAB_TOKEN" --docker-username alice --docker-password wonderland
	worked
}

@test "a name or tag that is not there is named" {
	pull lab/busybox:none
	fails "lab/busybox:none|lab/busybox.*none"
	pull lab/nothing:1
	fails "lab/nothing"
}

@test "nothing listens: host and port are named" {
	run --separate-stderr berth pull out.sif docker://localhost:1/lab/busybox:1
	fails "localhost:1"
}

@test "references that make no sense are refused" {
	for ref in docker:// docker://UPPER/case docker://a/b:c:d docker://a@sha256:12 'docker://a b' \
		docker://a/../b; do
		run --separate-stderr berth pull out.sif "$ref"
		fails .
	done
}

@test "an existing file is not replaced without -F, and no request is made" {
	echo precious >out.sif
	fault '[]'
	pull lab/busybox:1 "$FAULT"
	fails "out\.sif.*(exists|-F|force)" keeps
	[ "$(cat out.sif)" = precious ]
	[ "$(requests true)" = 0 ]
	pull lab/busybox:1 "$FAULT" -F
	worked
	good_sif
}

@test "by digest, nothing is asked of the network for what is there" {
	fault '[]'
	pull lab/busybox:1 "$FAULT"
	worked
	digest=$(curl -sI --cacert "$LAB_CA" -H "Accept: application/vnd.oci.image.manifest.v1+json" \
		"https://localhost:$LAB_OPEN/v2/lab/busybox/manifests/1" | tr -d '\r' |
		sed -n 's/^docker-content-digest: //Ip')
	: >"$FAULT_LOG"
	pull "lab/busybox@$digest" "$FAULT" -F
	worked
	[ "$(requests true)" = 0 ]
	pull lab/busybox:1 "$FAULT" -F
	worked
	[ "$(requests '.path | test("/blobs/")')" = 0 ]
}

@test "--disable-cache leaves nothing but the image" {
	pull lab/busybox:1 --disable-cache
	worked
	tidy out.sif
	[ -z "$(find "$CACHE" -type f 2>/dev/null)" ]
	good_sif
}

@test "an index gives this machine's platform, or the one asked for" {
	pull index:1 "$LAB_SITE" --arch amd64
	worked
	mv out.sif amd64.sif
	pull index:1 "$LAB_SITE" --arch arm64
	worked
	mv out.sif arm64.sif
	pull index:1 "$LAB_SITE" --arch arm/v7
	worked
	for arch in amd64:amd64 arm64:arm64 out:armv7; do
		unsquashfs -o "$(berth_offset "${arch%:*}.sif")" -cat "${arch%:*}.sif" arch >said
		[ "$(cat said)" = "${arch#*:}" ]
	done
	pull index:1 "$LAB_SITE" --arch ppc64le -F
	fails 'linux/arm64.*linux/amd64.*linux/arm/v7' keeps
}

@test "gzip, zstd and uncompressed layers, OCI and Docker schema 2, give one tree" {
	needs_debian
	for tag in 1 zstd docker; do
		pull "lab/full:$tag" -F --compress lz4
		worked
		off=$(berth_offset out.sif)
		unsquashfs -o "$off" -lln out.sif | sort -k6 | sha256sum >"$tag.sum"
	done
	cmp 1.sum zstd.sum
	cmp 1.sum docker.sum
}

@test "the same image gives the same bytes with 1 thread and with several, in any run" {
	needs_debian
	pull lab/numpy:1 --threads 1
	worked
	mv out.sif one.sif
	pull lab/numpy:1 --threads 4 --disable-cache
	worked
	cmp one.sif out.sif
}

@test "each compression runs" {
	for comp in gzip zstd zstd:9 lz4 xz; do
		pull lab/busybox:1 -F --compress "$comp"
		worked
		good_sif
	done
	pull lab/busybox:1 -F --compress lzo
	fails "lzo.*(zstd|gzip)" keeps
}

# The primary partition's offset, read as unsquashfs wants it.
berth_offset() {
	python3 - "$1" <<-'END'
		import struct, sys
		f = open(sys.argv[1], "rb").read(1 << 20)
		print(f.index(b"hsqs"))
	END
}

@test "two pulls of one image at once are both right" {
	berth pull --tls-ca "$LAB_CA" a.sif "docker://localhost:$LAB_OPEN/lab/busybox:1" 2>a.log 3>&- &
	a=$!
	berth pull --tls-ca "$LAB_CA" b.sif "docker://localhost:$LAB_OPEN/lab/busybox:1" 2>b.log 3>&- &
	b=$!
	wait $a || { cat a.log && false; }
	wait $b || { cat b.log && false; }
	cmp a.sif b.sif
	tidy a.sif b.sif a.log b.log
	store_tidy
}

@test "an output directory that cannot be written is named" {
	mkdir -m 0555 closed
	run --separate-stderr berth pull --tls-ca "$LAB_CA" closed/out.sif \
		"docker://localhost:$LAB_OPEN/lab/busybox:1"
	fails "closed.*Permission denied" keeps
}

@test "bars show on a terminal, and only there" {
	needs_debian
	pull lab/numpy:1
	worked
	[[ $stderr != *%* && $stderr != *$'\r'* ]]
	rm -r out.sif "$CACHE"
	script -qec "stty cols 100; timeout 200 $BERTH pull --tls-ca $LAB_CA out.sif \
		docker://localhost:$LAB_OPEN/lab/numpy:1" /dev/null </dev/null >screen
	[ -e out.sif ]
	grep -qa 'MB' screen
	grep -qa 'writing' screen
}
