#!/usr/bin/env python3
"""Make issp_scipy.h: regression, association and leave-one-out errors from outside psisweep.

NumPy 1.24 and SciPy 1.10; AUC, Brier and the partial Spearman by their formulas as scikit-learn and
pingouin have them. Usage: python3 issp_scipy.py > issp_scipy.h
"""
import numpy as np
from scipy import optimize, stats

rng = np.random.default_rng(20261124)
SEEDS, CRITERIA, DENSITIES = 4, 3, 6
seed, criterion, density = (a.ravel() for a in np.meshgrid(
    np.arange(SEEDS), np.arange(CRITERIA), np.arange(DENSITIES), indexing="ij"))
rows = len(seed)
x0 = -0.4 * density - 1
x1 = x0 + 0.2 * rng.normal(size=rows)
x2 = 0.5 * x1 + rng.normal(size=rows).round(1)
X = np.column_stack([x0, x1, x0 + x1, x2, (criterion == 1), (criterion == 2)]).astype(float)
widths = [1, 3, 4, 6]
y = 1 / (1 + np.exp(-3 * (x1 + 2))) + 0.05 * x2 + 0.05 * rng.normal(size=rows)
group = criterion * DENSITIES + density
fitted = (rng.random(rows) > 0.1).astype(int)


def predict(train_x, train_y, test_x):
    """Of least norm in standardised columns, where they depend on each other."""
    mean, deviation = train_x.mean(0), train_x.std(0)
    scale = np.where(deviation > 1e-12, deviation, np.inf)
    b = np.linalg.lstsq((train_x - mean) / scale, train_y - train_y.mean(), rcond=1e-10)[0]
    return train_y.mean() + (test_x - mean) / scale @ b


def left_out(unit, by_seed):
    result = []
    for u in range(unit.max() + 1):
        see = seed != u if by_seed else np.ones(rows, bool)
        mean = np.array([y[see & (group == g)].mean() for g in group])
        band = (mean > 0.05) & (mean < 0.95) & (fitted == 1)
        train, test = band & (unit != u), band & (unit == u)
        error = [((y[test] - predict(X[train][:, :w], y[train], X[test][:, :w])) ** 2).sum() for w in widths]
        result.append([test.sum(), ((y[test] - y[train].mean()) ** 2).sum()] + error)
    return result


outcome = y >= 0.5
auc = stats.mannwhitneyu(x2[outcome], x2[~outcome]).statistic / (outcome.sum() * (~outcome).sum())
z = (x2 - x2.mean()) / x2.std()
loss = lambda b: 0.5 * b[0] ** 2 + np.logaddexp(0, np.where(outcome, -1, 1) * (b[0] * z + b[1])).sum()
fit = optimize.minimize(loss, [0, 0], method="BFGS", options={"gtol": 1e-12}).x
fit = optimize.minimize(loss, fit, method="Nelder-Mead", options={"xatol": 1e-11, "fatol": 1e-15, "maxiter": 9999}).x
brier = ((1 / (1 + np.exp(-(fit[0] * z + fit[1]))) - outcome) ** 2).mean()
spearman = stats.spearmanr(x2, y).statistic


def residual(v, controls):
    a = np.column_stack([controls, np.ones(len(v))])
    return v - a @ np.linalg.lstsq(a, v, rcond=None)[0]


ranks = np.column_stack([stats.rankdata(x0), stats.rankdata(x1)])
partial = np.corrcoef(residual(stats.rankdata(x2), ranks), residual(stats.rankdata(y), ranks))[0, 1]

knots = np.quantile(x1, [.05, .35, .65, .95])


def spline(v):
    p = lambda t: np.maximum(v - t, 0) ** 3
    t = knots
    return [(p(t[j]) - p(t[2]) * (t[3] - t[j]) / (t[3] - t[2]) + p(t[3]) * (t[2] - t[j]) / (t[3] - t[2]))
            / (t[3] - t[0]) ** 2 for j in (0, 1)]


shares = []
for k, n in [(0, 10), (10, 10), (1, 7), (4, 22), (7, 21), (50, 100), (999, 1000)]:
    low = 0 if k == 0 else stats.beta.ppf(.025, k, n - k + 1)
    high = 1 if k == n else stats.beta.ppf(.975, k + 1, n - k)
    shares.append([k, n, low, high])

number = lambda v: repr(float(v)) if v != int(v) else str(int(v))
array = lambda v: "{" + ", ".join(number(i) for i in v) + "}"
print("/* Made by issp_scipy.py. */")
print(f"enum {{ REF_ROWS = {rows}, REF_COLUMNS = {X.shape[1]}, REF_SEEDS = {SEEDS}, "
      f"REF_CRITERIA = {CRITERIA}, REF_GROUPS = {CRITERIA * DENSITIES} }};")
for name, values, kind in [("seed", seed, "size_t"), ("criterion", criterion, "size_t"), ("group", group, "size_t"),
                           ("fitted", fitted, "uint8_t"), ("outcome", y, "double")]:
    print(f"static const {kind} ref_{name}[REF_ROWS] = {array(values)};")
print("static const double ref_predictor[REF_ROWS][REF_COLUMNS] = {" + ",\n".join(array(r) for r in X) + "};")
print("/* rows, squared deviation from the mean, squared error of each model */")
print("static const double ref_by_seed[REF_SEEDS][6] = {" + ",\n".join(array(r) for r in left_out(seed, True)) + "};")
print("static const double ref_by_criterion[REF_CRITERIA][6] = {"
      + ",\n".join(array(r) for r in left_out(criterion, False)) + "};")
for name, value in [("auc", auc), ("brier", brier), ("spearman", spearman), ("partial", partial)]:
    print(f"static const double ref_{name} = {number(value)};")
print(f"static const double ref_knots[4] = {array(knots)};")
print("/* x, its two terms */")
print("static const double ref_spline[][3] = {" + ",\n".join(array([v] + [float(t) for t in spline(np.float64(v))])
                                                          for v in (-9, -3.1, -2.2, -1.6, -1, 4)) + "};")
print("/* k, n, ends of the Clopper-Pearson interval */")
print("static const double ref_shares[][4] = {" + ",\n".join(array(r) for r in shares) + "};")
