"""Brute-force moments of the union of spherical caps, and dense maps to try them on.

The visible hemisphere is cut into equal-area cells in (mu, azimuth), where the solid angle is
d(mu) d(azimuth), so the limb is a straight edge and cell averages of mu^k are exact. A cell that lies
wholly inside one cap, or wholly outside all of them, is counted as such; any other is split into
n_sub x n_sub sub-cells, each decided by one jittered point. NumPy float64 only.
"""

import numpy as np

CHUNK_CELLS = 1 << 20  # cells in memory at once: about 100 MB with the work arrays


def _averages(low: np.ndarray, high: np.ndarray, n_moments: int) -> np.ndarray:
    """Mean of mu^k over low < mu < high, k = 1..n_moments, stacked on the first axis."""
    return np.stack(
        [(high ** (k + 1) - low ** (k + 1)) / ((k + 1) * (high - low)) for k in range(1, n_moments + 1)]
    )


def _dots(mu: np.ndarray, azimuth: np.ndarray, centre: np.ndarray) -> np.ndarray:
    s = np.sqrt((1.0 - mu) * (1.0 + mu))
    return s * (centre[0] * np.cos(azimuth) + centre[1] * np.sin(azimuth)) + mu * centre[2]


def _classify(edges: np.ndarray, azimuth: np.ndarray, centres: np.ndarray, radii: np.ndarray):
    """Which cells of some rings are wholly covered by one cap, and which are cut by an edge."""
    low, high = edges[:-1, None], edges[1:, None]
    theta_low, theta_high = np.arccos(low), np.arccos(np.minimum(high, 1.0))
    theta = 0.5 * (theta_low + theta_high)
    width = azimuth[1] - azimuth[0]
    # no point of a cell is further than this from its centre: along the meridian, then along the parallel
    reach = 0.5 * (theta_low - theta_high) + 0.5 * width * np.sin(theta_low)
    shape = (len(edges) - 1, len(azimuth))
    inside, touched = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    mu = np.cos(theta)
    for centre, radius in zip(centres, radii, strict=True):
        theta_c = np.arccos(np.clip(centre[2], -1.0, 1.0))
        rings = np.flatnonzero(np.abs(theta - theta_c)[:, 0] <= (radius + reach)[:, 0])
        if radius <= 0.0 or rings.size == 0:
            continue
        rows = slice(rings[0], rings[-1] + 1)
        dot = _dots(mu[rows], azimuth[None, :], centre)
        inner = radius - reach[rows]
        inside[rows] |= (inner > 0.0) & (dot >= np.cos(np.maximum(inner, 0.0)))
        touched[rows] |= dot >= np.cos(np.minimum(radius + reach[rows], np.pi))
    return inside, touched & ~inside


def _cut_cells(edges, rows, azimuth, width, centres, cos_radii, n_moments, n_sub, rng) -> np.ndarray:
    """Sum over cut cells of the covered mean of mu^k, by one jittered point in each sub-cell."""
    step = np.arange(n_sub) / n_sub
    low = edges[rows][:, None, None]
    height = (edges[rows + 1] - edges[rows])[:, None, None]
    sub_low = low + height * step[None, :, None]
    jitter = rng.random((2, len(rows), n_sub, n_sub))
    mu = sub_low + height / n_sub * jitter[0]
    phi = (azimuth - 0.5 * width)[:, None, None] + width * (step[None, None, :] + jitter[1] / n_sub)
    covered = np.zeros(mu.shape, dtype=bool)
    for centre, cos_radius in zip(centres, cos_radii, strict=True):
        covered |= _dots(mu, phi, centre) >= cos_radius
    means = _averages(sub_low, sub_low + height / n_sub, n_moments)
    return np.sum(means * covered, axis=(1, 2, 3)) / n_sub**2


