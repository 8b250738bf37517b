#!/usr/bin/python3
"""Singular values, ranks, overlap and retained energy by NumPy, printed as tests/ref/spectrum.h.

    tests/ref/spectrum.py > tests/ref/spectrum.h
"""
import numpy as np
from scipy.stats import entropy

hilbert = np.array([[np.float32(1 / (i + j + 1)) for j in range(6)] for i in range(6)])


def powers(x, count):
    row = [1.0]
    while len(row) < count:
        row.append(row[-1] * x)
    return row


vandermonde = np.array([powers((i + 1) / 12, 5) for i in range(12)], np.float32)

i, j = np.indices((20, 13))
pattern = ((i * 31 + j * 17 + i * j * 7) % 23 - 11).astype(np.float32)
mask = (i * 5 + j * 3 + i * i) % 4 == 0


def emit(name, values):
    print(f"static const double {name}[] = {{")
    for v in np.atleast_1d(values):
        print(f"    {float(v)!r},")
    print("};")


def values(w):
    return np.linalg.svd(w.astype(np.float64), compute_uv=False)


print("/* Made by tests/ref/spectrum.py (NumPy, SciPy); see there what the matrices are. */")
for name, w in [("hilbert", hilbert), ("vandermonde", vandermonde), ("pattern", pattern),
                ("masked", np.where(mask, pattern, 0))]:
    s = values(w)
    emit(f"ref_{name}_values", s)
    emit(f"ref_{name}_stable_rank", (s**2).sum() / s[0] ** 2)
    emit(f"ref_{name}_effective_rank", np.exp(entropy(s**2)))

dense = pattern.astype(np.float64)
pruned = np.where(mask, dense, 0)
U, S, Vt = np.linalg.svd(dense)
Uh, Sh, Vth = np.linalg.svd(pruned)
overlap, energy = [], []
for k in range(1, 14):
    held = min(k, np.linalg.matrix_rank(pruned))
    left = np.linalg.norm(U[:, :k].T @ Uh[:, :held]) ** 2 / k
    right = np.linalg.norm(Vt[:k] @ Vth[:held].T) ** 2 / k
    overlap.append(np.sqrt(left * right))
    energy.append(np.linalg.norm(U[:, :k].T @ pruned @ Vt[:k].T) ** 2 / (S[:k] ** 2).sum())
emit("ref_overlap", overlap)
emit("ref_retained_energy", energy)
