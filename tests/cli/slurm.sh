#!/usr/bin/env bash
# jobs/psisweep.sbatch under a real Slurm, which is started here for this test alone: controller,
# node daemon and munge of its own, all below the test's folder, on ports of its own, as root.
. tests/cli/lib.sh

bed_down() {
    [ ! -e "$work/slurm.conf" ] || scancel --user=root >/dev/null 2>&1
    local name pid
    for name in slurmd slurmctld munged; do
        pid=$(cat "$work/$name.pid" 2>/dev/null) || continue
        kill "$pid" && timeout 10 tail --pid="$pid" -f /dev/null || kill -9 "$pid"
    done 2>/dev/null
    for pid in $(pgrep -f "$work"); do # ranks and job steps: their command lines name the folder
        [ "$pid" -eq $$ ] || kill -9 "$pid" 2>/dev/null
    done
    rm -rf "$work"
}
trap bed_down EXIT
trap 'exit 1' TERM INT HUP

free_port() {
    local port
    for _ in 1 2 3 4 5 6 7 8 9; do
        port=$((20000 + RANDOM % 30000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo $port
}

# No cgroups, no accounting, no name service; two partitions, of which the second preempts.
bed_conf() {
    local host=$1
    cat <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
SlurmdUser=root
AuthInfo=socket=$work/munge.socket
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
KillWait=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES PriorityTier=1 MaxTime=INFINITE State=UP
PartitionName=urgent Nodes=$host PriorityTier=2 MaxTime=INFINITE State=UP
CONF
}

# Says on stdout why it cannot.
bed_up() {
    local tool
    [ "$(id -u)" -eq 0 ] || { echo "needs root" && return 1; }
    for tool in munged slurmctld slurmd sbatch; do
        command -v $tool >/dev/null || { echo "no $tool here" && return 1; }
    done
    chmod 711 "$work" # munge's socket is for every user
    mkdir "$work/state" "$work/spool"
    head -c 128 /dev/urandom >"$work/munge.key" && chmod 600 "$work/munge.key"
    bed_conf "$(hostname -s)" >"$work/slurm.conf"
    export SLURM_CONF=$work/slurm.conf
    munged --socket="$work/munge.socket" --key-file="$work/munge.key" --pid-file="$work/munged.pid" \
        --log-file="$work/munged.log" --seed-file="$work/munged.seed" >"$work/bed" 2>&1 &&
        slurmctld >>"$work/bed" 2>&1 && slurmd >>"$work/bed" 2>&1 &&
        within 30 idle || {
        echo "Slurm does not start here: $(cat "$work/bed" "$work"/slurm*.log 2>/dev/null | tail -n 1)"
        return 1
    }
}

idle() { [ "$(sinfo -h -p all -o %T 2>/dev/null)" = idle ]; }

# within SECONDS COMMAND...: until it is true
within() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $until ] || { echo "waited in vain: $*" && return 1; }
        sleep 0.2
    done
}

# --- a job that is interrupted -------------------------------------------------------------------

# a name that does harm wherever it is not handled as data
job="$work/it's a \"job\" \$(touch hurt); touch hurt.yaml"
small_job slurm "1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03" 2 |
    sed 's/retrain: {epochs: 1/retrain: {epochs: 200/' >"$job"
small_job slow 0.5 1 | sed 's/train: {epochs: 2/train: {epochs: 60000/' >"$work/slow.yaml"

submit() { # FILE OPTION...: the job's number in $id
    local file=$1
    shift
    id=$(PSISWEEP=$psisweep sbatch --parsable -n 2 --output="$file.log" "$@" jobs/psisweep.sbatch \
        "$job" -q -o "$file")
}
records() { "$psisweep" status --json "$1" 2>/dev/null | grep -o '"done": [0-9]*' | head -n 1 | cut -d' ' -f2; }
some() { local n=$(records "$1"); [ "${n:-0}" -gt "$2" ]; }
state() { scontrol show job "$id" -o | grep -o " JobState=[A-Z]*" | cut -d= -f2; }
is() { [ "$(state)" = "$1" ]; }
field() { scontrol show job "$id" -o | grep -o " $1=[^ ]*" | cut -d= -f2; }
ranks_of() { pgrep -f "^$psisweep run .*$1"; }
# A requeued job waits two minutes; in its first second its node still refuses it as killed.
again() { sleep 2 && scontrol update "JobId=$id" StartTime=now; }
nobody() { ! ranks_of "$1"; }
ended() { case $(state) in COMPLETED | FAILED | CANCELLED | TIMEOUT) ;; *) return 1 ;; esac }
interrupted() { [ "$("$psisweep" status "$1" >/dev/null; echo $?)" -eq 4 ]; }

