# loop: the registries and images that the suites kernel and loop find, as variables.
#
#	loop_begin        # after lab_begin, with $BERTH set
#
# LAB_CA        the CA of all servers                LAB_OPEN    port: anybody, TLS
# LAB_BASIC     port: alice / wonderland             LAB_TOKEN   port: bearer tokens, open/ for all
# LAB_HTTP      port: plain HTTP                     LAB_SITE    port: the hostile site
# LAB_IMAGES    a directory of SIFs and SquashFS     LAB_NO_DEBIAN  why there is no lab/full
# Repositories on the docker-registries: lab/full:1 (gzip), lab/full:zstd, lab/full:docker (schema 2),
# lab/numpy:1, lab/base:1 (minbase), lab/busybox:1, lab/corpus:1, lab/sparse:1, open/busybox:1.
# shellcheck shell=bash disable=SC2034

loop_begin() {
	local data oci
	loop_programs || return 1
	lab_certs || return 1
	export LAB_CA=$LAB_RUN/tls/ca.crt LAB_NO_DEBIAN="" LAB_IMAGES=$LAB_RUN/images LAB_TRUTH=$LAB/truth
	data=$(lab_data)
	lab_registry open "$data" && LAB_OPEN=$LAB_PORT || return 1
	lab_registry basic "$data" basic && LAB_BASIC=$LAB_PORT || return 1
	lab_registry plain "$data" open http && LAB_HTTP=$LAB_PORT || return 1
	lab_token_server && lab_registry token "$data" token && LAB_TOKEN=$LAB_PORT || return 1
	lab_as_user python3 "$TOP/tests/lab/hostile.py" "$LAB_TMP/site" &&
		loop_site "$LAB_TMP/site" && LAB_SITE=$LAB_PORT || return 1
	export LAB_OPEN LAB_BASIC LAB_HTTP LAB_TOKEN LAB_SITE LAB_DATA=$data
	loop_small || return 1
	mkdir -p "$LAB_IMAGES" && loop_squashfs || return 1
	! is_root || chown -R "$LAB_USER:" "$LAB_IMAGES"
	if oci=$(lab_image full); then
		loop_debian "$oci"
	else
		LAB_NO_DEBIAN="no image could be made from Debian's packages"
	fi
}

# A copy of what the ordinary user runs, where it can be read whatever the mode of the tree.
loop_programs() {
	install -D "$BERTH" "$LAB_RUN/bin/berth" && mkdir -p "$LAB_RUN/bin/names" &&
		install "${BERTH%/*}/berth-inside" "$LAB_RUN/bin/" || return 1
	[ ! -e "${BERTH%/*}/spank_berth.so" ] || install -m 0644 "${BERTH%/*}/spank_berth.so" "$LAB_RUN/bin/"
	for name in apptainer singularity run-singularity; do
		ln -sf ../berth "$LAB_RUN/bin/names/$name" || return 1
	done
	export BERTH=$LAB_RUN/bin/berth
}

# loop_site DIR: ociserve.py on DIR; sets LAB_PORT.
loop_site() {
	lab_spawn "$LAB_RUN/site.log" python3 -u "$TOP/tests/lab/ociserve.py" --tls "$LAB_RUN/tls" \
		--site "$1" --log "$LAB_RUN/site.requests"
	LAB_PORT=$(lab_port "$LAB_RUN/site.log" 'listening on ([0-9]+)')
}

# The images that need no mirror: busybox of this machine, and the corpus.
loop_small() {
	local work=$LAB_TMP/small
	mkdir -p "$work" && python3 "$TOP/tests/lab/corpus.py" "$work/oci" &&
		python3 "$TOP/tests/lab/busybox.py" "$work/oci" || return 1
	for image in busybox corpus sparse; do
		# As they are: skopeo would compress the plain layers.
		lab_push "oci:$work/oci:$image" "$LAB_OPEN" "lab/$image:1" --preserve-digests || return 1
	done
	lab_push "oci:$work/oci:busybox" "$LAB_OPEN" open/busybox:1 --preserve-digests || return 1
	! is_root || loop_truth "$work/oci" corpus
}

