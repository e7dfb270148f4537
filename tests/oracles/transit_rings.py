"""What a planet hides of a union of caps, ring by ring about the disc's centre: NumPy float64, to 1e-13.

On a ring of colatitude theta the planet and every cap are single arcs of azimuth, so that their
intersection and union are exact; theta is integrated between all corners with square roots at both ends.
"""

import numpy as np


def _wrapped(angle):
    return angle - 2 * np.pi * np.round(angle / (2 * np.pi))


def _rim(centre, radius, azimuth):
    """Points of a cap's rim, (3, n)."""
    helper = np.eye(3)[np.argmin(np.abs(centre))]
    one = np.cross(centre, helper)
    one /= np.linalg.norm(one)
    two = np.cross(centre, one)
    turn = np.outer(one, np.cos(azimuth)) + np.outer(two, np.sin(azimuth))
    return np.cos(radius) * np.asarray(centre)[:, None] + np.sin(radius) * turn


def _bisected(function, low, high):
    level = function(low) > 0
    for _ in range(60):
        middle = 0.5 * (low + high)
        same = (function(middle) > 0) == level
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return low


def _corners(x, y, p, centres, radii, n_samples):
    """Colatitudes of the points where rims cross or touch a ring."""
    found = []
    azimuth = np.linspace(0, 2 * np.pi, n_samples + 1)
    for i, (centre, radius) in enumerate(zip(centres, radii, strict=True)):
        theta = np.arccos(centre[2])
        found += [[abs(theta - radius), theta + radius]]

        def apart(psi, centre=centre, radius=radius):
            at = _rim(centre, radius, psi)
            return (at[0] - x) ** 2 + (at[1] - y) ** 2 - p * p

        level = apart(azimuth) > 0
        (at,) = np.nonzero(level[1:] != level[:-1])
        if len(at):
            found.append(np.arccos(_rim(centre, radius, _bisected(apart, azimuth[at], azimuth[at + 1]))[2]))
        for other, size in zip(centres[:i], radii[:i], strict=True):
            normal = np.cross(centre, other)
            if normal @ normal > 0:
                plane = np.array([centre, other, normal])
                on = np.linalg.solve(plane, [np.cos(radius), np.cos(size), 0.0])
                rest = (1 - on @ on) / (normal @ normal)
                if rest > 0:
                    found.append(np.arccos([on[2] + s * np.sqrt(rest) * normal[2] for s in (1, -1)]))
    return np.concatenate(found)


def _arc(cosine):
    return np.arccos(np.clip(cosine, -1, 1))


def _hidden(theta, x, y, p, centres, radii):
    """Azimuth hidden on rings: of the union of the caps' arcs within the planet's."""
    d, rho = np.hypot(x, y), np.sin(theta)
    half = _arc((rho**2 + d**2 - p**2) / np.maximum(2 * rho * d, 1e-300))
    low, high = [], []
    for centre, radius in zip(centres, radii, strict=True):
        s0 = np.hypot(centre[0], centre[1])
        arc = _arc((np.cos(radius) - np.cos(theta) * centre[2]) / np.maximum(rho * s0, 1e-300))
        middle = _wrapped(np.arctan2(centre[1], centre[0]) - np.arctan2(y, x))
        for turn in (-2 * np.pi, 0, 2 * np.pi):
            low.append(np.clip(middle + turn - arc, -half, half))
            high.append(np.clip(middle + turn + arc, -half, half))
    low, high = np.array(low), np.array(high)
    order = np.argsort(low, axis=0)
    low, high = (np.take_along_axis(q, order, axis=0) for q in (low, high))
    reach = np.maximum.accumulate(np.concatenate([-half[None], high]), axis=0)[:-1]
    return np.sum(np.maximum(high - np.maximum(low, reach), 0), axis=0)


def ring_moments(x, y, p, centres, radii, n, n_nodes=40, n_samples=2000):
    """Integrals of mu^k, k = 1 .. n, over (planet) and (union of caps)."""
    d = np.hypot(x, y)
    if d >= 1 + p:
        return np.zeros(n)
    ends = np.arcsin([max(0.0, d - p), min(1.0, d + p)])
    edges = _corners(x, y, p, centres, radii, n_samples)
    edges = np.concatenate([edges, ends, [np.arcsin(min(1.0, abs(d - p)))]])
    edges = np.sort(edges[(edges >= ends[0]) & (edges <= ends[1])])
    node, weight = np.polynomial.legendre.leggauss(n_nodes)
    u, weight = 0.5 * (node + 1), 0.5 * weight
    width = np.diff(edges)[:, None]
    theta = (edges[:-1, None] + width * 0.5 * (1 - np.cos(np.pi * u))).ravel()
    weight = (width * weight * 0.5 * np.pi * np.sin(np.pi * u)).ravel()
    weight = weight * np.sin(theta) * _hidden(theta, x, y, p, centres, radii)
    return np.array([np.sum(weight * np.cos(theta) ** k) for k in range(1, n + 1)])


def ring_slope(x, y, p, centres, radii, change, n, step=1e-6, **rule):
    """Central difference of `ring_moments` along a change (dx, dy, dp, dcentres, dradii)."""
    ends = []
    for s in (step, -step):
        moved = [q + s * dq for q, dq in zip((x, y, p, centres, radii), change, strict=True)]
        moved[3] = moved[3] / np.linalg.norm(moved[3], axis=1)[:, None]
        ends.append(ring_moments(*moved, n, **rule))
    return (ends[0] - ends[1]) / (2 * step)
