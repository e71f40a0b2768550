# images: test images made from Debian's own packages, as layers of one OCI layout in the cache.
#
#	oci=$(lab_image numpy)    # prints the layout; the image is $oci:numpy
#
# base -> numpy -> mpi -> full, each one layer over the one before:
#	base   minbase
#	numpy  python3-numpy
#	mpi    openmpi
#	full   deletions (whiteouts), an opaque directory, hard links over layers, type changes
# Where neither root nor a range of ids is at hand, lab_image_small makes one from busybox-static.
# shellcheck shell=bash

# The mirror comes from this machine's own apt configuration, never from this tree.
images_mirror() {
	local f
	for f in /etc/apt/sources.list.d/*.sources; do
		[ -e "$f" ] || continue
		awk -v suite="$(images_suite)" '
			/^[[:space:]]*$/ { uri = "" }
			/^URIs:/ { uri = $2 }
			/^Suites:/ && uri { for (i = 2; i <= NF; i++) if ($i == suite) { print uri; exit } }
		' "$f"
	done | head -n 1 | grep . && return
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		sed -E 's/^deb +\[[^]]*\]/deb/' |
		awk -v suite="$(images_suite)" '$1 == "deb" && $3 == suite { print $2; exit }' | grep .
}

images_suite() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# Root here, or root of a user namespace with a range of ids; with mounts of its own.
images_as_root() {
	if is_root; then unshare --mount -- "$@"
	else unshare --map-root-user --map-auto --mount -- "$@"; fi
}

images_can() {
	is_root || unshare --map-root-user --map-auto true 2>/dev/null || {
		say "making an image from Debian's packages takes root, or a range in /etc/subuid and" \
			"the uidmap package" >&2
		return 1
	}
	images_mirror >/dev/null || {
		say "apt has no mirror for $(images_suite) in /etc/apt" >&2
		return 1
	}
}

# lab_image NAME: makes it and what it stands on unless the cache has them; prints the layout.
lab_image() {
	local key dir stage
	images_can || return 1
	lab_dir
	key=$({ declare -f image_base image_numpy image_mpi image_full images_layer; images_mirror
		images_suite; uname -m; } | sha256sum | cut -c1-16)
	dir=$LAB/images/$key
	mkdir -p "$dir"
	(
		flock 9
		for stage in base numpy mpi full; do
			[ -e "$dir/$stage.done" ] || images_stage "$dir" "$stage" || exit 1
			[ "$stage" != "$1" ] || break
		done
	) 9>"$dir/lock" || return 1
	say "$dir/oci"
}

# images_stage DIR STAGE: nothing counts until its .done is there; a dead run's rest is removed.
images_stage() {
	local dir=$1 stage=$2 work=$1/work
	note "making the test image $stage (once; kept in $LAB)" >&2
	images_as_root rm -rf "$work"
	mkdir -p "$work"
	if ! images_as_root bash -euc "$(declare -f images_layer "image_$stage")
		umask 022; image_$stage \"\$@\"" sh "$dir" "$work" "$(images_mirror)" \
		"$(images_suite)" >"$dir/$stage.log" 2>&1; then
		tail -n 20 "$dir/$stage.log" >&2
		return 1
	fi
	images_as_root rm -rf "$work"
	: >"$dir/$stage.done"
}

# Prints a layout with the tag "busybox": Debian's static busybox and nothing else.
lab_image_small() {
	local dir=$LAB/images/small work=$LAB_RUN/tmp/small root name
	lab_dir
	root=$work/root
	[ ! -e "$dir/done" ] || { say "$dir/oci" && return; }
	mkdir -p "$work" "$dir" && rm -rf "$dir/oci"
	(
		set -e
		cd "$work"
		apt-get -q download busybox-static
		dpkg-deb -x busybox-static_*.deb "$root"
		mkdir -p "$root/etc" "$root/tmp" "$root/root"
		for name in $("$root/bin/busybox" --list | grep -vx busybox); do
			ln -s busybox "$root/bin/$name"
		done
		cp /etc/os-release "$root/etc/"
		tar -C "$root" --owner=0 --group=0 --numeric-owner -cf layer.tar .
		umoci init --layout "$dir/oci"
		umoci new --image "$dir/oci:busybox"
		umoci raw add-layer --image "$dir/oci:busybox" layer.tar
		umoci config --image "$dir/oci:busybox" --config.cmd /bin/sh --os linux \
			--architecture "$(dpkg --print-architecture)" --config.env PATH=/usr/bin:/bin
	) >"$LAB_RUN/small.log" 2>&1 || {
		tail -n 5 "$LAB_RUN/small.log" >&2
		return 1
	}
	: >"$dir/done"
	say "$dir/oci"
}

image_base() {
	local dir=$1 work=$2 mirror=$3 suite=$4
	# The machine's own proxy and clock settings hold for the mirror inside too.
	apt-config dump Acquire | grep -iE 'proxy|::check-' >"$work/apt.conf" || true
	mmdebstrap --mode=root --variant=minbase --aptopt="$work/apt.conf" --skip=check/signed-by \
		"$suite" "$work/all.tar" "deb $mirror $suite main"
	# As in the images that people use: no device nodes (they need real root to unpack).
	tar --delete --wildcards './dev/*' <"$work/all.tar" >"$work/base.tar"
	rm -rf "$dir/oci"
	umoci init --layout "$dir/oci"
	umoci new --image "$dir/oci:base"
	umoci raw add-layer --image "$dir/oci:base" "$work/base.tar"
	umoci config --image "$dir/oci:base" --config.cmd /bin/bash --os linux \
		--architecture "$(dpkg --print-architecture)" --config.env \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

# images_layer DIR WORK FROM TO PACKAGE...: one layer with packages installed.
images_layer() {
	local dir=$1 work=$2 from=$3 to=$4 root=$2/b/rootfs
	shift 4
	umoci unpack --image "$dir/oci:$from" "$work/b"
	cp --remove-destination /etc/resolv.conf /etc/hosts "$root/etc/"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 0755 "$root/usr/sbin/policy-rc.d"
	mount --rbind /dev "$root/dev"
	chroot "$root" apt-get -qq update
	DEBIAN_FRONTEND=noninteractive chroot "$root" \
		apt-get -qq -y --no-install-recommends -o APT::Sandbox::User=root install "$@"
	chroot "$root" apt-get clean
	umount --lazy "$root/dev"
	rm -rf "$root/usr/sbin/policy-rc.d" "$root"/var/lib/apt/lists/*
	umoci repack --refresh-bundle --image "$dir/oci:$to" "$work/b"
}

image_numpy() { images_layer "$1" "$2" base numpy python3-numpy; }

image_mpi() { images_layer "$1" "$2" numpy mpi openmpi-bin; }

image_full() {
	local dir=$1 work=$2 root=$2/b/rootfs
	umoci unpack --image "$dir/oci:mpi" "$work/b"
	rm -rf "$root/usr/share/doc" "$root/usr/share/locale" "$root/usr/bin/perl"
	rm "$root/etc/motd" "$root/etc/issue" 2>/dev/null || true
	# Hard links whose first name, in sorted order, is in another layer's directory.
	mkdir -p "$root/opt/hl"
	ln "$root"/usr/bin/python3.*[0-9] "$root/opt/hl/py"
	ln "$root/usr/bin/tar" "$root/opt/hl/tar"
	# Type changes: directory -> file, file -> directory, link -> file, directory -> link.
	rm -rf "$root/usr/share/info" "$root/etc/debian_version" "$root/usr/bin/awk" "${root:?}/media"
	echo file >"$root/usr/share/info"
	mkdir "$root/etc/debian_version"
	echo 12 >"$root/etc/debian_version/now-inside"
	echo script >"$root/usr/bin/awk"
	ln -s tmp "$root/media"
	umoci repack --refresh-bundle --image "$dir/oci:full" "$work/b"
	mkdir -p "$work/man/man1"
	echo only-page >"$work/man/man1/only.1"
	umoci insert --opaque --image "$dir/oci:full" --tag full "$work/man" /usr/share/perl5
}
