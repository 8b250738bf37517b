#!/usr/bin/env python3
"""Make turnbull_scipy.txt: nonparametric maximum likelihood from outside psisweep.

Candidates are found by brute force: between every pair of neighbouring end points, dropping each
that another dominates. The masses maximise the same likelihood by another method: a sequence of
quadratic problems over the simplex (Y. Wang, JRSS B 69, 2007), each solved by
scipy.optimize.nnls, with the likelihood's own gradient condition asserted at the end. No EM.
Usage: python3 turnbull_scipy.py > turnbull_scipy.txt
"""
import random

import numpy
from scipy.optimize import nnls

INF = float("inf")

# Finkelstein & Wolfe 1985, time to breast retraction in months, radiotherapy alone, (low, high].
COSMESIS = [(45, INF), (6, 10), (0, 7), (46, INF), (46, INF), (7, 16), (17, INF), (7, 14),
            (37, 44), (0, 8), (4, 11), (15, INF), (11, 15), (22, INF), (46, INF), (46, INF),
            (25, 37), (46, INF), (26, 40), (46, INF), (27, 34), (36, 44), (46, INF), (36, 48),
            (37, INF), (40, INF), (17, 25), (46, INF), (11, 18), (38, INF), (5, 12), (37, INF),
            (0, 5), (18, INF), (24, INF), (36, INF), (5, 11), (19, 35), (17, 25), (24, INF),
            (32, INF), (33, INF), (19, 26), (37, INF), (34, INF), (36, INF)]
# The NPMLE that Fay & Shaw 2010 (J. Stat. Software 36(2)) print for it.
PUBLISHED = {(4, 5): .0463, (6, 7): .0334, (7, 8): .0887, (11, 12): .0708, (24, 25): .0926,
             (33, 34): .0818, (38, 40): .1209, (46, 48): .4656}


def maximise(intervals):
    ends = sorted({e for pair in intervals for e in pair})
    cells = list(zip(ends, ends[1:]))
    covers = {c: frozenset(i for i, (low, high) in enumerate(intervals)
                           if low <= c[0] and c[1] <= high) for c in cells}
    # mass is better placed in a cell that more of the intervals hold
    keep = [c for c in cells if covers[c] and not any(covers[c] < covers[o] for o in cells)]
    matrix = numpy.array([[float(i in covers[c]) for c in keep] for i in range(len(intervals))])
    p = numpy.full(len(keep), 1 / len(keep))
    for _ in range(1000):
        slope = matrix / (matrix @ p)[:, None]
        # min |slope q - 2|^2 over q >= 0, with a heavy row that keeps the sum near 1
        weight = 1e4
        q, _ = nnls(numpy.vstack([slope, numpy.full(len(keep), weight)]),
                    numpy.append(numpy.full(len(intervals), 2.0), weight), maxiter=10000)
        q /= q.sum()
        step = 1.0
        now = numpy.log(matrix @ p).sum()
        with numpy.errstate(divide="ignore"):
            while step > 1e-9 and numpy.log(matrix @ (p + step * (q - p))).sum() < now:
                step /= 2
        if step <= 1e-9:
            break
        p = p + step * (q - p)
    gradient = (matrix / (matrix @ p)[:, None]).mean(axis=0)
    assert gradient.max() < 1 + 1e-8 and abs(gradient[p > 1e-9] - 1).max() < 1e-8, gradient
    return [(low, high, mass) for (low, high), mass in zip(keep, p)]


def show(name, intervals):
    masses = maximise(intervals)
    if name == "cosmesis":
        positive = {(low, high): mass for low, high, mass in masses if mass > 1e-6}
        assert positive.keys() == PUBLISHED.keys(), positive
        assert all(abs(positive[c] - PUBLISHED[c]) <= 5.1e-5 for c in PUBLISHED), positive
    print("case", name, len(intervals), len(masses))
    for low, high in intervals:
        print("interval", low, high)
    for low, high, mass in masses:
        print("mass", low, high, f"{mass:.12f}")


show("cosmesis", COSMESIS)
# the gradient is 1 where the mass is 0: EM alone needs 1/mass steps here
show("degenerate", [(0, 1), (0, 3), (2, 5), (4, 5)])
draw = random.Random(1976)
for case in range(12):
    rows = []
    for _ in range(draw.choice([5, 10, 10, 40])):
        low = draw.randrange(0, 24)
        high = low + draw.choice([1, 1, 1, 2, 3, 6, 12])
        kind = draw.random()
        rows.append((0, high) if kind < .2 else (low, INF) if kind < .4 else (low, high))
    show(f"random-{case}", rows)
