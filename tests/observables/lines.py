"""Spectra of Gaussian lines on a spectrograph's pixels, exact, for tests of velocities."""

import numpy as np
from scipy.special import ndtr

from dynamojax.instruments.line_masks import LineMask
from dynamojax.instruments.schedule import regular_times
from dynamojax.instruments.spectrograph import Arm, Spectrograph

C_KM_S = 299792.458


def spectrograph(*spans, step_km_s=1.0, even=True) -> Spectrograph:
    """Arms between pairs of wavelengths, with pixels even in ln(wavelength) or in wavelength."""
    arms = []
    for i, (low, high) in enumerate(spans):
        n = int(np.log(high / low) * C_KM_S / step_km_s)
        centres = low * np.exp(step_km_s / C_KM_S * np.arange(n)) if even else np.linspace(low, high, n)
        arms.append(Arm.from_centres(f"arm{i + 1}", centres, 1e5))
    return Spectrograph("test", tuple(arms), regular_times("test", None, epochs=1))


def lines(low, high, n, seed=0) -> LineMask:
    """Well apart, so that their sum is one Gaussian."""
    rng = np.random.default_rng(seed)
    ln = np.linspace(np.log(low), np.log(high), n + 2)[1:-1]
    ln += rng.uniform(-0.2, 0.2, n) * (ln[1] - ln[0])
    return LineMask("lines", np.exp(ln), rng.uniform(0.5, 1.5, n))


def spectrum(instrument, mask, velocity=0.0, sigma=3.0, depth=0.5, continuum=lambda w: np.ones_like(w)):
    """Mean flux in each pixel: lines are Gaussians in ln(wavelength), sigma in km/s, integrated exactly."""
    parts = []
    for arm in instrument.arms:
        ln = np.log(arm.edges)
        t = (ln[:, None] - np.log(mask.wavelength) - np.arctanh(velocity / C_KM_S)) / (sigma / C_KM_S)
        s, area = sigma / C_KM_S, np.sqrt(2 * np.pi)
        hidden = np.diff(ndtr(t), axis=0).sum(axis=1) * depth * s * area / np.diff(ln)
        parts.append((1 - hidden) * continuum(arm.wavelength))
    return np.concatenate(parts)
