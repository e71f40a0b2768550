# slurm: a Slurm of two nodes on this machine, everything as one ordinary user, without systemd.
#
#	slurm_begin DIR NODES     # munged, slurmctld, a slurmd for each of n1..nN; exports SLURM_CONF
#	slurm_end                 # by pid
#
# SLURM_PLUGIN: a line of plugstack.conf, without its first word.
#
# All nodes have this machine's host name, /tmp and /dev/shm; ports, spools and PMIx directories are
# their own.  Debian's slurmd is built for several on one host (MULTIPLE_SLURMD).
# shellcheck shell=bash

# A port that is free now; the kernel's own choice.
slurm_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

slurm_conf() {
	local dir=$1 n=$2 i
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
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		JobAcctGatherType=jobacct_gather/none
		AccountingStorageType=accounting_storage/none
		JobCompType=jobcomp/filetxt
		JobCompLoc=$dir/jobs
		SwitchType=switch/none
		MpiDefault=none
		ReturnToService=2
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core
		SlurmdParameters=config_overrides
		KillWait=2
		PlugStackConfig=$dir/plugstack.conf
	END
	for ((i = 1; i <= n; i++)); do
		echo "NodeName=n$i NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$(slurm_port) CPUs=8 RealMemory=2000"
	done
	echo "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:8"
}

slurm_begin() {
	local dir=$1 n=$2 i
	SLURM_DIR=$dir
	umask 022
	mkdir -p "$dir"/{munge,state} || return 1
	for ((i = 1; i <= n; i++)); do mkdir -p "$dir/n$i"/{spool,pmix}; done
	chmod 0755 "$dir" "$dir/munge"
	(umask 077 && head -c 128 /dev/urandom >"$dir/munge/key")
	printf '%s\n' "${SLURM_PLUGIN:+required $SLURM_PLUGIN}" >"$dir/plugstack.conf"
	slurm_conf "$dir" "$n" >"$dir/slurm.conf"
	export SLURM_CONF=$dir/slurm.conf
	munged -S "$dir/munge/socket" --key-file "$dir/munge/key" --pid-file "$dir/munge/pid" \
		--log-file "$dir/munge/log" --seed-file "$dir/munge/seed" 3>&- || return 1
	slurmctld 3>&- || return 1
	for ((i = 1; i <= n; i++)); do
		ln -sf ../slurm.conf "$dir/n$i/slurm.conf"
		echo "PMIxCliTmpDirBase=$dir/n$i/pmix" >"$dir/n$i/mpi.conf"
		slurmd -f "$dir/n$i/slurm.conf" -N "n$i" 3>&- || return 1
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
}
