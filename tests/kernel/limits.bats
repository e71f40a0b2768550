# Limits on a delegated cgroup of version 2, which tests/run makes when it is root.
load kernel

hugetlb() {
	[ -n "${LAB_CGROUP:-}" ] || skip "${LAB_NO_CGROUP:-tests/run delegates the cgroup that this needs}"
	TOP=${LAB_CGROUP%/job}
	has=$(cat "$TOP/cgroup.controllers")
	[[ " $has " = *" hugetlb "* ]] || skip "the hugetlb controller is not in cgroup version 2 here"
	printf '[[hugepageLimits]]\npageSize = "2MB"\nlimit = 4194304\n' >limits.toml
}

left() { find "$TOP" -mindepth 1 -type d -name 'berth-*' | wc -l; }

@test "a limit is in force for the program, and its cgroup goes with the last process" {
	hugetlb
	local dir
	for how in "" --pid "--pid --no-init"; do
		# shellcheck disable=SC2086
		dir=$(berth exec $how --apply-cgroups limits.toml "$SQ" sed -n 's/^0:://p' /proc/self/cgroup)
		[[ $dir = */berth-* ]]
		until_is 10 eval '[ "$(left)" = 0 ]'
	done
	berth exec --apply-cgroups limits.toml "$SQ" sh -c 'until [ -e go ]; do sleep 0.05; done >/dev/null 2>&1 & sed -n s/^0:://p /proc/self/cgroup' 3>&- >dir
	same "$(cat "${TOP%"${TOP##*/}"}$(cat dir)/hugetlb.2MB.max")" 4194304
	: >go
	until_is 10 eval '[ "$(left)" = 0 ]'
	run -127 berth exec --apply-cgroups limits.toml "$SQ" no-such-program
	until_is 10 eval '[ "$(left)" = 0 ]'
	same "$(cat "$LAB_CGROUP/cgroup.procs" | grep -cx $$)" 1 # we have not moved
}

@test "a delegated scope that holds the launcher alone, as systemd-run --scope makes it" {
	hugetlb
	echo +hugetlb >"$TOP/cgroup.subtree_control"
	mkdir "$TOP/scope"
	# Nothing above is the user's to write to, as above a scope of the system's manager.
	(
		echo "$BASHPID" >"$TOP/scope/cgroup.procs" && chmod 0555 "$TOP" &&
			exec "$BERTH" exec --apply-cgroups limits.toml "$SQ" sed -n 's/^0:://p' /proc/self/cgroup 3>&-
	) >dir || { chmod 0755 "$TOP"; return 1; }
	chmod 0755 "$TOP"
	[[ $(cat dir) = */scope/berth-* ]]
	until_is 10 eval '[ "$(left)" = 0 ]'
	until_is 10 rmdir "$TOP/scope"
	# With anybody else in it, it cannot be divided.
	mkdir "$TOP/scope"
	(
		echo "$BASHPID" >"$TOP/scope/cgroup.procs" && chmod 0555 "$TOP"
		"$BERTH" exec --apply-cgroups limits.toml "$SQ" true 3>&-
	) 2>said && { chmod 0755 "$TOP"; return 1; }
	chmod 0755 "$TOP"
	grep -q "has no processes but Berth's own; try systemd-run" said
	until_is 10 rmdir "$TOP/scope"
}

@test "an instance's limits hold for what joins it, and go with it" {
	hugetlb
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run HOME=$BATS_TEST_TMPDIR
	mkdir -m 0700 "$XDG_RUNTIME_DIR"
	berth instance start --apply-cgroups limits.toml "$SQ" limited 3>&-
	same "$(left)" 1
	[[ $(berth exec instance://limited cat /proc/self/cgroup | grep ^0::) = */berth-* ]]
	berth instance stop limited
	until_is 10 eval '[ "$(left)" = 0 ]'
}

limit_faults() {
	run --separate-stderr berth exec "$@" true
}
@test "values of the wrong kind, files that say nothing, and no delegation" {
	limit_faults --memory 1x "$SQ"
	fails 125 'memory 1x: a size is digits'
	limit_faults --memory 1g --memory-swap 1m "$SQ"
	fails 125 'memory-swap 1m: .* cannot be less'
	limit_faults --cpus none "$SQ"
	fails 125 'cpus none: processors are a number'
	limit_faults --cpuset-cpus a "$SQ"
	fails 125 'cpuset-cpus a: a list'
	limit_faults --blkio-weight-device /dev/null:100 "$SQ"
	fails 125 'blkio-weight-device /dev/null: it is no block device'
	limit_faults --blkio-weight-device /dev/no-such:100 "$SQ"
	fails 125 'blkio-weight-device /dev/no-such: No such file'
	limit_faults --blkio-weight-device 100 "$SQ"
	fails 125 'blkio-weight-device 100: write PATH:N'
	limit_faults --oom-kill-disable "$SQ"
	fails 125 'version 2 has no such switch'
	limit_faults --apply-cgroups /not/there "$SQ"
	fails 125 'apply-cgroups /not/there: no such file'
	printf '[memory\n' >bad.toml
	limit_faults --apply-cgroups bad.toml "$SQ"
	fails 125 'apply-cgroups bad.toml: line 1'
	if [ -z "${LAB_CGROUP:-}" ] || ! grep -qw memory "${LAB_CGROUP%/job}/cgroup.controllers"; then
		limit_faults --memory 1g "$SQ"
		fails 125 'Delegate=cpu cpuset io memory pids'
	fi
}
