#!/usr/bin/env bats
# Every place that an image can come from besides a registry.
load ../lab/bats

# files [OPTION...]: a server of $WORK/srv; sets FILES.
files() {
	mkdir -p srv
	lab_spawn "$BATS_TEST_TMPDIR/files.log" python3 -u "$TOP/tests/lab/files.py" --dir "$WORK/srv" \
		--log "$BATS_TEST_TMPDIR/files.requests" "$@"
}
files_port() { FILES=$(lab_port "$BATS_TEST_TMPDIR/files.log" 'listening on ([0-9]+)'); }
asked() { jq -r "select($1) | 1" "$BATS_TEST_TMPDIR/files.requests" | wc -l; }

# One image in every form that tools write.
saved() {
	skopeo --insecure-policy copy -q --src-cert-dir "$LAB_RUN/tls/skopeo" \
		"docker://localhost:$LAB_OPEN/lab/busybox:1" "$1"
}

get() { run --separate-stderr berth pull "$@"; }

@test "OCI layouts and archives of all kinds give the image that the registry has" {
	pull lab/busybox:1
	worked
	saved oci:layout:v1
	saved oci-archive:a.tar:v1
	saved docker-archive:d.tar:busybox:1.2
	gzip -k d.tar
	get lay.sif oci:layout:v1
	worked
	cmp out.sif lay.sif
	get oa.sif oci-archive:a.tar
	worked
	cmp out.sif oa.sif
	for uri in docker-archive:d.tar docker-archive:d.tar:busybox:1.2 docker-archive:d.tar.gz:@0 \
		oci-archive:d.tar docker-archive:a.tar oci:layout "oci:$WORK/layout@$(jq -r '.manifests[0].digest' layout/index.json)"; do
		get -F some.sif "$uri"
		worked
		good_sif some.sif
	done
	run -0 berth exec oci:layout:v1 cat /etc/hello
	[ "$output" = "hello from a layer" ]
	# The mark that the program was started from the image goes with the next run that sweeps.
	get -F some.sif oci:layout:v1
	worked
	store_tidy
}

@test "layers of an archive on this machine are not copied into the store" {
	saved oci-archive:a.tar:v1
	get oci-archive:a.tar
	worked
	good_sif a_latest.sif
	[ -z "$(find "$CACHE/v1/blobs" -type f)" ]
}

@test "a name that is not in it lists those that are" {
	saved oci:layout:v1
	saved docker-archive:d.tar:busybox:1.2
	get oci:layout:v2
	[ "$status" = 125 ]
	[[ $stderr = *'no image "v2" in it; tags there: v1'* ]]
	get docker-archive:d.tar:busybox:9
	[[ $stderr = *'no image "busybox:9" in it; there: '*busybox:1.2* ]]
	get oci:nowhere:1
	[[ $stderr = *"open nowhere: No such file or directory"* ]]
	echo text >text
	get docker-archive:text
	[ "$status" = 125 ]
	[[ $stderr = *"text: "*"archive"* ]]
}

@test "a layout whose manifest, config or layer was changed is refused" {
	local kind file
	saved oci:good:v1
	manifest=$(jq -r '.manifests[0].digest' good/index.json | cut -c8-)
	config=$(jq -r .config.digest "good/blobs/sha256/$manifest" | cut -c8-)
	layer=$(jq -r '.layers[0].digest' "good/blobs/sha256/$manifest" | cut -c8-)
	for file in "$manifest" "$config" "$layer"; do
		rm -rf bad && cp -r good bad
		python3 - "bad/blobs/sha256/$file" <<-'PY'
			import sys
			data = bytearray(open(sys.argv[1], "rb").read())
			data[len(data) // 2] ^= 1
			open(sys.argv[1], "wb").write(data)
		PY
		get -F out.sif oci:bad:v1
		[ "$status" = 125 ]
		[ ! -e out.sif ]
	done
	rm bad/blobs/sha256/"$layer"
	get -F out.sif oci:bad:v1
	[[ $stderr = *missing* ]]
}

@test "a SIF is fetched by its address, and a cut transfer goes on" {
	files --tls "$LAB_RUN/tls" && files_port
	cp "$LAB_IMAGES/busybox.sif" srv/
	fault '[{"re":"GET /busybox.sif", "times":3, "do":"cut", "arg":200000}]' "$FILES"
	get --tls-ca "$LAB_CA" "https://localhost:$FAULT/busybox.sif"
	worked
	cmp busybox.sif srv/busybox.sif
	[ "$(asked '.range != ""')" -ge 2 ]
	sent=$(jq -s '[.[] | select(.method == "GET") | .range | capture("bytes=(?<n>[0-9]+)").n | tonumber] | max' \
		"$BATS_TEST_TMPDIR/files.requests")
	[ "$sent" -gt 500000 ]
	# Nothing has changed there: only its headers are asked for.
	: >"$BATS_TEST_TMPDIR/files.requests"
	get -F --tls-ca "$LAB_CA" again.sif "https://localhost:$FAULT/busybox.sif"
	worked
	[ "$(asked '.method == "GET"')" = 0 ]
	# Another file under the same name is noticed.
	printf 'x' >>srv/busybox.sif
	get -F --tls-ca "$LAB_CA" again.sif "https://localhost:$FAULT/busybox.sif"
	worked
	cmp again.sif srv/busybox.sif
}

@test "a later run goes on with a SIF that an earlier one left" {
	files --tls "$LAB_RUN/tls" && files_port
	cp "$LAB_IMAGES/busybox.sif" srv/
	fault '[{"re":"GET /busybox.sif", "times":1, "do":"cut", "arg":300000},
		{"re":"GET /busybox.sif", "do":"status", "arg":403}]' "$FILES"
	get --tls-ca "$LAB_CA" "https://localhost:$FAULT/busybox.sif"
	fails 403 keeps
	echo '[]' >"$FAULT_RULES"
	get --tls-ca "$LAB_CA" "https://localhost:$FAULT/busybox.sif"
	worked
	cmp busybox.sif srv/busybox.sif
	[ "$(asked '.range == "bytes=300000-"')" = 1 ]
	store_tidy
}

