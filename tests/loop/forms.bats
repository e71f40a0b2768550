#!/usr/bin/env bats
# Images in the forms that other tools write, and the protocols that servers speak.
load ../lab/bats

sk() { skopeo --insecure-policy copy -q --src-cert-dir "$LAB_RUN/tls/skopeo" --dest-cert-dir "$LAB_RUN/tls/skopeo" "$@"; }
forms() { PYTHONPATH=$TOP/tests/lab python3 "$TOP/tests/lab/forms.py" "$(command -v busybox)" lay; }
form() { berth cat "${2:-out.sif}" /etc/form | grep -qx "$1"; }

@test "estargz, empty layers, 127 layers, schema 2 and indexes with variants come out of a registry right" {
	local name
	forms
	for name in estargz empty many; do
		sk --preserve-digests "oci:lay:$name" "docker://localhost:$LAB_OPEN/forms/$(mine):$name"
		(
			ulimit -n 64
			pull "forms/$(mine):$name" -F
			worked
		)
		form "$name"
		[ "$(berth exec out.sif cat /etc/hello)" = "hello from a layer" ]
		[ "$name" != many ] || [ "$(berth ls out.sif /f)" = /f/n126 ]
	done
	sk --format v2s2 oci:lay:many "docker://localhost:$LAB_OPEN/forms/$(mine):schema2"
	pull "forms/$(mine):schema2" -F
	worked
	form many
	# An attestation of "unknown" stands in the index, whose bytes nobody has.
	for name in variants nested schema2; do
		run --separate-stderr berth pull -F out.sif "oci:lay:$name"
		worked
		form "$([ "$name" = schema2 ] && echo schema2 || echo amd64)"
	done
	for name in arm/v6 arm/v7 arm64; do
		run --separate-stderr berth pull -F --arch "$name" out.sif oci:lay:variants
		worked
		form "${name//\//}$([ "$name" = arm64 ] && echo v8)"
	done
	run --separate-stderr berth pull -F --arch s390x out.sif oci:lay:variants
	fails 's390x.*(amd64|arm)' keeps
	run --separate-stderr berth pull new.sif oci:lay:artifact
	fails 'helm.config' keeps
}

@test "what skopeo wrote with zstd and zstd:chunked is read" {
	local how
	for how in zstd zstd:chunked gzip; do
		sk --dest-compress-format "$how" --format oci "docker://localhost:$LAB_OPEN/lab/busybox:1" \
			"docker://localhost:$LAB_OPEN/forms/$(mine):${how/:/-}"
		pull "forms/$(mine):${how/:/-}" -F --disable-cache
		worked
		good_sif
	done
}

@test "buildah and podman push what Berth runs, and pull what Berth pushed" {
	local tool
	command -v buildah >/dev/null && command -v podman >/dev/null || skip "buildah and podman are not installed"
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/xdg
	mkdir -p "$XDG_RUNTIME_DIR" "$HOME/.config/containers"
	printf '[storage]\ndriver = "vfs"\nrunroot = "%s"\ngraphroot = "%s"\n[storage.options]\nignore_chown_errors = "true"\n' \
		"$BATS_TEST_TMPDIR/run" "$BATS_TEST_TMPDIR/graph" >"$HOME/.config/containers/storage.conf"
	echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$HOME/.config/containers/policy.json"
	berth push --tls-ca "$LAB_CA" "$LAB_IMAGES/busybox.sif" "docker://localhost:$LAB_OPEN/forms/$(mine):berth"
	for tool in buildah podman; do
		"$tool" pull -q --cert-dir "$LAB_RUN/tls/skopeo" "docker://localhost:$LAB_OPEN/forms/$(mine):berth"
		"$tool" push -q --cert-dir "$LAB_RUN/tls/skopeo" "localhost:$LAB_OPEN/forms/$(mine):berth" \
			"docker://localhost:$LAB_OPEN/forms/$(mine):$tool"
		pull "forms/$(mine):$tool" -F
		worked
		good_sif
	done
	# What keeps podman's namespace alive, a process for ever.
	cat "$XDG_RUNTIME_DIR"/libpod/tmp/pause.pid >>"$LAB_PIDS"
	chmod -R u+rwX "$BATS_TEST_TMPDIR/graph"
}

