#!/usr/bin/env bash
# psisweep issp: what it says of whole, half-finished and poor files, as text and as JSON.
. tests/cli/lib.sh

small_net pairs >"$work/pairs.yaml"
cat >>"$work/pairs.yaml" <<'JOB'
arms:
  - {name: "</script>", criterion: magnitude, noise: 0.35, change: trim}
  - {name: "p\n[31m", mask: "</script>", change: preserve, modes: 5}
  - {name: d, mask: "</script>", change: destroy, modes: 5}
  - {name: pn, mask: "p\n[31m", restart: reinitialise, budget: retrain}
  - {name: dn, mask: d, restart: reinitialise, budget: retrain}
  - {name: top, ablate: top, modes: 3}
  - {name: bottom, ablate: bottom, modes: 3}
grid: {density: [0.3, 0.1, 0.03], seeds: 2}
rescue: {cells: 1, finetune: [1], rates: [1], reinitialise: [], rewind: [], transplant: [], rewire: [1], regrow: []}
JOB
small_job plain >"$work/plain.yaml"

sweeps() {
    ranks 0 run "$work/pairs.yaml" -q -o "$work/pairs.h5" >/dev/null &&
        ranks 0 run "$work/plain.yaml" -q -o "$work/plain.h5" >/dev/null
}

says() { # TEXT FILE...: on stdout
    local text=$1
    shift
    ranks 0 issp "$@" >"$work/out" || return 1
    grep -qE -- "$text" "$work/out" || { cat "$work/out"; return 1; }
}

text() {
    says 'C2 .*: undecided' "$work/pairs.h5" &&
        grep -qE 'not recovered under this mask within budget 1 ' "$work/out" &&
        grep -qE 'supported above 0.8' "$work/out" &&
        ! grep -qi irreversible\\. "$work/out" && # never alone
        grep -qE '^Pairs that preserve' "$work/out" &&
        grep -qF 'p\n[31m' "$work/out" && ! grep -q $'\r' "$work/out"
}

json() {
    ranks 0 issp "$work/pairs.h5" "$work/plain.h5" --json >"$work/out" && ! grep -q '</script>' "$work/out" &&
        /usr/bin/python3 - "$work/out" "$work/pairs.h5" <<'PY'
import json, sys
import h5py
import numpy as np

text = open(sys.argv[1]).read()
found = json.loads(text)
assert found["schema"] == "psisweep-issp-1"
pairs, plain = found["files"]
assert [c["claim"] for c in pairs["claims"]] == ["C1", "C2", "C3", "C4"]
assert [c["delta"] for c in pairs["claims"]] == [0.1, 0.8, 0.05, 0.05]
assert all(c["verdict"] == "undecided" for c in pairs["claims"] + plain["claims"])
assert pairs["tables"]["ladder_arms"][0]["arm"] in ("</script>", "p\n[31m", "d", "pn", "dn", "top", "bottom")
assert found["widths"]["arms"] == [] and "apart" in found["widths"]["not_compared_because"]
assert "pairs" not in plain["tables"] and "ladder_arms" not in plain["tables"]
assert "rescue.cells" in plain["claims"][1]["says_nothing_without"]

# the pair table is what the file says
file = h5py.File(sys.argv[2])
names = [n.decode() if isinstance(n, bytes) else n for n in file["arm"][:]]
p, d, pn, dn = (names.index(n) for n in ("p\n[31m", "d", "pn", "dn"))
psi, density = file["psi"][..., 1], file["density"][:]
for row in pairs["tables"]["pairs"]:
    k = int(np.argmin(abs(density - row["density"])))
    assert np.isclose(row["psi_preserve"], psi[p, :, k].mean())
    effect = psi[p, :, k] - psi[d, :, k] - psi[pn, :, k] + psi[dn, :, k]
    assert np.isclose(row["contrast"], effect.mean())
    s = file["overlap_fixed"][:, :, k, 0, :]
    assert np.isclose(row["dS_layer_1"], (s[p] - s[d])[:, 0].mean())
    assert row["degrees_equal"] == sum((file["degree_digest"][p, i, k] == file["degree_digest"][d, i, k]).all() for i in range(2))
    norm = np.nansum(file["singular_value"][:, :, k, 0] ** 2, -1)
    assert row["norm_equal"] == (abs(norm[p] / norm[d] - 1) <= .01).all(-1).sum()
# and so is the ladder
done = file["ladder_status"][:] == 2
apart = file["psi_bound"][:] < .5
assert sum(r["cells"] for r in pairs["tables"]["ladder_arms"][:-1]) == (done & ~apart).sum()
kind = file["collapse_kind"][:]
assert pairs["tables"]["ladder_arms"][-1]["optimisation"] == (done & ~apart & (kind == 2)).sum()
PY
}

one_arm() {
    says 'C4 .*: undecided' "$work/plain.h5" &&
        grep -q 'says nothing without the ladder' "$work/out" &&
        grep -q 'says nothing without a pair' "$work/out"
}

half() { # with nothing done yet, and with some
    ranks 0 run "$work/pairs.yaml" --set train.epochs=100000 -q -o "$work/half.h5" >/dev/null 2>&1 &
    local launched=$!
    until [ -e "$work/half.h5" ]; do sleep 0.02; done
    says 'C2 .*: undecided' "$work/half.h5"
    local found=$?
    kill -TERM "$(pgrep -f "^$psisweep run .*-o $work/half.h5")"
    wait $launched
    return $found
}

wrong() {
    head -c 3000 "$work/pairs.h5" >"$work/cut.h5"
    expect 2 'results file is needed' ranks 0 issp &&
        expect 5 '' ranks 0 issp "$work/none.h5" &&
        expect 5 '' ranks 0 issp "$work/cut.h5" &&
        expect 5 '' ranks 0 issp "$work/pairs.yaml"
}

check issp_sweeps sweeps
check issp_text text
check issp_json json
check issp_one_arm one_arm
check issp_half_finished half
check issp_wrong_files wrong
finish