@test "a server that answers no HEAD, and an address that is no SIF" {
	files --no-head && files_port
	cp "$LAB_IMAGES/busybox.sif" srv/
	echo "<html>Login</html>" >srv/page
	get "http://localhost:$FILES/busybox.sif"
	worked
	cmp busybox.sif srv/busybox.sif
	get "http://localhost:$FILES/page"
	fails 'no SIF' keeps
	get "http://localhost:$FILES/nowhere.sif"
	fails '404' keeps
	store_tidy
}

@test "library:// takes a configured remote, and says so when there is none" {
	get library://lab/default/bb
	fails 'no library is configured'
	files --tls "$LAB_RUN/tls" && files_port
	mkdir -p srv/lab/default "$HOME/.apptainer"
	cp "$LAB_IMAGES/busybox.sif" "srv/lab/default/bb:latest"
	get --tls-ca "$LAB_CA" --library "https://localhost:$FILES" library://lab/default/bb
	worked
	cmp bb_latest.sif "$LAB_IMAGES/busybox.sif"
	rm -rf "$CACHE"
	printf 'Active: S\nRemotes:\n  S:\n    URI: localhost:%s\n    Token: t0ken\n' "$FILES" >"$HOME/.apptainer/remote.yaml"
	get -F --tls-ca "$LAB_CA" library://lab/default/bb:latest
	worked
	cmp bb_latest.sif "$LAB_IMAGES/busybox.sif"
	[ "$(asked '.auth == "Bearer t0ken"')" -ge 1 ]
	get --tls-ca "$LAB_CA" library://lab/default/absent
	fails 'absent|404' keeps
}

@test "shub:// asks the server that its name begins with" {
	files --tls "$LAB_RUN/tls" && files_port
	mkdir -p srv/lab
	cp "$LAB_IMAGES/busybox.sif" srv/lab/bb
	get --tls-ca "$LAB_CA" "shub://127.0.0.1:$FILES/lab/bb"
	worked
	cmp bb_latest.sif "$LAB_IMAGES/busybox.sif"
}

@test "docker-daemon: reads what the daemon exports over its socket" {
	mkdir -p srv
	saved docker-archive:srv/one.tar:busybox:1
	mv srv/one.tar srv/busybox:1.tar
	files --unix "$WORK/docker.sock"
	lab_port "$BATS_TEST_TMPDIR/files.log" 'listening on (.)' >/dev/null
	DOCKER_HOST=unix://$WORK/docker.sock get docker-daemon:busybox:1
	worked
	good_sif busybox_1.sif
	DOCKER_HOST=unix://$WORK/docker.sock get -F docker-daemon:nothing:1
	[ "$status" = 125 ]
	[[ $stderr = *"No such image"* ]]
	DOCKER_HOST=unix://$WORK/none.sock get -F docker-daemon:busybox:1
	[ "$status" = 125 ]
	[[ $stderr = *"Docker's daemon at $WORK/none.sock"* ]]
}

@test "a file that is there wins over every other reading of its name" {
	cp "$LAB_IMAGES/busybox.sif" docker:x
	cp "$LAB_IMAGES/busybox.sif" lab
	run -0 berth exec docker:x echo file
	[ "$output" = file ]
	run -0 berth exec lab echo file
	run --separate-stderr berth exec nothing:1 true
	[ "$status" = 125 ]
	[[ $stderr = *"nothing:1: no such file; an image of a registry is written docker://nothing:1"* ]]
	run --separate-stderr berth exec ./nothing true
	[[ $stderr != *docker://* ]]
	run --separate-stderr berth exec ftp://a/b true
	[[ $stderr = *"ftp:// is no place that images come from: docker://, oras://,"* ]]
}
