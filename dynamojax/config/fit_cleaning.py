"""Light curves before a fit: scatter of neighbours, what stands out of them, and bins."""

import numpy as np

_NEIGHBOURS, _ENOUGH = 4, 5  # points before, and after, that say where a point should be; of both together
_REACH = 1.3  # of neighbours across gaps, in so many steps
_ROUNDS = 50


def scatter(i: int, time: np.ndarray, flux: np.ndarray) -> float:
    """Standard deviation of white noise: of what a cubic through the neighbours of each point leaves."""
    away = _away(time, flux, np.ones(flux.size, bool))
    away = away[np.isfinite(away)]
    if away.size < 10:
        raise ValueError(f"data[{i}]: {flux.size} points are too few for error = 'scatter'; give errors")
    return float(1.4826 * np.median(np.abs(away)))


def outliers(time: np.ndarray, flux: np.ndarray, limit: float) -> np.ndarray:
    """Points that stand out of a cubic through their neighbours, the farthest first, until none is left.

    A cubic, so that the turns of a fast rotator are not cut off. Each point is left out of its own.
    """
    found = np.zeros(flux.size, bool)
    for _ in range(_ROUNDS):
        away = np.abs(_away(time, flux, ~found))
        away = np.where(np.isfinite(away) & ~found, away, 0.0)
        near = np.lib.stride_tricks.sliding_window_view(np.pad(away, _NEIGHBOURS), 2 * _NEIGHBOURS + 1)
        # One that stands out pulls its neighbours' cubics along: of several the farthest goes first.
        new = (away > limit * 1.4826 * np.median(away[away > 0])) & (away == near.max(axis=1))
        if not new.any():
            break
        found |= new
    return found


def _away(time: np.ndarray, flux: np.ndarray, good: np.ndarray) -> np.ndarray:
    """How far points are from a cubic through the good ones of four on each side, as if that were exact.

    NaN where they are too few.
    """
    offsets = np.array([k for k in range(-_NEIGHBOURS, _NEIGHBOURS + 1) if k])
    at = np.arange(flux.size)[:, None] + offsets
    inside = np.clip(at, 0, flux.size - 1)
    x = (time[inside] - time[:, None]) / (_NEIGHBOURS * np.median(np.diff(time)))
    # Across a gap nothing is said of a point.
    weight = (good[inside] & (at == inside) & (np.abs(x) < _REACH)).astype(float)
    level = np.median(flux)
    powers = x[..., None] ** np.arange(4)
    normal = np.einsum("nk,nki,nkj->nij", weight, powers, powers)
    right = np.einsum("nk,nki,nk->ni", weight, powers, flux[inside] - level)
    enough = weight.sum(1) >= _ENOUGH
    normal[~enough] = np.eye(4)
    inverse = np.linalg.inv(normal)[:, 0]
    expected = level + np.sum(inverse * right, axis=1)
    return np.where(enough, (flux - expected) / np.sqrt(1 + inverse[:, 0]), np.nan)


def binned(time, flux, error, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of time and flux weighted by the errors, and their errors.

    Bins that are less than half as full as most are left out: the mean of a few points is no exposure as long
    as the others.
    """
    number = np.floor((time - time[0]) / width).astype(int)
    bins, count = np.unique(number, return_inverse=True, return_counts=True)[1:]
    weight = 1 / error**2
    total = np.bincount(bins, weight)
    middle, level = (np.bincount(bins, weight * x) / total for x in (time - time[0], flux))
    full = count >= 0.5 * np.median(count)
    return time[0] + middle[full], level[full], 1 / np.sqrt(total[full])
