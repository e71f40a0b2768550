#!/usr/bin/env bats
# Networks and servers on bad days: a pull goes on where it stopped, or says why it cannot.
load ../lab/bats

@test "a connection cut in mid-blob is resumed by Range" {
	fault '[{"re":"GET .*/blobs/", "skip":1, "times":2, "do":"cut", "arg":300000}]'
	pull lab/busybox:1 "$FAULT"
	worked
	good_sif
	[ "$(requests '.range != ""')" -ge 1 ]
}

@test "a reset in mid-blob is resumed" {
	fault '[{"re":"GET .*/blobs/", "skip":1, "times":1, "do":"rst", "arg":200000}]'
	pull lab/busybox:1 "$FAULT"
	worked
	good_sif
}

@test "a server without Range starts over" {
	fault '[{"re":"GET .*/blobs/", "skip":1, "times":1, "do":"cut", "arg":300000},
		{"re":"GET .*/blobs/", "do":"norange"}]'
	pull lab/busybox:1 "$FAULT"
	worked
	good_sif
}

@test "a later run resumes what a dead one left" {
	big=$(layers lab/busybox:1 | head -n 1)
	fault "[{\"re\":\"GET .*/$big\", \"times\":1, \"do\":\"cut\", \"arg\":400000},
		{\"re\":\"GET .*/$big\", \"do\":\"status\", \"arg\":404}]"
	pull lab/busybox:1 "$FAULT"
	fails "404"
	echo '[]' >"$FAULT_RULES"
	: >"$FAULT_LOG"
	pull lab/busybox:1 "$FAULT"
	worked
	good_sif
	[ "$(requests '.range != ""')" -ge 1 ]
	store_tidy
}

@test "429 and 503 are retried after the time that the server names" {
	fault '[{"re":"GET .*/manifests/", "times":1, "do":"status", "arg":429, "retry_after":"2"},
		{"re":"GET .*/blobs/", "times":2, "do":"status", "arg":503, "retry_after":"1"}]'
	pull lab/busybox:1 "$FAULT"
	worked
	good_sif
	# The second request for the manifest came at least 2 s (less the clock's grain) after the first.
	jq -se '[.[] | select(.path | test("/manifests/")) | .time] | .[1] - .[0] >= 1.9' "$FAULT_LOG"
}

@test "429 for ever ends with the status and the name" {
	fault '[{"re":"GET .*/manifests/", "do":"status", "arg":429, "retry_after":"0"}]'
	pull lab/busybox:1 "$FAULT"
	fails "429|rate|too many"
}

@test "5xx for ever ends with the status" {
	fault '[{"re":"GET .*/blobs/", "do":"status", "arg":502}]'
	pull lab/busybox:1 "$FAULT"
	fails "502"
}

@test "a flipped bit in a blob is noticed and fetched again" {
	fault '[{"re":"GET .*/blobs/", "skip":1, "times":1, "do":"corrupt", "arg":2000}]'
	pull lab/busybox:1 "$FAULT"
	if [ "$status" = 0 ]; then good_sif; else fails "sha256:.*(digest|hash|match)"; fi
}

@test "a blob that is always wrong is refused by its digest" {
	fault '[{"re":"GET .*/blobs/", "skip":1, "do":"corrupt", "arg":2000}]'
	pull lab/busybox:1 "$FAULT"
	fails "sha256:"
	store_tidy empty
}

@test "a wrong Docker-Content-Digest is refused" {
	fault '[{"re":"GET .*/manifests/", "do":"digest",
		"arg":"sha256:0000000000000000000000000000000000000000000000000000000000000000"}]'
	pull lab/busybox:1 "$FAULT"
	fails "hashes to sha256:"
}

@test "more bytes than announced, or fewer" {
	fault '[{"re":"GET .*/blobs/", "skip":1, "do":"truncate", "arg":100}]'
	pull lab/busybox:1 "$FAULT"
	fails "sha256:"
	echo '[{"re":"GET .*/blobs/", "do":"more", "arg":100}]' >"$FAULT_RULES"
	pull lab/busybox:1 "$FAULT"
	fails "sha256:|config"
}

@test "a server that falls silent is given up on, then asked again" {
	fault '[{"re":"GET .*/blobs/", "skip":1, "times":1, "do":"stall", "arg":100000}]'
	pull lab/busybox:1 "$FAULT"
	worked
	good_sif
}

@test "Authorization is not sent to another host after a redirect" {
	fault '[]'
	other=$FAULT other_log=$FAULT_LOG
	FAULT_LOG=$BATS_TEST_TMPDIR/second.requests
	printf '[{"re":"GET .*/blobs/", "do":"redirect", "arg":"https://127.0.0.1:%s"}]' "$other" \
		>"$BATS_TEST_TMPDIR/rules2"
	: >"$FAULT_LOG"
	lab_spawn "$BATS_TEST_TMPDIR/second.log" python3 -u "$TOP/tests/lab/fault.py" \
		--tls "$LAB_RUN/tls" --upstream "https://localhost:$LAB_BASIC" \
		--log "$FAULT_LOG" --rules "$BATS_TEST_TMPDIR/rules2"
	first=$(lab_port "$BATS_TEST_TMPDIR/second.log" 'listening on ([0-9]+)')
	pull lab/busybox:1 "$first" --docker-username alice --docker-password wonderland
	worked
	[ "$(jq -r 'select(.auth == "Basic") | 1' "$FAULT_LOG" | wc -l)" -ge 1 ]
	[ "$(jq -r 'select(.path | test("/blobs/")) | 1' "$other_log" | wc -l)" -ge 1 ]
	[ "$(jq -r 'select(.auth != "") | 1' "$other_log" | wc -l)" = 0 ]
}

