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

@test "other namespaces switched off: only what needs them fails, check agrees" {
	local kind flag
	while read -r kind flag; do
		local off="echo 0 >/proc/sys/user/max_${kind}_namespaces"
		run --separate-stderr in_namespace "$off; '$BERTH' exec $flag '$DIR' true"
		fails 125 "user.max_${kind}_namespaces = 0.*sysctl -w user.max_${kind}_namespaces="
		run --separate-stderr in_namespace "$off; '$BERTH' check"
		same_as_check "$output"
		grep -q "^note .*user.max_${kind}_namespaces = 0" <<<"$output"
		run in_namespace "$off; '$BERTH' exec '$DIR' cat /etc/hello"
		said 0 "hello from the image"
	done <<-'END'
		pid --pid
		ipc --ipc
		uts --hostname=x
		net --net --network=none
	END
}

@test "check tries overlayfs, user attributes and a /proc of its own" {
	run --separate-stderr timeout 60 "$BERTH" check
	for what in overlayfs 'tmpfs attributes' /proc limits; do
		grep -qE "^(ok|note) +$what " <<<"$output" || { printf '%s\n' "$output"; return 1; }
	done
	run in_namespace "mount -t tmpfs none /proc/scsi 2>/dev/null || mount -t tmpfs none /proc/fs; '$BERTH' check"
	grep -qE '^note +/proc +.* is mounted over a part of /proc' <<<"$output" || { printf '%s\n' "$output"; return 1; }
}

@test "/dev/fuse missing: the outer container is named, check agrees; directories run without it" {
	local off='mount -t tmpfs none /dev; : >/dev/null'
	run --separate-stderr in_namespace "$off; '$BERTH' exec '$SQ' true"
	fails 125 '/dev/fuse is missing, though the kernel has FUSE: an outer container hides it'
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

# As in containers of other engines: namespaces yes, mounts in them no.
@test "a seccomp filter refuses mounts only: the message says so, check agrees" {
	command -v python3 >/dev/null || skip "no python3 here"
	[ "$(uname -m)" = x86_64 ] || skip "the filter is written for x86_64"
	cat >filter.py <<-'END'
		import ctypes, os, struct, sys
		LOAD, JEQ, RET, FSOPEN, EPERM, ALLOW = 0x20, 0x15, 0x06, 430, 0x50001, 0x7fff0000
		code = [(LOAD, 0, 0, 0), (JEQ, 0, 1, FSOPEN), (RET, 0, 0, EPERM), (RET, 0, 0, ALLOW)]
		raw = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *c) for c in code))
		prog = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(raw))
		libc = ctypes.CDLL(None, use_errno=True)
		assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, prog, 0, 0) == 0
		os.execv(sys.argv[1], sys.argv[1:])
	END
	run --separate-stderr timeout 60 python3 filter.py "$BERTH" exec "$SQ" true
	fails 125 'seccomp filter of an outer container'
	run timeout 60 python3 filter.py "$BERTH" check
	said 1 'seccomp filter of an outer container'
	run timeout 60 sh -c 'trap "" CHLD; exec "$@"' - python3 filter.py "$BERTH" check
	said 1 'seccomp filter of an outer container'
}
