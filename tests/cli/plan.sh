#!/usr/bin/env bash
# psisweep plan: the numbers that are exact, what it says of half-done files, and bad input.
. tests/cli/lib.sh

small_job plan >"$work/job.yaml"

field() { # FILE EXPRESSION: of a plan's JSON, `p`
    /usr/bin/python3 -c 'import json, sys; p = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"
}

is() { # FOUND EXPECTED
    [ "$1" = "$2" ] || {
        echo "expected $2, found $1"
        return 1
    }
}

grid() { # numbers of the grid, without MPI; the file that run then makes has as many bytes
    expect 0 "" "$psisweep" plan "$work/job.yaml" --pilot 1 --json --ranks 1,3,100000 &&
        cp "$work/stdout" "$work/plan.json" &&
        is "$(field "$work/plan.json" 'p["schema"]')" psisweep-plan-1 &&
        is "$(field "$work/plan.json" '[p[k] for k in ("parents", "cells", "added", "ladders", "done")]')" "[2, 16, 0, 0, 0]" &&
        is "$(field "$work/plan.json" '[r["ranks"] for r in p["ranks"]]')" "[1, 3, 100000]" &&
        is "$(field "$work/plan.json" '[a["arm"] for a in p["arms"]]')" "['magnitude', 'random']" &&
        is "$(field "$work/plan.json" 'abs(p["parent_seconds"] + sum(a["seconds"] for a in p["arms"]) - p["work_seconds"]) < 1e-9')" True &&
        is "$(field "$work/plan.json" 'all(r["bound_seconds"] * r["ranks"] >= p["work_seconds"] and r["wall_seconds"] >= r["bound_seconds"] for r in p["ranks"])')" True &&
        is "$(field "$work/plan.json" 'p["pilot"]["parent_share"], p["pilot"]["cell_share"], p["ranks_enough"] >= 1')" "(1, 1, True)" &&
        expect 0 "" ranks 0 run "$work/job.yaml" -q -o "$work/x.h5" &&
        is "$(field "$work/plan.json" 'p["bytes"]')" "$(stat -c %s "$work/x.h5")" &&
        is "$(field "$work/plan.json" 'p["parameters"]')" "$(/usr/bin/python3 -c 'import h5py, sys; print(h5py.File(sys.argv[1])["parameter"].shape[0])' "$work/x.h5")"
}

text() {
    expect 0 "" "$psisweep" plan "$work/job.yaml" --pilot 1 &&
        grep -q "^plan: 2 dense parents, 16 cells (2 arms x 2 seeds x 4 densities)$" "$work/stdout" &&
        grep -qE "^Beyond [0-9]+ ranks more is waste" "$work/stdout"
}

# every axis and schedule that a file can have: as many bytes, too; rounds that depend on results
# are counted at most
everything() {
    small_net all >"$work/all.yaml"
    cat >>"$work/all.yaml" <<'JOB'
rescue: {cells: 2}
arms:
  - {name: chain, schedule: iterative, restart: rewind, rewind: 1}
  - {name: follower, mask: chain, restart: reinitialise}
  - {name: gradual, schedule: polynomial}
  - {name: snip, criterion: snip, at: initial, from: 0.5}
grid: {density: {from: 1, to: 0.1, per_decade: 2}, seeds: 3, refine: {factor: 2, around: 0.3}}
JOB
    expect 0 "" "$psisweep" plan "$work/all.yaml" --pilot 1 --json &&
        cp "$work/stdout" "$work/plan.json" &&
        is "$(field "$work/plan.json" '[p[k] for k in ("parents", "cells", "added", "ladders", "done")]')" "$1" &&
        is "$(field "$work/plan.json" 'all(r["wall_seconds_most"] > r["wall_seconds"] for r in p["ranks"])')" True &&
        expect 0 "" ranks 0 run "$work/all.yaml" -q -o "$work/all.h5" &&
        is "$(field "$work/plan.json" 'p["bytes"]')" "$(stat -c %s "$work/all.h5")"
}

half_done() { # what is left of a file, and of a finished one nothing; the file stays as it is
    cp "$work/x.h5" "$work/half.h5" &&
        /usr/bin/python3 - "$work/half.h5" <<'PY' &&
import h5py, sys
file = h5py.File(sys.argv[1], "r+")
file["status"][1, 1, :] = 0
PY
        sum=$(md5sum <"$work/half.h5") &&
        expect 0 "" "$psisweep" plan "$work/job.yaml" -o "$work/half.h5" --pilot 1 --json &&
        is "$(field "$work/stdout" 'p["done"], p["cells"], p["parent_seconds"], p["arms"][0]["seconds"], p["arms"][1]["seconds"] > 0')" "(14, 16, 0, 0, True)" &&
        is "$(md5sum <"$work/half.h5")" "$sum" &&
        expect 0 "" "$psisweep" plan "$work/job.yaml" -o "$work/x.h5" --pilot 1 &&
        grep -q "nothing is left to do" "$work/stdout" &&
        expect 0 "" "$psisweep" plan "$work/job.yaml" -o "$work/none.h5" --pilot 1 --json &&
        is "$(field "$work/stdout" 'p["file"], p["done"]')" "(None, 0)" && [ ! -e "$work/none.h5" ]
}

adaptive() { # fewer cells than the grid has, in rounds; of a finished sweep all is done
    small_job adaptive 1,.6,.4,.3,.2,.14,.1,.07,.05,.035 | sed 's/^grid: {/&adaptive: true, /' >"$work/adaptive.yaml"
    expect 0 "" "$psisweep" plan "$work/adaptive.yaml" --pilot 1 --json &&
        is "$(field "$work/stdout" '4 < p["added"] < 40, p["cells"], p["parents"], p["pilot"]["cells"] > 2')" "(True, 0, 2, True)" &&
        expect 0 "" ranks 0 run "$work/adaptive.yaml" -q -o "$work/adaptive.h5" &&
        done=$(/usr/bin/python3 -c 'import h5py, sys; print((h5py.File(sys.argv[1])["status"][:] == 2).sum() + 2)' "$work/adaptive.h5") &&
        expect 0 "" "$psisweep" plan "$work/adaptive.yaml" -o "$work/adaptive.h5" --pilot 1 --json &&
        is "$(field "$work/stdout" 'p["added"] + 2, p["done"], p["work_seconds"]')" "($done, $done, 0)"
}

refusals() {
    local bad
    for bad in 0 1,0 2, ,2 100001 -3 x 1,,2 1.5 99999999999999999999; do
        expect 2 "ranks: expected numbers from 1 to 100000" "$psisweep" plan "$work/job.yaml" --ranks "$bad" || return 1
        [ ! -s "$work/stdout" ] || return 1
    done
    expect 2 "pilot: expected" "$psisweep" plan "$work/job.yaml" --pilot 0 &&
        expect 2 "a job file is needed" "$psisweep" plan &&
        expect 2 "found a second" "$psisweep" plan "$work/job.yaml" "$work/job.yaml" &&
        expect 5 "none.yaml" "$psisweep" plan "$work/none.yaml" &&
        expect 2 "train.epochs" "$psisweep" plan "$work/job.yaml" --set train.epochs=x &&
        expect 2 "belongs to another job" "$psisweep" plan "$work/job.yaml" -o "$work/x.h5" --set train.epochs=3 &&
        expect 5 "not an intact HDF5 file" "$psisweep" plan "$work/job.yaml" -o "$work/job.yaml"
}

check plan_grid grid
check plan_text text
check plan_everything everything "[3, 33, 9, 24, 0]"
check plan_half_done half_done
check plan_adaptive adaptive
check plan_refusals refusals
finish
