#!/usr/bin/env bats
# Root emulation against real root: the same tree, the same commands, once by root in a chroot and
# once by the ordinary user under `berth exec --fakeroot --writable`; then every path's owner, mode,
# device and attributes are compared.
#
# The long form, the 113 packages that have something to do with owners:
#
#	BATS_TEST_TIMEOUT=1800 OWNERS_PACKAGES="openssh-server systemd systemd-sysv dbus openmpi-bin man-db sudo postfix \
#		python3-numpy nginx-light adduser" tests/run --release -f "as real root|root.s and everybody" loop
load ../../lab/bats
# shellcheck source=tests/lab/images.sh
. "${BATS_TEST_DIRNAME%%/tests/*}/tests/lab/images.sh"

setup_file() {
	local oci top=${BATS_TEST_DIRNAME%%/tests/*} d=$LAB_RUN/owners
	oci=$(lab_image numpy 2>/dev/null) || return 0
	mkdir -p "$d"
	umoci unpack --image "$oci:numpy" "$d/b"
	mv "$d/b/rootfs" "$d/truth"
	mkdir -p "$d/truth/srv/in"
	cp /bin/busybox "$d/truth/srv/busybox"
	cp "$top"/tests/lab/owners.{sh,py} "$d/truth/srv/"
	cp --remove-destination /etc/resolv.conf /etc/hosts "$d/truth/etc/"
	chown -R 0:0 "$d/truth/srv"
	gcc -m32 -nostdlib -static -ffreestanding -fno-pie -no-pie -fno-stack-protector \
		-o "$d/truth/srv/owner32" "$top/tests/lab/owner32.c" 2>/dev/null || true
	"$d/truth/srv/owner32" >/dev/null 2>&1 || [ $? = 1 ] || {
		echo "# no compiler for, or no kernel with 32-bit programs: they are left out" >&3
		rm -f "$d/truth/srv/owner32"
	}
	musl-gcc -static -O1 -o "$d/truth/srv/ownermusl" "$top/tests/lab/ownermusl.c"
	tar -C "$d/truth" -cf "$d/tree.tar" .
	mkdir "$d/emul"
	chown "$LAB_USER:" "$d/emul"
	lab_as_user tar -C "$d/emul" --exclude='./dev/*' -xpf "$d/tree.tar"
}

setup() {
	T=$LAB_RUN/owners
	[ -e "$T/tree.tar" ] || skip "${LAB_NO_DEBIAN:-no image from packages of Debian}"
	cd "$BATS_TEST_TMPDIR" || return 1
}

# Its own base: the tree's owners are what tar, as root, says.
by_user() {
	lab_as_user env -u APPTAINER_BIND timeout -k 5 "${BATS_TEST_TIMEOUT:-230}" "$BERTH" exec -f -w -e --no-home \
		--no-mount bind-paths,/etc/resolv.conf -B "$T:/srv/in" "$T/emul" "$@"
}

by_root() {
	unshare --mount --pid --fork --propagation private -- bash -euc 'mount -t proc proc "$1/proc"
		mount --rbind /dev "$1/dev"; mount --rbind /sys "$1/sys"
		root=$1; shift; exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' \
		sh "$T/truth" "$@"
}

equal() {
	by_root python3 /srv/owners.py / >truth.txt
	by_user python3 /srv/owners.py / >got.txt
	[ "$(wc -l <truth.txt)" -gt 5000 ]
	diff truth.txt got.txt | head -n 40
	cmp truth.txt got.txt
}

@test "a tree that tar unpacks as root is root's and everybody's" {
	by_user tar -C / --exclude=./{srv/in,proc,sys,dev,tmp,var/tmp} -xpf /srv/in/tree.tar
	equal
}

@test "chown, install, useradd, cp -a, chroots, threads, static programs: as real root" {
	by_root sh /srv/owners.sh
	by_user sh /srv/owners.sh
	equal
}

# apt itself runs in both, with its own sandbox user; what it installs is fetched once.
@test "packages with users, groups, set-id programs and services: as real root" {
	local packages=${OWNERS_PACKAGES:-adduser dbus man-db openssh-client sudo rsync cron} apt=var/cache/apt
	images_mirror >/dev/null || skip "apt has no mirror in /etc/apt"
	printf '#!/bin/sh\nexit 101\n' >"$T/truth/usr/sbin/policy-rc.d"
	chmod 0755 "$T/truth/usr/sbin/policy-rc.d"
	by_root sh -euc "export DEBIAN_FRONTEND=noninteractive
		apt-get -qq -o APT::Sandbox::User=root update
		apt-get -qq -y --no-install-recommends -o APT::Sandbox::User=root -d install $packages"
	tar -C "$T/truth" -cf "$T/apt.tar" ./$apt ./var/lib/apt ./usr/sbin/policy-rc.d
	by_user tar -C / -xpf /srv/in/apt.tar
	for by in by_root by_user; do
		$by sh -euc "export DEBIAN_FRONTEND=noninteractive
			apt-get -qq -y --no-install-recommends --no-download install $packages
			[ ! -x /usr/bin/rsync ] || rsync -aX /srv/acts/ /srv/synced/" >"$by.log" 2>&1 || {
			tail -n 20 "$by.log"
			false
		}
	done
	equal
}
