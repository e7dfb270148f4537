"""Moments of light and of rotation over unions of caps, by quadrature over rings of constant mu.

On a ring every cap covers one arc of azimuth. Unions of arcs are sorted, the integral over azimuth is
elementary, and the rings are Gauss-Legendre nodes between all angles at which a rim begins, ends or meets
another. NumPy float64 only.
"""

import numpy as np

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)


def _corners(centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Angles from the line of sight at which the union changes its kind on a ring."""
    theta = np.arctan2(np.hypot(centres[:, 0], centres[:, 1]), centres[:, 2])
    found = [0.0, np.pi / 2, *np.abs(theta - radii), *(theta + radii), *(2 * np.pi - theta - radii)]
    for i in range(len(radii)):
        for j in range(i):
            dot, a, b = centres[i] @ centres[j], np.cos(radii[i]), np.cos(radii[j])
            normal = np.cross(centres[i], centres[j])
            if dot**2 >= 1:
                continue
            along = ((a - b * dot) * centres[i] + (b - a * dot) * centres[j]) / (1 - dot**2)
            rest = (1 - along @ along) / (normal @ normal)
            if rest > 0:
                found += [np.arccos(np.clip((along + s * np.sqrt(rest) * normal)[2], -1, 1)) for s in (1, -1)]
    found = np.array(found)
    return np.unique(found[(found >= 0) & (found <= np.pi / 2)])


def _arcs(theta: float, centres: np.ndarray, radii: np.ndarray) -> list[tuple[float, float]]:
    """Disjoint arcs of azimuth, within [-pi, pi], of the union on the ring at theta."""
    tilt = np.arctan2(np.hypot(centres[:, 0], centres[:, 1]), centres[:, 2])
    middle, pieces = np.arctan2(centres[:, 1], centres[:, 0]), []
    for t, alpha, r in zip(tilt, middle, radii, strict=True):
        if abs(theta - t) >= r and theta + t >= r and 2 * np.pi - theta - t >= r:
            continue
        full = theta + t < r or 2 * np.pi - theta - t < r or t < 1e-14
        cosine = -1.0 if full else (np.cos(r) - np.cos(theta) * np.cos(t)) / (np.sin(theta) * np.sin(t))
        half = np.arccos(np.clip(cosine, -1, 1))
        low = (alpha - half + np.pi) % (2 * np.pi) - np.pi
        high = low + 2 * half
        pieces += [(low, min(high, np.pi))] + ([(-np.pi, high - 2 * np.pi)] if high > np.pi else [])
    out = []
    for low, high in sorted(pieces):
        if out and low <= out[-1][1]:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return out


def union_velocity_moments(centres, radii, shear: float, inc: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Integrals of mu^k and of mu^k x (1 - shear sin^2 lat) over the union's visible part, k = 1 .. n.

    Args:
        centres: (n_caps, 3) unit vectors, the observer on +z. [1]
        radii: [rad]
        shear: Omega(lat) = Omega_eq (1 - shear sin^2 lat). [1]
        inc: Inclination of the spin axis. [rad]
        n: Number of moments.
    """
    centres, radii = np.asarray(centres, float), np.asarray(radii, float)
    centres, radii = centres[radii > 0], radii[radii > 0]
    light, momentum = np.zeros(n), np.zeros(n)
    co, si, power = np.cos(inc), np.sin(inc), np.arange(1, n + 1)
    corners = _corners(centres, radii)
    for low, high in zip(corners[:-1], corners[1:], strict=True):
        u = 0.25 * np.pi * (NODES + 1)
        thetas = low + (high - low) * np.sin(u) ** 2  # square roots at the ends are smooth in u
        weights = 0.25 * np.pi * WEIGHTS * (high - low) * np.sin(2 * u)
        for theta, weight in zip(thetas, weights, strict=True):
            rho, mu = np.sin(theta), np.cos(theta)
            for start, stop in _arcs(theta, centres, radii):
                s = np.sin([start, stop])
                solid = s * (1 - shear * (co * mu) ** 2)
                turned = solid - shear * ((si * rho) ** 2 * s**3 / 3 + si * co * rho * mu * s**2)
                light += weight * rho * (stop - start) * mu**power
                momentum += weight * rho**2 * (turned[1] - turned[0]) * mu**power
    return light, momentum
