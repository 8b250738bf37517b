#!/usr/bin/env python3
"""Make verdict_scipy.txt: one-sided t and sign-flip tests from outside psisweep.

Per case: delta, the values, then mean, SD, ends of the 95 % interval, p of t each way and p of all
sign flips each way (SciPy 1.10.1). Usage: python3 verdict_scipy.py > verdict_scipy.txt
"""
import numpy as np
from scipy import stats

rng = np.random.default_rng(20261124)
print("# made by verdict_scipy.py")
for n, mean, sd, delta in [(2, 0.3, 0.1, 0.1), (3, 0.1, 0.2, 0.05), (10, 0.5, 0.2, 0.1),
                           (10, 0.0, 0.1, 0.1), (10, 0.05, 0.3, 0.05), (13, -0.2, 0.5, 0.0),
                           (16, 0.9, 0.1, 0.8)]:
    x = np.round(rng.normal(mean, sd, n), 3)
    if n == 13:  # ties
        x = np.round(x, 1)
    low, high = stats.t.interval(0.95, n - 1, x.mean(), stats.sem(x))
    p = []
    for side in ["greater", "less"]:
        p.append(stats.ttest_1samp(x, delta, alternative=side).pvalue)
    for side in ["greater", "less"]:
        p.append(stats.permutation_test((x - delta,), np.sum, permutation_type="samples",
                                        alternative=side, n_resamples=np.inf).pvalue)
    print("case", n, delta, *x)
    print("expect", *[repr(float(v)) for v in [x.mean(), x.std(ddof=1), low, high, *p]])
