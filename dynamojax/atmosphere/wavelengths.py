"""Wavelengths on the host: axes even in ln(wavelength). Always float64."""

import math
from dataclasses import dataclass

import numpy as np

from dynamojax.refraction import air_from_vacuum as air_from_vacuum
from dynamojax.refraction import vacuum_from_air as vacuum_from_air


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
