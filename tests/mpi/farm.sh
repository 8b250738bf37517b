#!/bin/sh
# Every scenario of tests/mpi/farm.c and lost.c on several numbers of ranks, then the null benchmark.
# BUILD: where make put tests/mpi/farm, tests/mpi/lost and tests/mpi/bench_null.
BUILD=${BUILD:-build}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
failed=0

# check NAME RANKS PROGRAM [ARGUMENT]
check() {
    printf '[ RUN      ] %s\n' "$1"
    if timeout -k 5 60 mpirun --oversubscribe -n "$2" "$BUILD/tests/mpi/$3" $4 </dev/null; then
        printf '[       OK ] %s\n' "$1"
    else
        printf '[  FAILED  ] %s\n' "$1"
        failed=1
    fi
}

# survive NAME RANKS SURVIVORS SCENARIO: some ranks die; mpirun's own code says nothing then
survive() {
    printf '[ RUN      ] %s\n' "$1"
    said=$(timeout -k 5 60 mpirun --enable-recovery --oversubscribe -n "$2" \
        "$BUILD/tests/mpi/lost" $4 2>&1 </dev/null)
    if [ "$(echo "$said" | grep -c survived)" -eq "$3" ]; then
        printf '[       OK ] %s\n' "$1"
    else
        echo "$said"
        printf '[  FAILED  ] %s\n' "$1"
        failed=1
    fi
}

for ranks in 1 2 4 8; do
    for scenario in grid few rounds retry self_stop fatal fail_fast; do
        check "farm_${scenario}_$ranks" $ranks farm $scenario
    done
done
check farm_stop_lead_1 1 farm stop_lead
for scenario in stop_lead stop_worker stop_idle stop_all; do
    check "farm_${scenario}_4" 4 farm $scenario
done
# above a number of ranks, rank 0 only schedules: here above 2
for scenario in grid few rounds retry self_stop fatal stop_lead stop_worker; do
    check "farm_${scenario}_lead_only" 4 farm "$scenario 2"
done
survive farm_lost_2 2 1 lost
survive farm_lost_8 8 7 lost
survive farm_lost_all_workers 4 1 lost_all_workers
survive farm_lost_lead 4 3 lost_lead
check farm_idle_4 4 farm idle
check farm_null_8 8 bench_null
exit $failed
