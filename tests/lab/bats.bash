# bats: what every bats file of tests/loop begins with.
#
#	load ../lab/bats
#
#	pull REPO:TAG [PORT] [OPTION...]   # berth pull of out.sif, --tls-ca given; see run
#	fault '[{...rules...}]' [PORT]     # a proxy before PORT: $FAULT, $FAULT_LOG (see fault.py)
#	mine                               # a name for repositories of this test's own
#	fails 'REGEX'                      # the last run failed with status 125 and one such line
#
# Each test has a directory of its own (the working directory) and a store of its own ($CACHE);
# what it starts with lab_spawn ends with it.
# shellcheck shell=bash disable=SC2034,SC2154

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lab/lab.sh
. "${BATS_TEST_DIRNAME%%/tests/*}/tests/lab/lab.sh"

setup() {
	[ -n "${LAB_OPEN:-}" ] || skip "tests/run starts the registries that this needs"
	WORK=$BATS_TEST_TMPDIR/work CACHE=$BATS_TEST_TMPDIR/cache
	LAB_PIDS=$BATS_TEST_TMPDIR/pids
	: >"$LAB_PIDS"
	mkdir -p "$WORK" "$BATS_TEST_TMPDIR/home"
	chmod 0700 "$BATS_TEST_TMPDIR"
	export BERTH_CACHEDIR=$CACHE HOME=$BATS_TEST_TMPDIR/home LAB_PIDS
	# A keeper has no stderr to report on.
	export ASAN_OPTIONS=log_path=$BATS_TEST_TMPDIR/sanitizer
	export UBSAN_OPTIONS=$ASAN_OPTIONS
	cd "$WORK" || return 1
}

teardown() {
	# A file with a setup of its own has the whole run's list here, with the registries.
	[ "${LAB_PIDS:-}" != "$BATS_TEST_TMPDIR/pids" ] || lab_stop_all
	cd / || return 1
	! cat "$BATS_TEST_TMPDIR"/sanitizer.* 2>/dev/null
}

# The image from Debian's packages, or why there is none.
needs_debian() { [ -z "${LAB_NO_DEBIAN:-}" ] || skip "$LAB_NO_DEBIAN"; }

# Part of a repository's name that is this test's and this run's own: the registries outlive a run, and
# what one leaves there is not in the way of the next.
mine() { printf '%s-%s' "${BATS_RUN_TMPDIR##*-}" "$BATS_TEST_NUMBER" | tr '[:upper:]' '[:lower:]'; }

berth() { timeout -k 5 200 "$BERTH" "$@"; }

pull() {
	local image=$1 port=$LAB_OPEN
	shift
	if [[ ${1:-} =~ ^[0-9]+$ ]]; then port=$1 && shift; fi
	run --separate-stderr berth pull --tls-ca "$LAB_CA" "$@" out.sif "docker://localhost:$port/$image"
}

worked() {
	[ "$status" = 0 ] || {
		printf 'status %s\n%s\n' "$status" "$stderr"
		return 1
	}
}

# Status 125, the reason in one line that begins "berth: ", matching REGEX; no output left, unless
# the second word is keeps.  Before it there may be a line for each try.
fails() {
	local lines errors
	[ "$status" = 125 ] || {
		printf 'status %s, wanted 125\n%s\n' "$status" "$stderr"
		return 1
	}
	errors=$(grep -v -e '^berth: warning' -e '^berth: .*; trying again in [0-9.]* s$' <<<"$stderr")
	lines=$(grep -c . <<<"$errors")
	[ "$lines" = 1 ] && [[ $errors = "berth: "* ]] || {
		printf 'wanted one line:\n%s\n' "$stderr"
		return 1
	}
	grep -qiE -- "$1" <<<"$errors" || {
		printf '%s\nwanted: %s\n' "$errors" "$1"
		return 1
	}
	[ "${2:-}" = keeps ] || tidy
}

# Nothing in the working directory but the names given.
tidy() {
	local name found
	found=$(ls -A .)
	for name; do found=$(grep -vxF -- "$name" <<<"$found" || true); done
	[ -z "$found" ] || {
		printf 'left over: %s\n' "$found"
		return 1
	}
}

# No unfinished file in the store; after a failure, store_tidy empty: none that holds nothing.
store_tidy() {
	local found
	found=$(find "$CACHE"/v1/tmp -type f ${1:+-empty} 2>/dev/null)
	[ -z "$found" ] || {
		printf 'left in the store: %s\n' "$found"
		return 1
	}
}

fault() {
	FAULT_LOG=$BATS_TEST_TMPDIR/fault.requests FAULT_RULES=$BATS_TEST_TMPDIR/rules
	printf '%s' "$1" >"$FAULT_RULES"
	: >"$FAULT_LOG"
	lab_spawn "$BATS_TEST_TMPDIR/fault.log" python3 -u "$TOP/tests/lab/fault.py" \
		--tls "$LAB_RUN/tls" --upstream "${3:-https}://localhost:${2:-$LAB_OPEN}" \
		--log "$FAULT_LOG" --rules "$FAULT_RULES"
	FAULT=$(lab_port "$BATS_TEST_TMPDIR/fault.log" 'listening on ([0-9]+)')
}

# requests JQ-FILTER: how many requests the proxy saw that match.
requests() { jq -r "select($1) | 1" "$FAULT_LOG" | wc -l; }

# The manifest's layer digests, bottom first.
layers() {
	curl -s --cacert "$LAB_CA" -H "Accept: application/vnd.oci.image.manifest.v1+json" \
		"https://localhost:$LAB_OPEN/v2/${1%:*}/manifests/${1##*:}" | jq -r '.layers[].digest'
}

good_sif() {
	[ "$(berth exec "${1:-out.sif}" cat /etc/hello)" = "hello from a layer" ]
}
