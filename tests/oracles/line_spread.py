"""Spectrograph by brute force: a spectrum known everywhere, spread and integrated on a dense axis."""

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import fftconvolve

DENSE = 40  # points a sample


class Waves:
    """1 plus waves of random phase, no shorter than 1 / `highest` samples, in units of the sample."""

    def __init__(self, highest=0.25, n=30, depth=0.02, seed=1):
        rng = np.random.default_rng(seed)
        self.frequency = rng.uniform(0.01, highest, n)
        self.phase = rng.uniform(0, 2 * np.pi, n)
        self.depth = depth

    def __call__(self, x):
        x = np.asarray(x)[..., None]
        return 1 + self.depth * np.cos(2 * np.pi * self.frequency * x + self.phase).sum(-1)


def pixels_by_brute_force(spectrum, edges, resolution, ln_start, ln_step, n):
    """Mean flux density in each pixel; `spectrum` of the sample, constant `resolution`."""
    x = np.arange(-200 * DENSE, (n + 200) * DENSE) / DENSE
    ln_wavelength = ln_start + ln_step * x
    energy = spectrum(x) * np.exp(ln_wavelength)
    sigma = 1 / (resolution * np.sqrt(8 * np.log(2)))
    reach = np.arange(-int(9 * sigma / ln_step * DENSE), int(9 * sigma / ln_step * DENSE) + 1)
    kernel = np.exp(-0.5 * (reach * ln_step / DENSE / sigma) ** 2)
    smooth = fftconvolve(energy, kernel / kernel.sum(), mode="same")
    total = CubicSpline(ln_wavelength, smooth).antiderivative()(np.log(edges))
    return np.diff(total) / np.diff(edges)


def deposited(samples):
    """A spectrum in splines without their filter: its samples blurred by the quintic spline's."""
    return np.convolve(samples, np.array([1, 26, 66, 26, 1]) / 120, mode="same")
