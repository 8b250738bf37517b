#!/usr/bin/env bash
# psisweep report: the page, its figures and their data; names that are data; files that are not
# finished; grids on which all or nothing collapses.
. tests/cli/lib.sh
if ! command -v gnuplot >/dev/null; then
    skip report 'gnuplot is not installed'
    finish
fi

verify() { /usr/bin/python3 tests/cli/report_check.py "$@"; }

report() { # NAME FILE...: into its folder, silently
    local dir=$work/$1
    shift
    SECONDS_MOST=120 ranks 0 report "$@" -o "$dir" >"$work/said" 2>&1 || {
        cat "$work/said"
        return 1
    }
    [ ! -s "$work/said" ]
}

# a tiny sweep with all that a figure may show
{
    small_job full "1, 0.3, 0.1" 2 | sed '/^arms:/a\
  - {name: base, noise: 0.35, change: trim}\
  - {name: preserve, mask: base, change: preserve, modes: 2}\
  - {name: destroy, mask: base, change: destroy, modes: 2}\
  - {name: ablated, ablate: top, modes: 2}'
    echo 'rescue: {cells: 1, finetune: [1], rates: [1], reinitialise: [], rewind: [], transplant: [], rewire: [1], regrow: [1]}'
} >"$work/full.yaml"

whole() {
    ranks 2 run "$work/full.yaml" -o "$work/full.h5" && report full "$work/full.h5" &&
        verify "$work/full" --shows base --drawn psi-density --drawn psi-arms --drawn thresholds \
            --drawn turnbull --drawn map --drawn spectra --drawn overlap --drawn layers \
            --drawn retraining --drawn rescue --drawn hysteresis --drawn contrasts &&
        grep -q 'Provenance' "$work/full/index.html" && grep -q 'name: &#34;full&#34;' "$work/full/index.html"
}

# the CSV of a figure against the file, read by h5py
same_numbers() {
    /usr/bin/python3 - "$work/full.h5" "$work/full" <<'PY'
import csv, math, sys
import h5py
import numpy as np

file = h5py.File(sys.argv[1])
rows = lambda name: list(csv.DictReader(open(f"{sys.argv[2]}/{name}.csv", newline="")))
arms = [a.decode() for a in file["arm"][:]]
density, psi = file["density"][:], file["psi"][:]
mean = psi[..., 1].mean(axis=1)
found = {a: [float(r["psi"]) for r in rows("psi-arms") if r["arm"] == a] for a in arms}
for i, arm in enumerate(arms):
    assert np.allclose(found[arm], mean[i]), (arm, found[arm], mean[i])
band = [(float(r["low"]), float(r["high"])) for r in rows("psi-density")
        if r["arm"] == arms[0] and r["what"] == "lowest to highest seed"]
assert np.allclose(band, np.stack([psi[0, ..., 1].min(0), psi[0, ..., 1].max(0)], 1))
cells = {(float(r["density"]), int(float(r["row"]))): float(r["psi"]) for r in rows("map")
         if r["arm"] == arms[1] and r["psi"]}
assert len(cells) == psi.shape[1] * psi.shape[2]
assert all(math.isclose(v, psi[1, s, list(density).index(d), 1]) for (d, s), v in cells.items())
# preserve - destroy, paired by seed, and its t interval
from scipy import stats
row = [r for r in rows("contrasts") if r["stage"] == "after retraining" and r["arm"] == "preserve"][0]
p, d = arms.index("preserve"), arms.index("destroy")
both = (psi[p, ..., 1] + psi[d, ..., 1]).mean(axis=0) / 2
difference = (psi[p, ..., 1] - psi[d, ..., 1])[:, np.abs(both - .5).argmin()]
half = stats.t.ppf(.975, len(difference) - 1) * difference.std(ddof=1) / len(difference) ** .5
assert np.allclose([float(row["difference"]), float(row["low"]), float(row["high"])],
                   [difference.mean(), difference.mean() - half, difference.mean() + half]), row
PY
}

refilled() { # the same file gives the same bytes; what is not drawn any more goes
    cp -r "$work/full" "$work/before"
    echo stale >"$work/full/index.html"
    report full "$work/full.h5" && diff -r "$work/before" "$work/full" || return 1
    small_job other "0.5" 1 | sed '/criterion: random/d' >"$work/other.yaml"
    ranks 0 run "$work/other.yaml" -o "$work/other.h5" && report full "$work/other.h5" &&
        verify "$work/full" --absent rescue --absent hysteresis --absent contrasts --absent psi-arms
}

several_files() {
    report two "$work/full.h5" "$work/other.h5" && verify "$work/two" --drawn 1-map --drawn 2-map &&
        grep -q 'the networks are x1 apart in hidden units' "$work/two/index.html"
}

# names are data: they show as themselves and nothing of them is run
names=("</script><script>alert(1)</script>" "'; system(\"touch pwned\"); '" '`touch pwned` $(touch pwned)'
    $'a\nset output "pwned"\nEOD\n!touch pwned' '@pwned {/Bold x}_y^z %d \' "it's \"quoted\", é 日本" '</text></svg>&amp;'
    "x'.system('touch pwned').'")
