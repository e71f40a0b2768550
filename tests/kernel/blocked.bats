# Hosts that lack something: the start says which switch, and `berth check` says the same.
load kernel

# in_namespace SCRIPT: as root of a namespace whose switches may be set.
in_namespace() { timeout 60 unshare --user --map-root-user --mount sh -c "$1"; }

same_as_check() {
	local text=${stderr#berth: }
	text=${text#*: }
	grep -qF -- "${stderr##*berth: }" <<<"$1" || grep -qF -- "$text" <<<"$1" || {
		printf 'exec:  %s\ncheck: %s\n' "$stderr" "$1"
		return 1
	}
}

@test "user namespaces switched off: sysctl and remedy, check agrees" {
	local off='echo 0 >/proc/sys/user/max_user_namespaces'
	for IMG in "$SQ" "$DIR"; do
		run --separate-stderr in_namespace "$off; '$BERTH' exec '$IMG' true"
		fails 125 'user.max_user_namespaces = 0.*sysctl -w user.max_user_namespaces='
	done
	same_as_check "$(in_namespace "$off; '$BERTH' check" 2>&1)"
}

@test "mount namespaces switched off: sysctl and remedy, check agrees" {
	local off='echo 0 >/proc/sys/user/max_mnt_namespaces'
	run --separate-stderr in_namespace "$off; '$BERTH' exec '$SQ' true"
	fails 125 'user.max_mnt_namespaces = 0.*sysctl -w user.max_mnt_namespaces='
	same_as_check "$(in_namespace "$off; '$BERTH' check" 2>&1)"
}

@test "/dev/fuse missing: the module is named, check agrees; directories run without it" {
	local off='mount -t tmpfs none /dev; : >/dev/null'
	run --separate-stderr in_namespace "$off; '$BERTH' exec '$SQ' true"
	fails 125 '/dev/fuse is missing.*modprobe fuse'
	same_as_check "$(in_namespace "$off; '$BERTH' check" 2>&1)"
	run in_namespace "$off; '$BERTH' exec '$DIR' cat /etc/hello"
	said 0 "hello from the image"
}

@test "a chroot refuses user namespaces: the message says so" {
	[ "$(id -u)" != 0 ] || skip "runs as an ordinary user"
	mkdir -p root/host
	# A root that is not the namespace's own is what the kernel calls a chroot.
	run --separate-stderr in_namespace "mount --rbind / '$PWD/root/host' && \
		chroot '$PWD/root/host' '$BERTH' exec '$DIR' true"
	fails 125 'user namespaces are refused.*chroot'
}
