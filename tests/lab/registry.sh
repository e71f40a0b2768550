# registry: Debian's docker-registry on loopback, on a free port of its own choosing.
#
#	lab_certs                         # $LAB_RUN/tls: ca.crt, srv.crt, srv.key
#	lab_registry NAME DATA [AUTH] [http]   # sets LAB_PORT
#	lab_push OCI:TAG PORT REPO:TAG    # with skopeo
#
# AUTH: open, basic (alice / wonderland) or token (needs lab_token_server before).
# Several servers may stand on one DATA directory.
# shellcheck shell=bash disable=SC2034

# A private CA and one certificate for localhost, fresh for each run.  skopeo wants a directory
# with nothing but the CA.
lab_certs() {
	local tls=$LAB_RUN/tls
	[ ! -e "$tls/srv.crt" ] || return 0
	mkdir -p "$tls"
	(
		cd "$tls" || exit 1
		openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj "/CN=Berth lab CA" \
			-addext basicConstraints=critical,CA:TRUE \
			-addext keyUsage=critical,keyCertSign,digitalSignature \
			-keyout ca.key -out ca.crt
		openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout srv.key -out srv.csr
		printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' >ext
		openssl x509 -req -in srv.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3 \
			-extfile ext -out srv.crt
		mkdir skopeo && cp ca.crt skopeo/
	) >"$LAB_RUN/openssl.log" 2>&1 || {
		cat "$LAB_RUN/openssl.log" >&2
		return 1
	}
	# The servers are the ordinary user's; these keys die with the run.
	chmod 0644 "$tls"/*.key
	is_root && chown -R "$LAB_USER:" "$tls"
	return 0
}

lab_registry() {
	local name=$1 data=$2 auth=${3:-open} scheme=${4:-https} logs=${BATS_TEST_TMPDIR:-$LAB_RUN}
	local conf=$logs/$name.yml
	{
		say "version: 0.1"
		say "log: {level: info, accesslog: {disabled: true}}"
		say "storage: {filesystem: {rootdirectory: $data}, delete: {enabled: true}}"
		if [ "$scheme" = http ]; then
			say "http: {addr: '127.0.0.1:0'}"
		else
			say "http: {addr: '127.0.0.1:0', tls: {certificate: $LAB_RUN/tls/srv.crt," \
				"key: $LAB_RUN/tls/srv.key}}"
		fi
		case $auth in
		basic) say "auth: {htpasswd: {realm: lab, path: $LAB_RUN/htpasswd}}" ;;
		token) say "auth: {token: {realm: 'https://localhost:$LAB_TOKEN_PORT/token'," \
			"service: lab, issuer: labtok, rootcertbundle: $LAB_RUN/tls/ca.crt}}" ;;
		esac
	} >"$conf"
	if [ "$auth" = basic ]; then
		htpasswd -Bbn alice wonderland >"$LAB_RUN/htpasswd" 2>/dev/null
	fi
	lab_spawn "$logs/$name.log" docker-registry serve "$conf"
	LAB_PORT=$(lab_port "$logs/$name.log" 'listening on 127\.0\.0\.1:([0-9]+)')
}

# lab_token_server [SECONDS [OPTION...]]: signs tokens that live that long; sets LAB_TOKEN_PORT.
lab_token_server() {
	local logs=${BATS_TEST_TMPDIR:-$LAB_RUN}
	lab_spawn "$logs/token.log" python3 -u "$TOP/tests/lab/tokens.py" --tls "$LAB_RUN/tls" \
		--log "$logs/token.requests" --ttl "${1:-300}" "${@:2}"
	LAB_TOKEN_PORT=$(lab_port "$logs/token.log" 'listening on ([0-9]+)')
	export LAB_TOKEN_PORT
}

# lab_data: the registry's data directory in the cache, the ordinary user's own.
lab_data() {
	mkdir -p "$LAB/registry"
	is_root && [ "$(stat -c %U "$LAB/registry")" != "$LAB_USER" ] &&
		chown -R "$LAB_USER:" "$LAB/registry"
	say "$LAB/registry"
}

# lab_push SOURCE PORT REPO:TAG [SKOPEO OPTION...]; SOURCE is skopeo's: oci:DIR:TAG
lab_push() {
	local from=$1 port=$2 to=$3
	shift 3
	skopeo --insecure-policy copy -q --dest-cert-dir "$LAB_RUN/tls/skopeo" "$@" "$from" \
		"docker://localhost:$port/$to"
}
