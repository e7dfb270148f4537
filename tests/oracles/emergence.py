"""Emergence laws from the papers, in float64 NumPy: distribution functions and brute-force counts.

Degrees, days and deg2, as the papers have them; nothing is taken from the package.
"""

import math

import numpy as np


def normal_cdf(x):
    return 0.5 * (1 + np.vectorize(math.erf)(np.asarray(x) / math.sqrt(2)))


def cycles_alive(t, length, overlap, start=0.0):
    """Phases of all cycles alive at t, by going through them one by one."""
    first = math.floor((t - start - length - overlap) / length) - 1
    last = math.floor((t - start) / length) + 1
    phases = [(t - start - k * length) / (length + overlap) for k in range(first, last + 1)]
    return [p for p in phases if 0 <= p < 1]


def rate(t, length, overlap, start=0.0):
    """Sum of sin^2(pi phase) (van Ballegooijen et al. 1998, section 4)."""
    return sum(math.sin(math.pi * p) ** 2 for p in cycles_alive(t, length, overlap, start))


def time_cdf(times, begin, stop, length, overlap, start=0.0, n=20001):
    """Share of regions up to each time of a window, by trapezoids on a fine grid."""
    grid = np.linspace(begin, stop, n)
    rates = np.array([rate(t, length, overlap, start) for t in grid])
    total = np.concatenate([[0], np.cumsum(0.5 * (rates[1:] + rates[:-1]) * np.diff(grid))])
    return np.interp(times, grid, total / total[-1]), total[-1]


def latitude_cdf(lat, phase, lat_min, lat_max, margin=7.0):
    """P(|latitude| < lat) at a phase: Hathaway's (2015) exponential and width, cut at the margins."""
    mean = lat_max * math.exp(phase * math.log(lat_min / lat_max))
    sigma = (lat_max / 5 - phase * (lat_max - lat_min) / 7) / math.sqrt(2)
    low, high = max(lat_min - margin, 0), min(lat_max + margin, 90)
    a, b, x = ((v - mean) / sigma for v in (low, high, np.clip(lat, low, high)))
    return (normal_cdf(x) - normal_cdf(a)) / (normal_cdf(b) - normal_cdf(a))


def latitude_quantile(lats, times, length, overlap, lat_min, lat_max, margin=7.0):
    """Probability integral transform of latitudes at their times, cycles mixed by their rates."""
    out = []
    for lat, t in zip(lats, times, strict=True):
        phases = cycles_alive(t, length, overlap)
        weights = np.array([math.sin(math.pi * p) ** 2 for p in phases])
        cdfs = np.array([latitude_cdf(lat, p, lat_min, lat_max, margin) for p in phases])
        out.append(float(weights @ cdfs / weights.sum()))
    return np.array(out)


def regions_per_day(n_sizes=5, step=0.5, power=2.0, n=20001):
    """Schrijver & Harvey's 10 A^-p per day and deg2 [A in deg2, p = 2], integrated over each size's bin.

    For another power, the law is the same at 100 deg2.
    """
    counts = []
    for k in range(n_sizes):
        edges = 100 * np.exp(-step * k + np.array([-0.5, 0.5]) * step)
        area = np.linspace(*edges, n)
        density = 10 * 100.0**-2 * (area / 100) ** -power
        counts.append(np.sum(0.5 * (density[1:] + density[:-1]) * np.diff(area)))
    return np.array(counts)


def triangular_cdf(x, sigma):
    """Difference of two uniform deviates of a cell of width sqrt(6) sigma."""
    z = np.clip(np.asarray(x) / (math.sqrt(6) * sigma), -1, 1)
    return np.where(z < 0, 0.5 * (1 + z) ** 2, 1 - 0.5 * (1 - z) ** 2)


def tilts(lat_deg, rng):
    """Tilts of the law of Wang & Sheeley (1991) as butterpy states it, by rejection. [deg]"""

    def cut(bound):
        while abs(x := rng.normal()) >= bound:
            pass
        return x

    def one(lat):
        return cut(0.5) if rng.uniform() < 0.14 else 0.5 * lat + 2 + 27 * cut(1.6) * cut(1.8)

    return np.array([one(lat) for lat in lat_deg])


def unit_vector(lat, lon):
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
