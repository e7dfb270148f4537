"""Light curve of a spotted star with a planet by brute force: NumPy float64 pixels, no package code."""

import numpy as np


def pixels(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Points (x, y, mu) of equal projected area on the disc, in rings, and the area of each."""
    ring = np.arange(n)
    rho = np.sqrt((ring + 0.5) / n)
    azimuth = (np.arange(4 * n) + 0.5) / (4 * n) * 2 * np.pi
    # a golden-angle turn from ring to ring keeps edges from lining up with the pixels
    angle = azimuth[None, :] + ring[:, None] * 2.399963
    x, y = (rho[:, None] * f(angle) for f in (np.cos, np.sin))
    return x.ravel(), y.ravel(), np.repeat(np.sqrt(1 - rho**2), 4 * n), np.pi / (4 * n * n)


def spot_centres(lat, lon, inc, prot, shear, t) -> np.ndarray:
    """Unit vectors (n_spots, 3) of spots at time t; inclination 0 is pole-on."""
    phase = lon + 2 * np.pi * t / prot * (1 - shear * np.sin(lat) ** 2)
    return np.stack(
        [
            np.cos(lat) * np.sin(phase),
            np.sin(lat) * np.sin(inc) - np.cos(lat) * np.cos(phase) * np.cos(inc),
            np.sin(lat) * np.cos(inc) + np.cos(lat) * np.cos(phase) * np.sin(inc),
        ],
        axis=1,
    )


def _inside(points, centres, radii) -> np.ndarray:
    covered = np.zeros(points[0].shape, bool)
    for centre, radius in zip(centres, radii, strict=True):
        if radius > 0:
            covered |= sum(p * c for p, c in zip(points, centre, strict=True)) > np.cos(radius)
    return covered


def relative_flux(centres, radii, facula_ratio, intensities, planet=None, n: int = 1500) -> float:
    """Flux over that of the immaculate disc.

    Args:
        centres: (n_spots, 3) unit vectors.
        radii: (n_spots,) of the spots. [rad]
        facula_ratio: Facular over spot area, a ring about each spot.
        intensities: Functions of mu: photosphere, spot, facula.
        planet: (x, y, radius) on the sky, or None. [stellar radius]
        n: Rings; 4 n^2 pixels.
    """
    x, y, mu, area = pixels(n)
    photosphere, spot, facula = (f(mu) for f in intensities)
    wide = 2 * np.arcsin(np.sqrt(1 + facula_ratio) * np.sin(np.asarray(radii) / 2))
    points = (x, y, mu)
    brightness = np.where(_inside(points, centres, wide), facula, photosphere)
    brightness = np.where(_inside(points, centres, radii), spot, brightness)
    if planet is not None:
        brightness = np.where((x - planet[0]) ** 2 + (y - planet[1]) ** 2 < planet[2] ** 2, 0, brightness)
    return float(np.sum(brightness) / np.sum(photosphere))
