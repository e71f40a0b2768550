# lab: what quickstart, tests/run and the bats files share.  Bash; source it, then
#
#	lab_begin                      # a private run directory, removed at exit
#	port=$(lab_registry plain tls) # see registry.sh
#	lab_as_user berth pull ...     # the ordinary user, a clean environment
#
# Everything started here is remembered by pid and ended by lab_end, also after Ctrl-C.
# What costs minutes to make (images) lives in $LAB, outside the tree, keyed by its recipe.
# shellcheck shell=bash

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB=${BERTH_LAB:-/var/tmp/berth-lab-$(id -un)}

export PYTHONDONTWRITEBYTECODE=1

say() { printf '%s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}
is_root() { [ "$(id -u)" = 0 ]; }

# The cache directory: ours and nobody else's to write, since its parent is a public one.
lab_dir() {
	[ -d "$LAB" ] || (umask 022 && mkdir -p "$LAB") || die "cannot make $LAB; set BERTH_LAB"
	if [ ! -O "$LAB" ] || [ -L "$LAB" ]; then
		die "$LAB is not owned by $(id -un); set BERTH_LAB"
	fi
}

# --- the ordinary user -------------------------------------------------------------------------

# Sets LAB_USER: BERTH_TEST_USER, else who called sudo, else a user made for this.
lab_user() {
	if ! is_root; then
		LAB_USER=$(id -un)
		return
	fi
	LAB_USER=${BERTH_TEST_USER:-${SUDO_USER:-berth-test}}
	[ "$LAB_USER" != root ] || LAB_USER=berth-test
	if ! id "$LAB_USER" >/dev/null 2>&1; then
		[ -z "${BERTH_TEST_USER:-}" ] || die "BERTH_TEST_USER: no user $LAB_USER"
		useradd --create-home --shell /bin/bash "$LAB_USER" ||
			die "cannot make the user $LAB_USER; set BERTH_TEST_USER"
	fi
	[ "$(id -u "$LAB_USER")" != 0 ] || die "BERTH_TEST_USER must not be root"
	lab_subids "$LAB_USER"
}

# Subordinate ids, which rootless podman and buildah want of a user: behind those that are given away.
lab_subids() {
	local file option first
	for option in subuids subgids; do
		file=/etc/${option%s}
		[ -e "$file" ] || : >"$file"
		! grep -q "^$1:" "$file" || continue
		first=$(awk -F: 'BEGIN { n = 100000 } $2 + $3 > n { n = $2 + $3 } END { print n }' "$file" 2>/dev/null)
		usermod "--add-$option" "${first:=100000}-$((first + 65535))" "$1" ||
			note "$1 has no $option: rootless podman will not run"
	done
}

# lab_as_user COMMAND...: as the ordinary user with a clean environment; LAB* and BERTH* stay.
lab_as_user() {
	lab_user_command "$@"
	"${LAB_COMMAND[@]}"
}

# Sets LAB_COMMAND, which consists of programs that exec the next: a child keeps its pid.
lab_user_command() {
	local home keep=() v
	home=$(getent passwd "$LAB_USER" | cut -d: -f6)
	local known='^(LAB|BERTH|(TERM|(AS|UBS)AN_OPTIONS|SSL_CERT_FILE|PYTHONDONTWRITEBYTECODE)$)'
	for v in $(compgen -e | grep -E "$known"); do
		keep+=("$v=${!v}")
	done
	LAB_COMMAND=(env -i "HOME=$home" "USER=$LAB_USER" "LOGNAME=$LAB_USER" LANG=C.UTF-8
		"PATH=$LAB_RUN/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
		"TMPDIR=$LAB_TMP" "${keep[@]}" "$@")
	! is_root || LAB_COMMAND=(setpriv "--reuid=$LAB_USER" "--regid=$(id -g "$LAB_USER")"
		--init-groups --inh-caps=-all "${LAB_COMMAND[@]}")
}

# --- one run -----------------------------------------------------------------------------------

# Sets LAB_RUN (removed by lab_end; the user's own, so that servers log there) and LAB_PIDS.
lab_begin() {
	lab_dir
	lab_user
	LAB_RUN=$(mktemp -d "${TMPDIR:-/tmp}/berth-lab.XXXXXX")
	chmod 0755 "$LAB_RUN"
	LAB_PIDS=$LAB_RUN/pids
	: >"$LAB_PIDS"
	mkdir "$LAB_RUN/tmp"
	LAB_TMP=$LAB_RUN/tmp
	is_root && chown -R "$LAB_USER:" "$LAB_RUN"
	export LAB LAB_RUN LAB_PIDS LAB_TMP LAB_USER
	trap lab_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# Ends what this run started, then removes its directory.  Safe to call twice.
lab_end() {
	local status=$?
	trap - EXIT
	if [ -n "${LAB_RUN:-}" ] && [ -d "$LAB_RUN" ]; then
		lab_stop_all
		lab_cgroup_end
		if [ -n "${LAB_KEEP:-}" ]; then say "kept: $LAB_RUN"; else rm -rf "$LAB_RUN"; fi
	fi
	exit "$status"
}

# lab_spawn LOG COMMAND...: a server as the ordinary user; its pid goes to LAB_PIDS and LAB_PID.
lab_spawn() {
	local log=$1
	shift
	lab_user_command "$@"
	# fd 3 is bats' own; a server that holds it keeps bats waiting.
	"${LAB_COMMAND[@]}" </dev/null >"$log" 2>&1 3>&- &
	LAB_PID=$!
	echo "$LAB_PID" >>"$LAB_PIDS"
}

# A pid, or a process group as -PGID.
lab_stop() {
	local pid
	# bats runs under set -e, where a server's own status must not end the test.
	for pid; do kill -- "$pid" 2>/dev/null || true; done
	for pid; do
		lab_wait_for 20 lab_is_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

# A zombie is gone: its parent may be a shell that waits for it later.
lab_is_gone() { ! grep -qsv '^State:.*Z' <(grep '^State:' "/proc/$1/status" 2>/dev/null); }

lab_stop_all() {
	local pids
	mapfile -t pids <"$LAB_PIDS"
	lab_stop "${pids[@]}"
	: >"$LAB_PIDS"
}

# As an administrator who delegates: a cgroup of version 2 that the ordinary user may divide, with a leaf
# for the tests to run in.  Sets LAB_CGROUP, the leaf; or LAB_NO_CGROUP, why there is none.
lab_cgroup_begin() {
	local top dir controllers name
	is_root || { export LAB_NO_CGROUP="delegating a cgroup takes root"; return; }
	top=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[ -n "$top" ] || { export LAB_NO_CGROUP="cgroup version 2 is not mounted"; return; }
	dir=$top/berth-lab-$$
	mkdir "$dir" 2>/dev/null || { export LAB_NO_CGROUP="$top cannot be written to"; return; }
	LAB_CGROUP_DIR=$dir LAB_CGROUP_ENABLED=()
	read -r controllers <"$top/cgroup.controllers" || true
	for name in $controllers; do
		grep -qw "$name" "$top/cgroup.subtree_control" || ! echo "+$name" >"$top/cgroup.subtree_control" ||
			LAB_CGROUP_ENABLED+=("$name")
	done 2>/dev/null
	mkdir "$dir/job"
	chown "$LAB_USER" "$dir" "$dir"/cgroup.{procs,subtree_control,threads} "$dir/job" "$dir/job/cgroup.procs"
	export LAB_CGROUP=$dir/job
}

lab_cgroup_end() {
	local name
	[ -n "${LAB_CGROUP_DIR:-}" ] || return 0
	find "$LAB_CGROUP_DIR" -depth -type d -exec rmdir {} \; 2>/dev/null
	# Where somebody else has come to need one, the kernel refuses.
	for name in "${LAB_CGROUP_ENABLED[@]}"; do
		echo "-$name" >"${LAB_CGROUP_DIR%/*}/cgroup.subtree_control"
	done 2>/dev/null
}

# lab_wait_for SECONDS COMMAND...: until it succeeds.
lab_wait_for() {
	local i limit=$(($1 * 20))
	shift
	for ((i = 0; i < limit; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	return 1
}

# lab_port LOG REGEX: waits until the log shows the port; REGEX has one group around it.
lab_port() {
	lab_wait_for 60 grep -qE "$2" "$1" || {
		cat "$1" >&2
		return 1
	}
	sed -nE "s/.*$2.*/\\1/p" "$1" | head -n 1
}

# shellcheck source=tests/lab/packages.sh
. "$TOP/tests/lab/packages.sh"
# shellcheck source=tests/lab/images.sh
. "$TOP/tests/lab/images.sh"
# shellcheck source=tests/lab/registry.sh
. "$TOP/tests/lab/registry.sh"
