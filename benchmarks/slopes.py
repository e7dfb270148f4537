"""Derivatives of the job's flux by quadrature along the rims of the caps: float64 NumPy, no package code.

Only the boundary of a cap moves, by the displacement of its centre along the outward normal plus the
change of its radius; the limb does not matter, for mu = 0 there. Over the visible rim,
dM_k/dr = sin r int mu^k dpsi and dM_k/dmu0 = (sin r / s0) int mu^k cos psi dpsi.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.job import Job, phases, radii

NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)


def rim_integrals(mu0: np.ndarray, r: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """dM_k/dmu0 and dM_k/dr, k = 1..n, each (n, *shape)."""
    s0, sin_r, cos_r = np.sqrt((1.0 - mu0) * (1.0 + mu0)), np.sin(r), np.cos(r)
    a, b = mu0 * cos_r, s0 * sin_r
    cut = np.abs(a) < b
    ratio = np.clip(-a / np.where(cut, b, 1.0), -1.0, 1.0)
    phi = np.where(cut, np.arccos(np.where(cut, ratio, 0.0)), np.where(a > 0.0, np.pi, 0.0))
    psi = phi[..., None] * NODES
    mu = a[..., None] + b[..., None] * np.cos(psi)
    by_mu0, by_r = [], []
    for k in range(1, n + 1):
        weights = phi[..., None] * WEIGHTS * mu**k
        by_r.append(sin_r * np.sum(weights, axis=-1))
        by_mu0.append(sin_r / s0 * np.sum(weights * np.cos(psi), axis=-1))
    return np.stack(by_mu0), np.stack(by_r)


def _difference(function: Callable[[float], np.ndarray], step: float) -> np.ndarray:
    """Central difference of fourth order about 0, for smooth functions."""
    f = [function(s * step) for s in (-2, -1, 1, 2)]
    return (f[0] - 8.0 * f[1] + 8.0 * f[2] - f[3]) / (12.0 * step)


def _cos_view(job: Job) -> np.ndarray:
    across = np.sin(job.inc) * np.cos(job.lat)[:, None] * np.cos(phases(job))
    return across + np.cos(job.inc) * np.sin(job.lat)[:, None]


def moved(job: Job, name: str, by: float) -> Job:
    """The job with one parameter changed; of a spot's parameters, those of the first spot."""
    value = getattr(job, name)
    if isinstance(value, np.ndarray) and value.ndim:
        return replace(job, **{name: value + by * (np.arange(value.size) == 0)})
    return replace(job, **{name: value + by})


def slope(job: Job, name: str, step: float = 1e-3) -> np.ndarray:
    """Derivative of the flux with respect to a parameter of the job, at every epoch."""
    mu0, r = _cos_view(job), radii(job)
    by_mu0, by_r = rim_integrals(mu0, r, 3)
    dmu0, dr = (_difference(lambda h, f=f: f(moved(job, name, h)), step) for f in (_cos_view, radii))
    return -job.contrast * np.einsum("k,kst->t", job.polynomial, by_mu0 * dmu0 + by_r * dr)
