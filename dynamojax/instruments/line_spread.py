"""From a spectrum on an even axis of ln(wavelength) to the pixels of a spectrograph: one linear operator.

It spreads energy by a Gaussian in ln(wavelength) of the instrument's resolving power, less in quadrature
what the spectrum is smoothed by already, and averages the flux density over each pixel exactly. The
interpolation filter of `splines`, which deposited spectra lack, is part of it.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.special import ndtr

from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.numerics import as_float
from dynamojax.splines import interpolation_filter

_FWHM = math.sqrt(8.0 * math.log(2.0))  # over sigma of a Gaussian
_REACH = 6.0  # sigmas on either side of a pixel: 2e-9 of the light lies beyond
_NEGLIGIBLE = 1e-9  # of a row's sum
_BLOCK = 16  # pixels that share a window: products of matrices, 60 times faster in batches than one by one
# [samples] A Gaussian of sigma 0.8, itself sampled, leaves aliases of 3e-5 of the flux where waves of four
# samples have a depth of a tenth; one of 0.9 leaves 3e-6, one of 0.7 2e-4.
_NARROWEST = 0.8
_CHUNK = 4096  # pixels at a time, while weights are computed


class PixelOperator(eqx.Module):
    """Spectrum to pixels. Rows sum to 1: a pixel holds the mean flux density inside it.

    Attributes:
        first: First sample of the window of each block of pixels.
        weights: Of the samples of a window, for each pixel of a block; blocks are filled up with zeros.
        counts: Pixels of each arm, static.
    """

    first: Int[Array, " n_blocks"]
    weights: Float[Array, "n_blocks block n_window"] = eqx.field(converter=as_float)
    counts: tuple[int, ...] = eqx.field(static=True)

    def __call__(self, spectrum: Float[Array, " n"]) -> Float[Array, " n_pixels"]:
        """Pixels of all arms, from a spectrum deposited in splines without their filter [any unit]."""
        n_window = self.weights.shape[-1]
        windows = spectrum[self.first[:, None] + jnp.arange(n_window)]
        values = jnp.einsum("bw,bpw->bp", windows, self.weights, precision=jax.lax.Precision.HIGHEST)
        values, parts, start = values.reshape(-1), [], 0
        for count in self.counts:
            parts.append(values[start : start + count])
            start += -(-count // _BLOCK) * _BLOCK
        return jnp.concatenate(parts)


def resolution_of_bins(ln_step: float) -> float:
    """Resolving power of spectra that are means over bins of one sample: that of a Gaussian as wide. [1]"""
    return math.sqrt(12.0) / (_FWHM * ln_step)


def pixel_operator(
    spectrograph: Spectrograph,
    ln_start: float,
    ln_step: float,
    n: int,
    *,
    grid_resolution: float = math.inf,
    margin: int = 0,
) -> PixelOperator:
    """The operator of a spectrograph for spectra on an even axis.

    Args:
        spectrograph: Pixels and resolving power.
        ln_start: Of the first sample, in vacuum. [ln A]
        ln_step: Between samples. [ln A]
        n: Samples.
        grid_resolution: Resolving power of the spectra, bins included (`resolution_of_bins`); inf for
            samples of monochromatic ones. [1]
        margin: Samples at either end that are not to be used, spoilt by shifts.

    Raises:
        ValueError: pixels too close to the ends of the axis or beyond, or spectra too coarse.
    """
    rows = [_rows(spectrograph.name, arm, ln_start, ln_step, grid_resolution) for arm in spectrograph.arms]
    for arm, (first, weights) in zip(spectrograph.arms, rows, strict=True):
        if first[0] < margin or first[-1] + weights.shape[1] > n - margin:
            _raise_beyond(spectrograph, arm, ln_start, ln_step, n, margin, first, weights.shape[1])
    blocks = [_blocks(first, weights) for first, weights in rows]
    width = max(weights.shape[-1] for _, weights in blocks)
    first = np.concatenate([first for first, _ in blocks])
    whole = np.zeros((first.size, _BLOCK, width))
    start = 0
    for _, weights in blocks:
        whole[start : start + len(weights), :, : weights.shape[-1]] = weights
        start += len(weights)
    first, whole = _inside(first, whole, n)
    counts = tuple(arm.n_pixels for arm in spectrograph.arms)
    return PixelOperator(jnp.asarray(first, dtype=jnp.int32), whole, counts)


def window_reach(spectrograph: Spectrograph, ln_step: float, grid_resolution: float = math.inf) -> int:
    """Samples beyond a pixel's edge that its operator may use: for line spread function and filter."""
    variance = max(float(np.min(spectrograph.resolution)) ** -2.0 - grid_resolution**-2.0, 0.0)
    return math.ceil(_REACH * math.sqrt(variance) / _FWHM / ln_step) + len(interpolation_filter()) // 2 + 1


def finest_resolution(ln_step: float, grid_resolution: float = math.inf) -> float:
    """Highest resolving power that spectra on an axis allow. [1]"""
    return (grid_resolution**-2.0 + (_NARROWEST * ln_step * _FWHM) ** 2) ** -0.5


