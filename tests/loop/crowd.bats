#!/usr/bin/env bats
# Many processes, one store.  BERTH_CROWD=64 is the long form.
load ../lab/bats

N=${BERTH_CROWD:-8}

# Five images: the small one with a layer of its own each.
five() {
	local i
	skopeo --insecure-policy copy -q --src-cert-dir "$LAB_RUN/tls/skopeo" "docker://localhost:$LAB_OPEN/lab/busybox:1" oci:lay:base
	for i in 1 2 3 4 5; do
		mkdir -p "l$i/etc" && head -c 700000 /dev/urandom >"l$i/etc/own" && echo "image $i" >"l$i/etc/number"
		tar -C "l$i" -cf l.tar . && umoci raw add-layer --image lay:base --tag "$i" l.tar >/dev/null 2>&1
		skopeo --insecure-policy copy -q --dest-cert-dir "$LAB_RUN/tls/skopeo" "oci:lay:$i" \
			"docker://localhost:$LAB_OPEN/crowd/$(mine):$i"
	done
}

# One process after the other through all five; what it ends with goes to end.P.
member() {
	local i
	for i in 1 2 3 4 5; do
		"$BERTH" pull -F --tls-ca "$LAB_CA" "out.$1.$i" "docker://localhost:$FAULT/crowd/$(mine):$i" \
			>"said.$1.$i" 2>&1 || {
			echo "$i: $?" >"end.$1"
			return
		}
	done
	echo good >"end.$1"
}

# crowd DIR KILLED: N members at once, so many of them killed by and by, with what they have started.
crowd() {
	local p pids=() started=$SECONDS
	export BERTH_CACHEDIR=$1
	rm -f end.* out.*
	for p in $(seq "$N"); do
		setsid bash -c "$(declare -f member mine); FAULT=$FAULT; member $p" 3>&- &
		pids+=("$!")
		echo "$!" >>"$LAB_PIDS"
	done
	for p in $(seq "$2"); do
		sleep "0.$((RANDOM % 9 + 1))"
		kill -9 -- "-${pids[$p]}" 2>/dev/null || true
	done
	wait "${pids[@]}" 2>/dev/null || true
	echo "$((SECONDS - started)) s for $N, $2 of them killed"
}

all_right() {
	local p i
	for p in $(seq "$N"); do
		[ "$1" -gt 0 ] && [ ! -e "end.$p" ] && continue
		[ "$(cat "end.$p")" = good ] || { cat "end.$p" said."$p".*; return 1; }
		for i in 1 2 3 4 5; do cmp "out.$p.$i" "truth.$i"; done
	done
	[ "$(ls end.* | wc -l)" -ge $((N - $1)) ]
}

truths() {
	local i
	for i in 1 2 3 4 5; do
		BERTH_CACHEDIR=$BATS_TEST_TMPDIR/truth "$BERTH" pull -F --tls-ca "$LAB_CA" "truth.$i" "docker://localhost:$LAB_OPEN/crowd/$(mine):$i"
	done
}

@test "a crowd of processes downloads each blob once, and survives the death of many of its own" {
	five
	truths
	fault '[]'
	crowd "$BATS_TEST_TMPDIR/calm" 0
	all_right 0
	[ -z "$(twice)" ]
	crowd "$BATS_TEST_TMPDIR/wild" $((N / 2))
	all_right $((N / 2))
	BERTH_CACHEDIR=$BATS_TEST_TMPDIR/wild run -0 berth cache verify
}

# The requests for blobs that the proxy saw more than once.
twice() { jq -r 'select(.method == "GET") | .path' "$FAULT_LOG" | grep /blobs/ | sort | uniq -d; }

# The five images at once, one process each; sets PULLS.  Blobs come slowly enough that all want the
# shared layer before one has it.
side_by_side() {
	local i
	PULLS=()
	fault '[{"re": "GET .*/blobs/", "do": "slow", "arg": 500000}]'
	for i in 1 2 3 4 5; do
		"$BERTH" -v pull --tls-ca "$LAB_CA" "out.$i" "docker://localhost:$FAULT/crowd/$(mine):$i" >"said.$i" 2>&1 3>&- &
		PULLS+=("$!")
		echo "$!" >>"$LAB_PIDS"
	done
}

@test "different images that share a layer, pulled at once, fetch it once" {
	local i
	five
	truths
	side_by_side
	for i in "${PULLS[@]}"; do wait "$i"; done
	for i in 1 2 3 4 5; do cmp "out.$i" "truth.$i"; done
	[ -z "$(twice)" ]
	grep -q 'another process of this host is fetching a blob' said.*
}

@test "when the one that fetches a shared layer is killed, another goes on where it was" {
	local i part shared
	five
	truths
	shared=$(skopeo inspect --raw oci:lay:base | jq -r '.layers[0].digest')
	side_by_side
	for _ in $(seq 200); do
		part=$(find "$CACHE/v1/tmp" -name "${shared#*:}.*.part" -size +64k 2>/dev/null) || true
		[ -z "$part" ] || break
		sleep 0.05
	done
	# HEX.HOST.PID.START.part
	i=${part%.*.part}
	kill -9 "${i##*.}"
	for i in 1 2 3 4 5; do
		wait "${PULLS[i - 1]}" || { [ "$part" != "${part/.${PULLS[i - 1]}./}" ] && continue; }
		cmp "out.$i" "truth.$i"
	done
	[ "$(jq -r 'select(.method == "GET") | .path + " " + .range' "$FAULT_LOG" | grep -c "/blobs/$shared \$")" = 1 ]
	[ "$(jq -r 'select(.method == "GET") | .path + " " + .range' "$FAULT_LOG" | grep -c "/blobs/$shared bytes=")" = 1 ]
}

@test "the same on a file system that refuses locks" {
	python3 -c 'import fusepy' 2>/dev/null || skip "python3-fusepy is not installed"
	five
	truths
	fault '[]'
	mkdir back mnt
	lab_spawn "$BATS_TEST_TMPDIR/fuse.log" python3 "$TOP/tests/lab/nolock.py" "$PWD/back" "$PWD/mnt"
	for _ in $(seq 100); do mountpoint -q mnt && break; sleep 0.1; done
	: >mnt/x
	run python3 -c 'import fcntl; fcntl.lockf(open("mnt/x", "w"), fcntl.LOCK_EX)'
	[ "$status" != 0 ]
	crowd "$PWD/mnt/store" $((N / 2))
	all_right $((N / 2))
	BERTH_CACHEDIR=$PWD/mnt/store run -0 berth cache verify
	fusermount3 -u -z mnt
}
