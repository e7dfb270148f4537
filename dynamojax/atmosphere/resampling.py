"""From a file's own wavelength samples to an even axis in ln(wavelength): smoothed first, energy kept."""

import math
from dataclasses import dataclass

import numpy as np

from dynamojax.atmosphere.rebinning import Rebinning, rebinning
from dynamojax.atmosphere.wavelengths import LogAxis

# Fine bins in a resolution element: an infinitely narrow line moves to the middle of one, 2 % of the FWHM
# at worst, and one as wide as a bin or wider far less.
_FINE = 24.0
_BOX = math.sqrt(8.0 * math.log(2.0) / 12.0)  # FWHM of the Gaussian that is as wide as a bin, in bins


@dataclass(frozen=True, eq=False)
class Resampling:
    """Spectra at a resolution, on an even axis.

    Attributes:
        fine: Axis of the narrow bins between the file's samples and the result.
        rebin: From these to the result.
    """

    fine: LogAxis
    rebin: Rebinning

    @property
    def axis(self) -> LogAxis:
        """Of the result."""
        return self.rebin.axis

    @property
    def edges(self) -> np.ndarray:
        """Of the fine bins. [A]"""
        fine = self.fine
        return np.exp(fine.ln_start + fine.ln_step * (np.arange(fine.n + 1) - 0.5))

    @property
    def reach(self) -> tuple[float, float]:
        """Wavelengths that the file must have. [A]"""
        edges = self.edges
        return float(edges[0]), float(edges[-1])

    def __call__(self, edges: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Resample spectra.

        Args:
            edges: Of the file's samples, within which the spectrum is taken as constant. [A]
            values: Spectra [..., n_samples]. [per A]

        Returns:
            Spectra [..., axis.n]; positive where the values are. [per A]

        Accuracy: the integral over wavelengths is kept to rounding, apart from what the line spread
            function carries over the ends.
        """
        bins = _Bins(edges, self.edges)
        kernel, factor = self.rebin.kernel, self.rebin.factor
        result = np.empty((math.prod(values.shape[:-1]), self.axis.n))
        for row, spectrum in zip(result, values.reshape(-1, values.shape[-1]), strict=True):
            energy = bins(spectrum)  # per ln(wavelength), apart from the bins' one width in it
            # Directly, not by Fourier transforms, which would drown the faint end in rounding of the bright.
            windows = np.lib.stride_tricks.sliding_window_view(energy, len(kernel))[::factor]
            row[:] = windows[: self.axis.n] @ kernel
        result /= self.axis.wavelength * 2.0 * math.sinh(0.5 * self.fine.ln_step)
        return result.reshape(*values.shape[:-1], -1)


class _Bins:
    """Integrals over new bins of spectra that are constant between edges.

    Each bin is summed from the samples that it meets: a difference of integrals from the first edge would
    lose the digits of a faint end.
    """

    def __init__(self, edges: np.ndarray, wanted: np.ndarray):
        n = len(edges) - 1
        low, high = wanted[:-1], wanted[1:]
        self.first = np.clip(np.searchsorted(edges, low, side="right") - 1, 0, n - 1)
        last = np.clip(np.searchsorted(edges, high, side="left") - 1, 0, n - 1)
        self.several = last > self.first
        self.last = last[self.several]
        self.widths = np.diff(edges)
        self.in_first = np.where(self.several, edges[self.first + 1], high) - low
        self.in_last = (high - edges[last])[self.several]
        self.between = np.stack([self.first[self.several] + 1, self.last], axis=1)

    def __call__(self, spectrum: np.ndarray) -> np.ndarray:
        """Integrals over the new bins."""
        total = spectrum[self.first] * self.in_first
        if self.last.size:
            total[self.several] += spectrum[self.last] * self.in_last
            whole = np.append(spectrum * self.widths, 0.0)
            sums = np.add.reduceat(whole, self.between.ravel())[::2]
            total[self.several] += np.where(self.between[:, 1] > self.between[:, 0], sums, 0.0)
        return total


def resampling(low: float, high: float, resolution: float) -> Resampling:
    """Resample to a resolving power, over at least this range.

    Args:
        low: In vacuum. [A]
        high: In vacuum. [A]
        resolution: Wavelength over FWHM. [1]

    Raises:
        ValueError: a range that does not increase from above 0, or a resolution below 10.
    """
    if not (0 < low < high and 10 <= resolution < math.inf):
        raise ValueError(
            f"low = {low}, high = {high} A, resolution = {resolution}: 0 < low < high and "
            "10 <= resolution < inf are needed"
        )
    sampling = _FINE * resolution
    margin = math.exp(3.0 / resolution)  # more than the kernel reaches: 5 sigma are 2.1 FWHM
    fine = LogAxis.from_range(low / margin, high * margin, sampling)
    first = rebinning(fine, sampling / _BOX, resolution)
    # Begin and end with the bins that hold the ends of the range.
    start = max(0, int((math.log(low) - first.axis.ln_start) * sampling))
    result = LogAxis(first.axis.ln_start + start * fine.ln_step, first.axis.ln_step, 2)
    wanted = math.ceil((math.log(high) - result.ln_start) / result.ln_step) + 1
    n = len(first.kernel) + first.factor * (wanted - 1)
    fine = fine.part(start, start + n)
    return Resampling(fine, rebinning(fine, sampling / _BOX, resolution))
