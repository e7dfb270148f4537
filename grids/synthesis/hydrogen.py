"""Hydrogen lines: exact oscillator strengths, and the wavelengths at which their opacity is sampled."""

from functools import cache, lru_cache

import numpy as np
from scipy.sparse import csr_array
from scipy.special import eval_genlaguerre, gammaln

_RYDBERG = 109677.58341  # of 1H [1/cm], CODATA
_EV = 1.0 / 8065.543937  # [eV cm]
HIGHEST = {2: 28, 3: 20, 4: 20}  # upper levels of the series 2, 3, 4


def _radial(n: int, angular: int, r: np.ndarray) -> np.ndarray:
    """Radial function times r, normalised, r in Bohr radii."""
    x = 2.0 * r / n
    ln_norm = 0.5 * (3 * np.log(2.0 / n) + gammaln(n - angular) - np.log(2 * n) - gammaln(n + angular + 1))
    laguerre = eval_genlaguerre(n - angular - 1, 2 * angular + 1, x)
    return np.exp(ln_norm - 0.5 * x + angular * np.log(x)) * laguerre * r


@cache
def oscillator_strength(lower: int, upper: int) -> float:
    """Mean absorption oscillator strength between two levels, all l together.

    Source: Bethe & Salpeter (1957), section 63: radial integrals in the length form.
    """
    r = np.linspace(1e-6, 3.2 * upper**2 + 20.0, 60001)
    total = 0.0
    for low in range(lower):
        for high in (low - 1, low + 1):
            if 0 <= high < upper:
                product = _radial(lower, low, r) * _radial(upper, high, r) * r
                total += max(low, high) * np.trapezoid(product, r) ** 2
    energy = 1.0 / lower**2 - 1.0 / upper**2  # [Ry]
    return energy * total / (3.0 * lower**2)


def lines(low: float, high: float) -> np.ndarray:
    """Rows of SMElib's list for the series 2, 3, 4 with low < wavelength < high [A], sorted, vacuum.

    SMElib takes the quantum numbers of a hydrogen line from the columns of Stark and van der Waals width.
    """
    rows = []
    for lower, highest in HIGHEST.items():
        for upper in range(lower + 1, highest + 1):
            wavelength = 1e8 / (_RYDBERG * (1.0 / lower**2 - 1.0 / upper**2))
            if low < wavelength < high:
                gf = 2 * lower**2 * oscillator_strength(lower, upper)
                energy = _RYDBERG * (1.0 - 1.0 / lower**2) * _EV
                rows.append([1, 1, wavelength, energy, np.log10(gf), 8.0, lower, upper])
    return np.array(sorted(rows, key=lambda row: row[2]), float).reshape(-1, 8)


@cache
def windows() -> list[tuple[float, float, np.ndarray]]:
    """Ranges of wavelength [A] and the lines that count in each: the cost goes with their product."""
    every = lines(3000.0, 25000.0)
    series = {n: every[every[:, 6] == n] for n in HIGHEST}
    return [
        (0.0, 4030.0, series[2][series[2][:, 7] > 5]),
        (4030.0, 7600.0, series[2][series[2][:, 7] < 9]),
        (7600.0, 13500.0, series[3]),
        (13500.0, 1e6, series[4]),
    ]


@lru_cache(maxsize=4)
def sampling(ln_low: float, ln_high: float) -> np.ndarray:
    """Ln of wavelengths: every 3e-3, and closing in on every line to 2e-5 by factors of 1.5."""
    table = lines(np.exp(ln_low - 0.03), np.exp(ln_high + 0.03))
    points = [np.arange(ln_low - 3e-3, ln_high + 6e-3, 3e-3)]
    for centre, upper in zip(np.log(table[:, 2]), table[:, 7], strict=True):
        # Wings fall as a power of the distance: steps in proportion to it, far out where lines stand alone.
        away = 2e-5 * 1.5 ** np.arange(0, 17 if upper < 9 else 12)
        points.append(np.concatenate([centre - away, [centre], centre + away]))
    points = np.unique(np.concatenate(points))
    return points[np.concatenate([[True], np.diff(points) > 8e-6])]


def spread_matrix(at: np.ndarray, known: np.ndarray):
    """Sparse matrix of the cubic Hermite interpolation from `known` to `at`, slopes by parabolas."""
    step = np.diff(known)
    i = np.clip(np.searchsorted(known, at) - 1, 1, len(known) - 3)
    h, u = step[i], (at - known[i]) / step[i]
    rises = u * (1 - u) ** 2 * h, -(u**2) * (1 - u) * h  # what multiplies the slopes at both ends
    values = np.zeros((4, len(at)))
    values[1], values[2] = (1 + 2 * u) * (1 - u) ** 2, u**2 * (3 - 2 * u)
    for end, rise in enumerate(rises):
        j = i + end
        before, after = step[j - 1], step[j]
        values[end] -= rise * after / (before * (before + after))
        values[end + 1] += rise * (after - before) / (before * after)
        values[end + 2] += rise * before / (after * (before + after))
    rows = np.tile(np.arange(len(at)), 4)
    columns = np.concatenate([i + k - 1 for k in range(4)])
    return csr_array((values.ravel(), (rows, columns)), shape=(len(at), len(known)))


def linear_matrix(at: np.ndarray, known: np.ndarray):
    """The same, linear: does not ring at the edges of the continuum."""
    i = np.clip(np.searchsorted(known, at) - 1, 0, len(known) - 2)
    u = (at - known[i]) / (known[i + 1] - known[i])
    rows, columns = np.tile(np.arange(len(at)), 2), np.concatenate([i, i + 1])
    return csr_array((np.concatenate([1 - u, u]), (rows, columns)), shape=(len(at), len(known)))
