#!/usr/bin/env bats
# Building on bases that come from a registry, a layout and an archive; Debian's packages in %post.
load ../lab/bats
load ../kernel/build
# shellcheck source=tests/lab/images.sh
. "${BATS_TEST_DIRNAME%%/tests/*}/tests/lab/images.sh"

build() { run --separate-stderr berth build --tls-ca "$LAB_CA" -F "$@" x.sif "${SPEC:-x.def}"; }
dockerfile() { SPEC=Dockerfile && sed 's/^\t*//' >Dockerfile; }
same() {
	[ "$1" = "$2" ] || {
		printf 'got:    %s\nwanted: %s\n' "$1" "$2"
		return 1
	}
}

@test "an ordinary user installs Debian's packages on a Debian base, with the owners of root" {
	needs_debian
	images_mirror >/dev/null || skip "apt has no mirror in /etc/apt"
	apt-config dump | grep -iE 'proxy|::check-' >apt.conf || true
	def <<-END
		Bootstrap: docker
		Registry: localhost:$LAB_OPEN
		Namespace: lab
		From: base:1
		%files
		    apt.conf /etc/apt/apt.conf.d/99lab
		%post
		    export DEBIAN_FRONTEND=noninteractive
		    apt-get -qq update
		    apt-get -qq -y --no-install-recommends install cron
		    apt-get clean
		    id -u; stat -c '%U:%G %a' /usr/bin/crontab
		%test
		    dpkg -V cron
	END
	build
	built
	[[ $output = *"0"*"root:crontab 2755"* ]]
	[[ $(lists /usr/bin/crontab) =~ ^-rwxr-sr-x\ 0/1[0-9][0-9]$ ]]
	same "$(lists /etc/shadow)" "-rw-r----- 0/42"
	same "$(lists /.berth-apt.conf)" ""
	same "$(berth exec x.sif dpkg-query -W -f '${db:Status-Status}' cron)" installed
	same "$(attribute 'labels["org.label-schema.usage.singularity.deffile.from"]')" base:1
}

@test "a layout, an archive, a saved image and a SIF from a registry are bases" {
	skopeo --insecure-policy copy -q --src-cert-dir "$LAB_RUN/tls/skopeo" \
		"docker://localhost:$LAB_OPEN/lab/busybox:1" oci:layout:small
	skopeo --insecure-policy copy -q oci:layout:small oci-archive:oci.tar:small
	skopeo --insecure-policy copy -q oci:layout:small docker-archive:docker.tar:small:1
	berth pull --tls-ca "$LAB_CA" sif.sif "docker://localhost:$LAB_OPEN/lab/busybox:1"
	berth push --tls-ca "$LAB_CA" sif.sif "oras://localhost:$LAB_OPEN/built/base:$BATS_TEST_NUMBER"
	while read -r agent from; do
		printf 'Bootstrap: %s\nFrom: %s\n%%post\n    echo "%s" >/etc/made-on\n' "$agent" "$from" "$agent" >x.def
		build
		built || { echo "$agent $from"; return 1; }
		same "$(berth exec x.sif cat /etc/made-on /etc/hello)" "$(printf '%s\nhello from a layer' "$agent")"
	done <<-END
		oci layout:small
		oci-archive oci.tar:small
		docker-archive docker.tar
		oras localhost:$LAB_OPEN/built/base:$BATS_TEST_NUMBER
		docker localhost:$LAB_OPEN/lab/busybox:1
	END
	run --separate-stderr berth build --tls-ca "$LAB_CA" -F y.sif "docker://localhost:$LAB_OPEN/lab/busybox:1"
	worked
	same "$(berth exec y.sif cat /etc/hello)" "hello from a layer"
}

@test "a Dockerfile's stages start from images of a registry, and copy from them" {
	dockerfile <<-END
		ARG R=localhost:$LAB_OPEN
		FROM \$R/lab/busybox:1 AS make
		RUN mkdir /out && echo made >/out/f && chown 3:4 /out/f

		FROM \$R/lab/busybox:1
		COPY --from=make /out /got
		COPY --from=localhost:$LAB_OPEN/lab/corpus:1 / /foreign
		RUN --mount=type=bind,from=localhost:$LAB_OPEN/lab/busybox:1,target=/b cat /b/etc/hello
	END
	build
	built
	[[ $output = *"hello from a layer"* ]]
	same "$(lists /got/f)" "-rw-r--r-- 3/4"
	[ -n "$(berth exec x.sif ls /foreign)" ]
	build
	built
	[[ $stderr = *"all steps are in the store"* ]]
	sed -i 's,lab/corpus:1,lab/none:1,' Dockerfile
	rm x.sif
	build
	refused 'lab/none:1'
}

@test "a base that cannot be had is one line, and nothing is left" {
	for from in "localhost:$LAB_OPEN/lab/none:1" "localhost:1/x:1"; do
		printf 'Bootstrap: docker\nFrom: %s\n' "$from" >x.def
		build
		refused "base docker://$from"
		[ ! -e x.sif ]
	done
}

@test "ADD of a URL: by checksum or as it is, never of another content" {
	lab_spawn "$BATS_TEST_TMPDIR/web.log" python3 -u -m http.server --bind 127.0.0.1 -d "$WORK" 0
	local web sum
	web=http://127.0.0.1:$(lab_port "$BATS_TEST_TMPDIR/web.log" 'port ([0-9]+)')
	mkdir pub && echo one >pub/data.txt
	sum=$(sha256sum <pub/data.txt | cut -d' ' -f1)
	dockerfile <<-END
		FROM localhost:$LAB_OPEN/lab/busybox:1
		ADD --chown=5:6 $web/pub/data.txt /in/
		ADD --checksum=sha256:$sum --chmod=640 $web/pub/data.txt?x=1 /in/sum
		RUN --network=none cat /in/data.txt; wget -q -O - $web/pub/data.txt || echo cut off
	END
	build
	built
	[[ $output = *"one"*"cut off"* ]]
	same "$(lists /in/data.txt)" "-rw------- 5/6"
	same "$(lists /in/sum)" "-rw-r----- 0/0"
	build
	built
	[[ $stderr = *"all steps are in the store"* ]]
	echo two >pub/data.txt
	build
	rm x.sif
	build
	refused "line 3: http://127.0.0.1:[0-9]+/pub/data.txt: what the server sent is sha256:.*, not --checksum=sha256:$sum"
	sed -i '/checksum/d' Dockerfile
	build
	built
	[[ $output = *two* ]]
	dockerfile <<-END
		FROM scratch
		ADD $web/pub/none /in/
	END
	rm x.sif
	build
	refused "line 2: http://127.0.0.1:[0-9]+/pub/none: .*404"
}
