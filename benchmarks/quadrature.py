"""Moments of one spherical cap by quadrature over rings of constant mu: float64 NumPy, no package code.

A ring at polar angle t from the line of sight is covered by a cap (centre at theta, radius r) over an
arc whose half-angle phi is the angle opposite r in the spherical triangle (r, theta, t). Hence
M_k = integral of 2 phi(t) cos^k t sin t dt. The half-angle form keeps phi accurate at tangency, and the
double-exponential rule (Takahasi & Mori 1974) takes the square-root ends without being told of them.
"""

import numpy as np

CHUNK_CAPS = 20_000


def _tanh_sinh(level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances from both ends of (0, 1), and weights, of the double-exponential rule."""
    step = 2.0**-level
    s = np.arange(-3.0, 3.0 + step / 2, step)
    z = np.pi * np.sinh(s)
    from_low, from_high = 1.0 / (1.0 + np.exp(-z)), 1.0 / (1.0 + np.exp(z))
    return from_low, from_high, step * np.pi * np.cosh(s) * from_low * from_high


def _half_arc(t, from_low, to_high, theta, r):
    """Half-angle of the covered arc at polar angle t, given t - |theta - r| and theta + r - t [rad]."""
    opposite_theta = from_low + 2.0 * np.maximum(r - theta, 0.0)  # r + t - theta
    opposite_r = from_low + 2.0 * np.maximum(theta - r, 0.0)  # theta + t - r
    top = np.sin(opposite_theta / 2) * np.sin(to_high / 2)
    bottom = np.sin((r + theta + t) / 2) * np.sin(opposite_r / 2)
    return 2.0 * np.arctan2(np.sqrt(np.maximum(top, 0.0)), np.sqrt(np.maximum(bottom, 0.0)))


def _ring_moments(theta, r, n_moments: int, level: int) -> np.ndarray:
    low, high = np.abs(theta - r), theta + r
    end = np.minimum(high, np.pi / 2)
    span = np.maximum(end - low, 0.0)
    from_low, from_high, weight = _tanh_sinh(level)
    t = low[:, None] + span[:, None] * from_low
    half_arc = _half_arc(
        t,
        span[:, None] * from_low,
        (high - end)[:, None] + span[:, None] * from_high,
        theta[:, None],
        r[:, None],
    )
    # cos t from the limb side, so that a ring close to the limb keeps its small mu
    mu = np.sin((np.pi / 2 - end)[:, None] + span[:, None] * from_high)
    ring = 2.0 * half_arc * np.sin(t) * weight * span[:, None]
    # rings inside a cap that holds the disc centre are covered all round
    mu_full = np.cos(np.clip(r - theta, 0.0, np.pi / 2))
    return np.stack(
        [
            np.sum(ring * mu**k, axis=1) + 2.0 * np.pi * (1.0 - mu_full ** (k + 1)) / (k + 1)
            for k in range(1, n_moments + 1)
        ]
    )


def cap_moments(theta, r, n_moments: int = 3, *, tolerance: float = 1e-13) -> np.ndarray:
    """Integrals of mu^k over the visible part of caps, k = 1..n_moments, refined until they stand still.

    Args:
        theta: Angle between each cap's centre and the line of sight, 0 to pi. [rad]
        r: Angular radius, 0 to pi/2. [rad]
        n_moments: Highest power of mu.
        tolerance: Largest change between the last two levels, in units of the disc's pi.

    Returns:
        (n_moments, *shape), steradians; a cap's own M_1 face-on is pi sin^2 r.

    Raises:
        ArithmeticError: some cap has not settled at the finest level (about 1500 nodes).
    """
    theta, r = np.broadcast_arrays(np.asarray(theta, np.float64), np.asarray(r, np.float64))
    flat_theta, flat_r = theta.ravel(), r.ravel()
    out = np.empty((n_moments, flat_theta.size))
    for start in range(0, flat_theta.size, CHUNK_CAPS):
        part = slice(start, start + CHUNK_CAPS)
        out[:, part] = _settled(flat_theta[part], flat_r[part], n_moments, tolerance)
    return out.reshape(n_moments, *theta.shape)


def _settled(theta, r, n_moments, tolerance):
    out = np.zeros((n_moments, theta.size))
    todo = np.flatnonzero((r > 0.0) & (theta - r < np.pi / 2))
    before = _ring_moments(theta[todo], r[todo], n_moments, 4)
    for level in (5, 6, 7, 8):
        now = _ring_moments(theta[todo], r[todo], n_moments, level)
        out[:, todo] = now
        open_ = np.max(np.abs(now - before), axis=0, initial=0.0) > tolerance * np.pi
        if not open_.any():
            return out
        todo, before = todo[open_], now[:, open_]
    raise ArithmeticError(f"{todo.size} caps not settled, first theta = {theta[todo[0]]}, r = {r[todo[0]]}")