def _sigma(name: str, arm, ln_step: float, grid_resolution: float) -> np.ndarray:
    """Of the Gaussian still to be applied, in ln(wavelength)."""
    variance = arm.resolution**-2.0 - grid_resolution**-2.0
    finest = float(np.max(arm.resolution))
    narrowest = math.sqrt(max(float(np.min(variance)), 0.0)) / _FWHM
    if narrowest < _NARROWEST * ln_step * (1 - 1e-9):
        if grid_resolution <= finest * (1 + 1e-9):
            need = f"the spectra's own resolution = {grid_resolution:g} is no higher"
        else:
            left = math.sqrt(finest**-2.0 - grid_resolution**-2.0) / _FWHM
            need = (
                f"the spectra have {1 / ln_step:.0f} samples per e-fold, "
                f"at least {math.ceil(_NARROWEST / left)} are needed"
            )
        raise ValueError(
            f"{name}, arm {arm.name}: resolution up to {finest:g}, but {need}; cut the grid at a higher "
            "resolution, take a finer grid, or lower the resolution of the spectrograph"
        )
    return np.sqrt(variance) / _FWHM


def _rows(name: str, arm, ln_start: float, ln_step: float, grid_resolution: float):
    """First sample and weights of each pixel of an arm, filter included."""
    sigma = _sigma(name, arm, ln_step, grid_resolution)
    low, high = (np.log(edge) for edge in (arm.edges[:-1], arm.edges[1:]))
    taps = interpolation_filter()
    pad = len(taps) // 2
    before = np.floor((low - _REACH * sigma - ln_start) / ln_step).astype(np.int64)
    after = np.ceil((high + _REACH * sigma - ln_start) / ln_step).astype(np.int64)
    n = int(np.max(after - before)) + 1
    parts = []
    for start in range(0, arm.n_pixels, _CHUNK):
        here = slice(start, start + _CHUNK)
        sample = before[here, None] + np.arange(n)
        # Relative to the lower edge, where exponentials and differences keep their digits.
        z = ln_start + ln_step * sample - low[here, None]
        w = (high - low)[here, None]
        s = sigma[here, None]
        kernel = np.exp(z) * (ndtr((w - z) / s) - ndtr(-z / s)) / np.expm1(w) * ln_step
        parts.append(_filtered(kernel, taps))
    weights = np.concatenate(parts)
    weights /= weights.sum(axis=1, keepdims=True)
    used = np.flatnonzero(np.max(np.abs(weights), axis=0) > _NEGLIGIBLE)
    weights = weights[:, used[0] : used[-1] + 1]
    return before - pad + used[0], weights / weights.sum(axis=1, keepdims=True)


def _filtered(kernel: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Full convolution of each row with the filter."""
    n = kernel.shape[1]
    full = np.zeros((kernel.shape[0], n + len(taps) - 1))
    for i, tap in enumerate(taps):
        full[:, i : i + n] += tap * kernel
    return full


def _blocks(first: np.ndarray, weights: np.ndarray):
    """Rows of neighbouring pixels brought to common windows."""
    n_pixels, n_taps = weights.shape
    n_blocks = -(-n_pixels // _BLOCK)
    padded = np.concatenate([first, np.full(n_blocks * _BLOCK - n_pixels, first[-1])])
    padded = padded.reshape(n_blocks, _BLOCK)
    begin = padded.min(axis=1)
    offset = (padded - begin[:, None]).reshape(-1)[:n_pixels]
    blocks = np.zeros((n_blocks * _BLOCK, int(offset.max()) + n_taps))
    np.put_along_axis(blocks[:n_pixels], offset[:, None] + np.arange(n_taps), weights, axis=1)
    return begin, blocks.reshape(n_blocks, _BLOCK, -1)


def _inside(first: np.ndarray, weights: np.ndarray, n: int):
    """Windows moved inward where their zeros reach beyond the last sample."""
    width = weights.shape[-1]
    if width > n:  # all windows are the whole spectrum
        whole = np.zeros((*weights.shape[:2], n))
        for b, start in enumerate(first):
            kept = min(width, n - start)
            whole[b, :, start : start + kept] = weights[b, :, :kept]
        return np.zeros_like(first), whole
    excess = np.maximum(first + width - n, 0)
    for b in np.flatnonzero(excess):
        weights[b] = np.roll(weights[b], excess[b], axis=-1)  # what comes round is zero
    return first - excess, weights


def _raise_beyond(spectrograph, arm, ln_start, ln_step, n, margin, first, n_taps):
    """Say which wavelengths would fit."""
    before = np.log(arm.edges[0]) - (ln_start + first[0] * ln_step)
    after = ln_start + (first[-1] + n_taps) * ln_step - np.log(arm.edges[-1])
    low = math.exp(ln_start + margin * ln_step + before)
    high = math.exp(ln_start + (n - margin) * ln_step - after)
    raise ValueError(
        f"{spectrograph.name}, arm {arm.name}: pixels from {arm.edges[0]:.2f} to {arm.edges[-1]:.2f} A, but "
        f"the spectra allow {low:.2f} to {high:.2f} A, margins for the line spread function and {margin} "
        f"samples of shifts left off; cut a longer stretch of the grid, or take "
        f"spectrograph.within({low:.2f}, {high:.2f})"
    )
