#!/usr/bin/env bash
# Every number of a small sweep, recomputed with NumPy by an independent program.
. tests/cli/lib.sh

sweep() {
    mkdir "$work/small" && /usr/bin/python3 tests/ref/recompute.py make "$work/small" &&
        ranks 2 run "$work/small/job.yaml" -q -o "$work/small/sweep.h5"
}

check recompute_sweep sweep
check recompute_all /usr/bin/python3 -W ignore tests/ref/recompute.py check "$work/small"
finish
