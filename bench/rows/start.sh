# Start-up rows: a program in an image, everything set up and torn down each time.

pass=(/usr/bin/python3 -c pass)
numpy=(/usr/bin/python3 -c 'import numpy')

row_S1() { # start in a directory: bwrap, ch-run, and the least possible
	ours S1 "true, directory" "$BERTH" || return 0
	race --id S1 --name "true, directory" -n 15 -b 20 \
		--ours berth -- "$BERTH" exec "$LAB/tree" /bin/true \
		--vs "bwrap --ro-bind=0.80" -- bwrap --ro-bind "$LAB/tree" / /bin/true \
		--vs ch-run=0.80 -- ch-run "$LAB/tree" -- /bin/true \
		--vs mini=1.25 -- "$WORK/mini" "$LAB/tree" /bin/true
}

# image_start ROW TEXT COMPRESSION BATCH CH-RUN-TARGET APPTAINER-TARGET COMMAND...
image_start() {
	local row=$1 text=$2 comp=$3 batch=$4 ch=$5 app=$6 more=()
	shift 6
	ours "$row" "$text, $comp" "$BERTH" || return 0
	warm_file "$LAB/tree.$comp.sqfs"
	if have apptainer; then
		more=(--vs "apptainer=$app" -- apptainer -s exec "$LAB/tree.$comp.sqfs" "$@")
	else
		skip "$row" "$text, $comp, apptainer" "not on PATH"
	fi
	race --id "$row" --name "$text, $comp" -n 15 -b "$batch" \
		--ours berth -- "$BERTH" exec "$LAB/tree.$comp.sqfs" "$@" \
		--vs "ch-run=$ch" -- ch-run "$LAB/tree.$comp.sqfs" -- "$@" \
		--vs "mini, directory" -- "$WORK/mini" "$LAB/tree" "$@" "${more[@]}"
}

row_S2() { # start from an image, cold FUSE mount each time
	image_start S2 "true, image" zstd 20 0.75 0.10 /bin/true
	image_start S2 "true, image" gzip 20 0.50 0.10 /bin/true
}

row_S4() { # python3 from an image, cold FUSE mount each time
	image_start S4 "python3 -c pass" zstd 5 0.80 0.38 "${pass[@]}"
	image_start S4 "import numpy" zstd 3 0.80 0.62 "${numpy[@]}"
	image_start S4 "python3 -c pass" gzip 5 0.80 0.38 "${pass[@]}"
	image_start S4 "import numpy" gzip 3 0.80 0.62 "${numpy[@]}"
}

row_S6() { # start in a directory with more mounts: 20 binds, contained, a layer of changes
	local i binds=() peer=(--tmpfs /mnt)
	ours S6 "true, directory, 20 binds" "$BERTH" || return 0
	for i in $(seq 20); do
		binds+=(-B "/usr/share:/mnt/$i:ro")
		peer+=(--ro-bind /usr/share "/mnt/$i")
	done
	race --id S6 --name "true, directory, 20 binds" -n 15 -b 20 \
		--ours berth -- "$BERTH" exec "${binds[@]}" "$LAB/tree" /bin/true \
		--vs "bwrap, 20 binds=0.80" -- bwrap --ro-bind "$LAB/tree" / --dev-bind /dev /dev \
		--ro-bind /proc /proc --ro-bind /sys /sys --bind /tmp /tmp --bind /var/tmp /var/tmp \
		"${peer[@]}" /bin/true
	race --id S6 --name "true, directory, --containall" -n 15 -b 20 \
		--ours berth -- "$BERTH" exec --containall "$LAB/tree" /bin/true \
		--vs "bwrap, the same=1.00" -- bwrap --unshare-user --unshare-pid --unshare-ipc \
		--ro-bind "$LAB/tree" / --dev /dev --proc /proc --ro-bind /sys /sys --tmpfs /tmp \
		--tmpfs /var/tmp --tmpfs /home --clearenv --chdir / /bin/true
	# bwrap of Debian 12 knows no overlay: the same done by hand.
	race --id S6 --name "true, directory, --writable-tmpfs" -n 15 -b 20 \
		--ours berth -- "$BERTH" exec --writable-tmpfs "$LAB/tree" /bin/true \
		--vs "unshare, mount, chroot=1.00" -- unshare --user --map-root-user --mount sh -c \
		"mount -t tmpfs t /mnt && mkdir /mnt/u /mnt/w /mnt/r && mount -t overlay -o \
		lowerdir=$LAB/tree,upperdir=/mnt/u,workdir=/mnt/w,userxattr o /mnt/r && \
		exec chroot /mnt/r /bin/true"
}