def union_moments(
    centres, radii, n_moments: int = 3, *, n_cells: int = 2048, n_sub: int = 8, seed: int = 0
) -> np.ndarray:
    """Integrals of mu^k, k = 1..n_moments, over the visible part of the union of caps.

    Args:
        centres: (n_caps, 3) unit vectors, the observer on +z. [1]
        radii: (n_caps,) angular radii; 0 is no cap. [rad]
        n_moments: Highest power of mu.
        n_cells: Cells along mu and along azimuth; 2048 is 4.2 million before cut cells are split.
        n_sub: Sub-cells of a cut cell along each side.
        seed: Of the jitter; two seeds give two independent estimates.
    Returns:
        (n_moments,) in steradians; the disc has M_1 = pi.
    """
    centres, radii = np.asarray(centres, dtype=np.float64), np.asarray(radii, dtype=np.float64)
    rng = np.random.default_rng(seed)
    edges = np.linspace(0.0, 1.0, n_cells + 1)
    width = 2.0 * np.pi / n_cells
    azimuth = width * (np.arange(n_cells) + 0.5)
    total = np.zeros(n_moments)
    rows_at_once = max(1, CHUNK_CELLS // n_cells)
    cells_at_once = max(1, CHUNK_CELLS // n_sub**2)
    for start in range(0, n_cells, rows_at_once):
        part = edges[start : start + rows_at_once + 1]
        inside, cut = _classify(part, azimuth, centres, radii)
        total += _averages(part[:-1], part[1:], n_moments) @ inside.sum(axis=1)
        rows, columns = np.nonzero(cut)
        for first in range(0, rows.size, cells_at_once):
            chunk = slice(first, first + cells_at_once)
            near = _caps_near(part[rows[chunk]], centres, radii, 2.0 / n_cells)
            total += _cut_cells(
                part,
                rows[chunk],
                azimuth[columns[chunk]],
                width,
                centres[near],
                np.cos(radii[near]),
                n_moments,
                n_sub,
                rng,
            )
    return total * width / n_cells


def _caps_near(mu: np.ndarray, centres: np.ndarray, radii: np.ndarray, margin: float) -> np.ndarray:
    """Caps that can reach the band of polar angle spanned by mu; the margin is one cell and more."""
    theta = np.arccos(np.clip([mu.max() + margin, mu.min() - margin], -1.0, 1.0))
    theta_c = np.arccos(np.clip(centres[:, 2], -1.0, 1.0))
    return (radii > 0.0) & (theta_c + radii >= theta[0]) & (theta_c - radii <= theta[1])


def union_moments_and_error(centres, radii, n_moments: int = 3, *, n_cells: int = 2048, n_sub: int = 8):
    """Moments of the union, and the difference from an independent run at 0.7 of the resolution."""
    fine = union_moments(centres, radii, n_moments, n_cells=n_cells, n_sub=n_sub, seed=0)
    coarse = union_moments(centres, radii, n_moments, n_cells=int(0.7 * n_cells), n_sub=n_sub, seed=1)
    return fine, np.abs(fine - coarse)


def unit_vectors(lat, lon, inc: float, phase: float = 0.0) -> np.ndarray:
    """(n, 3) positions of (lat, lon) after the star has turned by phase; the observer on +z. [rad]"""
    lat, phi = np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64) + phase
    x = np.cos(lat) * np.sin(phi)
    y = np.sin(lat) * np.sin(inc) - np.cos(lat) * np.cos(phi) * np.cos(inc)
    z = np.sin(lat) * np.cos(inc) + np.cos(lat) * np.cos(phi) * np.sin(inc)
    return np.stack([x, y, z], axis=-1)


def _sphere_points(n: int) -> np.ndarray:
    z = 1.0 - (2.0 * np.arange(n) + 1.0) / n
    phi = np.pi * (1.0 + np.sqrt(5.0)) * np.arange(n)
    s = np.sqrt(1.0 - z * z)
    return np.stack([s * np.cos(phi), s * np.sin(phi), z], axis=-1)


def covered_fraction(centres: np.ndarray, radii: np.ndarray, n_points: int = 50_000) -> float:
    """Share of the whole sphere under at least one cap, by a Fibonacci lattice."""
    dots = _sphere_points(n_points) @ np.asarray(centres).T
    return float(np.mean(np.any(dots >= np.cos(radii), axis=1)))


def dense_map(seed: int = 0, n_spots: int = 200, coverage: float = 0.2, nest_fraction: float = 0.5):
    """Spots that overlap a lot: (lat, lon, radius) in radians, union covering a share of the sphere.

    Radii follow a log-normal law; a share of the spots is gathered in ten nests of 4 degrees rms.
    """
    rng = np.random.default_rng(seed)
    lat = np.arcsin(rng.uniform(-0.85, 0.85, n_spots))
    lon = rng.uniform(0.0, 2.0 * np.pi, n_spots)
    n_nested = int(nest_fraction * n_spots)
    nest = rng.integers(0, 10, n_nested) + n_nested  # the first ten free spots are the centres
    lat[:n_nested] = lat[nest] + rng.normal(0.0, np.deg2rad(4.0), n_nested)
    lon[:n_nested] = lon[nest] + rng.normal(0.0, np.deg2rad(4.0), n_nested) / np.cos(lat[nest])
    radius = np.exp(rng.normal(0.0, 0.5, n_spots))
    centres = unit_vectors(lat, lon, 0.5 * np.pi)
    low, high = 0.0, 0.5 * np.pi / radius.max()
    for _ in range(20):  # bisection on the common scale of the radii
        middle = 0.5 * (low + high)
        too_much = covered_fraction(centres, middle * radius) > coverage
        low, high = (low, middle) if too_much else (middle, high)
    return lat, lon, low * radius
