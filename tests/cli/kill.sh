#!/usr/bin/env bash
# SIGKILL of all or one of 4 ranks at random moments: every file readable, every done cell exact,
# every resume completes and ends equal to an undisturbed sweep. PSI_LONG: 50 moments. Beside the
# kills of the crash matrix (faults.sh), which wait minutes for an end: once a sweep has begun, mpirun
# without --enable-recovery is gone within seconds of the kill.
. tests/cli/lib.sh

[ -n "${PSI_LONG-}" ] && moments=50 || moments=6
small_job kill "1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03" 3 |
    sed 's/retrain: {epochs: 1/retrain: {epochs: 300/' >"$work/job.yaml"
RANDOM=${PSI_KILL_SEED:-7}

exact() { # FILE: readable, and what it calls done is what the undisturbed sweep holds
    /usr/bin/python3 - "$work/whole.h5" "$1" <<'PY'
import sys
import h5py
import numpy as np

whole, part = (h5py.File(name, "r") for name in sys.argv[1:])
volatile = {"seconds", "attempt", "rank", "run_launch"}
done = {n: part[n + "status"][...] == 2 for n in ("", "dense_")}
for name, variable in part.items():
    value, expected = variable[...], whole[name][...]
    axes = [variable.dims[i].label or (variable.dims[i].keys() or [""])[0] for i in range(variable.ndim)]
    if name.removeprefix("dense_") in volatile | {"launch"} or name.startswith("launch_") or name.endswith("status"):
        continue
    if axes[:3] == ["arm", "seed", "density"]:
        keep = done[""]
    elif axes[:1] == ["seed"] and name != "seed":
        keep = done["dense_"]
    else:
        keep = slice(None) if variable.ndim else ()
    if variable.dtype.kind == "f":
        assert np.array_equal(value[keep], expected[keep], equal_nan=True), name
    elif name != "parameter":
        assert np.array_equal(value[keep], expected[keep]), name
print("done:", int(done["dense_"].sum()), "parents,", int(done[""].sum()), "cells")
PY
}

pids() { pgrep -f "^$psisweep run .*$1"; }

# killed N FILE: launch, kill all or one rank after a random while (0 to the sweep's length)
killed() {
    local file=$2 wait=$((RANDOM % (duration + 200))) victims
    # the others wait two minutes in MPI_Init for a rank that was killed there: not here
    SECONDS_MOST=20 ranks 4 run "$work/job.yaml" -q -o "$file" >/dev/null 2>&1 &
    local launched=$!
    sleep "$(printf '%d.%03d' $((wait / 1000)) $((wait % 1000)))"
    if [ $(($1 % 2)) -eq 0 ]; then
        victims=$(pids "$file")
    else
        victims=$(pids "$file" | shuf -n 1 --random-source=<(yes $RANDOM))
    fi
    # past the start every rank holds the workers' lock: only before it may a launch take longer, two
    # minutes within MPI_Init
    local started=1 since
    flock -n -x "${file%/*}/.${file##*/}.workers.lock" true && started=0
    echo "after $wait ms: kill -9" $victims
    [ -z "$victims" ] || kill -9 $victims 2>/dev/null
    since=$SECONDS
    wait $launched
    [ $((SECONDS - since)) -lt 15 ] || [ $started -eq 0 ] || {
        echo "hung after the kill"
        return 1
    }
}

moment() { # N: two kills on one file, then to the end
    local file=$work/killed$1.h5
    for again in 1 2; do
        killed $(($1 + again / 2)) "$file" || return 1
        [ ! -e "$file" ] || exact "$file" || return 1
    done
    ranks 4 run "$work/job.yaml" -q -o "$file" && same "$work/whole.h5" "$file" && rm -f "$file"
}

whole() { # also tells how long an undisturbed sweep of 4 ranks takes
    local start=$(date +%s%N)
    ranks 4 run "$work/job.yaml" -q -o "$work/whole.h5"
    local code=$?
    duration=$((($(date +%s%N) - start) / 1000000))
    echo "undisturbed: $duration ms"
    return $code
}

sees_damage() { # the checker itself: one changed number of a done cell must not pass
    cp "$work/whole.h5" "$work/damaged.h5"
    /usr/bin/python3 -c "
import h5py
with h5py.File('$work/damaged.h5', 'r+') as file:
    file['loss'][1, 2, 3, 1] += 1e-12" && ! exact "$work/damaged.h5"
}

duration=2000
check kill_undisturbed whole
check kill_checker_accepts exact "$work/whole.h5"
check kill_checker_sees_damage sees_damage
for ((n = 0; n < moments; n++)); do check kill_moment_$n moment $n; done
finish
