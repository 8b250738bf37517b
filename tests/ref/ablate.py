#!/usr/bin/python3
"""Matrices and singular values after mode ablation by NumPy, printed as tests/ref/ablate.h.

    tests/ref/ablate.py > tests/ref/ablate.h
"""
import numpy as np

i, j = np.indices((20, 13))
pattern = ((i * 31 + j * 17 + i * j * 7) % 23 - 11).astype(np.float64)
K = 2
U, S, Vt = np.linalg.svd(pattern, full_matrices=False)


def emit(name, values):
    print(f"static const double {name}[] = {{")
    for v in np.atleast_1d(values).ravel():
        print(f"    {float(v)!r},")
    print("};")


top = pattern - (U[:, :K] * S[:K]) @ Vt[:K]
energy = (S[:K] ** 2).sum()

# from the smallest value on, until their energy is that of the K largest
left, lowered = energy, S.copy()
for mode in range(len(S) - 1, K - 1, -1):
    taken = min(left, lowered[mode] ** 2)
    lowered[mode] = np.sqrt(lowered[mode] ** 2 - taken)
    left -= taken
assert left == 0
bottom = (U * lowered) @ Vt

# two-sided: nothing of K other modes, of a second matrix, is left
other = ((i * 7 + j * 5 + i * j * 3) % 19 - 9).astype(np.float64)
Uo, _, Vto = np.linalg.svd(other, full_matrices=False)
P = np.eye(20) - Uo[:, :K] @ Uo[:, :K].T
Q = np.eye(13) - Vto[:K].T @ Vto[:K]

print("/* Made by tests/ref/ablate.py (NumPy); see there what the matrices are. */")
print(f"enum {{ REF_ABLATED_MODES = {K} }};")
emit("ref_ablated_energy", energy)
emit("ref_ablated_top", top)
emit("ref_ablated_top_values", np.linalg.svd(top, compute_uv=False))
emit("ref_ablated_bottom", bottom)
emit("ref_ablated_bottom_values", np.linalg.svd(bottom, compute_uv=False))
emit("ref_projected_out", P @ pattern @ Q)
