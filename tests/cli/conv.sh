#!/usr/bin/env bash
# Sweeps of convolutional networks: the same bits on any number of ranks.
. tests/cli/lib.sh

# images HEIGHT WIDTH: an IDX set of noise around one drawn image a class.
images() {
    mkdir -p "$work/$1x$2" && /usr/bin/python3 - "$work/$1x$2" "$1" "$2" <<'PY'
import struct, sys
import numpy as np
folder, height, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(1)
drawn = random.integers(0, 200, (4, height, width))
for part, count in ("train", 150), ("t10k", 40):
    label = np.arange(count) % 4
    pixel = drawn[label] + random.integers(0, 56, (count, height, width))
    with open(f"{folder}/{part}-images-idx3-ubyte", "wb") as file:
        file.write(struct.pack(">4B3I", 0, 0, 8, 3, count, height, width) + pixel.astype("u1").tobytes())
    with open(f"{folder}/{part}-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">4BI", 0, 0, 8, 1, count) + label.astype("u1").tobytes())
PY
}

# Dense kernels and sparse ones.
conv_job() { # FOLDER MODEL
    cat <<JOB
name: conv
data: {set: idx, path: $1, validation: 30}
model: {$2}
train: {epochs: 2, batch: 30}
retrain: {epochs: 1, batch: 30}
arms:
  - {criterion: magnitude}
  - {criterion: random, scope: layer}
grid: {density: [1, 0.2, 0.03], seeds: 2}
JOB
}

any_ranks() { # NAME SIZE MODEL
    local job=$work/$1.yaml n
    conv_job "$work/$2" "$3" >"$job"
    for n in 1 2 3; do
        ranks $n run "$job" -q -o "$work/$1.$n.h5" && same "$work/$1.1.h5" "$work/$1.$n.h5" || return 1
    done
}

images 16 16
images 4 5
check conv_ranks_lenet5 any_ranks lenet5 16x16 "kind: lenet5"
check conv_ranks_lenet5_batchnorm any_ranks lenet5-norm 16x16 "kind: lenet5, batchnorm: true"
check conv_ranks_conv2_batchnorm any_ranks conv2-norm 4x5 "kind: conv2, batchnorm: true"
finish
