"""Velocities of spotted stars by quadrature over rings of constant mu: float64 NumPy, no package code.

On the ring at angle t from the line of sight a cap covers the azimuths within phi of its own, so that the
harmonics of the sky over it, with rho = sin t, are

    H_mk = int rho^m cos(m alpha) mu^k dOmega = int (2/m) sin(m phi) sin^m t cos^k t sin t dt,   m >= 1.

The velocity x (1 - shear sin^2 lat) is a cubic in (x, y, mu), hence made of H_1k, H_2k and H_3k.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.quadrature import cap_moments

NODES, WEIGHTS = np.polynomial.legendre.leggauss(160)


def harmonics(theta, r, m: int, powers) -> np.ndarray:
    """H_mk about the cap's own azimuth for each power k, (n_powers, *shape); theta and r in rad."""
    theta, r = (np.asarray(q, float)[..., None] for q in np.broadcast_arrays(theta, r))
    low, high = np.abs(theta - r), theta + r
    end = np.minimum(high, np.pi / 2)
    span = np.maximum(end - low, 0.0)
    u = 0.25 * np.pi * (NODES + 1.0)
    from_low, to_end = span * np.sin(u) ** 2, span * np.cos(u) ** 2  # smooth at square-root ends
    weight = 0.25 * np.pi * WEIGHTS * span * np.sin(2.0 * u)
    t, to_high = low + from_low, high - end + to_end
    top = np.sin((from_low + 2.0 * np.maximum(r - theta, 0.0)) / 2) * np.sin(to_high / 2)
    bottom = np.sin((r + theta + t) / 2) * np.sin((from_low + 2.0 * np.maximum(theta - r, 0.0)) / 2)
    phi = 2.0 * np.arctan2(np.sqrt(np.maximum(top, 0.0)), np.sqrt(np.maximum(bottom, 0.0)))
    ring = weight * (2.0 / m) * np.sin(m * phi) * np.sin(t) ** (m + 1)
    mu = np.sin(np.pi / 2 - end + to_end)
    return np.stack([np.sum(ring * mu**k, axis=-1) for k in powers])


def turning_moments(position, r, shear: float, inc: float, n: int) -> np.ndarray:
    """Integrals of mu^k x (1 - shear sin^2 lat) over visible caps, k = 1 .. n, exact in shear."""
    x, y, z = np.asarray(position, float)
    theta, azimuth = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
    first = np.cos(azimuth) * harmonics(theta, r, 1, range(1, n + 3))
    second = np.sin(2 * azimuth) * harmonics(theta, r, 2, range(2, n + 2))
    third = np.cos(3 * azimuth) * harmonics(theta, r, 3, range(1, n + 1))
    co, si = np.cos(inc), np.sin(inc)
    square = co**2 * first[2:] + si * co * second + si**2 / 4 * (first[:n] - first[2:] - third)
    return first[:n] - shear * square


@dataclass(frozen=True)
class Scene:
    """A star with spots in solid numbers; angles in rad, times in days, velocities in km/s.

    `intensity` holds, for photosphere, spot and facula, coefficients a_k of I(mu) mu, k = 1 .. n.
    """

    lat: np.ndarray
    lon: np.ndarray
    radius: np.ndarray
    t_max: np.ndarray
    tau_emerge: float
    tau_decay: float
    times: np.ndarray
    prot: float
    inc: float
    shear: float
    vsini: float
    facula_ratio: float
    intensity: np.ndarray
    shift: np.ndarray
    inhibition: tuple[float, float]


def positions(scene: Scene) -> np.ndarray:
    """Unit vectors to the spots, (3, n_spots, n_times)."""
    lat = scene.lat[:, None]
    phase = scene.lon[:, None] + 2 * np.pi / scene.prot * (1 - scene.shear * np.sin(lat) ** 2) * scene.times
    along, across = np.cos(lat) * np.cos(phase), np.cos(lat) * np.sin(phase)
    co, si = np.cos(scene.inc), np.sin(scene.inc)
    return np.stack([across, np.sin(lat) * si - along * co, np.sin(lat) * co + along * si])


def radii(scene: Scene) -> np.ndarray:
    """Radii of the spots, (n_spots, n_times)."""
    since = scene.times - scene.t_max[:, None]
    return scene.radius[:, None] * np.exp(
        -((since / np.where(since < 0, scene.tau_emerge, scene.tau_decay)) ** 2)
    )


def series(scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Velocity of rotation, of convection relative to the immaculate star, and relative flux, (n_times)."""
    n, n_all = scene.intensity.shape[1], scene.intensity.shape[1] + scene.shift.size - 1
    position, r = positions(scene), radii(scene)
    theta = np.arccos(np.clip(position[2], -1, 1))
    rim = 2 * np.arcsin(np.sqrt(1 + scene.facula_ratio) * np.sin(r / 2))
    light, turning = [], []
    for size in (r, rim):
        light.append(cap_moments(theta, size, n_all).sum(axis=1))
        turning.append(turning_moments(position, size, scene.shear, scene.inc, n).sum(axis=1))
    photosphere, *active = scene.intensity
    light, turning = ([q[0], q[1] - q[0]] for q in (light, turning))
    quiet = np.convolve(photosphere, scene.shift)
    whole, moving = (2 * np.pi * np.sum(q / np.arange(2, q.size + 2)) for q in (photosphere, quiet))
    flux, momentum = whole, moving
    rotation = 0.0
    for a, seen, turned, inhibited in zip(active, light, turning, scene.inhibition, strict=True):
        flux = flux + (a - photosphere) @ seen[:n]
        rotation = rotation + (a - photosphere) @ turned
        momentum = momentum + ((1 - inhibited) * np.convolve(a, scene.shift) - quiet) @ seen
    return scene.vsini * rotation / flux, momentum / flux - moving / whole, flux / whole
