#!/usr/bin/env bash
# verify and --repair: a changed bit is found wherever it is, told in one line, and what it spoilt is
# computed again to the same bits. PSI_LONG: more bits of HDF5's own metadata.
. tests/cli/lib.sh

small_job verify "1, 0.3, 0.1, 0.03" 2 | sed 's/^  - {criterion: random.*/  - {name: chain, schedule: iterative, restart: rewind, rewind: 1}\n  - {name: after, mask: chain, restart: reinitialise}/; s/^grid: {/grid: {refine: {factor: 2, around: 0.6}, /' >"$work/job.yaml"
echo 'rescue: {cells: 1, finetune: [1], reinitialise: [1]}' >>"$work/job.yaml"
job=$work/job.yaml
whole=$work/whole.h5

verify() { timeout 60 "$psisweep" verify "$@"; }

intact() { # as created, half-way and whole; nothing is written
    ranks 2 run "$job" -q -o "$whole" >/dev/null && cp "$whole" "$work/copy.h5" && expect 0 '' verify "$whole" &&
        grep -qE 'whole.h5: intact, 2 dense parents, [0-9]+ cells, [0-9]+ rungs, [0-9]+ ladders, 4 chains$' "$work/stdout" &&
        cmp "$whole" "$work/copy.h5" && expect 0 '' verify "$whole" --repair && cmp "$whole" "$work/copy.h5" &&
        expect 0 '' verify "$whole" "$work/copy.h5" --json && /usr/bin/python3 -c "
import json
d = json.load(open('$work/stdout'))
assert d['schema'] == 'psisweep-verify-1' and [f['state'] for f in d['files']] == ['intact'] * 2
assert d['files'][0]['checked']['dense parent'] == 2 and d['files'][0]['findings'] == []"
}

# Python on the copy `bad.h5` of the whole file: file, and flip(name, index): a bit of that element.
damage() {
    cp "$whole" "$work/bad.h5"
    /usr/bin/python3 - "$work/bad.h5" "$1" <<'PY'
import sys
import h5py
import numpy as np

def flip(name, index, bit=3):
    value = file[name][index]
    raw = bytearray(np.asarray(value).tobytes())
    raw[0] ^= 1 << bit
    file[name][index] = np.frombuffer(bytes(raw), dtype=np.asarray(value).dtype)[0]

with h5py.File(sys.argv[1], "r+") as file:
    status, ladder, rescue = (file[n][...] for n in ("status", "ladder_status", "rescue_status"))
    climbed = tuple(np.argwhere(ladder == 2)[0])
    rung = tuple(np.argwhere(rescue == 2)[0])
    deep = int(np.argmax(file["chain_level"][0, 0]))
    exec(sys.argv[2])
PY
}

# mended DAMAGE FINDING: found and told, --repair marks it, and run ends with the bits of whole.h5
mended() {
    damage "$1" && expect 5 '' verify "$work/bad.h5" || return 1
    grep -qE "$2" "$work/stdout" || { echo "expected '$2'"; cat "$work/stdout"; return 1; }
    expect 4 '' verify "$work/bad.h5" --repair && grep -q 'bad, marked: the same run command' "$work/stdout" &&
        expect 0 '' verify "$work/bad.h5" && ranks 2 run "$job" -q -o "$work/bad.h5" >/dev/null &&
        same "$whole" "$work/bad.h5" && expect 0 '' verify "$work/bad.h5" && expect 0 '' "$psisweep" status "$work/bad.h5"
}

