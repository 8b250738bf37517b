#!/usr/bin/env bash
# An adaptive sweep: the full grid's F_min and ladders from few cells, and the same bits however it
# is run.
. tests/cli/lib.sh

cat >"$work/adaptive.yaml" <<'JOB'
name: adaptive
data: {set: glyphs, train: 2000, test: 1000, validation: 200}
model: {hidden: [60, 30]}
train: {epochs: 4, batch: 50}
retrain: {epochs: 2, batch: 50}
arms:
  - {criterion: magnitude}
  - {criterion: random, scope: layer, from: 0.5}
  - {name: imp, schedule: iterative, rescue: false}
grid: {density: {to: 0.003, per_decade: 6}, refine: {factor: 2}, seeds: 4, adaptive: true}
rescue: {cells: 2, finetune: [1], reinitialise: [], rewind: [], transplant: [], regrow: []}
JOB

whole() { ranks 0 run "$work/adaptive.yaml" -o "$work/whole.h5"; }

on_ranks() { # RANKS
    ranks "$1" run "$work/adaptive.yaml" -o "$work/ranks$1.h5" && same "$work/whole.h5" "$work/ranks$1.h5"
}

finished_again() { # nothing is computed twice
    cp "$work/whole.h5" "$work/again.h5"
    ranks 2 run "$work/adaptive.yaml" -o "$work/again.h5" &&
        h5diff "$work/whole.h5" "$work/again.h5" /attempt &&
        h5diff "$work/whole.h5" "$work/again.h5" /seconds
}

cells_done() { # FILE CELLS: waits until so many cells of the adaptive arms are done
    HDF5_USE_FILE_LOCKING=FALSE timeout 120 /usr/bin/python3 - "$@" <<'PY'
import sys
import time
import h5py

while True:
    try:
        with h5py.File(sys.argv[1]) as file:
            if (file["status"][:2] == 2).sum() >= int(sys.argv[2]):
                break
    except OSError:
        pass  # not there yet
    time.sleep(0.01)
PY
}

# Every process killed at once within some round, thrice.
killed() { # RANKS
    local file=$work/killed.h5 at launched
    for at in 5 20 45; do
        ranks "$1" run "$work/adaptive.yaml" -q -o "$file" >"$work/killed.log" 2>&1 &
        launched=$!
        cells_done "$file" $at || return 1
        kill -KILL $(pgrep -f -- "-o $file") 2>/dev/null
        wait $launched && { echo "not killed at $at cells"; return 1; }
    done
    ranks "$1" run "$work/adaptive.yaml" -o "$file" && same "$work/whole.h5" "$file"
}

# Against every cell of the grid: those computed are the same ones to the bit, with the same
# ladders; and F_min of every arm and seed is the same interval, or holds it.
as_full() {
    ranks 2 run "$work/adaptive.yaml" --set grid.adaptive=false -o "$work/full.h5" &&
        ranks 0 fmin "$work/whole.h5" --json >"$work/whole.json" &&
        ranks 0 fmin "$work/full.h5" --json >"$work/full.json" &&
        /usr/bin/python3 - "$work"/{whole,full}.h5 "$work"/{whole,full}.json <<'PY'
import json
import sys
import h5py
import numpy as np

some, full = h5py.File(sys.argv[1]), h5py.File(sys.argv[2])
done, all_done = some["status"][:] == 2, full["status"][:] == 2
assert (done | (some["status"][:] == 4)).all()  # what is not done is marked skipped
both = done & all_done
assert (done & ~all_done).sum() <= 2, "cells that the full grid has no F_min nearby for"
assert np.array_equal(some["psi"][:][both], full["psi"][:][both])
for arm in range(2):
    assert done[arm].sum() <= 12 * 4 and 2 * done[arm].sum() < all_done[arm].sum(), done[arm].sum()
assert np.array_equal(done[2], all_done[2])  # the iterative one goes down the whole axis
assert np.array_equal(some["ladder_status"][:], full["ladder_status"][:])
assert np.array_equal(some["collapse_kind"][:], full["collapse_kind"][:])

arms = [json.load(open(path))["files"][0]["arms"] for path in sys.argv[3:]]
for a, b in zip(*arms):
    for x, y in zip(a["seeds"], b["seeds"]):
        assert x["seed"] == y["seed"] and x["measure"] == y["measure"]
        assert x["censoring"] == y["censoring"] and x["low"] <= y["low"] and y["high"] <= x["high"], (x, y)
    x, y = a["thresholds"][0], b["thresholds"][0]
    assert x["low"] <= y["center"] <= x["high"] and y["low"] <= x["center"] <= y["high"], (x, y)
    assert x["seeds_unfinished"] == 0, x
PY
}

status_complete() {
    ranks 0 status "$work/whole.h5" && expect 0 '' ranks 0 status "$work/whole.h5" --json
}

planned() { # the iterative arm's 64 cells are certain, those of the others as many as are asked for
    ranks 0 plan "$work/adaptive.yaml" --pilot 2 --ranks 1 --json >"$work/plan.json" &&
        /usr/bin/python3 -c '
import json, sys
plan = json.load(open(sys.argv[1]))
assert plan["cells"] == 64 and 2 * 4 * 4 <= plan["added"] <= 2 * 4 * 12, plan
assert all(arm["seconds"] > 0 for arm in plan["arms"]), plan' "$work/plan.json"
}

# --from takes the dense parents; the cells are decided, and computed, anew.
from_full() {
    ranks 2 run "$work/adaptive.yaml" -o "$work/from.h5" --from "$work/full.h5" &&
        same "$work/whole.h5" "$work/from.h5"
}

# A budget of two cells a seed brackets nothing, and says so.
little() {
    ranks 0 run "$work/adaptive.yaml" --set grid.budget=2 --set rescue.cells=0 -o "$work/little.h5" &&
        /usr/bin/python3 -c '
import h5py, sys
assert (h5py.File(sys.argv[1])["status"][:2] == 2).sum((1, 2)).tolist() == [8, 8]' "$work/little.h5"
}

# Cells that fail end nothing and are not asked for anew; the same command tries them again, and then
# has what an undisturbed sweep has.
failed() {
    local file=$work/failed.h5
    expect 3 'attempt failed: .*did not converge' \
        env LD_PRELOAD="$PWD/$BUILD/tests/cli/fail_svd.so" PSI_FAIL_SVD=600 \
        timeout 100 "$psisweep" run "$work/adaptive.yaml" -o "$file" &&
        expect 0 '0 failed' ranks 2 run "$work/adaptive.yaml" -o "$file" &&
        ranks 0 status "$file" && /usr/bin/python3 - "$work/whole.h5" "$file" <<'PY'
import sys
import h5py

whole, mended = (h5py.File(path)["status"][:] for path in sys.argv[1:])
assert (mended[whole == 2] == 2).all() and ((mended == 2) | (mended == 4)).all()
assert (mended == 2).sum() <= (whole == 2).sum() + 40
PY
}

refused() {
    expect 2 'grid.adaptive: every arm is iterative' ranks 0 run "$work/adaptive.yaml" \
        --set 'arms=[{schedule: iterative}]' -o "$work/refused.h5" && [ ! -e "$work/refused.h5" ]
}

check adaptive_whole whole
for n in 2 4; do check adaptive_same_bits_$n on_ranks $n; done
check adaptive_finished_again finished_again
check adaptive_as_full as_full
check adaptive_status status_complete
check adaptive_planned planned
check adaptive_from_full from_full
check adaptive_killed killed 2
check adaptive_little little
check adaptive_failed failed
check adaptive_refused refused
finish
