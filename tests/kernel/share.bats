# Ranks of one launch share one container, whoever of them dies when; and what is no launch does not.
load kernel

# rank N COMMAND...: as task N of a Slurm step, from its variables.
rank() {
	local n=$1
	shift
	SLURM_JOB_ID=${JOB:-7} SLURM_STEP_ID=${STEP:-0} SLURM_STEP_TASKS_PER_NODE=${TASKS:-4} SLURM_NODEID=0 \
		SLURM_PROCID=$n SLURM_LOCALID=$n timeout -k 5 100 "$BERTH" "$@"
}

# In the background; a bare "wait" would wait for bats' own children, too.
PIDS=()
bg() {
	"$@" 3>&- &
	PIDS+=($!)
}
ends() {
	local pid
	for pid in "${PIDS[@]}"; do wait "$pid" || true; done
	PIDS=()
}

NS='readlink /proc/self/ns/user; readlink /proc/self/ns/mnt'

# gathers N [OPTION...]: ranks 0 to N-1 print their namespaces, and stay until all have.
gathers() {
	local n=$1 i
	shift
	rm -rf seen && mkdir seen
	for ((i = 0; i < n; i++)); do
		bg rank "$i" exec --pwd "$WORK" -B "$WORK" "$@" "$IMG" sh -c "($NS) | tr '\n' ' ' >seen/.$i && mv seen/.$i seen/$i
			while [ \$(ls seen | wc -l) -lt $n ]; do sleep 0.05; done" 2>>said
	done
	ends
}

