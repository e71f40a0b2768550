# Reading rows: the same image bytes through our server, Debian's squashfuse_ll and the kernel.
#
# cold = a fresh mount for every sample, the image file in the page cache; warm = one mount for the
# row, two runs before the first that counts.  Our mount is in a namespace of its own: a process
# holds it and the timed command is started inside it.

serve=$BUILD/tests/unit/berth-serve-test
[ -x "$serve" ] || serve=$(find "$BUILD" -name berth-serve-test -type f -perm -u+x 2>/dev/null | head -n1)
serve=${serve:-$BUILD/berth-serve-test}

# Lines of sh that mount IMAGE.
ours_up() {
	echo "rm -f $WORK/hold; mkdir -p $WORK/mnt/ours
		$serve $LAB/$1.sqfs $WORK/mnt/ours -- sh -c 'echo \$\$ >$WORK/hold.new; mv $WORK/hold.new $WORK/hold; exec sleep 3600' 2>>$WORK/hold.log &
		for i in \$(seq 500); do [ -s $WORK/hold ] && exit 0; sleep 0.01; done; exit 1"
}
ours_down="kill \$(cat $WORK/hold)"
ll_up() { echo "mkdir -p $WORK/mnt/ll; squashfuse_ll $LAB/$1.sqfs $WORK/mnt/ll"; }
ll_down="for i in 1 2 3 4 5; do fusermount3 -u $WORK/mnt/ll && exit 0; sleep 0.05; done; fusermount3 -uz $WORK/mnt/ll"
kernel_up() { echo "echo $1 >$KERNEL/ask; read a <$KERNEL/answer; [ \"\$a\" = ok ]"; }

# read_row ROW TEXT IMAGE cold|warm LL-TARGET KERNEL-TARGET COMMAND...: MOUNT in COMMAND is replaced.
# A target of 0 is for reference.  read_opts: more options for race.  directory: also the unpacked
# tree, which is always warm.
read_row() {
	local row=$1 text="$2, ${3#*.}, $4" image=$3 temp=$4 ll=$5 k=$6 dir=${directory:-} args=() up=--before down=--after
	shift 6
	ours "$row" "$text" "$serve" || return 0
	warm_file "$LAB/$image.sqfs"
	[ "$temp" = cold ] || up=--up down=--down
	args=(--ours berth --join "$WORK/hold" "$up" "$(ours_up "$image")" "$down" "$ours_down"
		-- "${@//MOUNT/$WORK/mnt/ours}"
		--vs "squashfuse_ll=$ll" "$up" "$(ll_up "$image")" "$down" "$ll_down" -- "${@//MOUNT/$WORK/mnt/ll}")
	if [ -p "${KERNEL:-}/ask" ]; then
		args+=(--vs "kernel=$k" "$up" "$(kernel_up "$image")" -- "${@//MOUNT/$KERNEL/$image}")
	else
		skip "$row" "$text, kernel" "needs root for a loop mount"
	fi
	[ -z "$dir" ] || args+=(--vs "directory" -- "${@//MOUNT/$dir}")
	race --id "$row" --name "$text" ${read_opts:-} "${args[@]}"
}

tree=$LAB/tree
stat_storm=(find MOUNT -printf '%s %m %T@ %i\n')
names=(find MOUNT)
scipy=("$WORK/mini" MOUNT /usr/bin/python3 -c 'import numpy, scipy.linalg, scipy.sparse, scipy.stats, scipy.optimize')
[ -z "${BERTH_BENCH_SMALL:-}" ] || scipy=("$WORK/mini" MOUNT /usr/bin/python3 -c 'import numpy')
read_all() { all=(sh -c "cd MOUNT && xargs -0 -a $LAB/files.0 -n 500 -P $1 cat >/dev/null"); }

row_R1() { # stat storm and names-only walk, cold
	directory=$tree read_row R1 "stat storm" tree.zstd cold 0.30 1.05 "${stat_storm[@]}"
	directory=$tree read_row R1 "names only" tree.zstd cold 0.60 2.8 "${names[@]}"
	read_row R1 "stat storm" tree.gzip cold 0.30 1.05 "${stat_storm[@]}"
	read_row R1 "stat storm" tree.lz4 cold 0.30 1.05 "${stat_storm[@]}"
}

