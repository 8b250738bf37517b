#!/usr/bin/env bash
# C1 over several results files: who is compared, and what is said.
. tests/cli/lib.sh

# Sweeps of three widths, and one whose training differs; ten seeds of six densities. What their
# cells hold is then overwritten with logistics of a known 10-90 % width.
sweeps() {
    small_job x '1, 0.3, 0.1, 0.06, 0.03, 0.01, 0.003, 0.001' 10 | sed 's/train: 700, test: 300, validation: 100/train: 150, test: 100, validation: 50/' >"$work/job.yaml"
    local file
    for file in 4:w4 8:w8 20:w20; do
        ranks 0 run "$work/job.yaml" -q --set "model.hidden=[${file%:*}]" -o "$work/${file#*:}.h5" >/dev/null || return 1
    done
    ranks 0 run "$work/job.yaml" -q --set 'model.hidden=[20]' --set retrain.epochs=2 -o "$work/other.h5" >/dev/null || return 1
    /usr/bin/python3 - "$work" <<'PY' && /usr/bin/python3 tests/cli/reseal.py "$work"/{w4,w8,w20,other}.h5
import h5py, numpy, sys
widths = {"w4": (0.9, 0.9), "w8": (0.7, 0.9), "w20": (0.5, 0.9), "other": (0.5, 0.9)}
for name, width in widths.items():
    with h5py.File("%s/%s.h5" % (sys.argv[1], name), "r+") as file:
        psi = file["psi"][:]
        x = numpy.log10(file["density_achieved"][:])
        for arm in range(2):
            for seed in range(10):
                w = width[arm] * (1 + 0.01 * ((seed * 7 + len(name)) % 10 - 4.5))
                psi[arm, seed, :, 1] = 1 / (1 + 9 ** (-2 * (x[arm, seed] + 1.3) / w))
        file["psi"][...] = psi
PY
}

verdicts() { # one arm sharpens, the other does not
    ranks 0 fmin "$work/w20.h5" "$work/w8.h5" "$work/w4.h5" --json >"$work/out.json" &&
        /usr/bin/python3 - "$work/out.json" <<'PY'
import json, math, sys
c1 = json.load(open(sys.argv[1]))["C1"]
assert c1["narrow"].endswith("w4.h5") and c1["wide"].endswith("w20.h5"), c1
assert c1["ratio"] == 5 and c1["size"] == "hidden units" and c1["jobs_differ"] == "", c1
sharper, same = c1["claims"]
assert (sharper["verdict"], same["verdict"]) == ("supported", "refuted"), c1
assert abs(sharper["mean"] - math.log10(0.9 / 0.5)) < 0.02 and abs(same["mean"]) < 0.02
assert sharper["seeds"] == 10 and "crossover" in same["words"]
PY
}

text() {
    ranks 0 fmin "$work/w20.h5" "$work/w8.h5" "$work/w4.h5" | tee "$work/out" | grep -q 'random: C1 refuted' &&
        grep -Eq 'by hidden units:  4: 0\.(89|9)[0-9]*  8: 0\.(69|7)[0-9]*  20: 0\.(49|5)' "$work/out"
}

differs() { # and says in what
    ranks 0 fmin "$work/w4.h5" "$work/other.h5" | grep -q 'retrain.epochs: 1 -> 2'
}

apart() {
    ranks 0 fmin "$work/w4.h5" "$work/w8.h5" | grep -q 'Not asked: the networks are x2 apart in hidden units'
}

check widths_sweeps sweeps
check widths_verdicts verdicts
check widths_text text
check widths_jobs_differ differs
check widths_not_apart apart
finish
