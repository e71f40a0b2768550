# packages: what each command of the README needs, by Debian's names.
# shellcheck shell=bash disable=SC2034

PACKAGES_BUILD="gcc libc6-dev make cmake ninja-build pkg-config
	libarchive-dev libcurl4-openssl-dev libdeflate-dev libisal-dev libjson-c-dev
	liblz4-dev liblzma-dev libsquashfs-dev libssl-dev libzstd-dev zlib1g-dev check
	linux-libc-dev libarchive13 libcurl4 libisal2 ca-certificates"
PACKAGES_REGISTRY="docker-registry skopeo umoci mmdebstrap openssl procps"
PACKAGES_TEST="apache2-utils attr autofs bats busybox-static clang curl e2fsprogs fuse-overlayfs fuse2fs fuse3 jq
	libclang-rt-dev llvm podman python3 python3-fusepy rpm runc squashfs-tools squashfs-tools-ng squashfuse uidmap util-linux"
# What the build tests need: other C libraries, other distributions' own tools.
PACKAGES_RECIPE="musl-tools dnf createrepo-c zypper pacman-package-manager"
# What tests/loop/clients.bats and forms.bats speak with: workflow managers, other engines, HTTP/2.
PACKAGES_CLIENTS="buildah cwltool nginx-light snakemake"
PACKAGES_CLUSTER="slurmctld slurmd slurm-client munge slurm-wlm-basic-plugins openmpi-bin libopenmpi-dev
	mpich libmpich-dev libslurm-dev slurm-wlm-basic-plugins-dev"

# packages_need NAME...: installs what is missing when root; else names it in one line and ends.
packages_need() {
	local missing
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null ||
		die "this machine has no apt-get; install what Debian calls: $missing"
	is_root || die "missing packages; as root: apt-get install --no-install-recommends $missing"
	note "installing: $missing"
	# shellcheck disable=SC2086 # a list of names
	packages_install $missing || die "apt-get could not install: $missing"
}

packages_missing() {
	local have p out=
	command -v dpkg-query >/dev/null || {
		echo "$*"
		return
	}
	have=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | sed -n 's/^ii *//p')
	for p; do grep -qxF "$p" <<<"$have" || out="$out $p"; done
	echo "${out# }"
}

# Some of these packages would start a server of their own: policy-rc.d says no meanwhile.
packages_install() {
	local policy=/usr/sbin/policy-rc.d status=0
	[ -e "$policy" ] && policy= || printf '#!/bin/sh\nexit 101\n' >"$policy"
	[ -z "$policy" ] || chmod 0755 "$policy"
	{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
		apt-get -qq -y --no-install-recommends install "$@"; } \
		>"$LAB_RUN/apt.log" 2>&1 </dev/null || status=1
	[ -z "$policy" ] || rm -f "$policy"
	[ "$status" = 0 ] || tail -n 20 "$LAB_RUN/apt.log" >&2
	return "$status"
}