# every variable of a done record that its checksum covers, the checksum, and every state
each_variable() {
    cp "$whole" "$work/each.h5"
    /usr/bin/python3 - "$work/each.h5" "$psisweep" <<'PY'
import h5py, numpy as np, subprocess, sys
path, program = sys.argv[1:]
file = h5py.File(path, "r")
owners = [("dense_", "dense_status"), ("rescue_", "rescue_status"), ("ladder_", "ladder_status"), ("chain_", "chain_status")]
special = {"permutation_edge": "dense_status", "marchenko_pastur_edge": "dense_status", "dominant_modes": "dense_status",
           "rewind_parameter": "dense_status", "collapse_kind": "ladder_status", "rescued_by": "ladder_status"}
loose = {"seconds", "attempt", "rank", "launch", "failure", "run_launch"}
todo = []
for name, variable in file.items():
    state = special.get(name) or next((s for p, s in owners if name.startswith(p)), "status")
    if variable.ndim == 0 or variable.id.get_offset() is None or not (name in special or state != "status" or
            [list(d.keys()) for d in variable.dims][:1] == [["arm"]]) or name in ("arm", "seed", "density", "rescue_epoch"):
        continue
    if name in {p + l for p in ("", "dense_", "rescue_", "ladder_") for l in loose} or name.startswith("launch_"):
        continue
    at = tuple(np.argwhere(file[state][...] == 2)[-1])
    at += (0,) * (variable.ndim - len(at))
    offset = variable.id.get_offset() + int(np.ravel_multi_index(at, variable.shape)) * variable.dtype.itemsize
    todo.append((name, offset, 0 if not name.endswith("status") else 3))
file.close()
whole = open(path, "rb").read()
for name, offset, bit in todo:
    bad = bytearray(whole)
    bad[offset] ^= 1 << bit
    open(path, "wb").write(bad)
    answer = subprocess.run([program, "verify", path], capture_output=True, text=True)
    assert answer.returncode == 5 and answer.stdout.count("\n") == 2, (name, answer)
print(len(todo), "variables")
assert len(todo) > 55, todo
PY
}

metadata() { # HDF5's own bytes, attributes, axes: told in one line, exit code 5, whatever HDF5 does
    /usr/bin/python3 - "$whole" "$work/meta.h5" "$psisweep" "${PSI_LONG:+3000}" <<'PY'
import h5py, random, subprocess, sys
whole, path, program, count = sys.argv[1:]
spans = []
with h5py.File(whole) as file:
    written = lambda n: n.startswith("launch_") or n == "description_digest" or not (
        n in ("arm", "seed", "density", "sparsity", "layer", "mode", "epoch", "stage", "launch", "rewind", "rung", "rescue_epoch", "chain")
        or n.startswith("layer_o") or n.startswith("layer_r") or n.startswith("layer_c"))
    for name, variable in file.items():
        if variable.id.get_offset() is not None and written(name):
            spans.append((variable.id.get_offset(), variable.id.get_offset() + variable.id.get_storage_size()))
data = open(whole, "rb").read()
free = bytearray(b"\1" * len(data))
for start, end in spans:
    free[start:end] = bytes(end - start)
places = [i for i in range(len(data)) if free[i]]
dice = random.Random(5)
for n in range(int(count or 150)):
    at, bit = (n if n < 60 else dice.choice(places)), dice.randrange(8)
    bad = bytearray(data)
    bad[at] ^= 1 << bit
    open(path, "wb").write(bad)
    for command in ("verify",) if n % 5 else ("verify", "status", "fmin"):
        answer = subprocess.run([program, command, path], capture_output=True, text=True)
        lines = (answer.stdout + answer.stderr).splitlines()
        if command == "verify":
            assert answer.returncode == 5 and 1 <= len(lines) <= 2, (at, bit, answer)
        else:  # may not need what is damaged, but never dies of it
            assert answer.returncode in (0, 3, 4, 5), (command, at, bit, answer)
PY
}

