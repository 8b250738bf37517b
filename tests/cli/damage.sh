#!/usr/bin/env bash
# Results files that are not what they should be: whatever fmin, issp and report would read of one,
# damage is one clear line and exit code 5, never another number.
. tests/cli/lib.sh
kept=tests/ref/results-2.h5

# told FILE TEXT [COMMAND...]: exit code 5, one line that names the file and says TEXT, no page.
told() {
    local file=$1 text=$2 command to
    shift 2
    for command in "$@"; do
        to=()
        [ "$command" != report ] || to=(-o "$work/page")
        expect 5 "$file: .*$text" ranks 0 "$command" "$file" "${to[@]}" || return 1
        [ "$(wc -l <"$work/stderr")" -eq 1 ] || {
            cat "$work/stderr"
            return 1
        }
    done
    [ ! -e "$work/page/index.html" ]
}

foreign() {
    printf 'a,b\n1,2\n' >"$work/table.csv"
    : >"$work/empty.h5"
    /usr/bin/python3 -c "
import h5py
with h5py.File('$work/other.h5', 'w') as file:
    file['psi'] = [1.0]"
    told "$work/table.csv" '' fmin issp report && told "$work/empty.h5" '' fmin issp report &&
        told "$work/other.h5" 'not a psisweep results file' fmin issp report &&
        told "$work" 'not a regular file' fmin issp report &&
        told "$work/absent.h5" 'No such file' fmin issp report
}

truncated() {
    local size share
    size=$(stat -c %s "$kept")
    for share in 0 1 30 60 90 99; do
        head -c $((size * share / 100)) "$kept" >"$work/cut.h5"
        told "$work/cut.h5" '' fmin issp report || return 1
    done
}

older() {
    cp "$kept" "$work/older.h5"
    /usr/bin/python3 -c "
import h5py, numpy
with h5py.File('$work/older.h5', 'r+') as file:
    file.attrs['schema'] = numpy.bytes_(b'psisweep-results-1')"
    told "$work/older.h5" 'schema psisweep-results-1; this program reads psisweep-results-2' fmin issp report
}

flip() { # FILE OFFSET -> flip.h5
    cp "$1" "$work/flip.h5"
    /usr/bin/python3 - "$work/flip.h5" "$2" <<'PY'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 1]))
PY
}

# One bit of one done record in each variable that has a checksum; which commands must see it.
flipped() {
    local name owner offset
    /usr/bin/python3 - "$kept" >"$work/names" <<'PY'
import h5py, sys
from math import prod
made = "seconds attempt rank launch run_launch failure status".split()
with h5py.File(sys.argv[1]) as file:
    for name, variable in file.items():
        if name in ("collapse_kind", "rescued_by"):
            status = "ladder_status"
        elif name in ("permutation_edge", "marchenko_pastur_edge", "dominant_modes", "rewind_parameter"):
            status = "dense_status"
        elif name.startswith(("dense_", "rescue_", "ladder_")):
            status = name.split("_")[0] + "_status"
        else:
            status = "status"
        short = name.split("_", 1)[1] if name.startswith(("dense_", "rescue_", "ladder_")) else name
        if name.startswith(("chain", "launch", "layer_o", "layer_r", "layer_c")) or short in made:
            continue
        done = file[status][...] == 2
        if variable.shape[:done.ndim] != done.shape:
            continue # an axis
        at = [int(i[-1]) for i in done.nonzero()] + [0] * (variable.ndim - done.ndim)
        offset = variable.id.get_offset() + variable.dtype.itemsize * sum(
            i * prod(variable.shape[k + 1:]) for k, i in enumerate(at))
        print(name, "cell" if status == "status" else "other", offset)
PY
    [ "$(wc -l <"$work/names")" -gt 40 ] || return 1
    while read -r name owner offset; do
        flip "$kept" "$offset"
        local commands=(issp report)
        [ "$owner" != cell ] || commands+=(fmin)
        told "$work/flip.h5" 'checksum of the .* does not fit .*psisweep verify' "${commands[@]}" || {
            echo "$name: not noticed"
            return 1
        }
    done <"$work/names"
}

# One bit of each attribute of the file and of each axis: no checksum of a record covers them.
described() {
    local name offset
    "$psisweep" run tests/ref/results-2.yaml -q -o "$work/new.h5" >/dev/null || return 1
    /usr/bin/python3 - "$work/new.h5" >"$work/places" <<'PY'
import h5py, sys
import numpy as np
data = open(sys.argv[1], "rb").read()
with h5py.File(sys.argv[1]) as file:
    spans = [(v.id.get_offset() or 0, v.id.get_storage_size()) for v in file.values()]
    for name, value in file.attrs.items():
        value = value if isinstance(value, bytes) else np.asarray(value).tobytes()
        at = data.index(value)
        while any(start <= at < start + size for start, size in spans): # the same in a variable
            at = data.index(value, at + 1)
        print(name, at + len(value) // 2)
    for name in ("seed", "density", "sparsity", "layer_rows"):
        print(name, file[name].id.get_offset())
PY
    [ "$(wc -l <"$work/places")" -gt 12 ] || return 1
    while read -r name offset; do
        flip "$work/new.h5" "$offset" && told "$work/flip.h5" '' fmin issp report || {
            echo "$name: not noticed"
            return 1
        }
    done <"$work/places"
}

check damage_foreign foreign
check damage_truncated truncated
check damage_older older
check damage_flipped flipped
check damage_described described
finish
