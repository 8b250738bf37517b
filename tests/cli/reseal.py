"""Give the cells of results files, which a test has changed, checksums that fit again.

reseal.py FILE...: FNV-1a over the deterministic variables in the order of the table, which is that of
their creation, then the mixer of SplitMix64 (include/psisweep/hash.h).
"""
import sys

import h5py
import numpy as np

MADE = {"seconds", "attempt", "rank", "run_launch", "failure", "checksum", "status"}
OTHERS = ("dense_", "rescue_", "ladder_", "rescued_by", "collapse_kind")


def reseal(file):
    shape, names = file["status"].shape, []
    file.id.links.iterate(lambda name: names.append(name.decode()), idx_type=h5py.h5.INDEX_CRT_ORDER)
    hash = np.full(shape, 0xCBF29CE484222325, np.uint64)
    for name in names:
        if name in MADE or name.startswith(OTHERS) or file[name].shape[:3] != shape:
            continue
        data = np.ascontiguousarray(file[name][...]).reshape(shape + (-1,)).view(np.uint8)
        for byte in np.moveaxis(data, -1, 0):
            hash = (hash ^ byte) * np.uint64(0x100000001B3)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        hash = (hash ^ (hash >> np.uint64(shift))) * np.uint64(factor)
    hash ^= hash >> np.uint64(31)
    return hash


if __name__ == "__main__":
    for path in sys.argv[1:]:
        with h5py.File(path, "r+") as file:
            file["checksum"][...] = reseal(file)
