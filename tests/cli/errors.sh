#!/usr/bin/env bash
# Every exit code, and every kind of bad input: one clear line, nothing lost.
. tests/cli/lib.sh

small_job job >"$work/job.yaml"
job=$work/job.yaml

usage() {
    expect 2 'psisweep run' ranks 0 &&
        expect 2 "no command 'sweep'" ranks 0 sweep &&
        expect 2 'a job file is needed' ranks 0 run &&
        expect 2 "a second: 'b.yaml'" ranks 0 run "$job" b.yaml &&
        expect 2 'unrecognized option' ranks 0 run "$job" --fast &&
        expect 2 "expected 1 to 1000, found 'x'" ranks 0 run "$job" --attempts x &&
        expect 2 'a results file is needed' ranks 0 fmin
}

help() {
    for command in "" run fmin; do
        expect 0 '' ranks 0 $command --help && grep -q "psisweep fmin\|psisweep run" "$work/stdout" || return 1
    done
    expect 0 '' ranks 0 --version && grep -q '^psisweep [0-9]' "$work/stdout"
}

said_once() { # N ranks, one voice
    expect 2 'unknown key' ranks 4 run "$job" --set train.epoch=3 &&
        [ "$(grep -c 'unknown key' "$work/stderr")" -eq 1 ]
}

job_files() {
    expect 5 'absent.yaml.*No such file' ranks 0 run "$work/absent.yaml" &&
        expect 2 'train.epoch.*did you mean "epochs"' ranks 0 run "$job" --set train.epoch=3 &&
        expect 2 'train.epochs' ranks 0 run "$job" --set train.epochs=5x &&
        expect 2 'train.rate' ranks 0 run "$job" --set train.rate=-1 || return 1
    sed 's/epochs: 2/epochs: [2/' "$job" >"$work/broken.yaml"
    expect 2 "broken.yaml:[0-9]+" ranks 0 run "$work/broken.yaml"
}

print_config() {
    expect 0 '' ranks 0 run "$job" --set train.epochs=3 --print-config &&
        cp "$work/stdout" "$work/printed.yaml" && grep -q 'epochs: 3' "$work/printed.yaml" &&
        expect 0 '' ranks 0 run "$work/printed.yaml" --print-config &&
        diff "$work/printed.yaml" "$work/stdout"
}

data_files() {
    mkdir -p "$work/data"
    expect 5 'train-images-idx3-ubyte' ranks 0 run "$job" --set data.set=idx --set "data.path=$work/data" || return 1
    printf '\0\0\10\3\377\377\377\377\0\0\0\34\0\0\0\34' >"$work/data/train-images-idx3-ubyte"
    local set
    for set in train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte; do
        printf '\0\0\10\1\0\0\0\1\0' >"$work/data/$set"
    done
    expect 5 'train-images-idx3-ubyte: size: .*promises 4294967295 x 28 x 28.*expected.* 16 bytes' \
        ranks 2 run "$job" --set data.set=idx --set "data.path=$work/data" &&
        expect 2 'data' ranks 0 run "$job" --set data.set=mnist &&
        expect 2 'validation' ranks 0 run "$job" --set data.validation=700 &&
        [ ! -e results/job.h5 ]
}

output_files() {
    expect 5 'nowhere' ranks 2 run "$job" -o "$work/nowhere/x.h5" || return 1
    echo 'not HDF5' >"$work/foreign.h5"
    expect 5 'foreign.h5: not an intact HDF5 file' ranks 2 run "$job" -o "$work/foreign.h5" &&
        [ "$(cat "$work/foreign.h5")" = 'not HDF5' ] || return 1
    mkdir "$work/folder.h5"
    expect 5 'folder.h5' ranks 0 run "$job" -o "$work/folder.h5" || return 1
    # a file size limit stands in for a full disk: 70 MB of dense parents do not fit in 30
    (ulimit -f 30000 && expect 5 'limit.h5' ranks 0 run "$job" --set 'model.hidden=[1000,1000]' \
        --set grid.seeds=10 -o "$work/limit.h5") || return 1
    [ ! -e "$work/limit.h5" ] && [ ! -e "$work/limit.h5.tmp" ]
}

results_files() {
    ranks 2 run "$job" -q -o "$work/good.h5" || return 1
    head -c 20000 "$work/good.h5" >"$work/cut.h5"
    /usr/bin/python3 -c "
import h5py
with h5py.File('$work/other.h5', 'w') as file:
    file['psi'] = [1.0]
with h5py.File('$work/newer.h5', 'w') as file:
    for name, value in h5py.File('$work/good.h5').attrs.items():
        file.attrs[name] = value
    import numpy
    file.attrs['schema'] = numpy.array('psisweep-results-99', h5py.string_dtype('utf-8', 19))
" || return 1
    expect 5 'absent.h5' ranks 0 fmin "$work/absent.h5" &&
        expect 5 'cut.h5: not an intact HDF5 file' ranks 0 fmin "$work/cut.h5" &&
        expect 5 'cut.h5' ranks 2 run "$job" -o "$work/cut.h5" &&
        expect 5 'other.h5: not a psisweep results file' ranks 0 fmin "$work/other.h5" &&
        expect 5 'schema psisweep-results-99' ranks 0 fmin "$work/newer.h5" &&
        expect 5 'absent.h5' ranks 0 run "$job" -o "$work/new.h5" --from "$work/absent.h5"
}