description() { # a damaged attribute: the sweep does not go on in that file, its cells go into a new one
    /usr/bin/python3 - "$whole" "$work/bad.h5" <<'PY' || return 1
import sys
data = open(sys.argv[1], "rb").read()
at = data.index(b"prunable weight matrix")
open(sys.argv[2], "wb").write(data[:at] + b"P" + data[at + 1:])
PY
    expect 5 '' verify "$work/bad.h5" && grep -q 'its description .* was changed or damaged' "$work/stdout" &&
        expect 5 '' verify "$work/bad.h5" --repair && expect 5 'its description' ranks 2 run "$job" -o "$work/bad.h5" &&
        expect 0 '' ranks 2 run "$job" -q -o "$work/new.h5" --from "$work/bad.h5" && same "$whole" "$work/new.h5"
}

cut() {
    head -c 90000 "$whole" >"$work/cut.h5"
    expect 5 'cut.h5: was cut.* has 90000; .*restore a copy, or start anew' verify "$work/cut.h5" &&
        expect 5 'cut.h5: was cut' verify "$work/cut.h5" --repair && [ "$(stat -c %s "$work/cut.h5")" -eq 90000 ]
}

several() { # the worst decides; a file that cannot be read does not hide the others
    damage 'flip("psi", (0, 0, 0, 1))'
    expect 5 'absent.h5' verify "$whole" "$work/absent.h5" "$work/bad.h5" && grep -q 'whole.h5: intact' "$work/stdout" &&
        grep -q 'bad.h5: cell of arm magnitude, density 1, seed 0: what is stored does not fit' "$work/stdout" &&
        expect 2 'a results file is needed' verify && expect 5 'not a regular file' verify /dev/null || return 1
    echo 'not HDF5' >"$work/foreign.h5"
    expect 5 'foreign.h5: not an intact HDF5 file' verify "$work/foreign.h5"
}

live() { # while a sweep runs: verify finds nothing bad, --repair is refused with the holder's name
    ranks 2 run "$job" --set retrain.epochs=30000 -q -o "$work/live.h5" >/dev/null 2>&1 &
    local launched=$! found=0 n=0
    until [ "$("$psisweep" status "$work/live.h5" --json 2>/dev/null | grep -c '"at_work": "launch"')" -gt 0 ] && [ -e "$work/live.h5" ]; do
        [ $((n += 1)) -lt 300 ] || return 1
        sleep 0.1
    done
    expect 0 '' verify "$work/live.h5" && expect 6 'in use by another psisweep run .host' verify "$work/live.h5" --repair || found=1
    kill -TERM $(pgrep -f "^$psisweep run .*$work/live.h5" | head -n 1)
    wait $launched
    return $found
}

check verify_intact intact
check verify_each_variable each_variable
check verify_metadata metadata
check verify_mends_a_parent mended 'flip("dense_parameter", (1, 7))' 'dense parent, seed 1: what is stored does not fit its checksum'
check verify_mends_a_cell mended 'flip("psi", (0, 1, 2, 1))' 'cell of arm magnitude, density 0.3, seed 1: '
check verify_mends_a_state mended 'file["status"][0, 0, 4] = 77' 'cell of arm magnitude, density 0.1, seed 0: its state is 77'
check verify_mends_seconds mended 'file["seconds"][0, 0, 4] = -1' 'seconds are not those of anything'
check verify_mends_a_chain_within mended 'flip("loss", (1, 0, 2, 1))' 'cell of arm chain, density 0.3'
check verify_mends_a_chain_at_its_end mended 'flip("loss", (1, 0, 6, 1))' 'cell of arm chain, density 0.03'
check verify_mends_a_newest_slot mended 'flip("chain_parameter", (0, 0, deep, 5))' 'chain of arm chain, slot [01], seed 0'
check verify_mends_an_older_slot mended 'flip("chain_removed", (0, 0, 1 - deep, 5))' 'chain of arm chain, slot [01], seed 0'
check verify_mends_a_rung mended 'flip("rescue_psi", rung)' 'rung [0-9] of arm .*: what is stored'
check verify_mends_a_ladder mended 'flip("rescued_by", climbed)' 'ladder of arm'
check verify_description description
check verify_cut cut
check verify_several several
check verify_live live
finish