@test "HTTP/1.0 and IPv6 are spoken" {
	local port
	openssl genpkey -algorithm ED25519 -out k 2>/dev/null
	python3 "$TOP/tests/lab/cosign.py" --ca "$LAB_CA" --key k --site "$BATS_TEST_TMPDIR/site" "localhost:$LAB_OPEN/lab/busybox:1"
	rm k
	serve() {
		lab_spawn "$BATS_TEST_TMPDIR/serve$1.log" python3 -u "$TOP/tests/lab/ociserve.py" --tls "$LAB_RUN/tls" \
			--site "$BATS_TEST_TMPDIR/site" --log "$BATS_TEST_TMPDIR/asked" "${@:2}"
		port=$(lab_port "$BATS_TEST_TMPDIR/serve$1.log" 'listening on ([0-9]+)')
	}
	serve 1 --http 1.0
	pull lab/busybox:1 "$port" --disable-cache
	worked
	good_sif
	serve 6 --bind ::1
	# The certificate is for localhost, which is both.
	run --separate-stderr berth pull -F --disable-cache --tls-ca "$LAB_CA" out.sif "docker://[::1]:$port/lab/busybox:1"
	[ "$status" = 0 ] || fails '\[::1\]:[0-9]+.*certificate' keeps
	serve 7 --bind ::1
	if getent ahostsv6 localhost | grep -q '^::1'; then
		pull lab/busybox:1 "$port" -F --disable-cache
		worked
		good_sif
	fi
}

@test "HTTP/2 is spoken where the server does" {
	command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || skip "nginx is not installed"
	local port
	mkdir -p ng
	for port in $(shuf -i 20000-60000 -n 20); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break; done
	cat >ng/conf <<-END
		daemon off; pid $PWD/ng/pid; error_log $PWD/ng/error;
		events { worker_connections 64; }
		http {
			log_format p '\$server_protocol \$request_uri'; access_log $PWD/ng/log p;
			client_body_temp_path $PWD/ng/a; proxy_temp_path $PWD/ng/b; fastcgi_temp_path $PWD/ng/c;
			uwsgi_temp_path $PWD/ng/d; scgi_temp_path $PWD/ng/e;
			server { listen 127.0.0.1:$port ssl http2; ssl_certificate $LAB_RUN/tls/srv.crt; ssl_certificate_key $LAB_RUN/tls/srv.key;
				location / { proxy_pass https://127.0.0.1:$LAB_OPEN; proxy_set_header Host localhost:$port; proxy_set_header X-Forwarded-Proto https; } }
		}
	END
	lab_spawn "$BATS_TEST_TMPDIR/nginx.log" /usr/sbin/nginx -p "$PWD/ng" -c "$PWD/ng/conf" -e "$PWD/ng/error"
	for _ in $(seq 100); do
		curl -sf --cacert "$LAB_CA" "https://localhost:$port/v2/" >/dev/null && break
		sleep 0.1
	done
	pull lab/busybox:1 "$port" --disable-cache
	worked
	good_sif
	grep -q 'HTTP/2.0 /v2/lab/busybox/blobs/' ng/log
}

@test "a pull needs no room in /tmp, and fewer than 64 files open at once" {
	local there=/mnt${BATS_TEST_TMPDIR#/tmp}
	[[ $BATS_TEST_TMPDIR = /tmp/* && $BERTH = /tmp/* && $LAB_CA = /tmp/* ]] || skip "the lab is not below /tmp"
	forms
	# shellcheck disable=SC2016
	run --separate-stderr unshare -Urm sh -c '
		mount --rbind /tmp /mnt && mount -t tmpfs -o size=16k none /tmp && cd "$1/work" &&
		ulimit -n 64 && BERTH_CACHEDIR=$1/cache exec "/mnt${2#/tmp}" pull out.sif oci:lay:many' \
		sh "$there" "$BERTH"
	worked
	form many
	ulimit -n 64
	SSL_CERT_FILE=$LAB_CA run --separate-stderr berth pull --parallel 16 -F --disable-cache out.sif "docker://localhost:$LAB_OPEN/lab/busybox:1"
	worked
}
