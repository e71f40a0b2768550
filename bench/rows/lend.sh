# What lending costs a start: a machine whose driver has 80 libraries (stubs of tests/lab, laid over this one
# in namespaces of the row's own), with --nv and without, from the same image.

# lend_host DIR: what tests/lab/lendns.sh lays over this machine.
lend_host() {
	mkdir -p "$1/host"/{dev,driver/nvidia,etc} "$1/libs"
	python3 -B - "$here/../tests/lab" "$1" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		from elfstub import stub
		from lendhosts import ldcache
		dir, v, entries = sys.argv[2], "550.54.14", []
		for i in range(80):
		    name = "libcuda.so.1" if i == 0 else "libnvidia-part%d.so.1" % i
		    file = name[:-1] + v
		    open("%s/libs/%s" % (dir, file), "wb").write(stub(
		        name, ["libc.so.6", "libm.so.6", "libdl.so.2"],
		        {"libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.14"], "libm.so.6": ["GLIBC_2.2.5"]}))
		    import os
		    if not os.path.lexists("%s/libs/%s" % (dir, name)):
		        os.symlink(file, "%s/libs/%s" % (dir, name))
		    entries.append((name, "%s/libs/%s" % (dir, name), 64))
		entries += [("libother%d.so.1" % i, "/usr/lib64/libother%d.so.1" % i, 64) for i in range(2000)]
		open(dir + "/host/etc/ld.so.cache", "wb").write(ldcache(entries))
	END
	: >"$1/host/dev/nvidia0"
	echo "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22" >"$1/host/driver/nvidia/version"
}

row_N1() { # --nv against none: at most 3 ms more
	local dir=$WORK/lend image=$LAB/tree.zstd.sqfs
	ours N1 "--nv, 80 libraries" "$BERTH" || return 0
	lend_host "$dir"
	warm_file "$image"
	unshare -Urm "$here/../tests/lab/lendns.sh" "$dir/host" \
		"$WORK/race" --id N1 --name "--nv, 80 libraries" -n 15 -b 20 \
		--ours "berth --nv" -- "$BERTH" exec --nv "$image" /bin/true \
		--vs "berth" -- "$BERTH" exec "$image" /bin/true
}