loop_debian() {
	local oci=$1
	lab_push "oci:$oci:base" "$LAB_OPEN" lab/base:1 &&
		lab_push "oci:$oci:full" "$LAB_OPEN" lab/full:1 &&
		lab_push "oci:$oci:numpy" "$LAB_OPEN" lab/numpy:1 || return 1
	# Recompressing takes seconds, so only for a new image.
	if [ ! -e "$oci/../pushed" ] || [ "$oci/../pushed" -ot "$LAB_DATA/docker" ] ||
		! lab_has lab/full:zstd || ! lab_has lab/full:docker; then
		lab_push "oci:$oci:full" "$LAB_OPEN" lab/full:zstd --dest-compress-format zstd &&
			lab_push "oci:$oci:full" "$LAB_OPEN" lab/full:docker --format v2s2 || return 1
		: >"$oci/../pushed"
	fi
	! is_root || loop_truth "$oci" full
}

# lab_has REPO:TAG
lab_has() {
	curl -sf -o /dev/null --cacert "$LAB_CA" -H "Accept: application/vnd.oci.image.manifest.v1+json" \
		-H "Accept: application/vnd.docker.distribution.manifest.v2+json" \
		"https://localhost:$LAB_OPEN/v2/${1%:*}/manifests/${1##*:}"
}

# loop_truth LAYOUT TAG: what umoci unpacks as root, listed; kept by the layout's own digest.
loop_truth() {
	local list key work=$LAB_RUN/unpack
	key=$(jq -r --arg t "$2" '.manifests[] | select(.annotations."org.opencontainers.image.ref.name" == $t)
		| .digest' "$1/index.json" | tail -n 1 | cut -c8-)
	list=$LAB_TRUTH/$key
	mkdir -p "$LAB_TRUTH"
	if [ ! -e "$list" ]; then
		note "umoci unpacks $2 as root, to compare with" >&2
		umoci unpack --image "$1:$2" "$work" >"$LAB_RUN/umoci.log" 2>&1 &&
			python3 "$TOP/tests/lab/treelist.py" "$work/rootfs" >"$list.new" &&
			mv "$list.new" "$list" || return 1
		rm -rf "$work"
	fi
	ln -sf "$key" "$LAB_TRUTH/$2"
}

# SquashFS files for suites that want no registry.
loop_squashfs() {
	local work=$LAB_TMP/bb comp
	mkdir -p "$work/bin" "$work/etc" "$work/tmp" "$work/proc" "$work/sys" "$work/dev"
	cp "$(command -v busybox)" "$work/bin/busybox" || return 1
	for comp in $(/bin/busybox --list); do
		[ "$comp" = busybox ] || ln -s busybox "$work/bin/$comp"
	done
	echo root:x:0:0:root:/root:/bin/sh >"$work/etc/passwd"
	for comp in gzip zstd lz4 xz; do
		mksquashfs "$work" "$LAB_IMAGES/busybox-$comp.sqfs" -comp "$comp" -all-root -quiet \
			-no-progress >"$LAB_RUN/mksquashfs.log" 2>&1 || return 1
	done
	cp "$LAB_IMAGES/busybox-zstd.sqfs" "$LAB_IMAGES/busybox.sqfs"
	cp -a "$work" "$LAB_IMAGES/busybox.dir"
	# The SIF comes from Berth itself; the suites that want it say so when it is not there.
	lab_as_user timeout 120 "$BERTH" pull --tls-ca "$LAB_CA" "$LAB_RUN/tmp/busybox.sif" \
		"docker://localhost:$LAB_OPEN/lab/busybox:1" >"$LAB_RUN/pull.log" 2>&1 &&
		mv "$LAB_RUN/tmp/busybox.sif" "$LAB_IMAGES/" || {
		note "the berth under test could not pull busybox:" >&2
		tail -n 3 "$LAB_RUN/pull.log" >&2
	}
	return 0
}
