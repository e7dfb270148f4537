"""Spectra of a spotted, rotating disc by brute force: every point's spectrum shifted and added, float64."""

import numpy as np
from scipy import interpolate

C_KM_S = 299792.458
FINE = 64  # points between two samples of the spectrum; linear between them


def disc_points(n):
    """Points that share the projected disc equally (sunflower)."""
    i = np.arange(n) + 0.5
    r, angle = np.sqrt(i / n), np.pi * (3 - np.sqrt(5)) * i
    x, y = r * np.cos(angle), r * np.sin(angle)
    return x, y, np.sqrt(1 - x * x - y * y)


def components(x, y, mu, caps, planets, rims=None):
    """0 photosphere, 1 spot, 2 facula, -1 hidden, of each point; caps are (centre, radius)."""
    part = np.zeros(x.shape, int)
    for (cx, cy, cz), radius in rims or []:
        part[cx * x + cy * y + cz * mu > np.cos(radius)] = 2
    for (cx, cy, cz), radius in caps:
        part[cx * x + cy * y + cz * mu > np.cos(radius)] = 1
    for px, py, pz, p in planets:
        if pz > 0:
            part[(x - px) ** 2 + (y - py) ** 2 < p * p] = -1
    return part


def velocity(x, y, mu, v_eq, inc, shear):
    """Rotation velocity of points, km/s."""
    lat_sine = y * np.sin(inc) + mu * np.cos(inc)
    return v_eq * np.sin(inc) * x * (1 - shear * lat_sine**2)


def _fine(spectra):
    """Spectra (n_mu, n) on the finer axis, by a quintic spline of each."""
    n = spectra.shape[1]
    at = np.arange((n - 1) * FINE + 1) / FINE
    return np.array([interpolate.make_interp_spline(np.arange(n), s, k=5)(at) for s in spectra])


def lagrange(mu_nodes, mu):
    """Lagrange's polynomials through the nodes, (n_mu, n)."""
    return np.array(
        [
            np.prod([(mu - other) / (node - other) for j, other in enumerate(mu_nodes) if j != i], axis=0)
            for i, node in enumerate(mu_nodes)
        ]
    )


def brute_spectrum(intensities, mu_nodes, ln_step, points, part, speed, window):
    """Flux at samples `window` (start, stop) of the axis, adding points one after another.

    Args:
        intensities: For each component, (n_mu, n).
        mu_nodes: Their cosines.
        ln_step: Of the axis.
        points: x, y, mu, sharing the disc equally.
        part: From `components`.
        speed: Of each point, km/s.
        window: Samples wanted.
    """
    mu, area = points[2], np.pi / points[2].size
    shift = 0.5 * np.log((1 + speed / C_KM_S) / (1 - speed / C_KM_S)) / ln_step
    flux = np.zeros(window[1] - window[0])
    samples = np.arange(*window) * FINE
    for k, spectra in enumerate(intensities):
        mine = np.flatnonzero(part == k)
        fine, weights = _fine(spectra), lagrange(mu_nodes, mu[mine]) * area
        where = -shift[mine] * FINE
        whole = np.floor(where).astype(int)
        rest = where - whole
        for i in range(mine.size):
            at = samples + whole[i]
            flux += weights[:, i] @ ((1 - rest[i]) * fine[:, at] + rest[i] * fine[:, at + 1])
    return flux


def binned_spectrum(intensities, mu_nodes, ln_step, points, part, speed, window):
    """The sum of `brute_spectrum` in another order, points of equal shift first; for millions of them."""
    mu, area = points[2], np.pi / points[2].size
    shift = 0.5 * np.log((1 + speed / C_KM_S) / (1 - speed / C_KM_S)) / ln_step
    reach = int(np.ceil(np.abs(shift).max())) + 1
    flux = np.zeros(window[1] - window[0])
    for k, spectra in enumerate(intensities):
        mine = part == k
        fine, weights = _fine(spectra), lagrange(mu_nodes, mu[mine]) * area
        where = (reach - shift[mine]) * FINE
        whole = np.floor(where).astype(int)
        rest, size = where - whole, 2 * reach * FINE + 2
        for m in range(len(mu_nodes)):
            kernel = np.bincount(whole, weights[m] * (1 - rest), size)
            kernel += np.bincount(whole + 1, weights[m] * rest, size)
            for j in np.flatnonzero(kernel):
                at = (np.arange(*window) - reach) * FINE + j
                flux += kernel[j] * fine[m, at]
    return flux


def observed(flux, sigma):
    """Convolved with a Gaussian of sigma samples."""
    reach = int(6 * sigma) + 2
    g = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(flux, g / g.sum(), mode="same")