damaged_parent() { # a changed byte under a done parent is found, not computed with
    cp "$work/good.h5" "$work/changed.h5"
    /usr/bin/python3 -c "
import h5py
with h5py.File('$work/changed.h5', 'r+') as file:
    file['dense_parameter'][0, 5] += 1
    file['status'][0, 0, 0] = 0" || return 1
    expect 5 'checksum of the dense parent .seed 0. does not fit' ranks 2 run "$job" -o "$work/changed.h5"
}

formats() {
    expect 0 '' ranks 0 fmin "$work/good.h5" "$work/good.h5" --json &&
        /usr/bin/python3 -c "
import json
d = json.load(open('$work/stdout'))
assert d['schema'] == 'psisweep-fmin-2' and len(d['files']) == 2
assert 'apart' in d['C1']['not_compared'] and d['C1']['claims'] == []
for a in d['files'][0]['arms']:
    assert {s['seed'] for s in a['seeds']} == {s['seed'] for s in a['sharpness']['logistic']}
    for t in a['thresholds']:
        assert t['censored_fit']['state'] and t['bootstrap']['state']
        assert abs(sum(s['mass'] for s in t['turnbull']['steps']) - 1) < 1e-9
assert [a['arm'] for a in d['files'][0]['arms']] == ['magnitude', 'random']
assert all(t['words'] for a in d['files'][0]['arms'] for t in a['thresholds'])" &&
        expect 0 '' ranks 0 fmin "$work/good.h5" --csv &&
        /usr/bin/python3 -c "
import csv
rows = list(csv.DictReader(open('$work/stdout')))
assert len(rows) == 2 * 3 * 2, len(rows)
assert rows[0]['band_cells'] and rows[0]['c1_verdict'] == ''" &&
        expect 0 '' ranks 0 fmin "$work/good.h5" --methods all && grep -q 'censored fit' "$work/stdout" &&
        expect 2 'pooled. or .all.' ranks 0 fmin "$work/good.h5" --methods some &&
        expect 0 '' ranks 0 fmin "$work/good.h5" --cells &&
        /usr/bin/python3 -W ignore -c "
import csv, xarray
rows = list(csv.DictReader(open('$work/stdout')))
data = xarray.open_dataset('$work/good.h5', engine='h5netcdf')
assert len(rows) == 16
for row in rows:
    cell = data.sel(arm=row['arm'], seed=int(row['seed'])).sel(density=float(row['density']), method='nearest')
    assert float(row['psi_retrained']) == float(cell.psi.sel(stage='retrained')), row"
}

