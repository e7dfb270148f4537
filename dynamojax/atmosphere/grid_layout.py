"""The one layout of a file of spectral intensities, whatever the source; the README documents it."""

import math
from dataclasses import dataclass, replace

import numpy as np

from dynamojax.atmosphere.rebinning import rebinning
from dynamojax.atmosphere.wavelengths import LogAxis

FORMAT = "dynamojax intensity grid"
FORMAT_VERSION = 1
AXES = ("teff", "logg", "feh")
# float32, int16: log10 I = mean + level + step * residual; low_rank: log10 I = mean + coefficients @ basis.
VALUES = {"float32": "residual", "int16": "residual", "low_rank": "coefficients"}
INT16_MAX = 32767


@dataclass(frozen=True)
class Segment:
    """A stretch of wavelengths and how its intensities are held.

    Attributes:
        name: Such as "optical".
        axis: Its wavelengths, in vacuum.
        resolution: Resolving power of the spectra; inf where they are samples of the monochromatic ones. [1]
        representation: "float32", "int16" (half the size, fixed point) or "low_rank" (a basis).
    """

    name: str
    axis: LogAxis
    resolution: float = math.inf
    representation: str = "int16"

    def __post_init__(self):
        if self.representation not in VALUES:
            raise ValueError(
                f"{self.name}: representation = {self.representation!r}, allowed: {', '.join(VALUES)}"
            )
        if not self.resolution > 0:
            raise ValueError(f"{self.name}: resolution = {self.resolution} must be positive, inf for samples")

    def smoothed(self, resolution: float) -> "Segment":
        """What a cut of all wavelengths at this resolution holds."""
        rebin = rebinning(self.axis, self.resolution, resolution)
        return replace(self, axis=rebin.axis, resolution=rebin.resolution)


def encoded(
    log10_intensity: np.ndarray, mean: np.ndarray, representation: str
) -> tuple[np.ndarray, np.ndarray, float]:
    """Residual, level and step of one model: log10 I = mean + level + step * residual.

    Args:
        log10_intensity: [n_mu, n_wavelength].
        mean: Taken out at each wavelength.
        representation: "float32" or "int16".

    Returns:
        Residual in the dtype of the representation, level [n_mu], step.

    Accuracy: fixed point errs by at most step / 2, the largest residual over 65534, in log10 I.
    """
    residual = log10_intensity - mean
    level = residual.mean(axis=1)
    residual -= level[:, None]
    if representation == "float32":
        return residual.astype(np.float32), level, 1.0
    whole, step = fixed_point(residual)
    return whole, level, step


def fixed_point(residual: np.ndarray) -> tuple[np.ndarray, float]:
    """Whole numbers of 16 bits, and their step."""
    step = max(float(np.abs(residual).max()), 1e-9) / INT16_MAX
    return np.rint(residual / step).astype(np.int16), step
