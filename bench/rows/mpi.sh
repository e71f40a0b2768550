# Parallel rows: two ranks that talk, many ranks that start, eight that import numpy.

# mpi_program: Debian's Open MPI in the host, the one of the lab's tree inside.
mpi_program() {
	have mpicc.openmpi && have mpirun.openmpi || { skip "$1" "$2" "no mpicc.openmpi (libopenmpi-dev, openmpi-bin)"; return 1; }
	[ -x "$WORK/mpi/app" ] || { mkdir -p "$WORK/mpi" && mpicc.openmpi -O2 -o "$WORK/mpi/app" "$here/../tests/cluster/mpi.c"; }
}

# talk WAY BYTES TIMES COLUMN: what the ping-pong prints; column 2 microseconds, 4 MB/s.
talk() {
	local image=$LAB/tree.zstd.sqfs run=() app=$WORK/mpi/app
	case $1 in
	shared) run=("$BERTH" exec -B "$WORK" "$image") ;;
	alone) run=("$BERTH" exec --share=none -B "$WORK" "$image") ;;
	ch-run) run=(ch-run --join -b "$WORK/mpi:/mnt" "$LAB/tree" --) app=/mnt/app ;;
	esac
	timeout 120 mpirun.openmpi --oversubscribe -np 2 "${run[@]}" "$app" pingpong "$2" "$3" 2>/dev/null |
		awk -v c="$4" '{ print $c }'
}

# talk_race NAME BYTES TIMES COLUMN: every round asks each way once, in rotated order; the ratio is
# within the round, the line as race prints it.
talk_race() {
	local ways=(native shared alone ch-run) rounds=${RACE_ROUNDS:-15} round i way
	have ch-run || ways=(native shared alone)
	for ((round = 0; round < rounds; round++)); do
		for ((i = 0; i < ${#ways[@]}; i++)); do
			way=${ways[(i + round) % ${#ways[@]}]}
			echo "$round $way $(talk "$way" "$2" "$3" "$4")"
		done
	done | awk -v name="$1" -v unit="$([ "$4" = 2 ] && echo us || echo MB/s)" '
		$3 > 0 { v[$1, $2] = $3; if ($1 + 1 > n) n = $1 + 1; seen[$2] = 1 }
		function line(way, peer, target,   m, i, r, a, b, j, t) {
			m = 0
			for (i = 0; i < n; i++)
				if (((i SUBSEP way) in v) && ((i SUBSEP peer) in v)) { r[m] = v[i, way] / v[i, peer]; a[m] = v[i, way]; b[m] = v[i, peer]; m++ }
			if (!m) { printf "| M1 | %s | | %s | | | | skipped: it does not run |\n", name, peer; return }
			for (i = 0; i < m; i++) for (j = i + 1; j < m; j++) {
				if (r[j] < r[i]) { t = r[i]; r[i] = r[j]; r[j] = t }
				if (a[j] < a[i]) { t = a[i]; a[i] = a[j]; a[j] = t }
				if (b[j] < b[i]) { t = b[i]; b[i] = b[j]; b[j] = t }
			}
			i = r[int(m / 2)]
			word = i >= 0.97 && i <= 1.03 ? "reached" : "missed"
			if (m < 5) word = "undecided"
			if (target == "") word = "reference"
			printf "| M1 | %s, %s | %.2f %s | %s %.2f %s | %.2f (%.2f–%.2f) | %s | | %s |\n", name, way, a[int(m / 2)], unit, peer, b[int(m / 2)], unit, i, r[int(m / 10)], r[int(m * 9 / 10)], target, word
		}
		END { line("shared", "native", "0.97–1.03"); line("alone", "native", ""); line("shared", "ch-run", "") }'
}

row_M1() { # ping-pong of two ranks: native, shared, --share=none, ch-run --join
	ours M1 "ping-pong" "$BERTH" && mpi_program M1 "ping-pong" || return 0
	warm_file "$LAB/tree.zstd.sqfs"
	talk_race "latency, 8 B" 8 20000 2
	talk_race "bandwidth, 4 MiB" 4194304 100 4
}

# many N COMMAND...: a shell command that starts it N times at once.
many() {
	local n=$1 text
	shift
	printf -v text '%q ' "$@"
	echo "i=0; while [ \$i -lt $n ]; do $text & i=\$((i + 1)); done; wait"
}

row_M2() { # 128 ranks at once: bare processes, ch-run
	ours M2 "128 times true" "$BERTH" || return 0
	warm_file "$LAB/tree.zstd.sqfs"
	race --id M2 --name "128 times true" -n 9 -b 1 \
		--ours berth -- sh -c "$(many 128 "$BERTH" exec --share=node "$LAB/tree.zstd.sqfs" /bin/true)" \
		--vs "bare processes" -- sh -c "$(many 128 /bin/true)" \
		--vs "ch-run, directory=1.00" -- sh -c "$(many 128 ch-run "$LAB/tree" -- /bin/true)" \
		--vs "berth, each alone" -- sh -c "$(many 128 "$BERTH" exec --share=none "$LAB/tree.zstd.sqfs" /bin/true)"
}

# cached SHARE: bytes of the page cache for 8 ranks, each mount of the image counted once.
cached() {
	local out=$WORK/cached.$1 go=$WORK/cached.go i pids=()
	rm -f "$go" && mkfifo "$go" && : >"$out"
	for ((i = 0; i < 8; i++)); do
		"$BERTH" exec --share="$1" "$LAB/tree.zstd.sqfs" /usr/bin/python3 -c "$(cat "$here/cached.py")" \
			<"$go" >>"$out" 2>>"$out.err" &
		pids+=($!)
	done
	exec 9>"$go"
	for ((i = 0; i < 3000; i++)); do
		[ "$(wc -l <"$out")" -lt 8 ] || break
		sleep 0.1
	done
	exec 9>&-
	wait "${pids[@]}" && awk 'NF == 2 { if ($2 > m[$1]) m[$1] = $2; n++ }
		END { for (d in m) sum += m[d]; if (n == 8) print sum; exit n != 8 }' "$out" || { cat "$out.err" >&2; return 1; }
}

cached_line() {
	local shared alone
	shared=$(cached node) && alone=$(cached none) || { skip S5 "page cache of 8 ranks" "a rank failed"; return; }
	awk -v a="$shared" -v b="$alone" 'BEGIN {
		printf "| S5 | page cache of the image, 8 ranks | %.1f MiB | berth, each alone %.1f MiB | %.3f | 0.15 | | %s |\n",
			a / 1048576, b / 1048576, a / b, a / b <= 0.15 ? "reached" : "missed" }'
}

row_S5() { # 8 ranks import numpy from one image: page cache, time
	local numpy=(/usr/bin/python3 -c 'import numpy')
	ours S5 "8 ranks import numpy" "$BERTH" || return 0
	warm_file "$LAB/tree.zstd.sqfs"
	cached_line
	race --id S5 --name "8 ranks import numpy" -n 9 -b 1 \
		--ours berth -- sh -c "$(many 8 "$BERTH" exec --share=node "$LAB/tree.zstd.sqfs" "${numpy[@]}")" \
		--vs "the directory=1.45" -- sh -c "$(many 8 "$WORK/mini" "$LAB/tree" "${numpy[@]}")" \
		--vs "8 times ch-run, image=0.60" -- sh -c "$(many 8 ch-run "$LAB/tree.zstd.sqfs" -- "${numpy[@]}")" \
		--vs "berth, each alone" -- sh -c "$(many 8 "$BERTH" exec --share=none "$LAB/tree.zstd.sqfs" "${numpy[@]}")"
}
