#!/usr/bin/env python3
"""Make fits_scipy.txt: interval-censored normal fits and four-parameter logistics by SciPy 1.10.1.

normal NAME COUNT, then the intervals of log10 d (inf = open), then mean, SD, log-likelihood and the
ends of the profile interval of the mean (cut at n/2 log(1 + t^2/(n-1)), t = 97.5 % at n - 1). The
likelihood is written with scipy.stats.norm, maximised by Nelder-Mead from several starts in (mean,
log SD), which shares nothing with a Newton step in (mean, 1)/SD.
logistic NAME COUNT, then x and Psi, then lower, upper, centre, 10-90 % width, and the RMS residual
by scipy.optimize.least_squares within the same bounds, the best of many starts.
Usage: python3 fits_scipy.py > fits_scipy.txt
"""
import numpy as np
from scipy import optimize, stats

rng = np.random.default_rng(20261124)


def log_likelihood(mean, log_sd, low, high):
    sd = np.exp(log_sd)
    a, b = (low - mean) / sd, (high - mean) / sd
    flip = a > 0  # in the upper tail, mirrored: the lower one has the digits
    a, b = np.where(flip, -b, a), np.where(flip, -a, b)
    la, lb = stats.norm.logcdf(a), stats.norm.logcdf(b)
    exact = low == high
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = lb + np.log1p(-np.exp(la - lb))
    return np.where(exact, stats.norm.logpdf(a) - log_sd, inside).sum()


def maximise(f, starts):
    options = {"xatol": 1e-13, "fatol": 1e-15, "maxiter": 40000, "maxfev": 40000}
    best = None
    for start in starts:
        fit = optimize.minimize(lambda p: -f(p), start, method="Nelder-Mead", options=options)
        fit = optimize.minimize(lambda p: -f(p), fit.x, method="Nelder-Mead", options=options)
        if best is None or fit.fun < best.fun:
            best = fit
    return best.x, -best.fun


def normal(name, low, high):
    low, high, n = np.asarray(low, float), np.asarray(high, float), len(low)
    ends = np.concatenate([low[np.isfinite(low)], high[np.isfinite(high)]])
    (mean, log_sd), top = maximise(lambda p: log_likelihood(p[0], p[1], low, high),
                                   [(ends.mean(), np.log(ends.std() * k)) for k in (0.3, 1, 3)])
    t = stats.t.ppf(0.975, n - 1)
    floor = top - n / 2 * np.log1p(t * t / (n - 1))

    def profile(m):  # one-dimensional: a wide bracket, then Brent
        grid = np.linspace(log_sd - 4, log_sd + 6, 200)
        values = [log_likelihood(m, g, low, high) for g in grid]
        k = int(np.clip(np.nanargmax(values), 1, 198))
        fit = optimize.minimize_scalar(lambda g: -log_likelihood(m, g, low, high),
                                       bracket=(grid[k - 1], grid[k], grid[k + 1]), tol=1e-14)
        return -fit.fun - floor

    found = []
    for sign in (-1, 1):
        far = mean
        while profile(far) > 0 and abs(far - mean) < 30 * np.exp(log_sd):
            far += sign * np.exp(log_sd) / 4
        found.append(optimize.brentq(profile, mean, far, xtol=1e-13) if profile(far) <= 0
                     else sign * np.inf)
    print("normal", name, n)
    for a, b in zip(low, high):
        print(repr(float(a)), repr(float(b)))
    print("expect", *[repr(float(v)) for v in [mean, np.exp(log_sd), top, *found]])


def grid_intervals(n, mean, sd, step, phase, bottom=-np.inf, top=np.inf):
    x = rng.normal(mean, sd, n)
    low = np.floor((x - phase) / step) * step + phase
    high = low + step
    low, high = np.where(high <= bottom, -np.inf, low), np.where(high <= bottom, bottom, high)
    high, low = np.where(low >= top, np.inf, high), np.where(low >= top, top, low)
    return np.round(low, 9), np.round(high, 9)


normal("coarse", *grid_intervals(10, -2.0, 0.1, 0.125, 0.03))
normal("fine", *grid_intervals(10, -2.7, 0.08, 1 / 24, 0.01))
normal("many", *grid_intervals(200, -1.5, 0.3, 0.125, 0.0))
normal("left", *grid_intervals(12, -2.0, 0.2, 0.125, 0.0, bottom=-2.1))
normal("right", *grid_intervals(12, -2.0, 0.2, 0.125, 0.0, top=-1.9))
normal("both", *grid_intervals(30, -2.0, 0.3, 0.125, 0.0, bottom=-2.25, top=-1.9))
exact = np.round(rng.normal(-2, 0.05, 8), 4)
normal("exact", exact, exact)
low, high = grid_intervals(10, -2.0, 0.1, 0.125, 0.0)
high[:3] = low[:3]  # some exact, and one wide
low[9] -= 0.5
normal("mixed", low, high)
normal("two", [-2.0, -1.5], [-1.9, -1.4])


def logistic(name, x, psi):
    def curve(p):
        return p[0] + (p[1] - p[0]) / (1 + np.exp(-2 * np.log(9) * (x - p[2]) / np.exp(p[3])))
    least = [-0.1, 0.5, x.min(), np.log((x.max() - x.min()) / (len(x) - 1) / 10)]
    most = [0.5, 1.2, x.max(), np.log(4 * (x.max() - x.min()))]
    best = None
    for centre in np.linspace(x.min() + 0.05, x.max() - 0.05, 15):
        for width in (0.05, 0.2, 0.6, 1.5):
            fit = optimize.least_squares(lambda p: curve(p) - psi, [0.02, 0.98, centre,
                                                                    np.log(width)],
                                         bounds=(least, most), xtol=1e-15, ftol=1e-15, gtol=1e-15,
                                         max_nfev=2000)
            if best is None or fit.cost < best.cost:
                best = fit
    p = best.x
    print("logistic", name, len(x))
    for a, b in zip(x, psi):
        print(repr(float(a)), repr(float(b)))
    print("expect", *[repr(float(v)) for v in [p[0], p[1], p[2], np.exp(p[3]),
                                               np.sqrt(2 * best.cost / len(x))]])


def simulated(name, lower, upper, centre, width, noise, step=0.125, top=0.0, cells=29):
    x = np.round(top - step * np.arange(cells), 9)
    psi = lower + (upper - lower) / (1 + 9 ** (-2 * (x - centre) / width))
    logistic(name, x, np.round(psi + noise * rng.normal(size=cells), 6))


simulated("clean", 0.0, 1.0, -2.03, 0.6, 0.0)
simulated("noisy", 0.0, 1.0, -2.03, 0.6, 0.05)
simulated("raised", 0.12, 0.93, -1.4, 0.9, 0.02)
simulated("wide", 0.0, 1.01, -2.0, 1.3, 0.03)
simulated("fine", 0.0, 1.0, -2.5, 0.3, 0.03, step=1 / 24, top=-1.5, cells=49)
simulated("above", 0.0, 1.0, -2.0, 0.4, 0.15)
x = np.round(-0.125 * np.arange(29), 9)  # not monotone: a dip above, a re-crossing below
psi = np.round(1 / (1 + 9 ** (-2 * (x + 1.8) / 0.5)), 6)
psi[8], psi[19] = 0.45, 0.62
logistic("dip", x, psi)
