#!/usr/bin/env python3
"""Make stat_scipy.txt: values of distribution functions from outside psisweep.

SciPy 1.10.1 gives each value in double precision, and mpmath 1.2.1 the same at 60 digits. The two
must agree to the tolerance written at each table; mpmath's is kept, as SciPy's own quantiles are
good to 1e-9 or so only. Usage: python3 stat_scipy.py > stat_scipy.txt
"""
import mpmath
from mpmath import mp, mpf
from scipy import special, stats

mp.dps = 60


def beta(a, b, x):
    """I_x(a, b) by the hypergeometric series DLMF 8.17.8, on the side where it converges fast; 60
    digits leave room for the complement's cancellation."""
    a, b, x = mpf(a), mpf(b), mpf(x)
    if x > mpf(1) / 2:
        return 1 - beta(b, a, 1 - x)
    front = mpmath.exp(a * mpmath.log(x) + b * mpmath.log1p(-x) + mpmath.loggamma(a + b)
                       - mpmath.loggamma(a + 1) - mpmath.loggamma(b))
    term = total = mpf(1)
    n = 0
    while term > total * mpf(10) ** -45:
        term *= (a + b + n) / (a + 1 + n) * x
        total += term
        n += 1
    return front * total


def quantile(p, df):
    """t with P(T <= t) = p, by bisection in log t at 60 digits."""
    p, df = mpf(p), mpf(df)
    goal = 2 * abs(p - mpf(1) / 2)
    tail = 2 * min(p, 1 - p)

    def miss(u):
        square = mpmath.exp(2 * u)
        if goal < 0.5:
            return beta(mpf(1) / 2, df / 2, square / (df + square)) / goal - 1
        return 1 - beta(df / 2, mpf(1) / 2, df / (df + square)) / tail

    low, high = mpf(-45), mpf(360)
    for _ in range(70):  # 405 / 2^70 < 1e-18
        middle = (low + high) / 2
        if miss(middle) < 0:
            low = middle
        else:
            high = middle
    t = mpmath.exp((low + high) / 2)
    return t if p > mpf(1) / 2 else -t


def show(name, arguments, exact, scipy_value, tolerance):
    exact = float(exact)
    assert abs(exact - scipy_value) <= tolerance * abs(exact), (name, arguments, exact, scipy_value)
    print(name, *[repr(a) for a in arguments], repr(exact))


print("# made by stat_scipy.py; name, arguments, value")
for a, b, x in [(0.5, 0.5, 0.25), (0.5, 0.5, 0.9), (0.5, 3.5, 1e-6), (2, 3, 0.4), (5, 0.5, 0.7),
                (10, 10, 0.5), (0.1, 0.2, 0.3), (1, 1, 0.3), (200, 300, 0.35), (3000.5, 0.5, 0.999),
                (0.5, 5e5, 1e-6), (40, 7, 0.01)]:
    show("beta", (a, b, x), beta(a, b, x), special.betainc(a, b, x), 1e-9)
for k, n, p in [(1, 1, 0.5), (3, 10, 0.1), (10, 10, 0.1), (8, 10, 0.5), (1, 1000, 1e-5),
                (1135, 10000, 0.1135), (1200, 10000, 0.1135), (1300, 10000, 0.1135),
                (900, 10000, 0.1135), (1700, 10000, 0.1135), (500000, 1000000, 0.5),
                (501000, 1000000, 0.5), (505000, 1000000, 0.5), (498000, 1000000, 0.5),
                (12, 1000000, 1e-6), (999999, 1000000, 0.999999), (100500, 1000000, 0.1)]:
    show("binomial", (k, n, p), beta(k, n - k + 1, p), stats.binom.sf(k - 1, n, p), 1e-8)
for df in [1, 1.5, 2, 3, 4.5, 9, 29, 100, 1e4, 1e6]:
    for p in [1e-12, 0.001, 0.025, 0.2, 0.4999, 0.5000001, 0.6, 0.75, 0.9, 0.975, 0.99,
              0.999999]:
        show("student", (p, df), quantile(p, df), stats.t.ppf(p, df), 1e-5)
for df in [1, 2, 3, 4.5, 9, 100, 1e5]:
    for t in [-3.5, -0.2, 1e-9, 0.3, 1.8, 2.2621571628, 7.25]:
        tail = beta(mpf(df) / 2, mpf(1) / 2, mpf(df) / (mpf(df) + mpf(t) ** 2))
        show("upper", (t, df), tail / 2 if t > 0 else 1 - tail / 2, stats.t.sf(t, df), 1e-8)
