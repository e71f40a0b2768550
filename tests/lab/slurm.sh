# slurm: a Slurm of two nodes on this machine, everything as one ordinary user, without systemd.
#
#	slurm_begin DIR NODES     # munged, slurmctld, a slurmd for each of n1..nN; exports SLURM_CONF
#	slurm_end                 # by pid
#
# SLURM_PLUGIN: a line of plugstack.conf, without its first word.  SLURM_CGROUP=NAME, as root: cgroups of
# version 1 hold the steps; the node, whose cgroup has its name, is nNAME1.
#
# Each node has its own host name, /dev/shm, port, spool and PMIx directory; /tmp, processes and network
# are this machine's.  Debian's slurmd is built for several on one host (MULTIPLE_SLURMD).
# shellcheck shell=bash

# A port that is free now; the kernel's own choice.
slurm_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

slurm_conf() {
	local dir=$1 n=$2 i track=linuxproc task=none select=CR_Core
	[ -z "${SLURM_CGROUP:-}" ] || track=cgroup task=cgroup select=CR_Core_Memory
	cat <<-END
		ClusterName=lab
		SlurmctldHost=$(hostname)(127.0.0.1)
		SlurmctldPort=$(slurm_port)
		SlurmUser=$(id -un)
		SlurmdUser=$(id -un)
		AuthType=auth/munge
		AuthInfo=socket=$dir/munge/socket
		CredType=cred/munge
		StateSaveLocation=$dir/state
		SlurmdSpoolDir=$dir/%n/spool
		SlurmctldPidFile=$dir/slurmctld.pid
		SlurmdPidFile=$dir/%n/slurmd.pid
		SlurmctldLogFile=$dir/slurmctld.log
		SlurmdLogFile=$dir/%n/slurmd.log
		ProctrackType=proctrack/$track
		TaskPlugin=task/$task
		JobAcctGatherType=jobacct_gather/none
		AccountingStorageType=accounting_storage/none
		JobCompType=jobcomp/filetxt
		JobCompLoc=$dir/jobs
		SwitchType=switch/none
		MpiDefault=none
		ReturnToService=2
		SelectType=select/cons_tres
		SelectTypeParameters=$select
		SlurmdParameters=config_overrides
		KillWait=2
		PlugStackConfig=$dir/plugstack.conf
	END
	for ((i = 1; i <= n; i++)); do
		echo "NodeName=$SLURM_NODE$i NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$(slurm_port) CPUs=8 RealMemory=2000"
	done
	echo "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:8"
}

# slurm_node DIR NAME: a slurmd on what its programs take for a machine of its own.  MPI libraries name
# their shared memory after host, job and local rank: on one host name and one /dev/shm, the nodes of
# a job would take away each other's (Open MPI: ENOENT, now and then).
slurm_node() {
	local own=(unshare --map-current-user --keep-caps)
	[ "$(id -u)" != 0 ] || own=(unshare)
	# shellcheck disable=SC2016 # the inner shell's
	"${own[@]}" --mount --uts sh -euc 'hostname "$2"
		mount -t tmpfs -o mode=1777 shm /dev/shm
		mount --bind "$1/hosts" /etc/hosts
		[ "$(id -u)" = 0 ] || set -- "$1" "$2" setpriv --inh-caps=-all --ambient-caps=-all
		dir=$1 name=$2
		shift 2
		exec "$@" slurmd -f "$dir/$name/slurm.conf" -N "$name"' sh "$1" "$2" 3>&-
}

slurm_begin() {
	local dir=$1 n=$2 i node
	SLURM_DIR=$dir SLURM_NODE=n${SLURM_CGROUP:-}
	umask 022
	mkdir -p "$dir"/{munge,state} || return 1
	for ((i = 1; i <= n; i++)); do mkdir -p "$dir/$SLURM_NODE$i"/{spool,pmix}; done
	chmod 0755 "$dir" "$dir/munge"
	(umask 077 && head -c 128 /dev/urandom >"$dir/munge/key")
	printf '%s\n' "${SLURM_PLUGIN:+required $SLURM_PLUGIN}" >"$dir/plugstack.conf"
	{ cat /etc/hosts; for ((i = 1; i <= n; i++)); do echo "127.0.0.1 $SLURM_NODE$i"; done; } >"$dir/hosts"
	slurm_conf "$dir" "$n" >"$dir/slurm.conf"
	export SLURM_CONF=$dir/slurm.conf
	munged -S "$dir/munge/socket" --key-file "$dir/munge/key" --pid-file "$dir/munge/pid" \
		--log-file "$dir/munge/log" --seed-file "$dir/munge/seed" 3>&- || return 1
	slurmctld 3>&- || return 1
	for ((i = 1; i <= n; i++)); do
		node=$SLURM_NODE$i
		ln -sf ../slurm.conf "$dir/$node/slurm.conf"
		echo "PMIxCliTmpDirBase=$dir/$node/pmix" >"$dir/$node/mpi.conf"
		{
			printf 'CgroupPlugin=cgroup/v1\nConstrainRAMSpace=yes\n'
			[ ! -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || echo ConstrainSwapSpace=yes
		} >"$dir/$node/cgroup.conf"
		slurm_node "$dir" "$node" || return 1
	done
	for ((i = 0; i < 200; i++)); do
		[ "$(sinfo -h -t idle -N -o %N 2>/dev/null | wc -l)" = "$n" ] && return 0
		sleep 0.1
	done
	tail -n 20 "$dir"/slurmctld.log "$dir"/n*/slurmd.log >&2
	return 1
}

slurm_end() {
	local file pid i
	[ -n "${SLURM_DIR:-}" ] || return 0
	scancel -u "$(id -un)" 2>/dev/null || true
	for file in "$SLURM_DIR"/n*/slurmd.pid "$SLURM_DIR/slurmctld.pid" "$SLURM_DIR/munge/pid"; do
		pid=$(cat "$file" 2>/dev/null) || continue
		kill "$pid" 2>/dev/null || continue
		for ((i = 0; i < 100; i++)); do
			grep -qs '^State:.[^Z]' "/proc/$pid/status" || break
			sleep 0.05
		done
		kill -KILL "$pid" 2>/dev/null || true
	done
	[ -z "${SLURM_CGROUP:-}" ] || find /sys/fs/cgroup/*/slurm_"n$SLURM_CGROUP"* -depth -type d -exec rmdir {} \; 2>/dev/null || true
}
