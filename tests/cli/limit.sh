#!/usr/bin/env bash
# run --time-limit and Slurm's own limit: how times are read, what is begun and what is not, what a
# launch without PMIx is told. Slurm itself is not needed: tests/cli/slurm.sh has it.
. tests/cli/lib.sh
unset ${!SLURM_@}

small_job limit | sed 's/retrain: {epochs: 1/retrain: {epochs: 20/' >"$work/job.yaml"
small_job slow 0.5 1 | sed 's/train: {epochs: 2/train: {epochs: 60000/' >"$work/slow.yaml"

run() { ranks 0 run "$work/job.yaml" -o "$work/done.h5" "$@"; }

reads() { # TIME of sbatch, or 90s -> H:MM:SS
    local time
    run --time-limit 10 >/dev/null || return 1 # complete from here on
    while read -r time shown; do
        expect 0 "^psisweep: time limit $shown \\(--time-limit\\)$" run --time-limit "$time" || return 1
    done <<'TIMES'
90 1:30:00
2:05 0:02:05
4:00:00 4:00:00
1-0 24:00:00
2-12:30 60:30:00
0-00:01:30 0:01:30
90s 0:01:30
45m 0:45:00
12h 12:00:00
TIMES
    expect 0 "" run --time-limit UNLIMITED && ! grep "time limit" "$work/stderr"
}

refuses() {
    local time
    for time in "" x 1: :1 1:60 1-24 1-1:1:1:1 1:2:3:4 -5 1.5 90S 90ss 1:30s 0 0s 99999999999 "1 "; do
        expect 2 "--time-limit: expected" run --time-limit "$time" || return 1
    done
}

asks_slurm() ( # the end as the environment has it, else squeue, whose answer may be none
    local SECONDS_MOST=20 now=$(date +%s)
    mkdir -p "$work/bin"
    printf '#!/bin/sh\ncat "%s/squeue" && [ "$*" = "-h -j 7 -o %%L" ]\n' "$work" >"$work/bin/squeue"
    chmod +x "$work/bin/squeue"
    export PATH=$work/bin:$PATH SLURM_JOB_ID=7
    SLURM_JOB_END_TIME=$((now + 7200)) expect 0 "time limit 1:5[89]:.* \\(what Slurm leaves" run || return 1
    echo 1-00:00:00 >"$work/squeue" && expect 0 "time limit 23:59:00 \\(what Slurm" run || return 1
    echo 3:00 >"$work/squeue" && expect 0 "time limit 0:02:42 \\(what Slurm" run || return 1
    echo UNLIMITED >"$work/squeue" && expect 0 "" run && ! grep "limit" "$work/stderr" || return 1
    echo INVALID >"$work/squeue" && expect 0 "cannot be found out" run || return 1
    echo 3:00 >"$work/squeue"
    SLURM_JOB_ID="7; touch $work/hurt" expect 0 "cannot be found out" run && [ ! -e "$work/hurt" ] &&
        expect 0 "time limit 0:00:20 \\(--time-limit" run --time-limit 20s || return 1
    echo -0:30 >"$work/squeue" # what is complete needs no time
    expect 0 "" run
)

# Cells of one arm took 1000 s each, says the file, those of the other a millisecond: of both half is
# to be done again.
costs() {
    cp "$work/done.h5" "$work/part.h5" && /usr/bin/python3 - "$work/part.h5" <<'PY'
import h5py, sys
with h5py.File(sys.argv[1], "r+") as file:
    file["dense_seconds"][...] = 0.001
    for arm, seconds in enumerate([1000, 0.001]):
        file["seconds"][arm] = seconds
        file["status"][arm, 1] = 0
PY
}
done_again() { # how many cells of each arm
    /usr/bin/python3 -c "
import h5py
print(*(h5py.File('$work/part.h5')['status'][:, 1] == 2).sum(1))"
}

begins() { # RANKS: what fits, and only that
    costs && expect 4 "out of time; the same command goes on" \
        ranks "$1" run "$work/job.yaml" -o "$work/part.h5" --time-limit 100s &&
        grep -q "records done, 0 failed" "$work/stderr" && done_again | grep -x "0 4" &&
        ranks "$1" run "$work/job.yaml" -q -o "$work/part.h5" && same "$work/done.h5" "$work/part.h5"
}

stops() { # when time is up, whatever is being done; nothing is known of its cost beforehand
    expect 4 "out of time; the same command goes on" \
        ranks "$1" run "$work/slow.yaml" -o "$work/slow$1.h5" --time-limit 2s
}

singletons() {
    local SECONDS_MOST=20
    SLURM_STEP_NUM_TASKS=4 expect 6 "srun started 4 tasks .*srun --mpi=pmix, or mpirun" run || return 1
    # a PMI that MPI does not take
    SLURM_STEP_NUM_TASKS=4 PMI_RANK=0 expect 6 "srun started 4 tasks" run || return 1
    # one of them speaks
    SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=1 expect 6 "" run && [ ! -s "$work/stderr" ] || return 1
    # one task, as salloc's shell; mpirun, whatever started it
    SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=1 expect 0 "" run &&
        SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=4 expect 0 "" ranks 1 run "$work/job.yaml" -o "$work/done.h5"
}

check limit_reads reads
check limit_refuses refuses
check limit_asks_slurm asks_slurm
check limit_begins_0 begins 0
check limit_begins_3 begins 3
check limit_stops_0 stops 0
check limit_stops_2 stops 2
check limit_singletons singletons
finish