names_are_data() {
    local name=$'</script>\n"; $(touch pwned) \'; ../x'
    /usr/bin/python3 - "$name" >"$work/named.yaml" <<'PY'
import json, sys
print('name: %s' % json.dumps(sys.argv[1]))
print('data: {set: glyphs, train: 300, test: 100, validation: 50}')
print('model: {hidden: [8]}\ntrain: {epochs: 1, batch: 50}\nretrain: {epochs: 1, batch: 50}')
print('arms: [{name: %s, criterion: random}]' % json.dumps(sys.argv[1]))
print('grid: {density: [1, 0.1], seeds: 1}')
PY
    (cd "$work" && expect 0 '' timeout 60 "$psisweep" run named.yaml) && [ ! -e "$work/pwned" ] &&
        ls "$work"/results/*.h5 && expect 0 '' ranks 0 fmin "$work"/results/*.h5 --json &&
        /usr/bin/python3 -c "
import json, sys
assert json.load(open('$work/stdout'))['files'][0]['arms'][0]['arm'] == sys.argv[1]" "$name"
}

failed_cells() { # 3; the others are done, and a run without the fault completes
    local file=$work/failed.h5
    expect 3 'attempt failed: .*did not converge' \
        env LD_PRELOAD="$PWD/$BUILD/tests/cli/fail_svd.so" PSI_FAIL_SVD=60 \
        timeout 60 "$psisweep" run "$job" -o "$file" &&
        grep -q ' failed, in' "$work/stderr" &&
        expect 0 '0 failed' ranks 2 run "$job" -o "$file" && same "$work/good.h5" "$file"
}

fail_fast() {
    expect 3 'did not converge' \
        env LD_PRELOAD="$PWD/$BUILD/tests/cli/fail_svd.so" PSI_FAIL_SVD=60 \
        timeout 60 "$psisweep" run "$job" --fail-fast -o "$work/fast.h5"
}

other_libm() { # glibc without FMA rounds otherwise: told apart from this machine's own
    env GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable true || return 1
    expect 0 '' env GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable \
        timeout 60 "$psisweep" run "$job" -q -o "$work/libm.h5" &&
        if grep -q ' fma' /proc/cpuinfo; then
            expect 6 'its bits would be mixed' ranks 0 run "$job" -o "$work/libm.h5"
        fi
}

other_numerics() { # a resume on another kernel level or BLAS core is refused unless accepted
    expect 0 '' env OPENBLAS_CORETYPE=Nehalem timeout 60 "$psisweep" run "$job" -q -o "$work/core.h5" || return 1
    expect 6 'its bits would be mixed' env OPENBLAS_CORETYPE=Prescott timeout 60 "$psisweep" run "$job" -o "$work/core.h5" &&
        expect 0 '' env OPENBLAS_CORETYPE=Prescott timeout 60 "$psisweep" run "$job" --allow-mixed -o "$work/core.h5"
}

ranks_disagree() { # another job file or other data on one rank is not computed with
    cp "$job" "$work/other.yaml"
    expect 6 'the jobs that the ranks were given differ' timeout 60 mpirun --oversubscribe \
        -n 1 "$psisweep" run "$job" -o "$work/mix.h5" : \
        -n 1 "$psisweep" run "$job" --set train.rate=0.1 -o "$work/mix.h5" || return 1
    mkdir -p "$work/a/D" "$work/b/D"
    for side in a b; do
        /usr/bin/python3 tests/ref/recompute.py make "$work/$side/D" || return 1
    done
    printf '\1' | dd of="$work/b/D/train-labels-idx1-ubyte" bs=1 seek=20 conv=notrunc 2>/dev/null
    printf '\2' | dd of="$work/a/D/train-labels-idx1-ubyte" bs=1 seek=20 conv=notrunc 2>/dev/null
    local set="--set data.set=idx --set data.path=D --set data.train=0 --set data.test=0"
    expect 6 'the data that the ranks have read differ' timeout 60 mpirun --oversubscribe \
        -n 1 -wdir "$work/a" "$psisweep" run "$job" $set -o "$work/mix.h5" : \
        -n 1 -wdir "$work/b" "$psisweep" run "$job" $set -o "$work/mix.h5" &&
        [ ! -e "$work/mix.h5" ]
}

not_files() { # what is no results file stays as it is
    expect 5 'not a regular file' ranks 0 run "$job" -o /dev/null &&
        expect 5 'not a regular file' ranks 0 fmin /dev/null && [ ! -e /dev/.null.leader.lock ] &&
        expect 2 'at most 244 bytes' ranks 0 run "$job" -o "$work/$(printf '%0250d' 0).h5" || return 1
    : >"$work/empty.h5" # as mktemp makes one
    expect 0 '' ranks 0 run "$job" -q -o "$work/empty.h5" && same "$work/good.h5" "$work/empty.h5" || return 1
    expect 2 'train.batch: expected at most the 600 training samples' \
        ranks 0 run "$job" --set train.batch=601 -o "$work/batch.h5" && [ ! -e "$work/batch.h5" ]
    # a wrong --from leaves nothing that would stand in the way of the right one
    expect 2 'train.rate' ranks 0 run "$job" --set train.rate=0.1 --from "$work/good.h5" -o "$work/from.h5" &&
        [ ! -e "$work/from.h5" ]
}

linked() { # one file, whatever name leads to it, is one sweep at a time
    ln -s linked.h5 "$work/link.h5"
    ranks 0 run "$job" --set train.epochs=100000 -q -o "$work/linked.h5" &
    until [ -e "$work/linked.h5" ]; do sleep 0.02; done
    expect 6 'in use by another psisweep run' ranks 0 run "$job" --set train.epochs=100000 -o "$work/link.h5"
    local found=$?
    pkill -TERM -f "epochs=100000 -q -o $work/linked.h5"
    wait
    return $found
}

standard_output() { # a full disk behind a redirection is an error, a closed stream no trap
    "$psisweep" fmin "$work/good.h5" >/dev/full 2>"$work/stderr"
    [ $? -eq 5 ] || return 1
    "$psisweep" run "$job" --print-config >/dev/full 2>"$work/stderr"
    [ $? -eq 5 ] || return 1
    "$psisweep" run "$job" -q -o "$work/closed.h5" <&- >&- || return 1
    same "$work/good.h5" "$work/closed.h5"
}

check error_usage usage
check error_help help
check error_said_once said_once
check error_job_files job_files
check error_print_config print_config
check error_data_files data_files
check error_output_files output_files
check error_results_files results_files
check error_damaged_parent damaged_parent
check error_ranks_disagree ranks_disagree
check error_not_files not_files
check error_linked linked
check error_standard_output standard_output
check error_formats formats
check error_names_are_data names_are_data
check error_failed_cells failed_cells
check error_fail_fast fail_fast
check error_other_libm other_libm
check error_other_numerics other_numerics
finish
