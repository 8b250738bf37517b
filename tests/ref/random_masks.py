#!/usr/bin/python3
"""The known facts of tests/test_criterion.c by another way: random masks of 784-300-100-10 as lists
of surviving weights, in NumPy. Prints c, draws, weights on a path, its standard error, P(a class is
unreachable), P(nothing is connected).
"""
import numpy as np

SIZES = 784 * 300, 300 * 100, 100 * 10
FIRST, SECOND = SIZES[0], SIZES[0] + SIZES[1]


def draw(rng, keep):
    kept = rng.choice(sum(SIZES), keep, replace=False, shuffle=False)
    to1 = kept[kept < FIRST] // 784
    to2, from1 = divmod(kept[(kept >= FIRST) & (kept < SECOND)] - FIRST, 300)
    to3, from2 = divmod(kept[kept >= SECOND] - SECOND, 100)
    reached1, reached2, useful1, useful2 = (np.zeros(n, bool) for n in (300, 100, 300, 100))
    reached1[to1] = True
    reached2[to2[reached1[from1]]] = True
    useful2[from2] = True
    useful1[from1[useful2[to2]]] = True
    count = (useful1[to1].sum() + (reached1[from1] & useful2[to2]).sum() + reached2[from2].sum())
    return count, len(set(to3[reached2[from2]])) < 10


for c, draws in (10, 400), (20, 1000), (50, 4000), (100, 10000), (200, 20000), (500, 20000):
    rng = np.random.default_rng(c)
    count, unreachable = np.array([draw(rng, sum(SIZES) // c) for _ in range(draws)]).T
    print(c, draws, round(count.mean(), 2), round(count.std() / draws**0.5, 2),
          unreachable.mean(), (count == 0).mean())
