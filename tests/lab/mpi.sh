# mpi: what the suite cluster runs: images with Debian's Open MPI and MPICH, and mpi.c built for each.
#
#	lab_mpi_images           # prints a directory with mpi.sqfs (both), ompi.sqfs (Open MPI only)
#	lab_mpi_programs DIR     # DIR/app.openmpi, DIR/app.mpich
# shellcheck shell=bash

image_mpich() { images_layer "$1" "$2" mpi mpich mpich; }

lab_mpi_images() {
	local oci dir key out
	oci=$(lab_image mpi) || return 1
	dir=${oci%/oci}
	key=$({ declare -f image_mpich lab_mpi_squash; echo "$dir"; } | sha256sum | cut -c1-16)
	out=$LAB/mpi/$key
	if [ ! -e "$out/done" ]; then
		mkdir -p "$out"
		(
			flock 9
			[ -e "$dir/mpich.done" ] || images_stage "$dir" mpich || exit 1
			note "making SquashFS images with MPI (once; kept in $LAB)" >&2
			lab_mpi_squash "$oci" mpi "$out/ompi.sqfs" &&
				lab_mpi_squash "$oci" mpich "$out/mpi.sqfs"
		) 9>"$dir/lock" || return 1
		: >"$out/done"
	fi
	say "$out"
}

# lab_mpi_squash LAYOUT TAG FILE
lab_mpi_squash() {
	local work=$LAB_RUN/mpi-work
	images_as_root bash -euc 'umoci unpack --image "$1:$2" "$3/b"
		mksquashfs "$3/b/rootfs" "$4.new" -comp zstd -Xcompression-level 3 -quiet -no-progress' \
		sh "$1" "$2" "$work" "$3" >"$LAB_RUN/mpi-squash.log" 2>&1 || {
		tail -n 5 "$LAB_RUN/mpi-squash.log" >&2
		return 1
	}
	images_as_root rm -rf "$work"
	chmod 0644 "$3.new" && mv "$3.new" "$3"
}

lab_mpi_programs() {
	local kind
	for kind in openmpi mpich; do
		"mpicc.$kind" -O2 -Wall -o "$1/app.$kind" "$TOP/tests/cluster/mpi.c" || return 1
	done
}