kinds() { cat seen/* | tr ' ' '\n' | grep "$1" | sort -u | wc -l; }

# The name that a start with these words would meet at.
name_of() { rank 0 -d exec "$@" true 2>&1 | sed -n 's/.*sharing as @//p' | head -n 1; }

squat() {
	python3 "$BATS_TEST_DIRNAME/../lab/squat.py" "$@" >squatter 3>&- </dev/null &
	SQUATTER=$!
	until_is 10 grep -q ready squatter
}

one_container_for_all_ranks() {
	gathers 6
	same "$(kinds user:)" 1
	same "$(kinds mnt:)" 1
	[ ! -s said ] || { cat said; return 1; }
}
@test "the ranks of a step are in one container" { each_image one_container_for_all_ranks; }

own_containers() {
	gathers 3 --share=none
	same "$(kinds user:)" 3
}
@test "--share=none: each rank has its own" { each_image own_containers; }

@test "--containall shares too, with one IPC namespace" {
	IMG=$SQ
	NS='readlink /proc/self/ns/user; readlink /proc/self/ns/ipc'
	gathers 3 --contain -e
	same "$(kinds user:)" 1
}

@test "without a launcher nobody shares, with --share=node and --share=KEY they do" {
	local key
	for key in auto node same; do
		rm -rf seen && mkdir seen
		timeout 60 sh -c "for i in 1 2 3; do
			\"$BERTH\" exec --share=$key \"$SQ\" sh -c \"readlink /proc/self/ns/user >seen/\$i
				while [ \\\$(ls seen | wc -l) -lt 3 ]; do sleep 0.05; done\" & done; wait" 3>&-
		case $key in
		auto) same "$(sort -u seen/* | wc -l)" 3 ;;
		*) same "$(sort -u seen/* | wc -l)" 1 ;;
		esac
	done
	run --separate-stderr berth exec --share= "$SQ" true
	fails 125 "--share: auto, node, none, or a key"
}

@test "two jobs, two steps, two images and two sets of options at once do not meet" {
	local i wait_for
	mkdir seen
	cp "$SQ" other.sqfs
	wait_for='while [ $(ls seen | wc -l) -lt 10 ]; do sleep 0.05; done'
	for i in 0 1; do
		bg rank $i exec "$SQ" sh -c "readlink /proc/self/ns/user >seen/a$i; $wait_for"
		JOB=8 bg rank $i exec "$SQ" sh -c "readlink /proc/self/ns/user >seen/b$i; $wait_for"
		STEP=1 bg rank $i exec "$SQ" sh -c "readlink /proc/self/ns/user >seen/c$i; $wait_for"
		bg rank $i exec other.sqfs sh -c "readlink /proc/self/ns/user >seen/d$i; $wait_for"
		bg rank $i exec -B /etc:/mnt "$SQ" sh -c "readlink /proc/self/ns/user >seen/e$i; $wait_for"
	done
	ends
	for i in a b c d e; do same "$(cat seen/${i}0)" "$(cat seen/${i}1)"; done
	same "$(sort -u seen/* | wc -l)" 5
	rm other.sqfs
}

@test "a late rank founds anew when all others are gone, and joins while one lives" {
	local first
	first=$(rank 0 exec "$SQ" readlink /proc/self/ns/mnt)
	no_keepers
	same "$(rank 1 exec "$SQ" sh -c 'echo here')" here
	bg rank 2 exec "$SQ" sh -c 'readlink /proc/self/ns/mnt >first; until [ -e go ]; do sleep 0.05; done'
	until_is 10 test -s first
	same "$(rank 3 exec "$SQ" readlink /proc/self/ns/mnt)" "$(cat first)"
	: >go
	ends
	[ -n "$first" ]
}

@test "killing the first rank hurts nobody" {
	mkfifo go
	bg rank 0 exec "$SQ" sh -c 'echo $$ >first; exec sleep 60'
	until_is 10 test -s first
	bg rank 1 exec "$SQ" sh -c 'echo >up; read x <go; md5sum </opt/big >sum'
	until_is 10 test -e up
	kill -KILL "$(cat first)"
	timeout 60 sh -c 'echo >go'
	until_is 10 test -s sum
	same "$(cut -d' ' -f1 sum)" "$(md5sum <"$DIR/opt/big" | cut -d' ' -f1)"
	ends
}

@test "a killed keeper: reads fail, the next rank founds anew, nothing hangs" {
	local pid
	bg rank 0 exec "$SQ" sh -c 'echo $$ >first; exec sleep 60'
	until_is 10 test -s first
	for pid in $(keepers); do kill -KILL "$pid"; done
	same "$(rank 1 exec "$SQ" sh -c 'echo fine')" fine
	kill "$(cat first)" || true
	ends
}

@test "leader and keeper killed at random moments: the others run or say one sentence" {
	local round i pid
	for round in $(seq 5); do
		for i in 0 1 2 3; do
			bg rank $i exec "$SQ" sh -c 'cat /opt/many/* >/dev/null && echo fine' >out.$i 2>err.$i
		done
		sleep "0.0$((RANDOM % 6))$((RANDOM % 10))"
		for pid in $(keepers); do
			[ $((RANDOM % 2)) = 0 ] || kill -KILL "$pid" 2>/dev/null || true
		done
		ends
		for i in 0 1 2 3; do
			grep -q fine out.$i || [ -s err.$i ] || grep -qsiE . err.$i ||
				printf 'rank %s of round %s: killed\n' $i "$round"
			[ "$(grep -c '^berth: ' err.$i)" -le 2 ] || { cat err.$i; return 1; }
		done
	done
	no_keepers
}

@test "the name held by another version, a silent process, noise: own containers, said once" {
	local name mode
	name=$(name_of "$SQ")
	[ -n "$name" ]
	for mode in older garbage bound; do
		squat "$mode" "$name"
		rank 0 exec "$SQ" sh -c 'echo fine $OMPI_MCA_btl_vader_single_copy_mechanism $UCX_TLS $UCX_TCP_PUT_ENABLE' >out 2>err
		kill "$SQUATTER"
		wait "$SQUATTER" || true
		same "$(cat out)" "fine none ^cma n"
		same "$(grep -c . err)" 1
		grep -qE 'warning.*do not share a container: its (keeper|name).*(version|answer)' err || { cat err; return 1; }
	done
}

@test "the name held by who closes every connection: one error, no loop" {
	squat drop "$(name_of "$SQ")"
	run --separate-stderr rank 0 exec "$SQ" true
	kill "$SQUATTER"
	fails 125 "ended 8 times before it was ready"
}

@test "a stopped keeper: the next rank goes alone and says so" {
	local pid
	bg rank 0 exec "$SQ" sh -c 'echo $$ >first; exec sleep 60'
	until_is 10 test -s first
	for pid in $(keepers); do grep -q berth-keeper "/proc/$pid/comm" && break; done
	kill -STOP "$pid"
	rank 1 exec "$SQ" echo fine >out 2>err
	kill -CONT "$pid"
	same "$(cat out)" fine
	grep -q "its keeper, process $pid, is stopped" err
	kill "$(cat first)" || true
	ends
}

@test "garbage in the launcher's variables starts the program all the same" {
	local v
	for v in SLURM_STEP_TASKS_PER_NODE='4(x' SLURM_JOB_ID=$'\x01\xff' SLURM_STEP_ID=-1 SLURM_NODEID=99999999999999 \
		OMPI_COMM_WORLD_LOCAL_SIZE=x PMIX_NAMESPACE= MPI_LOCALNRANKS=-3 FLUX_JOB_ID=$'\n'; do
		same "$(env SLURM_STEP_TASKS_PER_NODE=2 SLURM_STEP_ID=0 PMIX_NAMESPACE=a MPI_LOCALRANKID=0 \
			FLUX_TASK_RANK=0 "$v" timeout 60 "$BERTH" exec "$SQ" echo fine)" fine
	done
}

@test "an error of the container is one sentence for every rank" {
	local i
	for i in 0 1 2; do
		rank $i exec -B "$WORK:/bin/sh/x" "$SQ" true 2>err.$i && return 1
	done
	for i in 0 1 2; do same "$(grep -c . err.$i)" 1; done
	no_keepers
}

@test "what a launcher gave reaches the program with --cleanenv and --containall" {
	local o
	for o in -e -C; do
		same "$(PMI_FD=9 PMIX_RANK=3 UCX_TLS=tcp OTHER=1 rank 2 exec $o "$SQ" sh -c \
			'echo $SLURM_JOB_ID $SLURM_PROCID $PMI_FD $PMIX_RANK $UCX_TLS $OTHER; cat <&9' 9<<<descriptor)" \
			"7 2 9 3 tcp"$'\n'"descriptor"
	done
	same "$(SLURM_JOB_ID=5 berth exec -e "$SQ" sh -c 'echo $SLURM_JOB_ID.')" .
}

@test "binding, limits, umask, directory, groups and signals are the rank's own" {
	local i
	for i in 0 1; do
		bg bash -c "umask 00$i; ulimit -n $((200 + i)); $(declare -f rank)
			rank $i exec \"$SQ\" sh -c 'umask; ulimit -n; sleep 0.3' >out.$i"
	done
	ends
	grep -qx 0000 out.0
	grep -qx 200 out.0
	grep -qx 0001 out.1 && grep -qx 201 out.1
}

# Each rank writes, waits for all, and says what it sees; "attach" when it may read the others' memory,
# as the kernel asks for cross-memory attach.
LAYERED='i=$SLURM_PROCID; echo $i >/etc/mine && echo $i >/opt/of.$i && rm /etc/hello || exit 1
	readlink /proc/self/ns/user >seen/user.$i; readlink /proc/self/ns/mnt >seen/mnt.$i; echo $$ >seen/.pid.$i
	mv seen/.pid.$i seen/pid.$i; while [ $(ls seen | grep -c pid) -lt 3 ]; do sleep 0.05; done
	for p in $(cat seen/pid.*); do (exec 3<>/proc/$p/mem) && echo attach; done
	cat /etc/mine /opt/of.*; ls /etc/hello 2>&1; echo >seen/done.$i
	while [ $(ls seen | grep -c done) -lt 3 ]; do sleep 0.05; done'

layered_ranks() {
	local i
	rm -rf seen && mkdir seen
	for i in 0 1 2; do bg rank $i exec --pwd "$WORK" -B "$WORK" "$@" "$IMG" sh -c "$LAYERED" >out.$i 2>err.$i; done
	ends
}

private_layers() {
	local i absent=$'attach\nattach\nattach'
	layered_ranks --writable-tmpfs "$@"
	for i in 0 1 2; do
		same "$(cat out.$i)" "$absent"$'\n'"$i"$'\n'"$i"$'\nls: /etc/hello: No such file or directory'
		[ ! -s err.$i ] || { cat err.$i; return 1; }
	done
	same "$(sort -u seen/user.* | wc -l)" 1
	same "$(sort -u seen/mnt.* | wc -l)" 3
	same "$(ls seen | wc -l)" 12
}
@test "--writable-tmpfs: a layer for each rank, seen by nobody else, and memory within reach" {
	each_image private_layers
}

private_layers_over_layers() {
	mkdir -p low/upper/opt && echo low >low/upper/opt/low
	private_layers --overlay low:ro
	same "$(rank 0 exec --writable-tmpfs --overlay low:ro "$IMG" cat /opt/low)" low
	# No part of the container is lost on the way: mounts, devices, names, sessions.
	same "$(rank 0 exec -C --writable-tmpfs -B "$WORK:/mnt:ro" -B /etc/passwd:/srv/deep/x "$IMG" sh -c \
		'ls -d /mnt/low; [ -c /dev/null ] && ls /proc/self/fd >/dev/null && touch /tmp/a /root/b /dev/shm/c &&
		grep -c "^root:" /srv/deep/x; touch /mnt/no 2>&1; id -un; awk "\$5 == \"/\"" /proc/self/mountinfo | wc -l')" \
		$'/mnt/low\n1\ntouch: /mnt/no: Read-only file system\n'"$(id -un)"$'\n1'
}
@test "private layers over read-only layers and all kinds of mounts" { each_image private_layers_over_layers; }

shared_upper() {
	local i
	rm -rf up && mkdir up
	for i in 0 1 2; do
		bg rank $i exec --pwd "$WORK" -B "$WORK" --overlay up "$IMG" sh -c "echo $i >/opt/of.$i
			while [ \$(ls /opt | grep -c of) -lt 3 ]; do sleep 0.05; done; cat /opt/of.*" >out.$i 2>err.$i
	done
	ends
	for i in 0 1 2; do same "$(cat out.$i)" $'0\n1\n2'; done
	same "$(cat up/upper/opt/of.*)" $'0\n1\n2'
}
@test "--overlay DIR: the ranks write into one layer, and see each other's files" { each_image shared_upper; }

@test "--writable: the ranks write into the directory itself" {
	local i
	cp -a "$DIR" box
	for i in 0 1; do bg rank $i exec --writable box sh -c "echo $i >/opt/of.$i"; done
	ends
	same "$(cat box/opt/of.*)" $'0\n1'
}

@test "a first rank that is stopped at any moment holds up nobody for ever" {
	local i pid
	for i in 00 02 05 10 20 40; do
		bg rank 0 exec "$SQ" sh -c 'echo first'
		pid=$(pgrep -P "${PIDS[-1]}" | head -n 1)
		sleep "0.$i"
		kill -STOP ${pid:-${PIDS[-1]}} 2>/dev/null || true
		same "$(rank 1 exec "$SQ" sh -c 'echo fine' 2>err)" fine
		kill -CONT ${pid:-${PIDS[-1]}} 2>/dev/null || true
		ends
	done
	# One that has become its program is nothing to the others.
	bg rank 0 exec "$SQ" sh -c 'echo $$ >first; exec sleep 60'
	until_is 10 test -s first
	kill -STOP "$(cat first)"
	same "$(rank 1 exec "$SQ" readlink /proc/self/ns/mnt)" "$(readlink "/proc/$(cat first)/ns/mnt")"
	kill -KILL "$(cat first)"
	ends
}

# The parent that ranks are known by has died, and its number was given to another one.
@test "a parent with the number of one that died is another launch" {
	cat >again <<-END
		sh -c 'echo \$\$ >one; "$BERTH" exec --share=node "$SQ" sh -c "readlink /proc/self/ns/mnt >ns.1; sleep 60" & exit 0'
		until [ -s ns.1 ]; do sleep 0.05; done
		until ! kill -0 \$(cat one) 2>/dev/null; do sleep 0.05; done
		echo \$((\$(cat one) - 1)) >/proc/sys/kernel/ns_last_pid || exit 3
		sh -c 'echo \$\$ >two; "$BERTH" exec --share=node "$SQ" readlink /proc/self/ns/mnt >ns.2; exit \$?'
	END
	timeout 60 unshare --user --map-root-user --pid --fork --mount-proc sh again 3>&-
	same "$(cat two)" "$(cat one)"
	[ -s ns.2 ] && [ "$(cat ns.1)" != "$(cat ns.2)" ]
}
