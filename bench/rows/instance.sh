# Instances and PID namespaces: joined, waited for, stopped.

# Notes and logs of the row's own.
instances_at() {
	export XDG_RUNTIME_DIR=$1/run HOME=$1/home
	mkdir -p -m 0700 "$XDG_RUNTIME_DIR" "$HOME"
}

row_I1() { # join an instance: nsenter into the same one
	(
		ours I1 "true, joined instance" "$BERTH" || exit 0
		instances_at "$WORK/instance"
		"$BERTH" -q instance start --pid-file "$WORK/instance/pid" "$LAB/tree" bench
		race --id I1 --name "true, joined instance" -n 15 -b 20 \
			--ours berth -- "$BERTH" exec instance://bench /bin/true \
			--vs "nsenter=1.50" -- nsenter -t "$(cat "$WORK/instance/pid")" -U -m -p -r -w \
			--preserve-credentials /bin/true
		"$BERTH" -q instance stop bench
	)
}

row_I2() { # a PID namespace: bwrap with one
	ours I2 "true, directory, --pid" "$BERTH" || return 0
	race --id I2 --name "true, directory, --pid" -n 15 -b 20 \
		--ours berth -- "$BERTH" exec --pid "$LAB/tree" /bin/true \
		--vs "bwrap --unshare-pid=1.00" -- bwrap --unshare-user --unshare-pid --ro-bind "$LAB/tree" / \
		--dev-bind /dev /dev --proc /proc --ro-bind /sys /sys --bind /tmp /tmp --bind /var/tmp /var/tmp \
		/bin/true
}

# The last thing that the program does is to make a file, whose time is a little early, so the figure
# is a little high.
row_I3() { # stop comes back when the last process has ended: median and 90th percentile
	(
		ours I3 "stop, after the last process" "$BERTH" || exit 0
		local i n=${RACE_ROUNDS:-21} dir=$WORK/stop all=()
		instances_at "$dir"
		mkdir -p "$dir/shared"
		for i in $(seq "$n"); do
			"$BERTH" -q instance start -B "$dir/shared:/mnt" "$LAB/tree" stop
			"$BERTH" exec instance://stop /bin/sh -c \
				'trap ": >/mnt/ended; exit 0" TERM; : >/mnt/ready; while :; do sleep 0.01; done' 2>/dev/null &
			until [ -e "$dir/shared/ready" ]; do sleep 0.01; done
			"$BERTH" -q instance stop stop
			all+=($((($(date +%s%N) - $(stat -c %.9Y "$dir/shared/ended" | tr -d .)) / 1000)))
			wait $! || true
			rm -f "$dir"/shared/*
		done
		printf '%s\n' "${all[@]}" | sort -n | awk '{ v[NR] = $1 / 1000 } END {
			m = v[int((NR + 1) / 2)]; p = v[int(NR * 0.9 + 0.5)]
			printf "| I3 | stop, after the last process | %.1f ms | | (90th percentile %.1f ms, n=%d) | 100 ms | | %s |\n",
				m, p, NR, (p <= 100 ? "reached" : (m > 100 ? "missed" : "undecided")) }'
	)
}
