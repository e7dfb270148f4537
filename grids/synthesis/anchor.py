"""Anchoring: smooth positive factors of ln(wavelength) that bring a model to known band intensities.

The lines of a list are never all there are, so a synthesis is too bright where faint lines crowd. The factor
is a cubic spline with positive coefficients exp(g); g is the most probable one under a Gaussian prior whose
scale (7 % in wavelength) is far wider than lines, given the band fluxes, and then, angle by angle, the band
intensities. Plain NumPy, one model at a time.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline

KNOT = 0.03  # spacing of the spline, in ln(wavelength)


@dataclass(frozen=True)
class Bands:
    """Bands on the bins of a segment.

    Attributes:
        names: Of the bands.
        inside: Weights of the bins, summing to the share of the band that the segment covers [n_band, n_bin].
        noise: Tolerance on ln of the flux of each.
        limb_noise: Tolerance on ln of the intensities of each.
    """

    names: tuple[str, ...]
    inside: np.ndarray
    noise: np.ndarray
    limb_noise: np.ndarray


def spline_matrix(ln_wavelength: np.ndarray, spacing: float | None = KNOT) -> tuple[np.ndarray, np.ndarray]:
    """Cubic B-splines at the bins [n_bin, n_spline], and their centres; a single constant if no spacing."""
    low, high = ln_wavelength[0], ln_wavelength[-1]
    if spacing is None:
        return np.ones((len(ln_wavelength), 1)), np.array([0.5 * (low + high)])
    n = int(np.ceil((high - low) / spacing))
    step = (high - low) / n
    knots = low + step * np.arange(-3, n + 4)
    matrix = BSpline.design_matrix(np.clip(ln_wavelength, low, high - 1e-12), knots, 3).toarray()
    return matrix, low + step * (np.arange(n + 3) - 1.0)


def prior(centres: np.ndarray, terms=((0.25, 0.07), (0.3, 0.5), (1.0, 50.0))) -> np.ndarray:
    """Covariance of g: amplitudes and scales in ln(wavelength)."""
    r = centres[:, None] - centres
    return sum(a**2 * np.exp(-0.5 * (r / scale) ** 2) for a, scale in terms)


def fit(design: np.ndarray, target: np.ndarray, noise: np.ndarray, covariance: np.ndarray, start: np.ndarray):
    """The most probable g for design @ exp(g) = target, by damped Gauss-Newton steps.

    Args:
        design: Band means of the model times each spline, [n_band, n_spline].
        target: Positive, [n_band].
        noise: Standard deviation of ln(target).
        covariance: Of g about `start`.
        start: Prior mean of g.
    """
    g = start.copy()
    for _ in range(8):
        share = design * np.exp(g)
        model = share.sum(axis=1)
        slope = share / model[:, None]
        residual = np.log(target / model) + slope @ (g - start)
        gain = covariance @ slope.T
        wanted = start + gain @ np.linalg.solve(slope @ gain + np.diag(noise**2), residual)
        g = g + np.clip(wanted - g, -0.7, 0.7)
    return g


def anchored(
    intensity: np.ndarray,
    weight: np.ndarray,
    bands: Bands,
    flux: np.ndarray,
    limb: np.ndarray,
    matrix: np.ndarray,
    centres: np.ndarray,
) -> np.ndarray:
    """Intensities with the wanted band fluxes and band intensities.

    Args:
        intensity: Model, [n_mu, n_bin]. [erg/s/cm2/A/sr]
        weight: Of mu: the flux is 2 pi sum(weight I).
        bands: Bands.
        flux: Flux that the bins are to give in each band, [n_band]. [erg/s/cm2/A]
        limb: Intensity over its disc mean, [n_band, n_mu].
        matrix: Splines at the bins.
        centres: Of the splines.

    Returns:
        Intensities, [n_mu, n_bin].
    """
    # Band means of the model times every spline: [n_mu, n_band, n_spline]
    design = np.stack([(bands.inside * row) @ matrix for row in intensity])
    disc = 2 * np.pi * np.einsum("m,mbk->bk", weight, design)
    level = fit(disc, flux, bands.noise, prior(centres), np.zeros(len(centres)))
    tight = prior(centres, ((0.03, 0.15), (0.08, 0.6), (0.3, 50.0)))
    target = flux[:, None] * limb / np.pi
    g = [fit(design[m], target[:, m], bands.limb_noise, tight, level) for m in range(len(intensity))]
    # What the limb darkening changed of the flux is taken back alike at all angles.
    disc = 2 * np.pi * sum(w * d * np.exp(gm) for w, d, gm in zip(weight, design, g, strict=True))
    again = fit(disc, flux, bands.noise, prior(centres), np.zeros(len(centres)))
    return intensity * np.stack([matrix @ np.exp(gm + again) for gm in g])
