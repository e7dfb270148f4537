"""Wavelengths on the host: axes even in ln(wavelength), and air beside vacuum. Always float64."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LogAxis:
    """Vacuum wavelengths evenly spaced in their logarithm: a shift of the axis is a Doppler shift.

    Attributes:
        ln_start: Of the first wavelength. [ln A]
        ln_step: Between neighbours. [ln A]
        n: Number of wavelengths.
    """

    ln_start: float
    ln_step: float
    n: int

    def __post_init__(self):
        if not (math.isfinite(self.ln_start) and 0 < self.ln_step < 1 and self.n >= 2):
            raise ValueError(
                f"LogAxis(ln_start={self.ln_start}, ln_step={self.ln_step}, n={self.n}): "
                "the start must be finite, 0 < ln_step < 1, n >= 2"
            )

    @staticmethod
    def from_range(low: float, high: float, sampling: float) -> "LogAxis":
        """From low to at least high [A], with `sampling` = wavelength over step."""
        if not (0 < low < high and sampling > 1):
            raise ValueError(
                f"low = {low}, high = {high}, sampling = {sampling}: 0 < low < high [A] is needed"
            )
        n = math.ceil(math.log(high / low) * sampling - 1e-9) + 1
        return LogAxis(math.log(low), 1.0 / sampling, n)

    @property
    def ln_wavelength(self) -> np.ndarray:
        """[ln A]."""
        return self.ln_start + self.ln_step * np.arange(self.n)

    @property
    def wavelength(self) -> np.ndarray:
        """[A]."""
        return np.exp(self.ln_wavelength)

    @property
    def ends(self) -> tuple[float, float]:
        """First and last wavelength. [A]"""
        return math.exp(self.ln_start), math.exp(self.ln_start + self.ln_step * (self.n - 1))

    @property
    def sampling(self) -> float:
        """Wavelength over step. [1]"""
        return 1.0 / self.ln_step

    def part(self, start: int, stop: int, stride: int = 1) -> "LogAxis":
        """Elements start, start + stride, ... below stop."""
        n = len(range(start, stop, stride))
        return LogAxis(self.ln_start + start * self.ln_step, self.ln_step * stride, n)

    def covering(self, low: float, high: float) -> tuple[int, int]:
        """Start and stop of the elements from the last at or below low to the first at or above high [A]."""
        slack = 1e-9  # of a step: so that the axis covers its own ends
        start = math.floor((math.log(low) - self.ln_start) / self.ln_step + slack)
        stop = math.ceil((math.log(high) - self.ln_start) / self.ln_step - slack) + 1
        return start, stop


def _refractivity(vacuum: np.ndarray) -> np.ndarray:
    square = (1e4 / vacuum) ** 2  # wavenumber in 1/um
    return 1e-8 * (5792105.0 / (238.0185 - square) + 167917.0 / (57.362 - square))


def air_from_vacuum(vacuum) -> np.ndarray:
    """Wavelength in standard air, dry, 15 C, 101325 Pa, 450 ppm of CO2.

    Args:
        vacuum: Wavelength in vacuum, 2300 to 16900 A in the source; beyond 16900 A it is used all the same,
            as spectroscopic archives do. [A]

    Returns:
        Wavelength in air. [A]

    Raises:
        ValueError: below 2000 A, where wavelengths are always given in vacuum.
    Source: Ciddor (1996), Applied Optics 35, 1566, equation 1.
    """
    vacuum = _checked(vacuum)
    return vacuum / (1.0 + _refractivity(vacuum))


def vacuum_from_air(air) -> np.ndarray:
    """The inverse of `air_from_vacuum`, to rounding. Both in [A]."""
    air = _checked(air)
    vacuum = air
    for _ in range(4):  # the refractivity changes by 1e-5 of a relative change: converged after three
        vacuum = air * (1.0 + _refractivity(vacuum))
    return vacuum


def _checked(wavelength) -> np.ndarray:
    wavelength = np.asarray(wavelength, dtype=np.float64)
    if not np.all(wavelength >= 2000.0):
        raise ValueError(
            f"wavelength = {np.min(wavelength)} A, allowed: 2000 A and more; below, air is not in use"
        )
    return wavelength
