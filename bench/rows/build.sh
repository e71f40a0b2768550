# Build rows: the same Dockerfile by Berth and by ch-image, on the same base, both as the user, both
# with their caches; and root emulation against a range of real ids.

# A base for both, and a Dockerfile of twenty small steps, whose last says what stands in $WORK/b/last.
build_up() {
	local n
	[ ! -e "$WORK/b/ready" ] || return 0
	# ch-image keeps its cache in git, which wants to know who commits.
	export GIT_AUTHOR_NAME=bench GIT_AUTHOR_EMAIL=bench GIT_COMMITTER_NAME=bench GIT_COMMITTER_EMAIL=bench
	have ch-image || { echo "ch-image is not on PATH (Debian: charliecloud)"; return 1; }
	have umoci || { echo "umoci is not on PATH"; return 1; }
	mkdir -p "$WORK/b"
	rm -rf "$WORK/b/tree" "$WORK/b/base.sif"
	"$BERTH" -q pull "$WORK/b/base.sif" "oci:$LAB/oci:full" >&2 || { echo "no base"; return 1; }
	umoci unpack --rootless --image "$LAB/oci:full" "$WORK/b/tree" >&2 &&
		ch-image -s "$WORK/b/ch" import "$WORK/b/tree/rootfs" base >&2 ||
		{ echo "ch-image imports no base"; return 1; }
	for n in ours peer; do
		mkdir -p "$WORK/b/$n"
		{
			[ $n = ours ] && echo "FROM $WORK/b/base.sif" || echo "FROM base"
			for i in $(seq 19); do echo "RUN echo $i >/opt/$i"; done
			echo "RUN echo last"
		} >"$WORK/b/$n/Dockerfile"
	done
	: >"$WORK/b/ready"
}

with_build() {
	build_up >"$WORK/why" || { skip "$1" "$2" "$(tail -n1 "$WORK/why")"; return 1; }
}

build_ours() { echo "$BERTH -q build -F ${1:-} $WORK/b/out.sif $WORK/b/ours/Dockerfile >&2"; }
build_peer() { echo "ch-image -s $WORK/b/ch build ${1:-} -t out -f $WORK/b/peer/Dockerfile $WORK/b/peer >&2"; }
# sh that changes the last step of a Dockerfile to one that never was.
build_change() { echo "sed -i \"\\\$s/.*/RUN echo \$(date +%s%N)/\" $WORK/b/$1/Dockerfile"; }

row_B1() { # build of which nothing changed
	ours B1 "cached build" "$BERTH" && with_build B1 "cached build" || return 0
	sh -c "$(build_ours) && $(build_peer)"
	race --id B1 --name "cached build, 20 steps" -n 7 -w 1 -t 200 \
		--ours berth -- sh -c "$(build_ours)" --vs ch-image=0.30 -- sh -c "$(build_peer)"
}

row_B2() { # build of which the last step changed
	ours B2 "last step changed" "$BERTH" && with_build B2 "last step changed" || return 0
	sh -c "$(build_ours) && $(build_peer)"
	race --id B2 --name "last of 20 steps changed" -n 5 -w 1 -t 200 \
		--ours berth --before "$(build_change ours)" -- sh -c "$(build_ours)" \
		--vs ch-image=0.50 --before "$(build_change peer)" -- sh -c "$(build_peer)"
}

row_B3() { # twenty trivial steps on a base that is there
	ours B3 "20 steps" "$BERTH" && with_build B3 "20 steps" || return 0
	race --id B3 --name "20 trivial steps" -n 3 -w 0 -t 400 \
		--ours berth -- sh -c "$(build_ours --no-cache)" \
		--vs ch-image=0.50 -- sh -c "$(build_peer --rebuild)"
}

# A tree in which apt works, with the packages' files fetched: made by mmdebstrap in bench/lab.
emul_packages="openssh-server systemd systemd-sysv dbus python3-numpy openmpi-bin man-db sudo postfix nginx-light adduser"
install_packages() {
	echo "DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends --no-download install $emul_packages"
}

row_B4() { # 113 packages under root emulation, and with a range of real ids
	local real="unshare --map-root-user --map-auto --mount --pid --fork" t=$WORK/b4
	ours B4 "113 packages" "$BERTH" || return 0
	[ -e "$LAB/apt.tar" ] || { skip B4 "113 packages" "$LAB/apt.tar is not there: bench/lab makes it"; return 0; }
	$real true 2>/dev/null || { skip B4 "113 packages" "no range in /etc/subuid and newuidmap"; return 0; }
	mkdir -p "$t"
	race --id B4 --name "113 packages; CPU counts the supervisor" -n 5 -w 0 -t 600 \
		--ours berth --before "rm -rf $t/a; mkdir $t/a; tar -C $t/a --exclude='./dev/*' -xpf $LAB/apt.tar
			$BERTH -q exec -f -w -e --no-home -B $LAB/apt.tar:/mnt/apt.tar $t/a tar -C / --exclude=./dev --exclude=./mnt -xpf /mnt/apt.tar" \
		-- "$BERTH" -q exec -f -w -e --no-home "$t/a" sh -c "$(install_packages)" \
		--vs "subuid=1.15" --before "$real rm -rf $t/b; mkdir $t/b
			$real tar -C $t/b --exclude='./dev/*' -xpf $LAB/apt.tar" \
		-- $real sh -c "mount --rbind /dev $t/b/dev; mount -t proc proc $t/b/proc
			exec chroot $t/b /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c '$(install_packages)'"
	$real rm -rf "$t/b"
}