@test "a redirect from https to http is refused" {
	fault "[{\"re\":\"GET .*/blobs/\", \"do\":\"redirect\", \"arg\":\"http://localhost:$LAB_HTTP\"}]"
	pull lab/busybox:1 "$FAULT"
	fails "http"
}

@test "redirects for ever end" {
	fault '[]'
	echo "[{\"re\":\"GET\", \"do\":\"redirect\", \"arg\":\"https://localhost:$FAULT\"}]" >"$FAULT_RULES"
	pull lab/busybox:1 "$FAULT"
	fails "redirect"
}

# slow_tokens OPTION...: tokens of 2 s before a pull that takes longer.
slow_tokens() {
	lab_token_server 2 "$@"
	lab_registry short "$LAB_DATA" token
	fault '[{"re":"GET .*/blobs/", "do":"slow", "arg":20000000}]' "$LAB_PORT"
	pull lab/numpy:1 "$FAULT" --parallel 1 --docker-username alice --docker-password wonderland
	worked
	[ "$(wc -l <"$BATS_TEST_TMPDIR/token.requests")" -ge 2 ]
}

@test "a token that ends in mid-pull is renewed" {
	needs_debian
	slow_tokens
}

@test "a token whose end shows only by a 401 is renewed" {
	needs_debian
	slow_tokens --silent
	[ "$(requests '.status == 401')" -ge 2 ]
}

@test "the registry goes away in mid-blob: the blob is named, then the next run finishes" {
	lab_registry mortal "$LAB_DATA" open
	pid=$LAB_PID
	fault '[{"re":"GET .*/blobs/", "skip":1, "do":"slow", "arg":200000}]' "$LAB_PORT"
	proxy=$LAB_PID
	berth pull --tls-ca "$LAB_CA" out.sif "docker://localhost:$FAULT/lab/busybox:1" 2>log 3>&- &
	berth=$!
	sleep 2
	lab_stop "$pid" "$proxy"
	status=0
	wait $berth || status=$?
	stderr=$(cat log)
	rm log
	fails "sha256:|localhost"
	pull lab/busybox:1
	worked
	good_sif
}

@test "an interrupt ends the pull at once and leaves no output" {
	fault '[{"re":"GET .*/blobs/", "skip":1, "do":"slow", "arg":50000}]'
	for signal in INT TERM; do
		# Not through timeout(1), which would be the one to get the signal.
		(trap - INT && exec "$BERTH" pull --tls-ca "$LAB_CA" out.sif \
			"docker://localhost:$FAULT/lab/busybox:1") 2>log 3>&- &
		berth=$!
		sleep 2
		kill -$signal $berth
		lab_wait_for 10 lab_is_gone $berth
		ended=0
		wait $berth || ended=$?
		[ "$ended" != 0 ]
		rm log
		tidy
	done
}

@test "kill -9 at ten moments: the next run finishes and nothing is left over" {
	fault '[{"re":"GET .*/blobs/", "do":"slow", "arg":4000000}]'
	for moment in 0.05 0.1 0.15 0.2 0.3 0.4 0.5 0.6 0.8 1.0; do
		"$BERTH" pull --tls-ca "$LAB_CA" out.sif "docker://localhost:$FAULT/lab/busybox:1" 2>log 3>&- &
		berth=$!
		sleep "$moment"
		kill -9 $berth 2>/dev/null || true
		wait $berth || true
		[ ! -e out.sif ] || { good_sif && rm out.sif; }
	done
	rm log
	pull lab/busybox:1 "$FAULT"
	worked
	good_sif
	tidy out.sif
	store_tidy
}

@test "of two pulls at once one is killed; the other is right and so is a third" {
	big=$(layers lab/busybox:1 | head -n 1)
	fault "[{\"re\":\"GET .*/$big\", \"do\":\"slow\", \"arg\":600000}]"
	for name in a b; do
		"$BERTH" pull --tls-ca "$LAB_CA" $name.sif "docker://localhost:$FAULT/lab/busybox:1" \
			2>$name.log 3>&- &
		pids[${#pids[@]}]=$!
	done
	sleep 1
	kill -9 "${pids[0]}"
	wait "${pids[0]}" || true
	pull lab/busybox:1
	worked
	wait "${pids[1]}" || { cat b.log && false; }
	cmp b.sif out.sif
	rm a.log b.log
	tidy b.sif out.sif
	store_tidy
}
