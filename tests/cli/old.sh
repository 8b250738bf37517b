#!/usr/bin/env bash
# A results file of an earlier version of this program opens, and says what it said then.
# tests/ref/results-2.h5 was made by: psisweep run tests/ref/results-2.yaml
. tests/cli/lib.sh

file=tests/ref/results-2.h5

cells() { # every column that there was then
    "$psisweep" fmin "$file" --cells >"$work/cells.csv" && /usr/bin/python3 - "$work/cells.csv" <<'PY'
import csv, sys
old, new = (list(csv.DictReader(open(f))) for f in ("tests/ref/results-2.csv", sys.argv[1]))
assert len(old) == len(new) > 0
for a, b in zip(old, new):
    for key in a:
        assert a[key] == b[key], (key, a[key], b[key])
PY
}

thresholds() { # F_min of an arm as it was printed then
    "$psisweep" fmin "$file" | tee "$work/out" | grep -q '^magnitude  *\[0.156, 0.25\]' || { cat "$work/out"; return 1; }
}

claims() { "$psisweep" issp "$file" | grep -c '^C[1-4] ' | grep -qx 4; }

check old_file_cells cells
check old_file_thresholds thresholds
check old_file_claims claims
finish
