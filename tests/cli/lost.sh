#!/usr/bin/env bash
# Ranks that die under mpirun --enable-recovery: the others take over their work and finish in the
# same mpirun with the same bits; without rank 0 they leave, and the next run completes. A cell that
# kills whoever is at it ends as failed, all else as done. PSI_LONG: 50 times one worker of 8.
. tests/cli/lib.sh

[ -n "${PSI_LONG-}" ] && moments=50 || moments=4
RANKS=8
small_job lost "1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03" 3 |
    sed 's/retrain: {epochs: 1/retrain: {epochs: 150/' >"$work/job.yaml"
RANDOM=${PSI_LOST_SEED:-11}

# recover FILE OPTION...: a sweep that survives the death of ranks; mpirun's own code says nothing
recover() {
    local file=$1
    shift
    timeout -k 5 120 mpirun --enable-recovery --oversubscribe -n $RANKS "$psisweep" \
        run "$work/job.yaml" -q --attempts 5 -o "$file" "$@" 2>"$work/said"
    [ $? -ne 124 ] || {
        echo "it hangs"
        cat "$work/said"
        return 1
    }
}

complete() { # FILE
    "$psisweep" status "$1" >"$work/status" || {
        cat "$work/status" "$work/said"
        return 1
    }
}

# pid_of RANK FILE
pid_of() {
    local pid
    for pid in $(pgrep -f "^$psisweep run .*$2"); do
        tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx "OMPI_COMM_WORLD_RANK=$1" && echo $pid
    done
}

# begun FILE: every rank is past the setup, as all hold the workers' lock then, and it has a record
begun() {
    local n
    for ((n = 0; n < 1500; n++)); do
        [ -e "$1" ] && "$psisweep" status --json "$1" 2>/dev/null | grep -q '"running": *[1-9]' && return
        sleep 0.02
    done
    echo "it does not begin"
    return 1
}

pause() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

# lose FILE WAIT RANK...: kill the ranks, WAIT milliseconds before each
lose() {
    local file=$1 wait=$2 rank pid
    shift 2
    begun "$file" || return 1
    for rank; do
        pause "$wait"
        pid=$(pid_of "$rank" "$file")
        echo "after $wait ms more: kill -9 rank $rank (process ${pid:-gone})"
        [ -n "$pid" ] && kill -9 "$pid" && killed=$((killed + 1))
    done
    return 0
}

# survives NAME WAIT RANK...: finishes in the same mpirun, equal to the undisturbed sweep
survives() {
    local file=$work/$1.h5 launched
    shift
    recover "$file" &
    launched=$!
    lose "$file" "$@" || return 1
    wait $launched && complete "$file" && same "$work/whole.h5" "$file" && rm -f "$file"
}

several() {
    survives several $((RANDOM % 500)) $(shuf -i 1-7 -n 4 --random-source=<(yes $RANDOM))
}

each_in_turn() {
    survives turn 300 1 2 3 4 5 6 7
}

moment() { # N: one worker, at a random time of the sweep; again where the sweep was over before
    local file=$work/moment$1.h5 before=$killed
    while [ "$killed" -eq "$before" ]; do
        survives "moment$1" $((RANDOM % duration)) $((1 + RANDOM % 7)) && continue
        # one of fifty may need another launch
        [ -n "${PSI_LONG-}" ] && [ $((resumed += 1)) -eq 1 ] || return 1
        recover "$file" && complete "$file" && same "$work/whole.h5" "$file"
        return
    done
}

# the others leave by themselves, the file is whole, the next run completes
without_lead() {
    local file=$work/lead.h5 launched since
    recover "$file" &
    launched=$!
    lose "$file" 200 0 || return 1
    since=$SECONDS
    wait $launched || return 1
    [ $((SECONDS - since)) -lt 10 ] && grep -q 'rank 0 was lost' "$work/said" || {
        echo "took $((SECONDS - since)) s"
        cat "$work/said"
        return 1
    }
    "$psisweep" status "$file" >"$work/status"
    [ $? -eq 4 ] && recover "$file" && complete "$file" && same "$work/whole.h5" "$file"
}

# a worker that hangs is lost when it has been silent; awake again it leaves
silent() {
    local file=$work/silent.h5 launched pid
    recover "$file" --lost-after 2 &
    launched=$!
    begun "$file" || return 1
    pid=$(pid_of 3 "$file")
    kill -STOP "$pid"
    sleep "$((duration / 1000 + 6))"
    kill -CONT "$pid"
    wait $launched && complete "$file" && same "$work/whole.h5" "$file"
}

# The last matrix that a sweep on one rank decomposes is of a cell: whoever does that one again, dies
# in it. Where that is rank 0, the next launch goes on.
deadly() { # SIGNAL CAUSE
    local file=$work/deadly$1.h5 shim=$PWD/$BUILD/tests/cli/crash_cell.so launch
    LD_PRELOAD=$shim PSI_CRASH_LOG=$work/norms ranks 0 run "$work/job.yaml" -q \
        -o "$work/one.h5" --set retrain.epochs=1 || return 1
    for launch in 1 2 3 4 5; do
        LD_PRELOAD=$shim PSI_CRASH_NORM=$(tail -n 1 "$work/norms") PSI_CRASH_SIGNAL=$1 \
            recover "$file" --attempts 2 --set retrain.epochs=1 || return 1
        grep -q 'rank 0 was lost' "$work/said" || break
    done
    cat "$work/said"
    "$psisweep" status --json "$file" >"$work/status"
    [ $? -eq 3 ] && grep -q "\"cause\": *\"$2\"" "$work/status" || {
        cat "$work/status"
        return 1
    }
    /usr/bin/python3 -c "
import h5py
with h5py.File('$file') as file:
    status = file['status'][...]
    assert (status == 3).sum() == 1 and (status == 2).sum() == status.size - 1, status" || return 1
    # without what kills it, the same command does it
    recover "$file" --set retrain.epochs=1 && complete "$file" && same "$work/one.h5" "$file"
}

overtime() { # every attempt takes longer than a second
    expect 3 'took longer than 1 s' ranks 2 run "$work/job.yaml" -o "$work/over.h5" --attempts 1 \
        --cell-limit 1 --set retrain.epochs=20000 --set 'grid.density=[1]' --set 'grid.seeds=1' &&
        expect 3 '' "$psisweep" status --json "$work/over.h5" &&
        grep -q '"cause": *"overtime"' "$work/stdout" &&
        expect 3 'took longer than 1 s' ranks 2 run "$work/job.yaml" -o "$work/fast.h5" --fail-fast \
            --cell-limit 1 --set retrain.epochs=20000 --set 'grid.density=[1]' --set 'grid.seeds=1'
}

whole() {
    local start=$(date +%s%N)
    ranks $RANKS run "$work/job.yaml" -q -o "$work/whole.h5" || return 1
    duration=$((($(date +%s%N) - start) / 1000000))
    echo "undisturbed: $duration ms"
}

duration=2000
killed=0
resumed=0
check lost_undisturbed whole
check lost_several several
check lost_each_in_turn each_in_turn
check lost_lead without_lead
check lost_silent silent
check lost_deadly_sigsegv deadly 11 sigsegv
check lost_deadly_sigkill deadly 9 lost
check lost_overtime overtime
for ((n = 0; n < moments; n++)); do check lost_moment_$n moment $n; done
echo "$killed ranks killed in all, $resumed of $moments moments needed another launch"
finish
