# Pull rows: registry -> one image file, against the tools that do it in three steps.

# Debian's docker-registry with TLS on a free loopback port, holding the four-layer image.
# Sets $registry (host:port/repo:tag) and $certs (ca.crt, and with it a --src-cert-dir).
registry_up() {
	local port d=$WORK/registry
	[ -z "${registry:-}" ] || return 0
	for c in docker-registry skopeo umoci mksquashfs openssl; do
		have $c || { echo "$c is not on PATH"; return 1; }
	done
	certs=$d/certs
	mkdir -p "$d/data" "$certs"
	port=$(for p in $(shuf -i 20000-60000 -n 20); do
		(exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; break; }
	done)
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$d/key" \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -out "$certs/ca.crt" 2>/dev/null
	cat >"$d/yml" <<-END
		version: 0.1
		log: {level: error, accesslog: {disabled: true}}
		storage: {filesystem: {rootdirectory: $d/data}}
		http: {addr: "127.0.0.1:$port", tls: {certificate: $certs/ca.crt, key: $d/key}}
	END
	docker-registry serve "$d/yml" >"$d/log" 2>&1 &
	started+=($!)
	for _ in $(seq 100); do
		curl -sf --cacert "$certs/ca.crt" "https://localhost:$port/v2/" >/dev/null && break
		sleep 0.1
	done
	skopeo --insecure-policy copy -q --dest-cert-dir "$certs" "oci:$LAB/oci:full" \
		"docker://localhost:$port/bench/full:latest" >&2 || { echo "push failed"; return 1; }
	registry=localhost:$port/bench/full:latest
}

# with_registry ROW TEXT: false, and a line that says why, where there is none.
with_registry() {
	registry_up >"$WORK/why" || { skip "$1" "$2" "$(tail -n1 "$WORK/why")"; return 1; }
}

# mksquashfs's words for NAME:LEVEL.
mk_comp() { echo "-comp ${1%:*} -Xcompression-level ${1#*:}"; }

# unpack_pack OCI COMP: the peer's second and third step, as sh.
unpack_pack() {
	echo "umoci unpack --rootless --image $1:full $WORK/peer/b >&2 &&
		mksquashfs $WORK/peer/b/rootfs $WORK/peer.sqfs -quiet -no-progress -noappend $(mk_comp "$2")"
}

peer_clean="chmod -R u+rwX $WORK/peer 2>/dev/null; rm -rf $WORK/peer $WORK/peer.sqfs; mkdir -p $WORK/peer"

