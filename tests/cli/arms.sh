#!/usr/bin/env bash
# Arms that depend on each other, added densities and ladders in one sweep: the same bits on any
# number of ranks and after any kill; nothing that was done is done again. PSI_LONG: 40 moments.
. tests/cli/lib.sh

[ -n "${PSI_LONG-}" ] && moments=40 || moments=2
RANDOM=${PSI_KILL_SEED:-11}

arms_job() { # [DENSITIES [SEEDS [EPOCHS]]]
    cat <<JOB
name: arms
data: {set: glyphs, train: 1500, test: 500, validation: 200}
model: {hidden: [24, 12]}
train: {epochs: ${3:-4}, batch: 50}
retrain: {epochs: ${3:-4}, batch: 50}
arms:
  - {name: reinit, mask: imp, restart: reinitialise}
  - {name: imp, schedule: iterative, restart: rewind, rewind: 0.5}
  - {name: thin, criterion: random, change: trim}
  - {name: base, noise: 0.35, change: trim}
  - {name: preserve, mask: base, change: preserve}
  - {name: destroy, mask: base, change: destroy, restart: reinitialise}
  - {name: poly, schedule: polynomial, interval: 10}
  - {name: graft, criterion: random, scope: like, like: imp, restart: transplant}
  - {name: held, criterion: snip, ablate: top, modes: 2, hold: true}
grid: {density: [${1:-1, 0.3, 0.1, 0.03}], seeds: ${2:-2}, refine: {factor: 2}}
rescue: {cells: 1, finetune: [1, 2], rates: [1, 3], reinitialise: [2], draws: 2, rewind: [1], transplant: [1]}
JOB
}
arms_job >"$work/arms.yaml"
arms_job "1, 0.3, 0.03" 1 >"$work/less.yaml"
arms_job "1, 0.1, 0.02, 0.006" 2 20 >"$work/slow.yaml"

whole() { ranks 0 run "$work/arms.yaml" -o "$work/whole.h5"; }

on_ranks() { # RANKS
    ranks "$1" run "$work/arms.yaml" -q -o "$work/ranks$1.h5" && same "$work/whole.h5" "$work/ranks$1.h5"
}

contents() { # what the sweep is about is in it
    /usr/bin/python3 - "$work/whole.h5" <<'PY'
import sys
import h5py
import numpy as np

file = h5py.File(sys.argv[1], "r")
arm = [name.decode() if isinstance(name, bytes) else name for name in file["arm"][...]]
at = {name: i for i, name in enumerate(arm)}
done = file["status"][...] == 2
grid = np.arange(len(file["density"])) % 2 == 0
assert done[:, :, grid].all() and (file["status"][...][:, :, ~grid] != 0).all()
assert 0 < done[:, :, ~grid].sum() < done[:, :, ~grid].size  # some were added, others skipped
assert not done[at["imp"]][:, ~grid].any() and not done[at["reinit"]][:, ~grid].any()
# between the highest collapsed density of the grid and the one above, where all seeds agree
psi = file["psi"][..., 1]
for a in range(len(arm)):
    first = {next((d for d in np.flatnonzero(grid) if psi[a, s, d] < 0.5), 0) for s in range(psi.shape[1])}
    if arm[a] not in ("imp", "reinit", "graft") and len(first) == 1 and first != {0}:
        assert done[a, :, first.pop() - 1].all(), arm[a]
mask = file["mask_digest"][...]
assert (mask[at["imp"]] == mask[at["reinit"]]).all()
degree = file["degree_digest"][...][:, :, grid]
assert (degree[at["base"]] == degree[at["preserve"]]).all()
assert (degree[at["base"]] == degree[at["destroy"]]).all()
layers = file["layer_density"][...][:, :, grid]
assert np.array_equal(layers[at["imp"]], layers[at["graft"]], equal_nan=True)
kept = file["weights_kept"][at["poly"]][done[at["poly"]]]
assert len(set(kept)) > 3
# every collapsed cell of the grid that is the first of its arm and seed has a ladder; it stops at
# the first rung that recovers
ladder = file["ladder_status"][...] == 2
rungs = file["rescue_status"][...] == 2
assert ladder.sum() > 3 and rungs.any(axis=-1).sum() > 3
for a, s in np.ndindex(psi.shape[:2]):
    collapsed = [d for d in np.flatnonzero(grid) if psi[a, s, d] < 0.5][:1]
    assert list(np.flatnonzero(ladder[a, s])) == collapsed, arm[a]
    for d in collapsed:
        by = file["rescued_by"][a, s, d]
        found = file["rescue_validation_psi"][a, s, d]
        tried = rungs[a, s, d]
        assert (file["rescue_status"][a, s, d] != 0).all()
        if by >= 0:
            assert tried[by] and found[by] >= 0.5 and not tried[by + 1:].any()
            assert not (found[:by] >= 0.5).any()
        else:
            assert not (found >= 0.5).any()
levels = np.sort(file["chain_level"][0], axis=1)
assert (levels == [4, 6]).all(), levels  # both slots: the last two densities of the grid
PY
}

grown() { # --from a smaller grid: what can be taken is, what follows from a chain is computed
    ranks 2 run "$work/less.yaml" -q -o "$work/less.h5" &&
        ranks 2 run "$work/arms.yaml" -o "$work/grown.h5" --from "$work/less.h5" 2>"$work/err" &&
        cat "$work/err" && grep -qE 'took [0-9]+ records' "$work/err" &&
        same "$work/whole.h5" "$work/grown.h5"
}