row_R2() { # stat storm and names-only walk, warm
	directory=$tree read_row R2 "stat storm" tree.zstd warm 0.35 1.05 "${stat_storm[@]}"
	directory=$tree read_row R2 "names only" tree.zstd warm 0.20 1.0 "${names[@]}"
}

row_R3() { # import numpy and scipy, cold and warm
	directory=$tree read_row R3 "import numpy, scipy" tree.zstd cold 0.92 1.05 "${scipy[@]}"
	directory=$tree read_row R3 "import numpy, scipy" tree.zstd warm 0.85 1.10 "${scipy[@]}"
	read_row R3 "import numpy, scipy" tree.gzip cold 0.92 1.05 "${scipy[@]}"
}

row_R4() { # every file of /usr, 1 and 2 readers, gzip, zstd, lz4
	local all read_opts="-t 120"
	read_all 2
	directory=$tree read_row R4 "all files, 2 readers" tree.zstd cold 0.60 0.85 "${all[@]}"
	read_row R4 "all files, 2 readers" tree.gzip cold 0.45 0.45 "${all[@]}"
	read_row R4 "all files, 2 readers" tree.lz4 cold 0 0 "${all[@]}"
	directory=$tree read_row R4 "all files, 2 readers" tree.zstd warm 0.25 1.05 "${all[@]}"
	read_all 1
	read_row R4 "all files, 1 reader" tree.zstd cold 0 0 "${all[@]}"
}

row_R5() { # one 512 MiB file: sequential, random 4 KiB
	local seq=(dd if=MOUNT/big.bin of=/dev/null bs=1M status=none) rand=("$WORK/randread" MOUNT/big.bin 4096 20000 2)
	directory=$LAB read_row R5 "sequential" big.zstd cold 0.75 0.85 "${seq[@]}"
	read_row R5 "sequential" big.gzip cold 0 0 "${seq[@]}"
	read_row R5 "sequential" big.lz4 cold 0 0 "${seq[@]}"
	directory=$LAB read_row R5 "random 4K x 2" big.zstd cold 0.55 0.75 "${rand[@]}"
	read_row R5 "random 4K x 2, 1 MiB blocks" big-1m.zstd cold 0.20 1.00 "${rand[@]}"
	read_row R5 "random 4K x 2" big.gzip cold 0 0 "${rand[@]}"
}

row_R6() { # memory of the server after every file was read
	local all text="server after reading all"
	ours R6 "$text" "$serve" || return 0
	read_all 2
	for image in tree.zstd tree.gzip; do
		warm_file "$LAB/$image.sqfs"
		race --id R6 --name "$text, ${image#*.}" -n 3 -w 1 -t 120 -g 0 --max-anon 64 \
			--ours berth --join "$WORK/hold" --up "$(ours_up $image)" --down "$ours_down" \
			-- "${all[@]//MOUNT/$WORK/mnt/ours}"
	done
}

row_X1() { # guard: the mounted tree is the source, byte for byte
	local comp got want
	want=$(cut -c1-64 "$LAB/tree.sum")
	for comp in zstd gzip lz4; do
		ours X1 "tar of the mount = source, $comp" "$serve" || return 0
		mkdir -p "$WORK/mnt/ours"
		got=$("$serve" "$LAB/tree.$comp.sqfs" "$WORK/mnt/ours" -- sh -c "tar -C $WORK/mnt/ours --sort=name \
			--numeric-owner --owner=0 --group=0 --format=gnu -cf - . | sha256sum" | cut -c1-64) || got=failed
		if [ "$got" = "$want" ]; then
			echo "| X1 | tar of the mount = source, $comp | same | | | same | | reached |"
		else
			echo "| X1 | tar of the mount = source, $comp | ${got:0:12} | source ${want:0:12} | | same | | **missed: no figure above counts** |"
		fi
	done
}
