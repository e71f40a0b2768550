# The names of other engines: what clients read, and nothing else, differs.
load kernel

# as NAME WORD...: berth under that name
as() {
	local name=$1
	shift
	timeout -k 5 100 "${BERTH%/*}/names/$name" "$@"
}

@test "names: --version and version are what clients parse" {
	local name
	for name in apptainer singularity; do
		run --separate-stderr as $name --version
		[[ $output =~ ^apptainer\ version\ [0-9]+\.[0-9]+\.[0-9]+$ ]] && same "$stderr" "" || return 1
		run --separate-stderr as $name version
		[[ $output =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || return 1
	done
	run --separate-stderr berth --version
	[[ $output =~ ^berth\ version\ [0-9.]+$ ]]
}

@test "names: what goes wrong ends with 255, wrong words with 1, each with its prefix" {
	local words
	run --separate-stderr as singularity exec "$SQ" no-such-program
	fails 255 '^FATAL:   .*executable file not found in \$PATH' || return 1
	run --separate-stderr as singularity exec "$SQ" /bin/plain
	fails 255 '^FATAL:   ' || return 1
	run --separate-stderr as apptainer exec nosuch.sif true
	fails 255 '^FATAL:   image nosuch.sif: no such file' || return 1
	run --separate-stderr as apptainer exec -B /no/such "$SQ" true
	fails 255 '^FATAL:   .*/no/such' || return 1
	for words in "exec --no-such-option x true" "nosuchcommand" "exec" "--nosuch exec"; do
		# shellcheck disable=SC2086
		run --separate-stderr as singularity $words
		same "$status" 1 || return 1
		[[ $stderr == *"FATAL:   "* ]] || { echo "$words: $stderr"; return 1; }
	done
	run --separate-stderr as singularity exec -H /no/such "$SQ" true
	fails 255 '^FATAL:   '
}

@test "names: a warning begins with WARNING:, a note with INFO:" {
	run --separate-stderr env APPTAINER_PWD=/tmp SINGULARITY_PWD=/ "${BERTH%/*}/names/apptainer" exec "$SQ" pwd
	same "$output" /tmp && same "$stderr" "WARNING: APPTAINER_PWD and SINGULARITY_PWD differ; APPTAINER_PWD is used" || return 1
	run --separate-stderr as apptainer test "$SQ"
	same "$status" 0 || return 1
	[[ $stderr == "INFO:    "* ]] || { echo "$stderr"; return 1; }
	run --separate-stderr as apptainer --quiet test "$SQ"
	same "$status $stderr" "0 "
}

@test "names: the program's own status stays under every name" {
	run as singularity exec "$SQ" sh -c 'exit 42'
	same "$status" 42 || return 1
	run as singularity exec "$SQ" sh -c 'kill -TERM $$'
	same "$status" 143
}

@test "names: the prompt is the name's" {
	run --separate-stderr as singularity exec "$SQ" sh -c 'echo "[$PS1]"'
	same "$output" "[Apptainer> ]" || return 1
	run --separate-stderr berth exec "$SQ" sh -c 'echo "[$PS1]"'
	same "$output" "[Berth> ]"
}

@test "names: run-singularity runs the image that it is given" {
	run --separate-stderr as run-singularity "$SQ" -c 'echo "ran $1"' sh words
	same "$status" 0 && same "$output" "ran words"
}

@test "names: an image with a launch line runs by its own name" {
	[ -n "${LAB_IMAGES:-}" ] && [ -r "$LAB_IMAGES/busybox.sif" ] || skip "tests/run makes the image"
	cp "$LAB_IMAGES/busybox.sif" own.sif && chmod +x own.sif
	run --separate-stderr env PATH="${BERTH%/*}/names:$PATH" ./own.sif /bin/sh -c 'echo "own $1"' sh name
	same "$output" "own name" || { echo "$stderr"; return 1; }
}

@test "names: buildcfg names the configuration file" {
	local file
	run --separate-stderr as apptainer buildcfg APPTAINER_CONF_FILE
	same "$status" 0 || return 1
	file=$output
	[[ $file == /*/berth.conf ]] || return 1
	run --separate-stderr as apptainer buildcfg
	grep -qx "APPTAINER_CONF_FILE=$file" <<<"$output" && grep -qx 'PACKAGE_NAME=apptainer' <<<"$output" || return 1
	run --separate-stderr as apptainer buildcfg NOSUCH
	fails 255 'no variable named "NOSUCH"'
}
