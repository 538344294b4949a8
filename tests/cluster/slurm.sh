#!/usr/bin/env bash
# A SLURM of one node on this machine, for `make test-cluster`: slurm.sh up, slurm.sh down. Needs root.
#
# Real daemons (controller, node, munge), pretended hardware: 4 CPUs, 8 GB, one GPU that is /dev/null, so that of two
# jobs that each ask for a GPU one has to wait. Two partitions, gpu and cpu, as the profiles name them. No accounting
# database. Only slurm.conf and gres.conf lie outside FOLDER: the SLURM plugin starts srun without SLURM_CONF, so srun
# looks where it always does. Daemons listen on loopback alone.
set -euo pipefail

FOLDER=${MINE_SLURM_FOLDER:-/tmp/mine-test-slurm}
ETC=/etc/slurm
CLUSTER=minetest
OURS='# Made by tests/cluster/slurm.sh; removed by it.'
NODE=$(uname -n | cut -d . -f 1)
PORT=${MINE_SLURM_PORT:-26817} # and the next one
policy=
unset SLURM_CONF

fail() {
    echo "test-cluster: $*" >&2
    exit 1
}

# Debian's packages where commands are missing. A policy-rc.d that says no keeps apt from starting services meanwhile.
install_packages() {
    local missing=() command package
    while read -r command package; do
        command -v "$command" > /dev/null || missing+=("$package")
    done <<< $'munged munge\nslurmctld slurmctld\nslurmd slurmd\nsbatch slurm-client\nsetpriv util-linux'
    ((${#missing[@]})) || return 0
    command -v apt-get > /dev/null || fail "install SLURM (${missing[*]}) first: there is no apt-get here to do it"
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' > $policy
        chmod +x $policy
    fi
    echo "test-cluster: installing ${missing[*]}"
    local done=true
    {
        apt-get update -q && DEBIAN_FRONTEND=noninteractive \
            apt-get install -q -y --no-install-recommends "${missing[@]}"
    } > "$FOLDER/apt.log" 2>&1 < /dev/null || done=false
    $done || fail "apt-get could not install ${missing[*]}: $(tail -n 1 "$FOLDER/apt.log")"
}

write_config() {
    mkdir -p $ETC
    cat > $ETC/gres.conf << END
$OURS
NodeName=$NODE Name=gpu Type=fake File=$FOLDER/dev/nvidia0
END
    cat > $ETC/slurm.conf << END
$OURS
ClusterName=$CLUSTER
SlurmctldHost=$NODE(127.0.0.1)
SlurmctldPort=$PORT
SlurmdPort=$((PORT + 1))
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits until its old credential has expired, two minutes unless told otherwise.
AuthInfo=socket=$FOLDER/munge/socket,cred_expire=8
StateSaveLocation=$FOLDER/state
SlurmdSpoolDir=$FOLDER/spool
SlurmctldPidFile=$FOLDER/slurmctld.pid
SlurmdPidFile=$FOLDER/slurmd.pid
SlurmctldLogFile=$FOLDER/log/slurmctld.log
SlurmdLogFile=$FOLDER/log/slurmd.log
MailProg=/bin/true
MpiDefault=none
# As much as a container allows: no cgroups.
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
# A node that was set down stays so until it is resumed.
ReturnToService=1
KillWait=2
CompleteWait=0
MinJobAge=3600
GresTypes=gpu
NodeName=$NODE NodeAddr=127.0.0.1 CPUs=4 Boards=1 SocketsPerBoard=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=8000 Gres=gpu:fake:1
PartitionName=cpu Nodes=$NODE Default=YES MaxTime=600
PartitionName=gpu Nodes=$NODE MaxTime=600
END
}

# launch NAME COMMAND...: a daemon in a session of its own, in the foreground of it; its pid is noted for `down`.
launch() {
    local name=$1
    shift
    setsid "$@" > "$FOLDER/log/$name.out" 2>&1 < /dev/null &
    echo "$name $!" >> "$FOLDER/daemons"
}

# ready WHAT COMMAND...: wait until the command succeeds.
ready() {
    local what=$1 tries
    shift
    for ((tries = 0; tries < 150; tries++)); do
        if "$@" > /dev/null 2>&1; then return; fi
        sleep 0.2
    done
    fail "$what did not start; its log is in $FOLDER/log"
}

answers() { munge --socket="$FOLDER/munge/socket" --no-input | unmunge --socket="$FOLDER/munge/socket"; }
controls() { timeout 5 scontrol ping | grep -q 'is UP'; }
idles() { [ "$(timeout 5 sinfo --noheader --partition=cpu --format=%t)" = idle ]; }

# Whether what started the SLURM that is up is another process than ours and still lives.
in_use() {
    local owner
    owner=$(cat "$FOLDER/owner" 2> /dev/null) && [ "$owner" != $PPID ] && kill -0 "$owner" 2> /dev/null \
        && echo "process $owner"
}

# However `up` ends: services may start again, and nothing half started stays.
leave() {
    local code=$?
    [ -z "$policy" ] || rm -f "$policy"
    [ $code = 0 ] || down
}

up() {
    [ "$(id -u)" = 0 ] || fail "needs root, to install and start SLURM"
    if [ -e $ETC/slurm.conf ] && ! grep -qxF "$OURS" $ETC/slurm.conf; then
        fail "$ETC/slurm.conf is another SLURM's; it stays as it is"
    fi
    ! in_use > /dev/null || fail "a test SLURM of $(in_use) is up: wait for its end"
    down
    umask 022
    mkdir -p "$FOLDER"
    echo $PPID > "$FOLDER/owner"
    trap leave EXIT
    trap 'exit 130' HUP INT TERM
    install_packages
    mkdir -p "$FOLDER"/{state,spool,log,dev}
    ln -s /dev/null "$FOLDER/dev/nvidia0"
    install -d -o munge -g munge -m 0755 "$FOLDER/munge"
    (
        umask 077
        head -c 1024 /dev/urandom > "$FOLDER/munge/key"
    )
    chown munge:munge "$FOLDER/munge/key"
    write_config
    launch munged setpriv --reuid=munge --regid=munge --clear-groups munged --foreground \
        --socket="$FOLDER/munge/socket" --key-file="$FOLDER/munge/key" --pid-file="$FOLDER/munge/pid" \
        --log-file="$FOLDER/munge/log" --seed-file="$FOLDER/munge/seed"
    ready munged answers
    launch slurmctld slurmctld -D
    ready slurmctld controls
    launch slurmd slurmd -D
    ready slurmd idles
    timeout 60 srun --partition=gpu --gpus=1 --time=1 true || fail "a first job did not run; logs are in $FOLDER/log"
    echo "test-cluster: SLURM $(scontrol --version | cut -d' ' -f2) is up on $NODE"
}

# Jobs first, so that no job step outlives its daemon; then the daemons whose pids we noted, if those still are them.
down() {
    [ -e "$FOLDER/daemons" ] && [ "$(id -u)" = 0 ] && ! in_use > /dev/null || return 0
    local name pid tries environment
    if controls; then
        timeout 10 scancel --user=root || true
        for ((tries = 0; tries < 50; tries++)); do
            [ -n "$(timeout 5 squeue --noheader --states=RUNNING,COMPLETING || true)" ] || break
            sleep 0.2
        done
    fi
    while read -r name pid; do
        lives() { grep -qsz -- "$name" "/proc/$pid/cmdline"; }
        ! lives || kill "$pid"
        for ((tries = 0; tries < 50; tries++)); do
            lives || break
            sleep 0.1
        done
        ! lives || kill -KILL "$pid"
    done < <(tac "$FOLDER/daemons")
    # Without cgroups a job's process can outlive it. Ours carry the cluster's name.
    for environment in /proc/[0-9]*/environ; do
        if grep -qsz "^SLURM_CLUSTER_NAME=$CLUSTER\$" "$environment"; then
            kill -KILL "$(cut -d / -f 3 <<< "$environment")" 2> /dev/null || true
        fi
    done
    for name in slurm.conf gres.conf; do
        if grep -qsxF "$OURS" "$ETC/$name"; then rm -f "$ETC/$name"; fi
    done
    # Logs stay until the next start, for whoever wonders what happened.
    rm -rf "${FOLDER:?}"/{daemons,owner,state,spool,dev,munge}
}

case ${1:-} in
    up) up ;;
    down) down ;;
    *) fail "usage: slurm.sh up|down" ;;
esac
