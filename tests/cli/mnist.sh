#!/usr/bin/env bash
# Real MNIST, where it is: the memory that a rank needs and, with PSI_LONG, the accuracy of the
# dense network and the order of the thresholds.
. tests/cli/lib.sh

if [ ! -e ../shared/data/mnist/train-images-idx3-ubyte.gz ]; then
    for name in memory accuracy thresholds; do skip mnist_$name 'no MNIST in ../shared/data/mnist'; done
    finish
fi

# The largest VmHWM of any rank of a short sweep on 2 ranks stays below 250 MB, and all map one copy
# of the data.
memory() {
    local file=$work/memory.h5 most=0 now pid mapped=
    ranks 2 run jobs/mnist-lenet300.yaml --set train.epochs=1 --set retrain.epochs=1 \
        --set grid.seeds=2 --set grid.density=[0.1] -q -o "$file" &
    local launched=$!
    while kill -0 $launched 2>/dev/null; do
        for pid in $(pgrep -f "^$psisweep run .*$file"); do
            now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$pid/status 2>/dev/null)
            [ "${now:-0}" -le $most ] || most=$now
            mapped+=" $(grep -o '/psisweep-[0-9]*/[0-9a-f]*\.data$' /proc/$pid/maps 2>/dev/null | sed "s/^/$pid /")"
        done
        sleep 0.1
    done
    wait $launched || return 1
    echo "most memory of a rank: $((most / 1000)) MB"
    mapped=$(tr -s ' \n' ' ' <<<"$mapped" | grep -oE '[0-9]+ /[^ ]+' | sort -u)
    echo "$mapped"
    [ $most -gt 50000 ] && [ $most -lt 250000 ] && [ "$(wc -l <<<"$mapped")" -eq 2 ] &&
        [ "$(cut -d' ' -f2 <<<"$mapped" | sort -u | wc -l)" -eq 1 ]
}

accuracy() { # mean over 5 seeds of LeNet-300-100, 10 epochs
    ranks 2 run jobs/mnist-lenet300.yaml --set grid.seeds=5 --set grid.density=[0.5] \
        --set 'arms=[{criterion: magnitude}]' -q -o "$work/dense.h5" &&
        /usr/bin/python3 -c "
import h5py
accuracy = h5py.File('$work/dense.h5')['dense_accuracy'][...]
print(accuracy, accuracy.mean())
assert accuracy.mean() >= 0.98"
}

thresholds() { # magnitude's F_min lies below random's, intervals disjoint
    ranks 2 run jobs/mnist-lenet300.yaml --set grid.seeds=3 \
        --set 'grid.density={from: 0.1, to: 0.0005, per_decade: 3}' -q --json -o "$work/fmin.h5" \
        >"$work/fmin.json" &&
        /usr/bin/python3 -c "
import json
arms = json.load(open('$work/fmin.json'))['files'][0]['arms']
low, high = ({t['level']: t for t in a['thresholds'] if t['measure'] == 'density'}[0.5] for a in arms)
print(low['words'], high['words'])
assert low['high'] < high['low']"
}

check mnist_memory memory
if [ -n "${PSI_LONG-}" ]; then
    check mnist_accuracy accuracy
    check mnist_thresholds thresholds
else
    for name in accuracy thresholds; do skip mnist_$name 'takes minutes: make test-long'; done
fi
finish