bad_arms() { # ARMS TEXT: refused in one line
    expect 2 "$2" ranks 2 run "$work/arms.yaml" --set "arms=[$1]" -o "$work/bad.h5" &&
        [ "$(grep -c '^psisweep:' "$work/stderr")" -eq 1 ] && [ ! -e "$work/bad.h5" ]
}

bad_job() {
    bad_arms "{mask: nobody}" 'arms: entry 1: mask: expected the name of an arm of this job, found "nobody"' &&
        bad_arms "{name: a, mask: b}, {name: b, mask: c}, {name: c, mask: a}" 'do not lead back' &&
        bad_arms "{restart: rewind, rewind: 4}" 'rewind: expected less than the 4 epochs of train, found 4' &&
        bad_arms "{restart: rewind, rewind: 3.99}" 'less than the 104 steps of train' &&
        bad_arms "{ablate: top, modes: 11}" 'modes: expected at most 10, the rank of layer' &&
        bad_arms "{schedule: iterative, change: trim}" 'need schedule: one-shot'
}

slow() { ranks 4 run "$work/slow.yaml" -q -o "$work/slow.h5"; }

pids() { pgrep -f "^$psisweep run .*$1"; }

# killed_inside WHAT FILE: SIGKILL of all ranks once the file shows a chain, or a ladder, halfway;
# writes what is done then to FILE.done.
killed_inside() {
    ranks 2 run "$work/slow.yaml" -q -o "$2" >/dev/null 2>&1 &
    local launched=$!
    HDF5_USE_FILE_LOCKING=FALSE /usr/bin/python3 - "$1" "$2" <<'PY' || return 1
import os
import sys
import time
import h5py

what, name = sys.argv[1:]
end = time.monotonic() + 120
while time.monotonic() < end:
    time.sleep(0.01)
    if not os.path.exists(name):
        continue
    with h5py.File(name, "r") as file:
        if what == "chain":
            cells = file["status"][1][:, ::2] == 2
            halfway = cells.any(axis=1) & ~cells.all(axis=1) & cells[:, 1]
        else:
            rungs = (file["rescue_status"][...] == 2).any(axis=-1)
            halfway = rungs & (file["ladder_status"][...] == 1)
        if halfway.any():
            sys.exit(0)
sys.exit(f"no {what} was seen halfway")
PY
    kill -9 $(pids "$2")
    wait $launched
    made "$2" >"$2.done"
}

made() { # FILE: a line for each record that is done: which, attempt, launch, seconds
    /usr/bin/python3 - "$1" <<'PY'
import sys
import h5py
import numpy as np

file = h5py.File(sys.argv[1], "r")
for owner, launch in ("", "run_launch"), ("dense_", "dense_launch"), ("rescue_", "rescue_launch"), ("ladder_", "ladder_launch"):
    done = np.argwhere(file[owner + "status"][...] == 2)
    for at in map(tuple, done):
        print(owner, *at, file[owner + "attempt"][at], file[launch][at], file[owner + "seconds"][at])
PY
}

# resumed_inside WHAT: what was done before the kill is not done again, what was not is, in the
# second launch; and it ends equal to an undisturbed sweep.
resumed_inside() {
    local file=$work/inside-$1.h5
    killed_inside "$1" "$file" || return 1
    ranks 2 run "$work/slow.yaml" -q -o "$file" && same "$work/slow.h5" "$file" || return 1
    made "$file" >"$file.end"
    echo "$(wc -l <"$file.done") of $(wc -l <"$file.end") records were done before the kill"
    [ "$(grep -Fxc -f "$file.done" "$file.end")" -eq "$(wc -l <"$file.done")" ] &&
        [ "$(wc -l <"$file.done")" -lt "$(wc -l <"$file.end")" ] &&
        case $1 in
        chain) grep -q '^ 1 ' "$file.done" ;;
        ladder) grep -q '^rescue_' "$file.done" ;;
        esac
}

moment() { # N: kills of all or one of 4 ranks at random moments on one file, then to the end
    local file=$work/moment$1.h5 again victims launched
    for again in 1 2; do
        SECONDS_MOST=30 ranks 4 run "$work/slow.yaml" -q -o "$file" >/dev/null 2>&1 &
        launched=$!
        sleep "$((RANDOM % 3 + ${duration:-4} * (RANDOM % 100) / 100)).$((RANDOM % 10))"
        victims=$(pids "$file")
        [ $((($1 + again) % 2)) -eq 0 ] || victims=$(shuf -n 1 --random-source=<(yes $RANDOM) <<<"$victims")
        echo "kill -9" $victims
        [ -z "$victims" ] || kill -9 $victims 2>/dev/null
        wait $launched
    done
    ranks 4 run "$work/slow.yaml" -q -o "$file" && same "$work/slow.h5" "$file" && rm -f "$file"
}

check arms_without_mpirun whole
check arms_contents contents
for n in 2 4; do check arms_same_bits_$n on_ranks $n; done
check arms_grown_from_smaller grown
check arms_bad_jobs bad_job
start=$SECONDS
check arms_slow slow
duration=$((SECONDS - start + 1))
check arms_killed_in_a_chain resumed_inside chain
check arms_killed_in_a_ladder resumed_inside ladder
for ((n = 0; n < moments; n++)); do check arms_moment_$n moment $n; done
finish