# Charliecloud's two steps as one more contender: the array $ch.
ch_steps() {
	ch=()
	have ch-image || return 0
	ch=(--vs "ch-image pull + ch-convert=0.10" --before "$peer_clean" --out "$WORK/peer.sqfs"
		-- sh -c "REQUESTS_CA_BUNDLE=$certs/ca.crt ch-image -s $WORK/peer/ch --no-cache pull $registry >&2 &&
			CH_IMAGE_STORAGE=$WORK/peer/ch ch-convert -i ch-image -o squash $registry $WORK/peer.sqfs >&2")
}

# A fifth layer of one small file on top of the image, as another tag: $changed.
changed_up() {
	local d=$WORK/changed
	[ -z "${changed:-}" ] || return 0
	rm -rf "$d" && mkdir -p "$d/layer/etc" && date +%s.%N >"$d/layer/etc/changed"
	cp -a --reflink=auto "$LAB/oci" "$d/oci" && tar -C "$d/layer" -cf "$d/layer.tar" . &&
		umoci raw add-layer --image "$d/oci:full" --tag changed "$d/layer.tar" >&2 || return 1
	changed=${registry%:*}:changed
	skopeo --insecure-policy copy -q --dest-cert-dir "$certs" "oci:$d/oci:changed" "docker://$changed" >&2
}

row_P4() { # re-pull with one small layer changed; the SIF in the store
	local comp=zstd:3
	ours P4 "re-pull" "$BERTH" && with_registry P4 "re-pull" || return 0
	changed_up || { skip P4 "re-pull" "no image with a changed layer"; return 0; }
	race --id P4 --name "re-pull, one small layer changed" -n 3 -w 0 -t 400 \
		--ours berth --before "rm -rf $BERTH_CACHEDIR $WORK/ours.sif; $BERTH -q pull -F --tls-ca $certs/ca.crt $WORK/first.sif docker://$registry" \
		--out "$WORK/ours.sif" \
		-- "$BERTH" -q pull -F --tls-ca "$certs/ca.crt" "$WORK/ours.sif" "docker://$changed" \
		--vs "skopeo + umoci + mksquashfs, layers kept=0.20" \
		--before "$peer_clean; skopeo --insecure-policy copy -q --src-cert-dir $certs docker://$registry oci:$WORK/peer/oci:full" --out "$WORK/peer.sqfs" \
		-- sh -c "skopeo --insecure-policy copy -q --src-cert-dir $certs docker://$changed oci:$WORK/peer/oci:full &&
			$(unpack_pack "$WORK/peer/oci" $comp)"
	race --id P4 --name "pull, the finished image in the store" -n 7 -w 1 -t 60 \
		--ours berth --before "rm -f $WORK/ours.sif" \
		-- "$BERTH" -q pull -F --tls-ca "$certs/ca.crt" "$WORK/ours.sif" "docker://$changed" \
		--vs "skopeo copy, all there" --before "rm -rf $WORK/peer; mkdir -p $WORK/peer; skopeo --insecure-policy copy -q --src-cert-dir $certs docker://$changed oci:$WORK/peer/oci:full" \
		-- skopeo --insecure-policy copy -q --src-cert-dir "$certs" "docker://$changed" "oci:$WORK/peer/oci:full"
}

row_P1() { # flatten: the layers are in the store (ours) or in an OCI layout (peer)
	local comp n
	ours P1 "layers to image" "$BERTH" && with_registry P1 "layers to image" || return 0
	for comp in zstd:3 gzip:9; do
		[ $comp = zstd:3 ] && n="-n 5 -w 1" || n="-n 3 -w 0"
		rm -rf "$BERTH_CACHEDIR"
		"$BERTH" -q pull -F --tls-ca "$certs/ca.crt" "$WORK/ours.sif" "docker://$registry" || true
		warm_file "$LAB"/oci/blobs/*/*
		race --id P1 --name "layers to image, $comp" $n -t 400 \
			--ours berth --before "rm -rf $BERTH_CACHEDIR/v1/sif $WORK/ours.sif" --out "$WORK/ours.sif" \
			-- "$BERTH" -q pull -F --tls-ca "$certs/ca.crt" --compress $comp "$WORK/ours.sif" "docker://$registry" \
			--vs "umoci unpack --rootless + mksquashfs=0.40" --before "$peer_clean" --out "$WORK/peer.sqfs" \
			-- sh -c "$(unpack_pack "$LAB/oci" $comp)"
	done
}

row_P2() { # pull over TLS from a loopback registry, empty cache
	local comp n
	ours P2 "pull" "$BERTH" && with_registry P2 "pull" || return 0
	have apptainer || skip P2 "pull, apptainer" "not on PATH"
	ch_steps
	[ ${#ch[@]} -gt 0 ] || skip P2 "pull, ch-image + ch-convert" "not on PATH"
	for comp in zstd:3 gzip:9; do
		[ $comp = zstd:3 ] && n="-n 5 -w 1" || n="-n 3 -w 0"
		race --id P2 --name "pull, $comp" $n -t 400 --max-rss 256 \
			--ours berth --before "rm -rf $BERTH_CACHEDIR $WORK/ours.sif" --out "$WORK/ours.sif" \
			-- "$BERTH" -q pull -F --tls-ca "$certs/ca.crt" --compress $comp "$WORK/ours.sif" "docker://$registry" \
			--vs "skopeo + umoci + mksquashfs=0.40" --before "$peer_clean" --out "$WORK/peer.sqfs" \
			-- sh -c "skopeo --insecure-policy copy -q --src-cert-dir $certs docker://$registry oci:$WORK/peer/oci:full &&
				$(unpack_pack "$WORK/peer/oci" $comp)" \
			"${ch[@]}"
	done
}

row_P3() { # the writer alone: one tar stream to SquashFS
	local comp n writer flags mk_target
	writer=$(find "$BUILD" -name berth-bench-flatten -type f -perm -u+x 2>/dev/null | head -n1)
	ours P3 "tar to SquashFS" "${writer:-$BUILD/bench/berth-bench-flatten}" || return 0
	warm_file "$LAB/layers.tar"
	for comp in zstd:3 lz4 gzip:9; do
		n="-n 7 -w 1"
		mk_target=0.65
		case $comp in
		zstd:3) flags="-c zstd -X level=3" ;;
		lz4) flags="-c lz4" ;;
		gzip:9) flags="-c gzip -X level=9" n="-n 3 -w 0" mk_target=0.15 ;;
		esac
		race --id P3 --name "tar to SquashFS, $comp" $n -t 400 --max-size 1.02 --max-rss 256 \
			--ours berth --before "rm -f $WORK/ours.sqfs" --out "$WORK/ours.sqfs" \
			-- "$writer" "$LAB/layers.tar" "$WORK/ours.sqfs" $comp \
			--vs tar2sqfs=1.00 --before "rm -f $WORK/t2s.sqfs" --out "$WORK/t2s.sqfs" \
			-- sh -c "tar2sqfs -q -f -j $(nproc) $flags $WORK/t2s.sqfs <$LAB/layers.tar" \
			--vs "mksquashfs -tar=$mk_target" --before "rm -f $WORK/mk.sqfs" --out "$WORK/mk.sqfs" \
			-- sh -c "mksquashfs - $WORK/mk.sqfs -tar -quiet -no-progress -noappend $(
				[ $comp = lz4 ] && echo -comp lz4 || mk_comp $comp) <$LAB/layers.tar"
	done
}
