# Whose MPI runs, the image's or the host's, under every launcher of this machine: each cell runs, or
# is refused before MPI_Init with the reason; nothing hangs.
bats_require_minimum_version 1.5.0
# shellcheck source=tests/lab/slurm.sh
. "$BATS_TEST_DIRNAME/../lab/slurm.sh"

export ASAN_OPTIONS=detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}

setup_file() {
	SLURM_DIR=$(mktemp -d /tmp/berth-slurm.XXXXXX)
	export SLURM_DIR
	slurm_begin "$SLURM_DIR" 1
}
teardown_file() {
	slurm_end
	rm -rf "$SLURM_DIR"
}

setup() {
	IMG=$LAB_MPI/mpi.sqfs
	export SLURM_CONF=$SLURM_DIR/slurm.conf
	cd "$BATS_TEST_TMPDIR" || return 1
}

OMPI=$LAB_TMP/app.openmpi MPICH=$LAB_TMP/app.mpich
b() { echo "$BERTH" exec -B "$LAB_TMP" "$@"; }

launcher() {
	case $1 in
	ompi) echo mpirun.openmpi --oversubscribe -np 2 ;;
	hydra) echo mpirun.mpich -np 2 ;;
	*) echo srun -N1 -n2 "--mpi=$1" ;;
	esac
}

# cell LAUNCHER APP runs|refused [OPTION...]
cell() {
	local how=$1 app=$2 want=$3 status=0
	shift 3
	# shellcheck disable=SC2046
	timeout -k 5 60 $(launcher "$how") $(b "$@" "$IMG") "$app" hello >out 2>err || status=$?
	case $want in
	runs) [ "$status" = 0 ] && [ "$(cat out)" = "size 2 sum 3" ] ;;
	refused) [ "$status" != 0 ] && [ "$status" -lt 124 -o "$status" = 125 ] && [ ! -s out ] &&
		grep -qE 'does not start under|gives its ranks no wire-up' err &&
		grep -q 'use .*--mpi=pm\|use .*mpirun' err && grep -q -- '--mpi=image starts it in any case' err ;;
	esac || {
		printf '%s %s %s: status %s, wanted %s\n' "$how" "${app##*.}" "$*" "$status" "$want"
		head -n 20 out err
		return 1
	}
}

matrix() {
	cell ompi "$OMPI" runs "$@"
	cell hydra "$OMPI" refused "$@"
	cell none "$OMPI" refused "$@"
	cell pmi2 "$OMPI" refused "$@"
	cell pmix "$OMPI" runs "$@"
	cell ompi "$MPICH" refused "$@"
	cell hydra "$MPICH" runs "$@"
	cell none "$MPICH" refused "$@"
	cell pmi2 "$MPICH" runs "$@"
	cell pmix "$MPICH" refused "$@"
}
@test "every launcher, both MPIs, the image's own: runs, or is refused with the reason" { matrix; }
@test "every launcher, both MPIs, the host's in its place" { matrix --mpi=host; }

@test "--mpi=image is the switch: what would be refused starts, as if Berth were not there" {
	timeout 60 srun -N1 -n2 --mpi=pmix $(b --mpi=image "$IMG") "$MPICH" hello >out
	[ "$(sort -u out)" = "size 1 sum 1" ]
	[ "$(wc -l <out)" = 2 ]
	# The variable is the same.
	BERTH_MPI=image timeout 60 srun -N1 -n2 --mpi=pmix $(b "$IMG") "$MPICH" hello >out
	[ "$(wc -l <out)" = 2 ]
	# What is no MPI program is nobody's business.
	timeout 60 srun -N1 -n2 --mpi=pmi2 $(b "$IMG") ls / >out 2>err
	[ ! -s err ]
}

# mapped FILE: the ranks have this very file mapped, by device and inode.
mapped() { grep -q " 0*$(stat -c %i "$1") .*\\.so" maps; }