hostile() {
    local show=() name
    {
        small_job hostile "0.5, 0.1" 2 | sed '/^  - /d; s|^name:.*|name: "</title><script>alert(1)</script>\\n`touch pwned`"|'
    } | while IFS= read -r line; do
        printf '%s\n' "$line"
        [ "$line" = arms: ] || continue
        for name in "${names[@]}"; do
            /usr/bin/python3 -c 'import json, sys; print("  - {criterion: random, scope: layer, name: %s}" % json.dumps(sys.argv[1], ensure_ascii=False))' "$name"
        done
    done >"$work/hostile.yaml"
    for name in "${names[@]}"; do show+=(--shows "$name"); done
    ranks 2 run "$work/hostile.yaml" -o "$work/hostile.h5" && report hostile "$work/hostile.h5" &&
        verify "$work/hostile" "${show[@]}" || return 1
    cp "$work/hostile.h5" "$work/<script>'\$(touch pwned).h5"
    report named "$work/<script>'\$(touch pwned).h5" && verify "$work/named" || return 1
    (cd "$work/hostile" && for script in *.gp; do gnuplot "$script"; done) || return 1
    ! find . "$work" -name 'pwned*' | grep .
}

# status of some cells set back to pending, as in a sweep under way
half_finished() {
    local part
    for part in 1 3 all; do
        cp "$work/full.h5" "$work/half.h5"
        /usr/bin/python3 - "$work/half.h5" $part <<'PY'
import sys
import h5py
with h5py.File(sys.argv[1], "r+") as file:
    if sys.argv[2] == "all":
        for name in ("status", "dense_status", "rescue_status", "ladder_status"):
            file[name][...] = 0
    else:
        status = file["status"][...].ravel()
        status[1::int(sys.argv[2])] = 0
        status[2] = 3
        file["status"][...] = status.reshape(file["status"].shape)
        file["ladder_status"][...] = 0
        file["rescue_status"][...] = 0
PY
        report half$part "$work/half.h5" && verify "$work/half$part" --drawn map --absent rescue || return 1
    done
    verify "$work/halfall" --absent psi-density --absent spectra --absent contrasts &&
        grep -q ',missing: not finished,' "$work/half3/map.csv" && grep -q ',failed,' "$work/half3/map.csv"
}

# GRID SAYS: one arm, one seed; all of them collapsed, or none
one_arm() {
    local name=$1
    small_job "$name" "$2" 1 | sed '/criterion: random/d' >"$work/$name.yaml"
    ranks 0 run "$work/$name.yaml" -o "$work/$name.h5" && report "$name" "$work/$name.h5" &&
        verify "$work/$name" --drawn psi-density --drawn thresholds --absent psi-arms &&
        grep -q "$3" "$work/$name/map.csv"
}

no_gnuplot() {
    PATH=/nowhere "$psisweep" report "$work/full.h5" -o "$work/none" >"$work/stdout" 2>"$work/stderr"
    [ $? -eq 6 ] && [ "$(wc -l <"$work/stderr")" -eq 1 ] && grep -q gnuplot-nox "$work/stderr" &&
        [ ! -e "$work/none" ] && [ ! -s "$work/stdout" ]
}

# a file size limit stands in for a full disk; what was there stays
disk_full() {
    local kilobytes
    cp -r "$work/hostile" "$work/limited"
    for kilobytes in 1 12 60; do
        (trap '' XFSZ; ulimit -f $kilobytes; exec "$psisweep" report "$work/hostile.h5" -o "$work/limited" 2>"$work/pipe.err") 
        local code=$?
        [ $code -eq 5 ] && [ "$(wc -l <"$work/pipe.err")" -eq 1 ] || { echo "$kilobytes: exit code $code"; cat "$work/pipe.err"; return 1; }
        cmp "$work/hostile/index.html" "$work/limited/index.html" && verify "$work/limited" || return 1
    done
}

wrong_use() {
    expect 2 'results file and a folder' ranks 0 report "$work/full.h5" &&
        expect 5 'no-such.h5' ranks 0 report "$work/no-such.h5" -o "$work/none" && [ ! -e "$work/none" ] &&
        expect 5 'cannot make this folder' ranks 0 report "$work/full.h5" -o "$work/full.h5" &&
        expect 5 'cannot make this folder' ranks 0 report "$work/full.h5" -o "$work/no/such"
}

check report_whole whole
check report_same_numbers same_numbers
check report_refilled refilled
check report_several_files several_files
check report_hostile_names hostile
check report_half_finished half_finished
check report_all_collapsed one_arm low "0.004, 0.002" 'censored: all collapsed'
check report_none_collapsed one_arm high "1, 0.8" 'censored: nothing collapsed'
check report_no_gnuplot no_gnuplot
check report_disk_full disk_full
check report_wrong_use wrong_use
finish
