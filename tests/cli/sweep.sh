#!/usr/bin/env bash
# One sweep, however it is run: the same bits on any number of ranks, resumed, or grown.
. tests/cli/lib.sh

small_job small >"$work/small.yaml"
small_job single 0.5 1 >"$work/single.yaml"
small_job slow | sed 's/retrain: {epochs: 1/retrain: {epochs: 1000/' >"$work/slow.yaml"
small_job small "1, 0.3, 0.1, 0.05, 0.03" 3 >"$work/large.yaml"

whole() { ranks 0 run "$work/small.yaml" -o "$work/whole.h5"; }

on_ranks() { # RANKS
    ranks "$1" run "$work/small.yaml" -o "$work/ranks$1.h5" && same "$work/whole.h5" "$work/ranks$1.h5"
}

more_ranks_than_cells() {
    ranks 0 run "$work/single.yaml" -o "$work/single0.h5" &&
        ranks 8 run "$work/single.yaml" -o "$work/single8.h5" &&
        same "$work/single0.h5" "$work/single8.h5"
}

second_name() { # what a run that is killed as it puts the file in place leaves; not another file
    cp "$work/whole.h5" "$work/named.h5" && ln "$work/named.h5" "$work/named.h5.tmp" || return 1
    expect 0 '' ranks 2 run "$work/small.yaml" -q -o "$work/named.h5" && [ ! -e "$work/named.h5.tmp" ] || return 1
    echo other >"$work/named.h5.tmp"
    expect 0 '' ranks 2 run "$work/small.yaml" -q -o "$work/named.h5" && [ "$(cat "$work/named.h5.tmp")" = other ]
}

finished_again() { # nothing is computed twice: not even attempts and seconds change
    cp "$work/whole.h5" "$work/again.h5"
    ranks 2 run "$work/small.yaml" -o "$work/again.h5" &&
        same "$work/whole.h5" "$work/again.h5" &&
        h5diff "$work/whole.h5" "$work/again.h5" /attempt &&
        h5diff "$work/whole.h5" "$work/again.h5" /seconds
}

grown() { # --from a smaller grid: equal to the larger one computed whole, and no parent trained twice
    ranks 2 run "$work/large.yaml" -o "$work/large.h5" &&
        ranks 2 run "$work/large.yaml" -o "$work/grown.h5" --from "$work/whole.h5" 2>"$work/err" &&
        cat "$work/err" && grep -q 'took 18 records' "$work/err" &&
        same "$work/large.h5" "$work/grown.h5"
}

from_other_job() {
    sed 's/epochs: 2/epochs: 3/' "$work/large.yaml" >"$work/other.yaml"
    expect 2 'train.epochs: 2 -> 3' ranks 0 run "$work/other.yaml" -o "$work/other.h5" --from "$work/whole.h5"
}

changed_job() {
    expect 2 'retrain.epochs: 1 -> 2' ranks 0 run "$work/small.yaml" --set retrain.epochs=2 -o "$work/whole.h5" &&
        same "$work/whole.h5" "$work/ranks2.h5"
}

slow_whole() { ranks 4 run "$work/slow.yaml" -o "$work/slow.h5"; }

# SIGNAL RANKS: a sweep that is asked to stop exits with 4, and resumed it ends equal to an
# undisturbed one. One rank gets the signal, and tells the others.
interrupted() {
    local file=$work/$1$2.h5 code
    ranks "$2" run "$work/slow.yaml" -o "$file" &
    local launched=$!
    until [ -e "$file" ]; do sleep 0.02; done
    sleep 0.6
    kill "-$1" $(pgrep -f "^$psisweep run .*-o $file" | shuf -n 1)
    wait $launched
    code=$?
    [ $code -eq 4 ] || { echo "exit code $code"; return 1; }
    ranks "$2" run "$work/slow.yaml" -o "$file" && same "$work/slow.h5" "$file"
}