@test "the host's library is what runs: by inode, in the search path and over the image's file" {
	local lib=/usr/lib/x86_64-linux-gnu
	mpirun.openmpi -np 2 $(b --mpi=host "$IMG") "$OMPI" maps >maps
	mapped "$(readlink -f $lib/libmpi.so.40)"
	mapped "$(readlink -f $lib/libopen-pal.so.40)"
	# Plug-ins, too.
	mapped "$(readlink -f $lib/openmpi/lib/openmpi3/mca_btl_vader.so)"
	mpirun.openmpi -np 2 $(b "$IMG") "$OMPI" maps >maps
	! mapped "$(readlink -f $lib/libmpi.so.40)" || false
	mpirun.mpich -np 2 $(b --mpi=host "$IMG") "$MPICH" maps >maps
	mapped "$(readlink -f $lib/libmpich.so.12)"
	mapped "$(readlink -f $lib/libucp.so.0)"
	[ "$(stat -Lc %i $lib/libmpich.so.12)" = "$("$BERTH" exec --mpi=host "$IMG" stat -Lc %i $lib/libmpich.so.12)" ]
	[ "$(stat -Lc %i $lib/libc.so.6)" != "$("$BERTH" exec --mpi=host "$IMG" stat -Lc %i $lib/libc.so.6)" ]
}

@test "the host's MPI is as fast: memory is read across, large messages arrive" {
	local app
	for app in openmpi mpich; do
		[ "$(mpirun.$app -np 2 $(b --mpi=host "$IMG") "$LAB_TMP/app.$app" pairs)" = "size 2 unreadable 0" ]
		[ "$(mpirun.$app -np 2 $(b --mpi=host "$IMG") "$LAB_TMP/app.$app" big 8000000)" = "size 2 wrong 0" ]
		mpirun.$app -np 2 $(b --mpi=host "$IMG") "$LAB_TMP/app.$app" pingpong 8 100 | grep -q '^8 .* us '
	done
}

@test "mpi-check: versions, whether the host's MPI fits, and the verdict" {
	"$BERTH" mpi-check "$IMG" >out
	grep -qE '^host: Open MPI 4\.[0-9.]+, MPICH [34]\.[0-9.]+; PMIx [0-9]' out
	grep -qE '^image: Open MPI 4\.[0-9.]+, MPICH [34]\.[0-9.]+; PMIx [0-9].*; UCX; libfabric \(FABRIC_1' out
	grep -qx -- "--mpi=host: the host's MPI fits into the image" out
	run -125 --separate-stderr "$BERTH" exec --mpi=mine "$IMG" true
	[ "$stderr" = "berth: --mpi=mine: write auto, image or host" ]
}

# An image whose one MPI is of a family that this host lacks.
@test "families are never crossed, and an image without glibc is told so" {
	local tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"/{usr/lib64,bin,lib}
	echo 'int MPI_Init(void) { return 0; }' | gcc -shared -fPIC -xc - -Wl,-soname,libmpi_abi.so.0 \
		-o "$tree/usr/lib64/libmpi_abi.so.0"
	cp /usr/lib/x86_64-linux-gnu/libc.so.6 "$tree/usr/lib64/"
	run -125 --separate-stderr "$BERTH" exec --mpi=host "$tree" /bin/true
	[[ $stderr = *"--mpi=host: the image's MPI is of the family MPI standard ABI, this host's is Open MPI"*"(--mpi=image)" ]]
	rm "$tree"/usr/lib64/*
	: >"$tree/lib/ld-musl-x86_64.so.1"
	run -125 --separate-stderr "$BERTH" exec --mpi=host "$tree" /bin/true
	[[ $stderr = *"--mpi=host: lib"*"made for glibc, the image's C library is musl"*"(--mpi=image)" ]]
	"$BERTH" mpi-check "$tree" >out
	grep -q "^--mpi=host: lib.*musl" out
}