pmix() { # the undisturbed sweep, one step of two ranks
    srun --mpi=pmix -n 2 "$psisweep" run "$job" -q -o "$work/whole.h5" >/dev/null &&
        "$psisweep" status "$work/whole.h5" | tail -n 1 | grep ' 2 ranks'
}

no_pmix() {
    expect 6 "srun started 2 tasks .*--mpi=pmix, or mpirun" \
        srun -n 2 "$psisweep" run "$job" -q -o "$work/never.h5" && [ ! -e "$work/never.h5" ] &&
        [ "$(grep -c 'psisweep: srun started' "$work/stderr")" -eq 1 ]
}

allocation() { # a shell within an allocation is one task of one, and mpirun needs no PMIx
    small_job two 0.5 1 >"$work/two.yaml"
    salloc -n 2 "$psisweep" run "$work/two.yaml" -q -o "$work/two.h5" &&
        salloc -n 2 mpirun -n 1 "$psisweep" run "$work/two.yaml" -q -o "$work/two.h5"
}

# --- what must happen ----------------------------------------------------------------------------

# Slurm looks every 30 s, and sends USR1 when the end is less than 30 s + 215 s away: within 30 s of
# the start. The ranks are held still until then, so that no speed of the machine matters; other
# checks run meanwhile, for which four minutes are enough.
begins() {
    submit "$work/timed.h5" --time=4 --signal=B:USR1@215 && timed=$id &&
        within 60 some "$work/timed.h5" 4 && kill -STOP $(ranks_of timed.h5)
}

time_out() {
    local file=$work/timed.h5 before
    id=$timed
    within 50 grep -q "told to end" "$file.log" && kill -CONT $(ranks_of timed.h5) &&
        within 30 is PENDING && grep "records finished, put back" "$file.log" &&
        interrupted "$file" && [ "$(field Restarts)" -eq 1 ] && before=$(records "$file") &&
        again && within 60 ended && cat "$file.log" && is COMPLETED &&
        grep -q "restart 1: .*: $before records done" "$file.log" &&
        [ "$(field ExitCode)" = 0:0 ] && same "$work/whole.h5" "$file" && "$psisweep" verify "$file"
}

# scancel ends it for good, once more sbatch goes on; a job of another partition takes its place and
# gives it back, which Slurm sees to, not the script
cancelled() {
    local file=$work/cancelled.h5
    submit "$file" && within 60 some "$file" 4 && scancel "$id" && within 30 ended &&
        is CANCELLED && within 30 nobody cancelled.h5 && interrupted "$file" &&
        ! grep "put back" "$file.log"
}

preempted() {
    local file=$work/cancelled.h5 before=$(records "$work/cancelled.h5")
    submit "$file" && within 60 some "$file" $((before + 3)) &&
        srun -p urgent -n 4 true && within 30 is PENDING && [ "$(field Restarts)" -eq 1 ] &&
        ! grep "put back" "$file.log" &&
        again && within 60 ended && cat "$file.log" && is COMPLETED && same "$work/whole.h5" "$file"
}

# a sweep that finishes nothing within its time stops asking for more
no_progress() {
    local file=$work/slow.h5
    id=$(PSISWEEP=$psisweep sbatch --parsable -n 2 --output="$file.log" jobs/psisweep.sbatch \
        "$work/slow.yaml" -o "$file" --time-limit 2s) && within 60 ended && cat "$file.log" &&
        is FAILED && [ "$(field ExitCode)" = 4:0 ] && [ "$(field Restarts)" -eq 0 ] &&
        grep -q "no record was finished: not put back" "$file.log"
}

if ! bed_up >"$work/reason"; then
    skip slurm "$(cat "$work/reason")"
    finish
fi
export OMPI_MCA_hwloc_base_binding_policy=none # Slurm is told of more CPUs than there may be
check slurm_begins begins
check slurm_pmix pmix
check slurm_no_pmix no_pmix
check slurm_allocation allocation
check slurm_no_progress no_progress
check slurm_time_out time_out
check slurm_cancelled cancelled
check slurm_preempted preempted
finish
