"""Spectra at a lower resolution and on fewer wavelengths: smoothed before sampled, energy kept."""

import math
from dataclasses import dataclass

import numpy as np

from dynamojax.atmosphere.wavelengths import LogAxis

_FWHM = math.sqrt(8.0 * math.log(2.0))  # over sigma of a Gaussian
_SAMPLES = 3.0  # a resolution element, at least: a Gaussian then holds 1e-4 of its power beyond Nyquist
_REACH = 5.0  # sigmas


@dataclass(frozen=True, eq=False)
class Rebinning:
    """Weights that take an even axis to a coarser one.

    Attributes:
        axis: Of the result.
        margin: Wavelengths of the input used beyond the first and last bin.
        factor: Wavelengths of the input in a bin.
        resolution: Resolving power of the result, its bins included. [1]
        kernel: Sums to 1; correlated with the energy per ln(wavelength), then every factor-th is kept.
    """

    axis: LogAxis
    margin: int
    factor: int
    resolution: float
    kernel: np.ndarray

    def __call__(self, flux: np.ndarray, axis: LogAxis) -> np.ndarray:
        """F_lambda or I_lambda [..., n] on `axis`, which the rebinning was made for, on `self.axis`."""
        energy = flux * axis.wavelength  # per ln(wavelength), what a spectrograph spreads and a bin collects
        # Directly, not by Fourier transforms, which would drown the faint end in rounding of the bright.
        windows = np.lib.stride_tricks.sliding_window_view(energy, len(self.kernel), axis=-1)
        return windows[..., :: self.factor, :][..., : self.axis.n, :] @ self.kernel / self.axis.wavelength


def rebinning(axis: LogAxis, resolution: float, wanted: float) -> Rebinning:
    """How to bring spectra from one resolution to a lower one.

    Args:
        axis: Of the spectra.
        resolution: Of the spectra; inf for samples of a monochromatic spectrum. [1]
        wanted: Resolving power of the result, wavelength over FWHM, its bins included. [1]

    Raises:
        ValueError: wanted is above the resolution, or more than the axis samples.
    """
    ceiling = min(resolution, axis.sampling / 2.0)
    if not 0 < wanted <= ceiling:
        raise ValueError(
            f"resolution = {wanted}: the spectra have {resolution:.6g} at a sampling of {axis.sampling:.6g}, "
            f"allowed: up to {ceiling:.6g}; leave it out for the spectra as they are"
        )
    factor = max(1, int(1.0 / (_SAMPLES * wanted * axis.ln_step)))
    gaussian = (wanted**-2 - resolution**-2) / (_FWHM * axis.ln_step) ** 2  # variance in steps
    smooth = _gaussian(max(gaussian - (factor**2 - 1) / 12.0, 0.0))  # a bin is as wide as its variance
    kernel = np.convolve(smooth, np.full(factor, 1.0 / factor))
    n = (axis.n - len(kernel)) // factor + 1
    if n < 2:
        low, high = axis.ends
        raise ValueError(f"resolution = {wanted} leaves {n} bins of {low:.0f}-{high:.0f} A; widen the range")
    start = axis.ln_start + 0.5 * (len(kernel) - 1) * axis.ln_step
    margin = len(smooth) // 2
    return Rebinning(LogAxis(start, factor * axis.ln_step, n), margin, factor, wanted, kernel)


def _gaussian(variance: float) -> np.ndarray:
    """Weights of a Gaussian of this variance [steps^2]; the variance is exact where it is small."""
    if variance < 0.25:
        side = 0.5 * variance
        return np.array([side, 1.0 - 2.0 * side, side])
    x = np.arange(-math.ceil(_REACH * math.sqrt(variance)), math.ceil(_REACH * math.sqrt(variance)) + 1)
    weights = np.exp(-0.5 * x**2 / variance)
    return weights / weights.sum()