two_at_once() {
    local file=$work/two.h5
    # long enough to be there still when the second one gives up
    ranks 0 run "$work/small.yaml" --set train.epochs=100000 -o "$file" &
    until [ -e "$file" ]; do sleep 0.02; done
    expect 6 'in use by another psisweep run' ranks 0 run "$work/small.yaml" --set train.epochs=100000 -o "$file"
    local found=$?
    pkill -TERM -f "epochs=100000 -o $file"
    wait
    return $found
}

read_outside() {
    ncdump -h "$work/whole.h5" | grep -q 'double psi(arm, seed, density, stage)' &&
        /usr/bin/python3 - "$work/whole.h5" <<'PY'
import sys
import numpy as np
import xarray

data = xarray.open_dataset(sys.argv[1], engine="h5netcdf")
assert data.psi.dims == ("arm", "seed", "density", "stage"), data.psi.dims
assert list(data.arm.values) == ["magnitude", "random"]
assert np.allclose(data.sparsity, 1 - data.density)
psi = data.psi.sel(arm="magnitude", stage="retrained")
assert psi.coords["sparsity"].dims == ("density",)
accuracy = data.accuracy.sel(arm="magnitude", stage="retrained")
chance = data.attrs["chance_accuracy"]
assert np.allclose(psi, (accuracy - chance) / (data.dense_accuracy - chance))
# the spectra are those of the stored weights
weights = data.dense_parameter.isel(seed=0).values
at, rows, cols = (int(data[n][0]) for n in ("layer_offset", "layer_rows", "layer_columns"))
values = np.linalg.svd(weights[at:at + rows * cols].reshape(rows, cols).astype(float), compute_uv=False)
assert np.allclose(values, data.dense_singular_value[0, 0, :len(values)])
# and at density 1 nothing was pruned
pruned = data.singular_value.sel(arm="magnitude", density=1.0, stage="pruned")[0, 0, :len(values)]
assert np.allclose(values, pruned)
assert (data.weights_kept.sel(density=0.1) == round(0.1 * sum(data.layer_rows * data.layer_columns).item())).sel(arm="magnitude").all()
assert (data.status == 2).all()
PY
}

# CF 1.9: every variable says what it is, every number in which unit (of UDUNITS: "nat" would be
# nano-atmospheres), flags name all their values, times are times.
conventions() {
    /usr/bin/python3 - "$work/whole.h5" <<'PY'
import sys
import h5py
import numpy as np
import xarray

with h5py.File(sys.argv[1]) as file:
    assert file.attrs["Conventions"] == b"CF-1.9"
    for name, variable in file.items():
        about = variable.attrs
        if about.get("NAME", b"").startswith(b"This is a netCDF dimension but not"):
            continue
        assert len(about["long_name"]) > 0, name
        if variable.dtype.kind in "iuf":
            assert about["units"] in (b"1", b"s", b"seconds since 1970-01-01T00:00:00Z"), (name, about["units"])
        if "flag_values" in about:
            assert about["flag_values"].dtype == variable.dtype, name
            assert len(about["flag_values"]) == len(about["flag_meanings"].split()), name
        for axis in variable.dims:
            assert about.get("CLASS") == b"DIMENSION_SCALE" or len(axis) == 1, name
data = xarray.open_dataset(sys.argv[1], engine="h5netcdf")
start = data.launch_start.values[0]
assert np.datetime64("2024-01-01") < start <= np.datetime64("now") + np.timedelta64(1, "m"), start
for axis in "arm seed density stage layer mode epoch launch".split():
    assert axis in data.coords, axis
PY
}

check sweep_without_mpirun whole
for n in 1 2 4; do check sweep_same_bits_$n on_ranks $n; done
check sweep_more_ranks_than_cells more_ranks_than_cells
check sweep_finished_again finished_again
check sweep_second_name second_name
check sweep_grown_from_smaller grown
check sweep_from_other_job from_other_job
check sweep_changed_job changed_job
check sweep_slow slow_whole
check sweep_interrupted_alone interrupted INT 0
check sweep_interrupted_2 interrupted TERM 2
check sweep_interrupted_4 interrupted USR1 4
check sweep_two_at_once two_at_once
check sweep_read_by_xarray_and_ncdump read_outside
check sweep_cf_conventions conventions
finish
